// What a session does about a model that fails, a window nobody knows and a list that is not done; and when it
// does nothing.
#include <gtest/gtest.h>

#include "nostr/base/loop_together.h"
#include "orchestration/hooks/notice_hook.h"
#include "orchestration/hooks/todo_hook.h"
#include "orchestration/tools/local_tool.h"
#include "orchestration/tools/todo_tools.h"
#include "tests/orchestration/support/session_world.h"

namespace orchestration {
namespace {

using testing::ScriptedBackend;
using testing::TempDir;
using testing::World;
using namespace std::chrono_literals;

SessionDeps deps_of(World& world, Router& router, Outside& outside) {
  return {.sessions = world.sessions, .budgets = world.budgets, .outside = outside, .router = router, .tools = world.tools,
          .hooks = world.hooks, .trajectory = world.trajectory, .clock = world.clock, .rng = world.rng, .retry = world.retry};
}

/// Fails for one tick, however often it is asked, and each time only after another tick has come to its end.
class HalfDown final : public Backend {
 public:
  const std::string& id() const override { return id_; }
  const std::string& model() const override { return id_; }
  const Rates& rates() const override { return rates_; }
  base::Task<std::expected<Reply, ModelFailure>> complete(Request request) override {
    if (request.trigger.tick != "broken") co_return ScriptedBackend::says("fine");
    const int attempt = ++attempts;
    while (others_ended < attempt && !others_done) co_await base::sleep_for(1ms);
    co_return ScriptedBackend::fails(ModelFault::kServer);
  }

  int attempts = 0;
  int others_ended = 0;
  bool others_done = false;

 private:
  std::string id_ = "half-down";
  Rates rates_;
};

base::Task<void> run_one(SessionDeps deps, AgentSpec agent, Trigger trigger, std::optional<base::Result<SessionResult>>* out) {
  Session session(deps, std::move(agent), World::identity());
  *out = co_await session.run(std::move(trigger));
}

base::Task<void> run_others(SessionDeps deps, AgentSpec agent, HalfDown* backend) {
  for (int i = 0; i < 6; ++i) {
    std::optional<base::Result<SessionResult>> result;
    co_await run_one(deps, agent, World::mention("x", "other-" + std::to_string(i)), &result);
    EXPECT_TRUE(result->has_value() && (*result)->status == SessionStatus::kSuccess);
    ++backend->others_ended;
  }
  backend->others_done = true;
}

// Checklist 29.
TEST(SessionRecovery, AttemptsAreCountedBySessionThreeRetriesAndThenItFailsAndIsTold) {
  TempDir dir;
  World world(dir);
  world.add_gates();
  std::vector<std::string> told;
  ASSERT_TRUE(world.hooks.add(notice_hook(world.clock, [&](const std::string& text) { told.push_back(text); })).has_value());
  HalfDown backend;
  Router router(backend);
  const SessionDeps deps = deps_of(world, router, world.outside);
  std::optional<base::Result<SessionResult>> broken;
  std::vector<base::Task<void>> both;
  both.push_back(run_one(deps, world.agent, World::mention("x", "broken"), &broken));
  both.push_back(run_others(deps, world.agent, &backend));
  world.loop.run_until_complete(base::all_of(std::move(both)));
  ASSERT_TRUE(broken->has_value());
  EXPECT_EQ((*broken)->status, SessionStatus::kError);
  EXPECT_EQ((*broken)->detail, "model-unavailable");
  EXPECT_EQ(backend.attempts, 4) << "one, and three again, though others came to their ends in between";
  EXPECT_EQ(world.sessions.get((*broken)->session).value()->state, storage::SessionState::kFailed);
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0], "Session " + (*broken)->session + " did not come out well: model-unavailable.");
}

/// Pages to fill a window with.
class Page final : public LocalTool {
 public:
  Page() : LocalTool({.spec = {"page", "", {{"type", "object"}, {"additionalProperties", true}}}, .capability = Capability::kFile, .action = ActionClass::kReadFile, .subject_param = "n"}) {}
  base::Task<base::Result<std::string>> run(ToolContext, base::json::Value) override { co_return std::string(5'000, 'p'); }
};

// Checklist 34.
TEST(SessionRecovery, OfAWindowNobodyKnowsAndUsageNobodyReportsThereIsNoWord) {
  TempDir dir;
  World world(dir);
  world.add_gates();
  ASSERT_TRUE(world.tools.add(std::make_unique<Page>()).has_value());
  std::vector<ScriptedBackend::Outcome> script;
  for (int i = 0; i < 20; ++i) script.emplace_back(ScriptedBackend::calls({{"page", "{\"n\":\"" + std::to_string(i) + "\"}"}}, Usage{}));
  script.emplace_back(ScriptedBackend::says("done", Usage{}));
  ScriptedBackend backend(std::move(script));
  const auto result = world.run(backend, World::mention("x"));  // a router that knows of no window
  ASSERT_TRUE(result.has_value()) << result.error().detail;
  EXPECT_EQ(result->status, SessionStatus::kSuccess) << result->detail;
  ASSERT_EQ(backend.requests.size(), 21u) << "no summary was asked for";
  EXPECT_EQ(backend.requests.back().messages.size(), 2u + 40u) << "and nothing is left out";
  for (const Message& message : backend.requests.back().messages) {
    EXPECT_EQ(message.content.find("Sum it up"), std::string::npos);
    EXPECT_EQ(message.content.find("left out"), std::string::npos);
    EXPECT_EQ(message.content.find("nan"), std::string::npos);
  }
  EXPECT_EQ(result->usage.prompt_tokens, 0u);
}

class Lists : public ::testing::Test {
 protected:
  Lists() {
    world.agent.permissions.commands.mode = Permit::kAsk;
    world.add_gates();
    for (auto& tool : make_todo_tools(todos, world.clock)) EXPECT_TRUE(world.tools.add(std::move(tool)).has_value());
    EXPECT_TRUE(world.tools.add(std::make_unique<Page>()).has_value());
    EXPECT_TRUE(world.hooks.add(todo_hook(todos)).has_value());
  }
  static ScriptedBackend::Outcome writes(const char* status) {
    return ScriptedBackend::calls({{"todo_write", base::json::dump({{"items", {{{"id", "1"}, {"content", "look"}, {"status", status}}}}})}});
  }
  std::size_t nudges(const std::string& tick = "slot-1") {
    std::size_t out = 0;
    for (const auto& session : *world.sessions.of_tick(tick))
      for (const auto& message : *world.sessions.transcript(session.id)) out += message.json.contains("Your list is not done") ? 1 : 0;
    return out;
  }

  TempDir dir;
  World world{dir};
  storage::Todos todos{*world.db};
};

// Checklist 35.
TEST_F(Lists, ASessionThatWasStoppedIsNotSentOn) {
  {
    ScriptedBackend backend({writes("pending"), ScriptedBackend::fails(ModelFault::kRefused), ScriptedBackend::says("never")});
    const auto result = world.run(backend, World::mention("x", "failed"));
    EXPECT_EQ(result->detail, "model-denied");
    EXPECT_EQ(backend.requests.size(), 2u);
    EXPECT_EQ(nudges("failed"), 0u);
  }
  {
    world.limits.max_turns = 2;
    ScriptedBackend backend({writes("pending"), ScriptedBackend::says("I stop."), ScriptedBackend::says("never")});
    const auto result = world.run(backend, World::mention("x", "limit"));
    ASSERT_TRUE(result.has_value());
    EXPECT_EQ(backend.requests.size(), 2u);
    EXPECT_EQ(nudges("limit"), 0u);
  }
}

/// The operator's desk, where nobody has answered yet.
class Waiting final : public Outside {
 public:
  base::Task<base::Result<std::vector<nostr::Event>>> search(nostr::Filter) override { co_return std::vector<nostr::Event>{}; }
  base::Task<base::Result<ActionResult>> act(ActionRequest) override { co_return ActionResult{}; }
  base::Task<base::Result<ActionResult>> approve(LocalAction) override {
    ++asked;
    while (!answered) co_await base::sleep_for(1ms);
    co_return ActionResult{.status = ActionStatus::kDenied};
  }
  int asked = 0;
  bool answered = false;
};

base::Task<void> watch_it_wait(Waiting* desk, ScriptedBackend* backend, std::size_t* thought_meanwhile) {
  while (desk->asked == 0) co_await base::sleep_for(1ms);
  const std::size_t before = backend->requests.size();
  for (int i = 0; i < 50; ++i) co_await base::sleep_for(1ms);
  *thought_meanwhile = backend->requests.size() - before;
  desk->answered = true;
}

// Checklist 35.
TEST_F(Lists, ASessionThatWaitsForTheOperatorIsNotSentOn) {
  world.agent.permissions.rules = {{"page", "secret", Permit::kAsk}};
  world.hooks = HookChain();
  world.add_gates();
  ASSERT_TRUE(world.hooks.add(todo_hook(todos)).has_value());
  Waiting desk;
  ScriptedBackend backend({writes("pending"), ScriptedBackend::calls({{"page", R"({"n":"secret"})"}}), writes("cancelled"), ScriptedBackend::says("done")});
  Router router(backend);
  std::optional<base::Result<SessionResult>> result;
  std::size_t thought_meanwhile = 99;
  std::vector<base::Task<void>> both;
  both.push_back(run_one(deps_of(world, router, desk), world.agent, World::mention("x"), &result));
  both.push_back(watch_it_wait(&desk, &backend, &thought_meanwhile));
  world.loop.run_until_complete(base::all_of(std::move(both)));
  EXPECT_EQ(thought_meanwhile, 0u);
  EXPECT_EQ(nudges(), 0u);
  ASSERT_TRUE(result->has_value());
  EXPECT_EQ(backend.requests.size(), 4u);
}

// Checklist 35.
TEST_F(Lists, OneWhoseOpenThingsAreAllBlockedIsNotSentOn) {
  const std::string blocked = base::json::dump({{"items", {{{"id", "1"}, {"content", "look"}, {"status", "blocked"}, {"reason", "no key"}}}}});
  ScriptedBackend backend({ScriptedBackend::calls({{"todo_write", blocked}}), ScriptedBackend::says("I cannot."), ScriptedBackend::says("never")});
  const auto result = world.run(backend, World::mention("x"));
  ASSERT_TRUE(result.has_value()) << result.error().detail;
  EXPECT_EQ(backend.requests.size(), 2u);
  EXPECT_EQ(nudges(), 0u);
}

// Checklist 35.
TEST_F(Lists, OneThatMakesNoProgressIsSentOnThreeTimesAndThenStalls) {
  std::vector<ScriptedBackend::Outcome> script{writes("pending")};
  for (int i = 0; i < 9; ++i) script.emplace_back(ScriptedBackend::says("I stop."));
  ScriptedBackend backend(std::move(script));
  const auto result = world.run(backend, World::mention("x"));
  ASSERT_TRUE(result.has_value());
  EXPECT_EQ(nudges(), 3u);
  EXPECT_EQ(result->detail, "todo-stalled");
  EXPECT_EQ(backend.requests.size(), 1u + 1u + 3u);
}

}  // namespace
}  // namespace orchestration
