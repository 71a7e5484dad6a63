// What is counted, what is bounded, and what is kept out of sight when a model is asked.

#include <gtest/gtest.h>

#include "nostr/base/log.h"
#include "nostr/event/event_json.h"
#include "orchestration/hooks/spend_hooks.h"
#include "orchestration/llm/caller.h"
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

// The answer may hold the key (a proxy that echoes headers): neither log nor error repeats what we sent.
TEST(ModelBounds, TheKeyIsInNoLine) {
  ::testing::internal::CaptureStderr();
  base::set_log_level(base::LogLevel::kDebug);
  for (const Value& entry : {Value{{"text", "fine"}}, Value{{"status", 401}, {"body", "bad key"}}, Value{{"status", 429}},
                             Value{{"status", 400}, {"body", "stream_options is unsupported"}}, Value{{"text", "abc"}, {"cut", 3}}}) {
    base::Loop loop;
    base::SystemClock clock;
    nostr::HttpClient http(loop);
    auto server = *ModelServer::listen(0, Value::array({entry}));
    auto backend = *HttpBackend::create(http, clock, std::make_unique<ChatDialect>(),
                                        {.id = "b", .base_url = server->base_url(), .wire = {.model = "m"}, .api_key = ApiKey(kKey)});
    Router router(*backend);
    HookChain hooks;
    base::SeededRng rng(1);
    ModelTurn turn{.session = "s", .agent = "a"};
    turn.request.messages = {{.role = Role::kUser, .content = "hi"}};
    const auto reply = loop.run_until_complete(
        call_model({.router = router, .hooks = hooks, .rng = rng, .retry = {.max_attempts = 1}}, std::move(turn)));
    EXPECT_EQ(server->seen().at(0).authorization, std::string("Bearer ") + kKey);
    if (!reply) EXPECT_EQ((reply.error().detail + reply.error().hint).find(kKey), std::string::npos);
  }
  base::set_log_level(base::LogLevel::kInfo);
  const std::string lines = ::testing::internal::GetCapturedStderr();
  EXPECT_NE(lines.find("attempt failed"), std::string::npos) << "it was listened to";
  EXPECT_EQ(lines.find(kKey), std::string::npos) << lines;
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
    if (!result) return out;
    for (const auto& row : *world.sessions.transcript(result->session)) out += row.role + " " + row.json + "\n";
    for (const nostr::Event& event : world.trajectory.events(result->session)) out += nostr::to_json(event) + "\n";
    return out + result->summary;
  };
  const std::string first = transcript();
  EXPECT_GT(first.size(), 1'000u);
  EXPECT_EQ(first, transcript()) << "byte for byte, ids and hashes included";
}

TEST(ModelBudget, TenCallsAtOnceCannotExceedTheLimit) {
  TempDir dir;
  World world(dir);
  ScriptedBackend backend({}, {.out_per_1k = {1'000}});
  const Request request{.max_output_tokens = 100};
  const Hook gate = budget_gate(*world.db, world.clock, {.session = base::Msat{450}});
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
  const Hook gate = budget_gate(*world.db, world.clock, {});
  EXPECT_FALSE(gate.reserve_model({.session = "s", .tick = "", .agent = "a", .call_key = "k", .backend = &backend,
                                   .request = &request}).has_value());
}

}  // namespace
}  // namespace orchestration
