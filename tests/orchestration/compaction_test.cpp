// A session that fills its window goes on: summed up, shortened, and across a restart the same.
#include <gtest/gtest.h>

#include "orchestration/hooks/todo_hook.h"
#include "orchestration/llm/reply_parts.h"
#include "orchestration/tools/local_tool.h"
#include "tests/orchestration/support/session_world.h"

namespace orchestration {
namespace {

using testing::ScriptedBackend;
using testing::TempDir;
using testing::World;

/// Gives a page of text to whoever looks.
class Page final : public LocalTool {
 public:
  explicit Page(std::size_t bytes)
      : LocalTool({.spec = {"page", "", {{"type", "object"}, {"additionalProperties", true}}},
                   .capability = Capability::kQuery,
                   .action = ActionClass::kSearch,
                   .subject_param = "n"}),
        bytes_(bytes) {}
  base::Task<base::Result<std::string>> run(ToolContext, base::json::Value) override {
    co_return std::string(bytes_, 'p');
  }

 private:
  std::size_t bytes_;
};

ScriptedBackend::Outcome page(int n) { return ScriptedBackend::calls({{"page", "{\"n\":\"" + std::to_string(n) + "\"}"}}); }

class Compaction : public ::testing::Test {
 protected:
  Compaction() : world(dir) {
    world.add_gates();
    world.agent.max_output_tokens = 200;
    EXPECT_TRUE(world.tools.add(std::make_unique<Page>(5000)).has_value());
  }

  base::Result<SessionResult> run(Backend& backend, std::uint64_t window, std::string note = "what is in there?") {
    Router router;
    EXPECT_TRUE(router.add({.backend = &backend, .supports = {.context_tokens = window}, .account = ""}).has_value());
    EXPECT_TRUE(router.add_route({.agent = "*", .targets = {"*"}}).has_value());
    SessionDeps deps{.sessions = world.sessions, .budgets = world.budgets, .outside = world.outside, .router = router, .tools = world.tools,
                     .hooks = world.hooks, .trajectory = world.trajectory, .clock = world.clock, .rng = world.rng, .retry = world.retry};
    Session session(deps, world.agent, World::identity(), world.limits);
    return world.loop.run_until_complete(session.run(World::mention(std::move(note))));
  }

  static std::uint64_t tokens(const Request& request) { return estimate_tokens(prompt_bytes(request)) + request.max_output_tokens; }

  TempDir dir;
  World world;
};

TEST_F(Compaction, SumsUpNearTheEndOfTheWindowAndGoesOn) {
  ScriptedBackend backend({ScriptedBackend::calls({{"post", R"({"content":"one"})"}}), page(1), page(2), page(3), page(4), page(5),
                           ScriptedBackend::says("Goal: read. Done: pages 1 to 5."), page(6), ScriptedBackend::says("all read")});
  const auto result = run(backend, 8000);
  ASSERT_TRUE(result.has_value()) << result.error().detail;
  EXPECT_EQ(result->status, SessionStatus::kSuccess) << result->detail;
  EXPECT_EQ(result->summary, "all read");
  EXPECT_EQ(result->turns, 8u) << "a summary is no turn of the agent's";
  ASSERT_EQ(backend.requests.size(), 9u);
  for (const Request& request : backend.requests) EXPECT_LE(tokens(request), 8000u);
  const Request& asked = backend.requests[6];
  EXPECT_TRUE(asked.tools.empty());
  EXPECT_NE(asked.messages.back().content.find("Sum it up"), std::string::npos);
  // The request is there word for word, the acts by the node's word, the summary as information only.
  const std::string& told = backend.requests[7].messages.at(1).content;
  EXPECT_NE(told.find("what is in there?"), std::string::npos);
  EXPECT_NE(told.find("<untrusted source=\"summary\""), std::string::npos);
  EXPECT_NE(told.find("post c00000000: published as note1"), std::string::npos);
  EXPECT_LT(tokens(backend.requests[7]), 8000u * 85 / 100);
  EXPECT_EQ(world.outside.effects().size(), 1u);
}

TEST_F(Compaction, TheListIsToldAgain) {
  storage::Todos todos(*world.db);
  ASSERT_TRUE(world.hooks.add(todo_hook(todos)).has_value());
  class Listing final : public LocalTool {
   public:
    explicit Listing(storage::Todos& todos) : LocalTool({.spec = {"list", "", {{"type", "object"}}}, .capability = Capability::kQuery, .action = ActionClass::kSearch}), todos_(todos) {}
    base::Task<base::Result<std::string>> run(ToolContext context, base::json::Value) override {
      CO_TRY(todos_.put(context.session, R"([{"id":"1","content":"read the last page","status":"blocked","reason":"no"}])", base::unix_time(1)));
      co_return std::string("ok");
    }
    storage::Todos& todos_;
  };
  ASSERT_TRUE(world.tools.add(std::make_unique<Listing>(todos)).has_value());
  ScriptedBackend backend({ScriptedBackend::calls({{"list", "{}"}}), page(1), page(2), page(3), page(4), page(5),
                           ScriptedBackend::says("Goal: x"), ScriptedBackend::says("done")});
  const auto result = run(backend, 8000);
  ASSERT_TRUE(result.has_value()) << result.error().detail;
  ASSERT_EQ(backend.requests.size(), 8u);
  EXPECT_EQ(backend.requests[0].messages.at(1).content.find("Your list"), std::string::npos);
  EXPECT_NE(backend.requests[7].messages.at(1).content.find("read the last page"), std::string::npos);
}

TEST_F(Compaction, AModelThatCannotSumUpGoesOnWithLess) {
  ScriptedBackend backend({page(1), page(2), page(3), page(4), page(5), ScriptedBackend::says(""), page(6), ScriptedBackend::says("done")});
  const auto result = run(backend, 8000);
  ASSERT_TRUE(result.has_value()) << result.error().detail;
  EXPECT_EQ(result->status, SessionStatus::kSuccess) << result->detail;
  for (const Request& request : backend.requests) EXPECT_LE(tokens(request), 8000u);
}

TEST_F(Compaction, APromptThatProvesTooLongIsAskedAgainShorter) {
  // Nobody said how wide the window is.
  ScriptedBackend backend({page(1), page(2), page(3), page(4), page(5), ScriptedBackend::fails(ModelFault::kContextTooLong),
                           ScriptedBackend::says("Goal: read"), ScriptedBackend::says("done")});
  const auto result = run(backend, 0);
  ASSERT_TRUE(result.has_value()) << result.error().detail;
  EXPECT_EQ(result->status, SessionStatus::kSuccess) << result->detail;
  ASSERT_EQ(backend.requests.size(), 8u);
  EXPECT_LE(prompt_bytes(backend.requests[6]), prompt_bytes(backend.requests[5]) * 6 / 10);
  EXPECT_LE(prompt_bytes(backend.requests[7]), prompt_bytes(backend.requests[5]) * 6 / 10);
}

TEST_F(Compaction, WhereNothingCanGoTheSessionEnds) {
  ScriptedBackend backend({ScriptedBackend::fails(ModelFault::kContextTooLong), ScriptedBackend::says("never")});
  const auto result = run(backend, 0);
  ASSERT_TRUE(result.has_value()) << result.error().detail;
  EXPECT_EQ(result->detail, "context-too-long");
  EXPECT_EQ(backend.requests.size(), 1u);
}

TEST_F(Compaction, AServerThatAlwaysSaysTooLongIsNotAskedForEver) {
  std::vector<ScriptedBackend::Outcome> script = {page(1), page(2), page(3), page(4), page(5)};
  for (int i = 0; i < 40; ++i) script.push_back(ScriptedBackend::fails(ModelFault::kContextTooLong));
  ScriptedBackend backend(std::move(script));
  const auto result = run(backend, 0);
  ASSERT_TRUE(result.has_value()) << result.error().detail;
  EXPECT_EQ(result->detail, "context-too-long");
  EXPECT_LT(backend.requests.size(), 15u);
}

TEST_F(Compaction, ARestartReadsTheSummaryAndMakesNoOther) {
  ScriptedBackend backend({page(1), page(2), page(3), page(4), page(5), ScriptedBackend::says("Goal: read"),
                           ScriptedBackend::calls({{"post", R"({"content":"x"})"}})});
  world.outside.act_error = base::Error{base::Errc::kUnavailable, "away", ""};
  EXPECT_FALSE(run(backend, 8000).has_value());
  world.outside.act_error.reset();
  ScriptedBackend later({ScriptedBackend::says("done")});
  const auto result = run(later, 8000);
  ASSERT_TRUE(result.has_value()) << result.error().detail;
  EXPECT_EQ(result->status, SessionStatus::kSuccess) << result->detail;
  ASSERT_EQ(later.requests.size(), 1u);
  EXPECT_EQ(later.requests[0].messages.at(1).content, backend.requests.back().messages.at(1).content);
  // The record holds all of it, and its chain was closed once.
  EXPECT_EQ(world.trajectory.heads, 2);
}

TEST_F(Compaction, SurroundingsTakeAQuarterOfTheWindowAtMost) {
  Hook hook{.name = "much"};
  hook.context = [](const SessionNotice&) {
    return std::vector<ContextSection>{{.name = "first", .content = std::string(1500, 'a'), .priority = 9},
                                       {.name = "second", .content = std::string(1500, 'b'), .priority = 8}};
  };
  ASSERT_TRUE(world.hooks.add(std::move(hook)).has_value());
  ScriptedBackend backend({ScriptedBackend::says("ok")});
  ASSERT_TRUE(run(backend, 2000).has_value());
  EXPECT_NE(backend.requests[0].messages.at(1).content.find("Left out for want of room: second"), std::string::npos);
}

}  // namespace
}  // namespace orchestration
