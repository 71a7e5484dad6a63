// A model behind HTTP against a real, scripted server on loopback.
#include "orchestration/llm/http_backend.h"

#include <filesystem>
#include <fstream>

#include <sys/stat.h>

#include <gtest/gtest.h>

#include "orchestration/llm/caller.h"
#include "orchestration/llm/chat_completions.h"
#include "orchestration/llm/ollama.h"
#include "orchestration/llm/responses.h"
#include "tools/model_server/server.h"
#include "tests/orchestration/support/session_world.h"

namespace orchestration {
namespace {

using base::json::Value;
using model_server::ModelServer;
using testing::TempDir;
using testing::World;

constexpr const char* kUsage = R"({"prompt_tokens":11,"completion_tokens":3})";

struct Endpoint {
  explicit Endpoint(const std::string& script, std::string key = "") {
    server = *ModelServer::listen(0, *base::json::parse(script));
    HttpBackendOptions options{.id = "test",
                               .base_url = server->base_url() + "/",
                               .wire = {.model = "scripted-1"},
                               .api_key = ApiKey(std::move(key)),
                               .rates = {.in_per_1k = {1000}, .out_per_1k = {1000}}};
    backend = *HttpBackend::create(http, clock, std::make_unique<ChatDialect>(), std::move(options));
  }
  std::expected<Reply, ModelFailure> complete(
      std::chrono::milliseconds timeout = std::chrono::seconds{20}) {
    Request request{.timeout = timeout};
    request.messages = {{.role = Role::kUser, .content = "hi"}};
    request.on_text = [this](std::string_view text) { heard += text; };
    return loop.run_until_complete(backend->complete(std::move(request)));
  }

  base::Loop loop;
  base::SystemClock clock;
  nostr::HttpClient http{loop};
  std::unique_ptr<ModelServer> server;
  std::unique_ptr<HttpBackend> backend;
  std::string heard;
};

TEST(HttpBackend, StreamsTextAndUsage) {
  Endpoint e(
      std::string(
          R"([{"text":"grüße 🤙 from a stream","fragment":3,"write":1,"crlf":true,"comments":true,"usage":)") +
          kUsage + "}]",
      "sk-test-key");
  const auto reply = e.complete();
  ASSERT_TRUE(reply.has_value()) << reply.error().error.detail;
  // Fragments cut characters in two, as real servers' chunks do; JSON then carries U+FFFD.
  EXPECT_NE(reply->message.content.find("from a stream"), std::string::npos);
  EXPECT_EQ(reply->message.content, e.heard);
  EXPECT_EQ(reply->usage, (Usage{.prompt_tokens = 11, .completion_tokens = 3}));
  ASSERT_EQ(e.server->seen().size(), 1u);
  EXPECT_EQ(e.server->seen()[0].path, "/v1/chat/completions");
  EXPECT_EQ(e.server->seen()[0].authorization, "Bearer sk-test-key");
}

TEST(HttpBackend, JoinsStreamedToolCalls) {
  Endpoint e(
      R"([{"calls":[{"name":"reply","arguments":{"content":"hello there"}},{"name":"react","arguments":"{\"content\":\"+\"}"}],"fragment":4}])");
  const auto reply = e.complete();
  ASSERT_TRUE(reply.has_value()) << reply.error().error.detail;
  EXPECT_EQ(reply->finish, Finish::kToolCalls);
  ASSERT_EQ(reply->message.calls.size(), 2u);
  EXPECT_EQ(reply->message.calls[0].arguments, R"({"content":"hello there"})");
  EXPECT_EQ(reply->message.calls[1].name, "react");
  EXPECT_TRUE(reply->usage.estimated);
}

TEST(HttpBackend, TakesAWholeAnswerFromAServerThatDoesNotStream) {
  Endpoint e(R"([{"plain":true,"text":"whole"}])");
  const auto reply = e.complete();
  ASSERT_TRUE(reply.has_value()) << reply.error().error.detail;
  EXPECT_EQ(reply->message.content, "whole");
}

struct FaultRow {
  const char* entry;
  ModelFault fault;
};

TEST(HttpBackend, NamesEveryFailure) {
  for (const FaultRow& row :
       {FaultRow{R"({"text":"abcdefgh","fragment":2,"truncate":"reset"})", ModelFault::kTruncated},
        FaultRow{R"({"text":"abcdefgh","fragment":2,"truncate":"clean"})", ModelFault::kTruncated},
        FaultRow{R"({"status":429,"headers":{"Retry-After":"7"}})", ModelFault::kRateLimited},
        FaultRow{R"({"status":500,"body":"oops"})", ModelFault::kServer},
        FaultRow{R"({"status":401,"body":{"error":{"message":"bad key"}}})", ModelFault::kUnauthorised},
        FaultRow{R"({"status":400,"body":{"error":{"code":"context_length_exceeded"}}})",
                 ModelFault::kContextTooLong},
        FaultRow{R"({"status":200,"body":"{\"nothing\":1}"})", ModelFault::kProtocol}}) {
    Endpoint e(std::string("[") + row.entry + "]");
    const auto reply = e.complete();
    ASSERT_FALSE(reply.has_value()) << row.entry;
    EXPECT_EQ(reply.error().fault, row.fault) << row.entry << reply.error().error.detail;
    EXPECT_EQ(reply.error().cost_unknown, row.fault == ModelFault::kTruncated || row.fault == ModelFault::kProtocol)
        << row.entry;
    if (row.fault == ModelFault::kRateLimited)
      EXPECT_EQ(reply.error().retry_after, std::chrono::seconds{7});
  }
}

/// How often a server that always says this is asked in one turn.
std::size_t times_asked(const std::string& entry) {
  Endpoint e("{\"turns\":[],\"otherwise\":" + entry + "}");
  Router router(*e.backend);
  HookChain hooks;
  base::SeededRng rng(1);
  const ModelCallerDeps deps{.router = router,
                             .hooks = hooks,
                             .rng = rng,
                             .retry = {.first_delay = std::chrono::milliseconds{1}, .max_delay = std::chrono::milliseconds{1}}};
  ModelTurn turn{.session = "s", .agent = "a"};
  turn.request.messages = {{.role = Role::kUser, .content = "hi"}};
  EXPECT_FALSE(e.loop.run_until_complete(call_model(deps, std::move(turn))).has_value());
  return e.server->seen().size();
}

TEST(HttpBackend, AsksAgainOnlyWhereItMakesSenseAndNotForEver) {
  for (const char* status : {"408", "409", "500", "502", "503", "504"})
    EXPECT_EQ(times_asked("{\"status\":" + std::string(status) + "}"), 4u) << status;
  EXPECT_EQ(times_asked(R"({"status":429,"headers":{"retry-after":"0"}})"), 4u);
  EXPECT_EQ(times_asked(R"({"status":503,"headers":{"retry-after":"Tue, 14 Nov 2023 22:13:50 GMT"}})"), 4u);
  for (const char* status : {"400", "401", "402", "403", "404", "413", "422", "501", "302", "307"})
    EXPECT_EQ(times_asked("{\"status\":" + std::string(status) + "}"), 1u) << status;
  EXPECT_EQ(times_asked(R"({"status":429,"body":{"error":{"code":"insufficient_quota","message":"pay"}}})"), 1u);
  EXPECT_EQ(times_asked(R"({"status":429,"headers":{"retry-after":"86400"}})"), 1u) << "nobody waits a day within a turn";
  EXPECT_EQ(times_asked(R"({"status":400,"body":{"error":{"code":"context_length_exceeded","message":"m"}}})"), 1u);
}

TEST(HttpBackend, GivesUpWhenTheTimeIsOverAndWhenNobodyListens) {
  Endpoint slow(R"([{"text":"late","delay_ms":1500}])");
  const auto late = slow.complete(std::chrono::milliseconds{200});
  ASSERT_FALSE(late.has_value());
  EXPECT_EQ(late.error().fault, ModelFault::kTimeout);
  slow.server.reset();
  const auto gone = slow.complete();
  ASSERT_FALSE(gone.has_value());
  EXPECT_EQ(gone.error().fault, ModelFault::kTransport);
}

TEST(HttpBackend, RefusesPlainHttpThatLeavesTheMachine) {
  base::Loop loop;
  base::SystemClock clock;
  nostr::HttpClient http(loop);
  for (const char* url : {"http://example.com/v1", "http://127.0.0.1@example.com/v1",
                          "http://127.example.com/v1", "ftp://x/v1", "localhost/v1"})
    EXPECT_FALSE(
        HttpBackend::create(http, clock, std::make_unique<ChatDialect>(),
                                     {.id = "b", .base_url = url, .wire = {.model = "m"}})
                    .has_value())
        << url;
  for (const char* url : {"https://example.com/v1", "http://127.0.0.1:8080/v1",
                          "http://[::1]:8080/v1", "http://localhost/v1"})
    EXPECT_TRUE(
        HttpBackend::create(http, clock, std::make_unique<ChatDialect>(),
                                     {.id = "b", .base_url = url, .wire = {.model = "m"}})
                    .has_value())
        << url;
}

TEST(ApiKeyTest, ComesFromAPrivateFileOrTheEnvironment) {
  TempDir dir;
  const std::string path = dir.path("key");
  std::ofstream(path) << "sk-abc\n";
  ASSERT_EQ(::chmod(path.c_str(), 0644), 0);
  EXPECT_EQ(ApiKey::from_file(path).error().code, base::Errc::kDenied);
  ASSERT_EQ(::chmod(path.c_str(), 0600), 0);
  EXPECT_EQ(ApiKey::from_file(path)->expose(), "sk-abc");
  EXPECT_FALSE(ApiKey::from_file(dir.path("none")).has_value());
  ::setenv("SOVEREIGN_TEST_KEY", "k1", 1);
  EXPECT_EQ(ApiKey::from_env("SOVEREIGN_TEST_KEY")->expose(), "k1");
  ::setenv("SOVEREIGN_TEST_KEY", "two words", 1);
  EXPECT_FALSE(ApiKey::from_env("SOVEREIGN_TEST_KEY").has_value());
  ::unsetenv("SOVEREIGN_TEST_KEY");
  EXPECT_EQ(ApiKey::from_env("SOVEREIGN_TEST_KEY").error().code, base::Errc::kNotFound);
}

TEST(HttpBackend, ASessionSurvivesA429AndATruncatedStream) {
  TempDir dir;
  World world(dir);
  world.add_gates();
  auto server = *ModelServer::listen(0, *base::json::parse(std::string(R"([
    {"status":429,"headers":{"retry-after-ms":"5"}},
    {"calls":[{"name":"reply","arguments":{"content":"half an answer"}}],"fragment":5,"truncate":"reset"},
    {"calls":[{"name":"reply","arguments":{"content":"whole answer"}}],"fragment":5,"usage":)") +
                                                           kUsage + R"(},
    {"text":"Answered.","usage":)" + kUsage + "}]"));
  nostr::HttpClient http(world.loop);
  auto backend = *HttpBackend::create(http, world.clock, std::make_unique<ChatDialect>(),
                                      {.id = "b",
                                       .base_url = server->base_url(),
                                       .wire = {.model = "m"},
                                       .rates = {.in_per_1k = {1000}, .out_per_1k = {1000}}});
  const auto result = world.run(*backend, World::mention("hello"));
  ASSERT_TRUE(result.has_value()) << result.error().detail;
  EXPECT_EQ(result->status, SessionStatus::kSuccess) << result->summary;
  EXPECT_EQ(result->summary, "Answered.");
  ASSERT_EQ(world.outside.effects().size(), 1u);
  EXPECT_NE(world.outside.effects()[0].find("whole answer"), std::string::npos);
  EXPECT_EQ(server->seen().size(), 4u);
  EXPECT_GT(result->cost.value, 28);  // two answers as reported, one torn off as estimated
  EXPECT_TRUE(world.budgets.list_open()->empty());
}

}  // namespace
}  // namespace orchestration
