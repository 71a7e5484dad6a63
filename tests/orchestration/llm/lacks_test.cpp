// What a model or its server turns out to lack is left out from then on, and the question is asked
// again at once.
#include <gtest/gtest.h>

#include "orchestration/llm/chat_completions.h"
#include "orchestration/llm/http_backend.h"
#include "orchestration/llm/ollama.h"
#include "orchestration/llm/responses.h"
#include "tools/model_server/server.h"

namespace orchestration {
namespace {

using base::json::Value;
using model_server::ModelServer;

/// A chat completions server that answers by the script.
struct Server {
  explicit Server(const std::string& script, WireSettings wire = {.model = "m"}) {
    server = *ModelServer::listen(0, *base::json::parse(script));
    backend =
        *HttpBackend::create(http, clock, std::make_unique<ChatDialect>(),
                             {.id = "b", .base_url = server->base_url(), .wire = std::move(wire)});
  }
  std::expected<Reply, ModelFailure> ask(std::optional<double> temperature = std::nullopt,
                                         std::optional<Value> schema = std::nullopt) {
    Request request{.answer_schema = std::move(schema),
                    .temperature = temperature,
                    .timeout = std::chrono::seconds{20}};
    request.messages = {{.role = Role::kUser, .content = "hi"}};
    return loop.run_until_complete(backend->complete(std::move(request)));
  }
  Value asked(std::size_t number) {
    return *base::json::parse(server->seen().at(number).body, {.max_bytes = 1u << 20});
  }

  base::Loop loop;
  base::SystemClock clock;
  nostr::HttpClient http{loop};
  std::unique_ptr<ModelServer> server;
  std::unique_ptr<HttpBackend> backend;
};

TEST(Temperature, AModelThatRefusesItIsAskedWithoutAndNeverAgainWithIt) {
  for (
      const char* refusal :
      {R"({"error":{"message":"Unsupported value: 'temperature' does not support 0 with this model. Only the default (1) value is supported.","type":"invalid_request_error","param":"temperature","code":"unsupported_value"}})",
       R"({"error":{"message":"Unsupported parameter: 'temperature' is not supported with this model.","type":"invalid_request_error","param":"temperature","code":"unsupported_parameter"}})",
       R"({"error":{"message":"`temperature` is deprecated for this model."}})"}) {
    Server s(std::string(R"([{"status":400,"body":)") + refusal +
             R"(},{"text":"one"},{"text":"two"}])");
    const auto first = s.ask(0.0);
    ASSERT_TRUE(first.has_value()) << first.error().error.detail;
    EXPECT_EQ(first->message.content, "one");
    ASSERT_TRUE(s.ask(0.0).has_value());
    ASSERT_EQ(s.server->seen().size(), 3u) << "it is learnt once";
    EXPECT_EQ(s.asked(0)["temperature"], 0.0);
    EXPECT_FALSE(s.asked(1).contains("temperature"));
    EXPECT_FALSE(s.asked(2).contains("temperature"));
  }
}

TEST(Temperature, OneThatIsOnlyWrongIsAMistakeAndNotLeftOut) {
  Server s(
      R"([{"status":400,"body":{"error":{"message":"temperature must be between 0 and 1"}}},{"text":"never asked"}])");
  const auto reply = s.ask(1.5);
  ASSERT_FALSE(reply.has_value());
  EXPECT_EQ(reply.error().fault, ModelFault::kRefused);
  EXPECT_EQ(s.server->seen().size(), 1u);
}

TEST(Temperature, WhereTheQuirkIsSetNoneIsSentInAnyDialect) {
  const Request request{.temperature = 0.5};
  for (const bool sent : {true, false}) {
    const WireSettings wire{.model = "m", .temperature = sent};
    EXPECT_EQ(base::json::parse(ChatDialect().body(request, wire))->contains("temperature"), sent);
    EXPECT_EQ(base::json::parse(ResponsesDialect().body(request, wire))->contains("temperature"),
              sent);
    EXPECT_EQ((*base::json::parse(OllamaDialect().body(request, wire)))["options"].contains(
                  "temperature"),
              sent);
  }
}

// llama.cpp without grammar, vLLM without guided decoding, older servers.
TEST(Schema, AChatServerThatTakesNoneIsAskedInWordsFromThenOn) {
  for (
      const char* refusal :
      {R"({"status":400,"body":{"error":{"code":400,"message":"Failed to parse grammar","type":"invalid_request_error"}}})",
       R"({"status":501,"body":{"error":{"message":"response_format is not implemented"}}})",
       R"({"status":404,"body":{"error":{"message":"json_schema is not known here"}}})"}) {
    Server s(std::string("[") + refusal + R"(,{"text":"{\"a\":1}"},{"text":"{\"a\":2}"}])");
    const Value schema{{"type", "object"}};
    const auto reply = s.ask(std::nullopt, schema);
    ASSERT_TRUE(reply.has_value()) << reply.error().error.detail;
    ASSERT_TRUE(s.ask(std::nullopt, schema).has_value());
    ASSERT_EQ(s.server->seen().size(), 3u);
    EXPECT_TRUE(s.asked(0).contains("response_format"));
    for (const std::size_t later : {1U, 2U}) {
      EXPECT_FALSE(s.asked(later).contains("response_format"));
      EXPECT_NE(base::json::dump(s.asked(later)["messages"]).find("JSON Schema"),
                std::string::npos);
    }
  }
}

TEST(Usage, AServerThatRefusesToTellIsAskedWithoutAndItsUsageEstimated) {
  Server s(
      R"([{"status":400,"body":{"error":{"message":"stream_options is not supported"}}},{"text":"one"}])");
  const auto reply = s.ask();
  ASSERT_TRUE(reply.has_value()) << reply.error().error.detail;
  EXPECT_TRUE(s.asked(0).contains("stream_options"));
  EXPECT_FALSE(s.asked(1).contains("stream_options"));
  EXPECT_TRUE(reply->usage.estimated);
}

// A server that names one thing after another is not asked for ever.
TEST(Lacks, AreBoundedInOneCall) {
  Server s(
      R"({"turns":[],"otherwise":{"status":400,"body":{"error":{"message":"stream_options, json_schema, temperature and max_completion_tokens are unsupported, and so is everything else"}}}})");
  const auto reply = s.ask(0.0, Value{{"type", "object"}});
  ASSERT_FALSE(reply.has_value());
  EXPECT_EQ(reply.error().fault, ModelFault::kRefused);
  EXPECT_LE(s.server->seen().size(), 6u);
}

}  // namespace
}  // namespace orchestration
