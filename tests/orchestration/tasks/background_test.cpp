// Work in the background as an agent sees it: what cannot be handed out, what comes of what was, and when it hears.
#include <algorithm>
#include <optional>

#include <gtest/gtest.h>

#include "nostr/base/loop_together.h"
#include "orchestration/hooks/todo_hook.h"
#include "orchestration/tools/local_tool.h"
#include "orchestration/tools/output_tools.h"
#include "orchestration/tools/todo_tools.h"
#include "tests/orchestration/support/task_world.h"

namespace orchestration {
namespace {

using base::json::Value;
using storage::TaskRow;
using storage::TaskState;
using testing::ScriptedBackend;
using testing::TaskWorld;
using testing::TempDir;
using testing::Thinker;
using testing::World;
using namespace std::chrono_literals;
using Outcome = ScriptedBackend::Outcome;

class Background : public ::testing::Test {
 protected:
  static AgentPatch patch(std::string id) { return {.id = std::move(id), .origin = "test", .permissions = {}}; }
  static std::vector<AgentPatch> patches() {
    AgentPatch off = patch("librarian");
    off.enabled = false;
    return {off};
  }
  Background() { team.start(mind); }

  /// What an agent at work for another one thinks; a task that is described as "stays" thinks until it is let go.
  base::Task<Outcome> think(Request request) {
    if (request.trigger.task.empty()) co_return co_await parent_thinks(std::move(request));
    ++children;
    if (request.messages.at(1).content.contains("stays"))
      while (!let_go) co_await base::sleep_for(1ms);
    if (request.messages.at(1).content.contains("breaks")) co_return ScriptedBackend::fails(ModelFault::kRefused);
    co_return ScriptedBackend::says(answer);
  }
  std::function<base::Task<Outcome>(Request)> parent_thinks = [](Request) -> base::Task<Outcome> { co_return ScriptedBackend::says("done"); };

  TaskRow row(const std::string& id) { return *team.board().find("", id); }
  TaskRow hand_out(std::string task, std::string session = "sess-1") {
    Value params = TaskWorld::errand();
    params["task"] = std::move(task);
    const auto said = team.call("background_task", std::move(params), session);
    EXPECT_TRUE(said.has_value()) << (said ? "" : said.error().detail);
    return said ? row(said->substr(said->find("bg_"), 19)) : TaskRow{};
  }
  TaskRow ended(const TaskRow& task) {
    team.until([&] { return storage::is_final(row(task.id).state); });
    return row(task.id);
  }

  bool let_go = false;
  int children = 0;
  std::string answer = "src/a.cpp:7";
  TempDir dir;
  Thinker mind{[this](Request request) { return think(std::move(request)); }};
  TaskWorld team{dir, patches()};
};

// Checklist 38.
TEST_F(Background, WhatCannotBeHandedOutSaysWhyAndLeavesNothing) {
  const auto refused = [&](Value params, base::Errc code, std::string_view why) {
    const auto before = team.board().list("")->size();
    const auto said = team.call("background_task", std::move(params));
    ASSERT_FALSE(said.has_value()) << *said;
    EXPECT_EQ(said.error().code, code) << said.error().detail;
    EXPECT_TRUE(said.error().detail.contains(why)) << said.error().detail;
    EXPECT_EQ(team.board().list("")->size(), before);
  };
  refused(TaskWorld::errand("x", "exploer"), base::Errc::kNotFound, "no agent is called \"exploer\"");
  refused(TaskWorld::errand("x", "librarian"), base::Errc::kDenied, "agent librarian is switched off");
  refused(TaskWorld::errand("x", "sisyphus"), base::Errc::kDenied, "hands no tasks to sisyphus");
  Value large = TaskWorld::errand();
  large["task"] = std::string(65u << 10, 'x');
  refused(large, base::Errc::kInvalid, "65536");
  // Each in its own depth, and no deeper than two.
  const TaskRow first = hand_out("stays");
  const auto below = team.call("background_task", TaskWorld::errand("below"), first.session);
  ASSERT_TRUE(below.has_value());
  const TaskRow second = team.board().list(first.session)->front();
  EXPECT_EQ(second.depth, 2);
  const auto deeper = team.call("background_task", TaskWorld::errand("deeper"), second.session);
  ASSERT_FALSE(deeper.has_value());
  EXPECT_EQ(deeper.error().code, base::Errc::kLimit);
  EXPECT_TRUE(deeper.error().detail.contains("this deep")) << deeper.error().detail;
  // Eight at a time, the ninth not.
  while (team.board().list("")->size() < 8) hand_out("stays");
  team.until([&] { return storage::is_final(row(second.id).state); });
  hand_out("stays");
  refused(TaskWorld::errand(), base::Errc::kLimit, "8 tasks of this session are under way");
}

/// Ends before it has begun.
TEST(BackgroundBoard, ATaskThatEndsAtOnceIsCompletedAndToldOnce) {
  TempDir dir;
  World world(dir);
  TaskBoard board(world.loop, *world.db, world.clock, world.rng);
  board.start([](TaskRow) -> base::Task<base::Result<TaskEnd>> { co_return TaskEnd{TaskState::kCompleted, "", "at once"}; }, [](const TaskRow&) {});
  const TaskRow row = *board.hand_out({.tick = "t", .parent = "p", .call = "c", .agent = "explore", .description = "x", .brief = {.task = "a", .outcome = "b"}});
  const auto done = world.loop.run_until_complete(board.wait(row.id, 600s));
  EXPECT_EQ(done->state, TaskState::kCompleted);
  EXPECT_EQ(done->result, "at once");
  ASSERT_EQ(board.untold("p")->size(), 1u);
  EXPECT_TRUE(*board.tell(row.id));
  EXPECT_FALSE(*board.tell(row.id));
  EXPECT_TRUE(board.untold("p")->empty());
  world.loop.run_until_complete(board.stop());
}

// Checklist 37: its session says that it is done in the very moment in which it is cancelled.
TEST(BackgroundBoard, OneThatIsCancelledWhileItEndsStaysCancelled) {
  TempDir dir;
  World world(dir);
  TaskBoard board(world.loop, *world.db, world.clock, world.rng);
  int done = 0;
  board.start(
      [&](TaskRow row) -> base::Task<base::Result<TaskEnd>> {
        EXPECT_EQ(board.cancel("", row.id)->state, TaskState::kCancelled);
        ++done;
        co_return TaskEnd{TaskState::kCompleted, "", "done all the same"};
      },
      [](const TaskRow&) {});
  const TaskRow row = *board.hand_out({.tick = "t", .parent = "p", .call = "c", .agent = "explore", .description = "x", .brief = {.task = "a", .outcome = "b"}});
  while (board.running() > 0 || done == 0) world.loop.run_until_complete(base::sleep_for(5ms));
  EXPECT_EQ(board.find("", row.id)->state, TaskState::kCancelled);
  EXPECT_EQ(board.find("", row.id)->result, "");
  EXPECT_EQ(board.untold("p")->size(), 1u);
  world.loop.run_until_complete(board.stop());
}

// Checklist 40.
TEST_F(Background, WhoWaitsIsToldWhenItEndsAndHowItStandsWhenTimeIsUp) {
  const TaskRow stays = hand_out("stays");
  const auto output = [&](const TaskRow& task, Value more = Value::object(), std::string session = "sess-1") {
    more["task_id"] = task.id;
    return team.call("background_output", std::move(more), std::move(session));
  };
  team.until([&] { return row(stays.id).state == TaskState::kRunning; });
  const auto view = output(stays);
  ASSERT_TRUE(view.has_value());
  EXPECT_TRUE(view->contains("running") && view->contains(stays.id)) << *view;
  const auto in_time = output(stays, {{"block", true}, {"timeout_ms", 20}});
  ASSERT_TRUE(in_time.has_value()) << "time is no error";
  EXPECT_TRUE(in_time->contains("running")) << *in_time;
  EXPECT_FALSE(row(stays.id).told);
  // However long it may wait, it returns when there is something to tell.
  let_go = true;
  const auto done = output(stays, {{"block", true}, {"timeout_ms", 600'000}});
  ASSERT_TRUE(done.has_value());
  EXPECT_TRUE(done->contains("completed") && done->contains("src/a.cpp:7")) << *done;
  EXPECT_TRUE(row(stays.id).told) << "it is not told a second time";
  const auto failed = output(ended(hand_out("breaks")));
  EXPECT_TRUE(failed->contains("failed: model-denied")) << *failed;
  let_go = false;
  const TaskRow cut = hand_out("stays");
  ASSERT_TRUE(team.call("background_cancel", {{"task_id", cut.id}}).has_value());
  EXPECT_TRUE(output(cut)->contains("cancelled: by its parent")) << *output(cut);
  // Another session's is not there, and neither is one that never was: the same words.
  const auto foreign = output(stays, Value::object(), "sess-2");
  ASSERT_FALSE(foreign.has_value());
  EXPECT_EQ(foreign.error().code, base::Errc::kNotFound);
  TaskRow none = stays;
  none.id = "bg_0000000000000000";
  EXPECT_EQ(output(none).error().code, base::Errc::kNotFound);
  EXPECT_EQ(team.call("background_cancel", Value::object()).error().code, base::Errc::kInvalid) << "neither one nor all";
}

// Checklist 41.
TEST_F(Background, SeveralThatEndedAreOneMessage) {
  int turn = 0;
  std::vector<std::string> heard;
  parent_thinks = [&](Request request) -> base::Task<Outcome> {
    const std::string last = request.messages.back().content;
    if (++turn == 1) {
      std::vector<std::pair<std::string, std::string>> calls;
      for (int i = 0; i < 3; ++i) calls.emplace_back("background_task", base::json::dump(TaskWorld::errand("number " + std::to_string(i))));
      co_return ScriptedBackend::calls(calls);
    }
    if (turn == 2) {
      // It thinks for as long as they work.
      while (std::ranges::count_if(*team.board().list(""), [](const TaskRow& row) { return row.state == TaskState::kCompleted; }) < 3) co_await base::sleep_for(1ms);
      co_return ScriptedBackend::says("I wait.");
    }
    heard.push_back(last);
    co_return ScriptedBackend::says("heard");
  };
  const auto result = team.run_parent("go");
  ASSERT_TRUE(result.has_value()) << result.error().detail;
  ASSERT_EQ(heard.size(), 1u);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(heard[0].contains("number " + std::to_string(i))) << heard[0];
}

/// Something to do for a parent that never rests.
class Busy final : public LocalTool {
 public:
  Busy() : LocalTool({.spec = {"work", "", {{"type", "object"}, {"additionalProperties", true}}}, .capability = Capability::kFile, .action = ActionClass::kReadFile, .subject_param = "n"}) {}
  base::Task<base::Result<std::string>> run(ToolContext, Value) override {
    co_await base::sleep_for(2ms);
    co_return std::string("worked");
  }
};

// Checklist 41.
TEST_F(Background, AParentThatNeverRestsHearsBetweenItsTurns) {
  ASSERT_TRUE(team.world.tools.add(std::make_unique<Busy>()).has_value());
  team.limits.max_turns = 190;
  int turn = 0, heard_at = 0;
  parent_thinks = [&](Request request) -> base::Task<Outcome> {
    ++turn;
    std::size_t news = 0;
    for (const Message& message : request.messages) news += message.role == Role::kUser && message.content.contains("Task bg_") ? 1 : 0;
    if (news > 0 && heard_at == 0) heard_at = turn;
    EXPECT_LE(news, 1u) << "once";
    if (turn == 1) co_return ScriptedBackend::calls({{"background_task", base::json::dump(TaskWorld::errand("look"))}});
    if (heard_at > 0 && turn > heard_at + 2) co_return ScriptedBackend::says("done");
    co_return ScriptedBackend::calls({{"work", "{\"n\":\"" + std::to_string(turn) + "\"}"}});
  };
  const auto result = team.run_parent("go");
  ASSERT_TRUE(result.has_value()) << result.error().detail;
  EXPECT_GT(heard_at, 0);
  EXPECT_EQ(result->summary, "done");
}

// Checklist 43.
TEST_F(Background, CancellingAllCountsWhatChangedGrandchildrenToo) {
  const TaskRow over = ended(hand_out("quick"));
  const TaskRow first = hand_out("stays");
  const TaskRow second = hand_out("stays");
  const TaskRow below = hand_out("stays", first.session);
  team.until([&] { return row(below.id).state == TaskState::kRunning && row(second.id).state == TaskState::kRunning; });
  const auto said = team.call("background_cancel", {{"all", true}});
  ASSERT_TRUE(said.has_value());
  EXPECT_EQ(*said, "3 tasks were stopped.");
  for (const TaskRow& task : {first, second, below}) EXPECT_EQ(row(task.id).state, TaskState::kCancelled);
  EXPECT_EQ(row(over.id).state, TaskState::kCompleted) << "what had ended stays as it ended";
  EXPECT_EQ(*team.call("background_cancel", {{"all", true}}), "0 tasks were stopped.");
}

// Checklist 44.
TEST_F(Background, WhenAParentIsStoppedItsTasksAreToo) {
  team.limits.max_turns = 2;
  ASSERT_TRUE(team.world.tools.add(std::make_unique<Busy>()).has_value());
  const TaskRow another = hand_out("stays", "sess-of-another");
  int turn = 0;
  parent_thinks = [&](Request) -> base::Task<Outcome> {
    Value params = TaskWorld::errand();
    params["task"] = "stays";
    if (++turn == 1) co_return ScriptedBackend::calls({{"background_task", base::json::dump(params)}});
    co_return ScriptedBackend::calls({{"work", R"({"n":"1"})"}});
  };
  const auto result = team.run_parent("go");
  ASSERT_TRUE(result.has_value()) << result.error().detail;
  EXPECT_EQ(result->detail, "limit-turns");
  const auto mine = team.board().list(result->session);
  ASSERT_EQ(mine->size(), 1u);
  EXPECT_EQ(mine->front().state, TaskState::kCancelled);
  EXPECT_FALSE(storage::is_final(row(another.id).state)) << "nobody else's";
}

/// A desk where the operator takes as long as the test wants.
class Desk final : public Outside {
 public:
  base::Task<base::Result<std::vector<nostr::Event>>> search(nostr::Filter) override { co_return std::vector<nostr::Event>{}; }
  base::Task<base::Result<ActionResult>> act(ActionRequest) override { co_return ActionResult{}; }
  base::Task<base::Result<ActionResult>> approve(LocalAction) override {
    asked = true;
    while (!answered) co_await base::sleep_for(1ms);
    co_return ActionResult{.status = ActionStatus::kApproved};
  }
  bool asked = false;
  bool answered = false;
};

base::Task<void> run_at_desk(TaskWorld* team, Desk* desk, AgentSpec agent, std::optional<base::Result<SessionResult>>* out) {
  SessionDeps with = team->deps();
  SessionDeps deps{.sessions = with.sessions, .budgets = with.budgets, .outside = *desk, .router = with.router, .tools = with.tools, .hooks = with.hooks,
                   .trajectory = with.trajectory, .clock = with.clock, .rng = with.rng, .retry = with.retry, .tasks = with.tasks, .db = with.db};
  Session session(deps, std::move(agent), World::identity());
  *out = co_await session.run(World::mention("go"));
}

base::Task<void> answer_when_done(TaskWorld* team, Desk* desk, bool* done_while_asked) {
  while (!desk->asked) co_await base::sleep_for(1ms);
  for (;;) {
    const auto rows = *team->board().list("");
    if (!rows.empty() && rows.front().state == TaskState::kCompleted) break;
    co_await base::sleep_for(1ms);
  }
  *done_while_asked = !desk->answered;
  desk->answered = true;
}

// Checklist 44.
TEST_F(Background, WhileAParentWaitsForTheOperatorItsTasksGoOn) {
  ASSERT_TRUE(team.world.tools.add(std::make_unique<Busy>()).has_value());
  ASSERT_TRUE(team.hooks.add(permission_gate({.file = Permit::kAsk, .delegate = Permit::kAllow}, {})).has_value());
  int turn = 0;
  parent_thinks = [&](Request) -> base::Task<Outcome> {
    if (++turn == 1) co_return ScriptedBackend::calls({{"background_task", base::json::dump(TaskWorld::errand())}, {"work", R"({"n":"1"})"}});
    co_return ScriptedBackend::says("done");
  };
  Desk desk;
  std::optional<base::Result<SessionResult>> result;
  bool done_while_asked = false;
  std::vector<base::Task<void>> both;
  both.push_back(run_at_desk(&team, &desk, team.registry->primary(), &result));
  both.push_back(answer_when_done(&team, &desk, &done_while_asked));
  team.world.loop.run_until_complete(base::all_of(std::move(both)));
  EXPECT_TRUE(done_while_asked);
  ASSERT_TRUE(result->has_value()) << result->error().detail;
  EXPECT_EQ(team.board().list("")->front().state, TaskState::kCompleted);
}

// Checklist 35.
TEST_F(Background, ASessionIsNotSentOnBecauseOfItsListWhileItsTasksAreAtWork) {
  storage::Todos todos(*team.world.db);
  for (auto& tool : make_todo_tools(todos, team.world.clock)) ASSERT_TRUE(team.world.tools.add(std::move(tool)).has_value());
  ASSERT_TRUE(team.hooks.add(todo_hook(todos)).has_value());
  const auto list = [](const char* status) {
    return std::pair<std::string, std::string>("todo_write", base::json::dump({{"items", {{{"id", "1"}, {"content", "look"}, {"status", status}}}}}));
  };
  int turn = 0;
  std::vector<std::string> told;
  parent_thinks = [&](Request request) -> base::Task<Outcome> {
    told.push_back(request.messages.back().content);
    Value params = TaskWorld::errand();
    params["task"] = "stays";
    switch (++turn) {
      case 1: co_return ScriptedBackend::calls({list("pending"), {"background_task", base::json::dump(params)}});
      case 2: let_go = true; co_return ScriptedBackend::says("I wait.");
      case 3: co_return ScriptedBackend::says("I stop.");
      case 4: co_return ScriptedBackend::calls({list("completed")});
      default: co_return ScriptedBackend::says("done");
    }
  };
  const auto result = team.run_parent("go");
  ASSERT_TRUE(result.has_value()) << result.error().detail;
  ASSERT_EQ(told.size(), 5u);
  EXPECT_TRUE(told[2].contains("Task bg_")) << "first what came of the task: " << told[2];
  EXPECT_TRUE(told[3].starts_with("Your list is not done")) << told[3];
}

// Checklist 46.
TEST_F(Background, OneThatSaidNothingIsNoSilentSuccess) {
  answer.clear();
  const TaskRow done = ended(hand_out("quick"));
  EXPECT_EQ(done.note, "it said nothing");
  EXPECT_TRUE(team.call("background_output", {{"task_id", done.id}})->contains("it said nothing"));
}

// Checklist 46.
TEST_F(Background, WhatIsSaidAtLengthIsToldByItsEndsAndReadBackWhole) {
  answer = "HEAD " + std::string(1u << 20, 'm') + " TAIL";
  const TaskRow done = ended(hand_out("quick"));
  EXPECT_LE(done.result.size(), 262'144u + 100);
  EXPECT_TRUE(done.result.starts_with("HEAD ") && done.result.ends_with(" TAIL"));
  const auto told = team.call("background_output", {{"task_id", done.id}});
  ASSERT_TRUE(told.has_value());
  EXPECT_LT(told->size(), 20'000u);
  EXPECT_TRUE(told->contains("HEAD ") && told->contains(" TAIL\n</untrusted>")) << told->substr(0, 300);
  EXPECT_TRUE(told->contains("it said 1048586 bytes; read_output with number 1 and from 0 shows them")) << told->substr(0, 300);
  storage::Outputs outputs(*team.world.db);
  const auto kept = outputs.get("sess-1", 1);
  ASSERT_TRUE(kept.has_value() && kept->has_value());
  EXPECT_TRUE((*kept)->starts_with("<untrusted source=\"task\"")) << "in an envelope there, too";
  EXPECT_GT((*kept)->size(), (1u << 20) - 100);
  EXPECT_EQ(*outputs.get("sess-2", 1), std::nullopt) << "its parent's alone";
}

}  // namespace
}  // namespace orchestration
