// What is counted, what is bounded, and what is kept out of sight when a model is asked.

#include <gtest/gtest.h>

#include "orchestration/hooks/spend_hooks.h"
#include "orchestration/llm/chat_completions.h"
#include "orchestration/llm/http_backend.h"
#include "orchestration/llm/playbook.h"
#include "tests/orchestration/support/session_world.h"
#include "tools/model_server/server.h"

namespace orchestration {
namespace {

using base::json::Value;
using model_server::ModelServer;
using testing::ScriptedBackend;
using testing::TempDir;
using testing::World;

constexpr const char* kKey = "sk-bounds-0123456789";

/// One answer of a scripted server, asked for with a key.
std::expected<Reply, ModelFailure> answer_to(Value entry) {
  base::Loop loop;
  base::SystemClock clock;
  nostr::HttpClient http(loop);
  auto server = *ModelServer::listen(0, Value::array({std::move(entry)}));
  auto backend = *HttpBackend::create(http, clock, std::make_unique<ChatDialect>(),
                                      {.id = "b", .base_url = server->base_url(), .wire = {.model = "m"}, .api_key = ApiKey(kKey)});
  Request request{.timeout = std::chrono::seconds{20}};
  request.messages = {{.role = Role::kUser, .content = "hi"}};
  return loop.run_until_complete(backend->complete(std::move(request)));
}

TEST(ModelUsage, AUsageChunkWithoutChoicesCountsAndAMissingOneIsEstimated) {
  const auto said = answer_to({{"text", "a"}, {"usage", {{"prompt_tokens", 5}, {"completion_tokens", 1}}}});
  ASSERT_TRUE(said.has_value());
  EXPECT_EQ(said->usage, (Usage{.prompt_tokens = 5, .completion_tokens = 1}));
  const auto silent = answer_to({{"text", "a"}});
  ASSERT_TRUE(silent.has_value());
  EXPECT_TRUE(silent->usage.estimated);
  // Zero tokens for a question that was answered is no price.
  const auto free = answer_to({{"text", "a"}, {"usage", {{"prompt_tokens", 0}, {"completion_tokens", 0}}}});
  ASSERT_TRUE(free.has_value());
  EXPECT_TRUE(free->usage.estimated);
  EXPECT_GT(free->usage.completion_tokens, 0u);
}

TEST(ModelBounds, ABodyOf20MiBIsAborted) {
  const auto reply = answer_to({{"text", std::string(20u << 20, 'x')}, {"plain", true}});
  ASSERT_FALSE(reply.has_value());
  EXPECT_EQ(reply.error().fault, ModelFault::kProtocol);
}

TEST(ModelBounds, TheKeyIsInNoError) {
  for (const Value& entry : {Value{{"status", 401}, {"body", "bad key"}}, Value{{"status", 500}}, Value{{"raw", "{"}},
                             Value{{"text", "abc"}, {"cut", 3}}}) {
    const auto reply = answer_to(entry);
    ASSERT_FALSE(reply.has_value());
    EXPECT_EQ((reply.error().error.detail + reply.error().error.hint).find(kKey), std::string::npos);
  }
}

TEST(PlaybookTranscript, APlaybookGivesTheSameTranscriptTwice) {
  const auto transcript = [] {
    TempDir dir;
    World world(dir);
    world.add_gates();
    PlaybookBackend backend("p", *Playbook::parse(Playbook::builtin_text()));
    const auto result = world.run(backend, World::mention("hello"));
    EXPECT_TRUE(result.has_value());
    std::string out;
    for (const ActionRequest& request : world.outside.requests) out += request.draft.content + "\n";
    return result ? out + result->summary : out;
  };
  const std::string first = transcript();
  EXPECT_FALSE(first.empty());
  EXPECT_EQ(first, transcript());
}

TEST(ModelBudget, TenCallsAtOnceCannotExceedTheLimit) {
  TempDir dir;
  World world(dir);
  ScriptedBackend backend({}, {.out_per_1k = {1'000}});
  const Request request{.max_output_tokens = 100};
  const Hook gate = budget_gate(world.budgets, world.clock, {.session = base::Msat{450}});
  int admitted = 0;
  for (int i = 0; i < 10; ++i)
    if (gate.reserve_model({.session = "s", .tick = "", .agent = "a", .call_key = "k" + std::to_string(i),
                            .backend = &backend, .request = &request}))
      ++admitted;
  EXPECT_EQ(admitted, 4);
}

TEST(ModelBudget, ALedgerThatCannotBeWrittenRefusesToSpend) {
  TempDir dir;
  World world(dir);
  ASSERT_TRUE(world.db->script("PRAGMA query_only = 1").has_value());
  ScriptedBackend backend({}, {.out_per_1k = {1'000}});
  const Request request{.max_output_tokens = 100};
  const Hook gate = budget_gate(world.budgets, world.clock, {});
  EXPECT_FALSE(gate.reserve_model({.session = "s", .tick = "", .agent = "a", .call_key = "k", .backend = &backend,
                                   .request = &request}).has_value());
}

}  // namespace
}  // namespace orchestration
