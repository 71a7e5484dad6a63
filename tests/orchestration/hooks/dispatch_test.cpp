// How calls of a session pass its hooks: in which order, on what, and what is given back when nothing comes of it.
#include <stdexcept>
#include <type_traits>

#include <gtest/gtest.h>

#include "orchestration/autopilot/issue_tools.h"
#include "orchestration/autopilot/queue.h"
#include "orchestration/hooks/notice_hook.h"
#include "orchestration/hooks/todo_hook.h"
#include "orchestration/tools/local_tool.h"
#include "orchestration/tools/todo_tools.h"
#include "tests/orchestration/support/session_world.h"

namespace orchestration {
namespace {

using base::json::Value;
using testing::ScriptedBackend;
using testing::TempDir;
using testing::World;
using Verdict = Decision::Verdict;

/// A tool of the given class that tells what it got.
class Told final : public LocalTool {
 public:
  Told(std::string name, Capability capability, ActionClass action, std::vector<std::string>& log)
      : LocalTool({.spec = {std::move(name), "", {{"type", "object"}, {"additionalProperties", true}}}, .capability = capability, .action = action}), log_(log) {}
  base::Task<base::Result<std::string>> run(ToolContext, Value params) override {
    log_.push_back(base::json::string_or(params, "path"));
    co_return std::string("done");
  }

 private:
  std::vector<std::string>& log_;
};

// Checklist 21.
TEST(HookDispatch, OrderIsDescendingPriorityThenRegistrationAtEveryPoint) {
  HookChain chain;
  std::vector<std::string> log;
  for (const auto& [name, priority] : std::vector<std::pair<std::string, int>>{{"c", 0}, {"a", 100}, {"d", 0}, {"b", 50}, {"e", -5}}) {
    Hook hook{.name = name, .priority = priority};
    const auto note = [&log, name] { log.push_back(name); };
    hook.mutate_tool = [note](ToolInvocation&) { note(); };
    hook.decide_tool = [note](const ToolInvocation&) { return note(), Decision{}; };
    hook.reserve_tool = [note](const ToolInvocation&) -> base::Result<void> { return note(), base::Result<void>{}; };
    hook.observe_tool = [note](const ToolInvocation&, const ToolOutput&) { note(); };
    hook.transform_tool = [note](const ToolInvocation&, ToolOutput&) { note(); };
    hook.on_session = [note](const SessionNotice&) { note(); };
    ASSERT_TRUE(chain.add(std::move(hook)).has_value());
  }
  const std::vector<std::string> order{"a", "b", "c", "d", "e"};
  const auto expect_order = [&](const char* point) {
    EXPECT_EQ(log, order) << point;
    log.clear();
  };
  ToolInvocation call;
  ToolOutput output;
  chain.mutate(call);
  expect_order("mutate");
  chain.decide(call);
  expect_order("decide");
  ASSERT_TRUE(chain.reserve(call).has_value());
  expect_order("reserve");
  chain.notify({});
  expect_order("session");
  chain.after(call, output);
  log.resize(5);
  expect_order("observe");
}

// Checklist 21.
TEST(HookDispatch, AHookThatTakesItselfOutIsHeardToTheEndAndNotAgain) {
  HookChain chain;
  std::vector<std::string> log;
  Hook once{.name = "once", .priority = 2};
  once.on_session = [&](const SessionNotice&) {
    log.emplace_back("once");
    ASSERT_TRUE(chain.disable("once").has_value());
    ASSERT_TRUE(chain.disable("second").has_value());
    log.emplace_back("still here");
  };
  Hook second{.name = "second", .priority = 1};
  second.on_session = [&](const SessionNotice&) { log.emplace_back("second"); };
  ASSERT_TRUE(chain.add(std::move(once)).has_value());
  ASSERT_TRUE(chain.add(std::move(second)).has_value());
  chain.notify({});
  EXPECT_EQ(log, (std::vector<std::string>{"once", "still here", "second"})) << "who was there at the beginning is asked";
  log.clear();
  chain.notify({});
  EXPECT_TRUE(log.empty());
}

// Checklist 22.
TEST(HookDispatch, WhoHoldsASessionUpKeepsNobodyElseFromItsEnd) {
  TempDir dir;
  World world(dir);
  world.add_gates();
  storage::Todos todos(*world.db);
  for (auto& tool : make_todo_tools(todos, world.clock)) ASSERT_TRUE(world.tools.add(std::move(tool)).has_value());
  std::vector<std::string> heard, told;
  const auto listener = [&](std::string name, int priority, bool throws) {
    Hook hook{.name = name, .priority = priority};
    hook.on_session = [&heard, name, throws](const SessionNotice& notice) {
      if (notice.phase == SessionPhase::kEnded) heard.push_back(name);
      if (throws) throw std::runtime_error("no more");
    };
    return hook;
  };
  // The one that has the session go on comes first, and one that fails right after it.
  Hook insists = todo_hook(todos);
  insists.priority = 200;
  ASSERT_TRUE(world.hooks.add(std::move(insists)).has_value());
  ASSERT_TRUE(world.hooks.add(listener("fails", 150, true)).has_value());
  ASSERT_TRUE(world.hooks.add(listener("recovery", 100, false)).has_value());
  ASSERT_TRUE(world.hooks.add(notice_hook(world.clock, [&](const std::string& text) { told.push_back(text); })).has_value());
  ASSERT_TRUE(world.hooks.add(listener("record", 0, false)).has_value());
  const std::string open = base::json::dump({{"items", {{{"id", "1"}, {"content", "look"}, {"status", "pending"}}}}});
  std::vector<ScriptedBackend::Outcome> script{ScriptedBackend::calls({{"todo_write", open}})};
  for (std::size_t i = 0; i < kMaxIdleNudges + 1; ++i) script.emplace_back(ScriptedBackend::says("I stop."));
  ScriptedBackend backend(std::move(script));
  const auto result = world.run(backend, World::mention("hello"));
  ASSERT_TRUE(result.has_value()) << result.error().detail;
  EXPECT_EQ(result->detail, "todo-stalled");
  EXPECT_EQ(heard, (std::vector<std::string>{"fails", "recovery", "record"}));
  EXPECT_EQ(told.size(), 1u);
  EXPECT_EQ(world.trajectory.events(result->session).size(), result->trajectory.count) << "the record is whole";
}

// Checklist 23: past the mutators nobody can change a call.
static_assert(std::is_same_v<decltype(Hook::decide_tool), std::function<Decision(const ToolInvocation&)>>);
static_assert(std::is_same_v<decltype(Hook::reserve_tool), std::function<base::Result<void>(const ToolInvocation&)>>);
static_assert(std::is_same_v<decltype(Hook::observe_tool), std::function<void(const ToolInvocation&, const ToolOutput&)>>);

TEST(HookDispatch, WhatIsJudgedIsWhatTheMutatorsMadeOfItAndWhatIsDone) {
  TempDir dir;
  World world(dir);
  world.agent.permissions.edit = Permit::kAllow;
  world.agent.permissions.rules = {{"*", "secrets/**", Permit::kDeny}};
  world.add_gates();
  std::vector<std::string> done, judged;
  ASSERT_TRUE(world.tools.add(std::make_unique<Told>("write", Capability::kEdit, ActionClass::kEditFile, done)).has_value());
  Hook mutator{.name = "mutator", .priority = -50};
  mutator.mutate_tool = [](ToolInvocation& call) {
    if (call.params["path"] == "alias") call.params["path"] = "secrets/key";
    if (call.params["path"] == "old") call.params["path"] = "new";
  };
  ASSERT_TRUE(world.hooks.add(std::move(mutator)).has_value());
  Hook judge{.name = "judge", .priority = 500};
  judge.decide_tool = [&](const ToolInvocation& call) { return judged.push_back(call.subject), Decision{}; };
  ASSERT_TRUE(world.hooks.add(std::move(judge)).has_value());
  ScriptedBackend backend({ScriptedBackend::calls({{"write", R"({"path":"alias"})"}, {"write", R"({"path":"old"})"}}), ScriptedBackend::says("done")});
  const auto result = world.run(backend, World::mention("x"));
  ASSERT_TRUE(result.has_value()) << result.error().detail;
  EXPECT_EQ(judged, (std::vector<std::string>{"secrets/key", "new"})) << "though the mutator has the lowest priority";
  EXPECT_EQ(done, std::vector<std::string>{"new"});
  const auto& messages = backend.requests.at(1).messages;
  EXPECT_EQ(messages.at(messages.size() - 2).outcome, ToolOutcome::kDenied);
}

// Checklist 25.
TEST(HookDispatch, WhatAFailingObserverSaysIsLoggedAndTheOthersRun) {
  HookChain chain;
  int seen = 0;
  Hook broken{.name = "broken-observer", .priority = 9};
  broken.observe_tool = [](const ToolInvocation&, const ToolOutput&) { throw std::runtime_error("cannot write"); };
  Hook other{.name = "other"};
  other.observe_tool = [&](const ToolInvocation&, const ToolOutput&) { ++seen; };
  ASSERT_TRUE(chain.add(std::move(broken)).has_value());
  ASSERT_TRUE(chain.add(std::move(other)).has_value());
  ToolOutput output;
  ::testing::internal::CaptureStderr();
  chain.after(ToolInvocation{}, output);
  const std::string logged = ::testing::internal::GetCapturedStderr();
  EXPECT_EQ(seen, 1);
  EXPECT_NE(logged.find("broken-observer"), std::string::npos) << logged;
  EXPECT_NE(logged.find("cannot write"), std::string::npos) << logged;
}

// Checklist 26: a claim on a real queue, taken before the call and given back when the call never begins.
TEST(HookDispatch, WhatWasReservedForACallThatNeverBeginsIsGivenBack) {
  for (const bool later_gate_refuses : {true, false}) {
    TempDir dir;
    World world(dir);
    world.agent.permissions.edit = Permit::kAllow;
    world.add_gates();
    storage::Issues issues(*world.db);
    base::SeededRng rng(3);
    const auto issue = new_issue("fix it", "", world.clock.now(), rng);
    const std::int64_t number = *issues.add(*issue, {}, "operator");
    storage::Budgets budgets(*world.db);
    std::vector<std::string> done;
    ASSERT_TRUE(world.tools.add(std::make_unique<Told>("write", Capability::kEdit, ActionClass::kEditFile, done)).has_value());
    Hook claim{.name = "claim", .priority = 20};
    std::int64_t reservation = 0;
    claim.reserve_tool = [&](const ToolInvocation& call) -> base::Result<void> {
      TRY(const bool claimed, issues.claim(number, call.session, world.clock.now()));
      if (!claimed) return base::fail(base::Errc::kConflict, "another run has it");
      return {};
    };
    claim.release_tool = [&](const ToolInvocation& call) { ASSERT_TRUE(issues.release(number, call.session, "never begun", world.clock.now()).has_value()); };
    Hook money{.name = "money", .priority = 10};
    money.reserve_tool = [&](const ToolInvocation& call) -> base::Result<void> {
      TRY(const auto row, budgets.reserve({.key = "tool:" + call.call_id, .purpose = "tool", .agent = call.agent, .tick = call.tick, .session = call.session,
                                           .amount = base::Msat{70}, .scopes = {{.key = "tick:" + call.tick, .limit = base::Msat{100}}}}, world.clock.now()));
      reservation = row.id;
      return {};
    };
    money.release_tool = [&](const ToolInvocation&) { ASSERT_TRUE(budgets.release(reservation, world.clock.now()).has_value()); };
    Hook last{.name = "last", .priority = -10};
    last.reserve_tool = [&](const ToolInvocation&) -> base::Result<void> {
      EXPECT_FALSE(issues.held_by(world.sessions.of_tick("slot-1")->front().id)->empty());
      EXPECT_EQ(budgets.list_open()->size(), 1u);
      if (later_gate_refuses) return base::fail(base::Errc::kLimit, "no room");
      // The start of the call itself cannot be written down: then it does not begin either.
      EXPECT_TRUE(world.db->script("CREATE TRIGGER full BEFORE UPDATE OF state ON session_calls WHEN new.state = 'started' "
                                   "BEGIN SELECT raise(ABORT, 'disk full'); END").has_value());
      return {};
    };
    for (Hook* hook : {&claim, &money, &last}) ASSERT_TRUE(world.hooks.add(std::move(*hook)).has_value());
    ScriptedBackend backend({ScriptedBackend::calls({{"write", R"({"path":"a"})"}}), ScriptedBackend::says("done")});
    const auto result = world.run(backend, World::mention("x"));
    EXPECT_EQ(result.has_value(), later_gate_refuses);
    EXPECT_TRUE(done.empty());
    EXPECT_TRUE(budgets.list_open()->empty());
    EXPECT_TRUE(issues.held_by(world.sessions.of_tick("slot-1")->front().id)->empty());
    EXPECT_TRUE(*issues.claim(number, "another", world.clock.now())) << "and free for others";
  }
}

}  // namespace
}  // namespace orchestration
