// Ollama's window, its models, and what it does to a prompt that is too long.
#include "orchestration/llm/ollama.h"

#include <gtest/gtest.h>

#include "orchestration/llm/http_backend.h"
#include "tools/model_server/server.h"

namespace orchestration {
namespace {

using base::json::Value;
using model_server::ModelServer;

struct Host {
  explicit Host(const std::string& script, WireSettings wire = {.model = "scripted"}) {
    server = *ModelServer::listen(0, *base::json::parse(script));
    backend = *HttpBackend::create(http, clock, std::make_unique<OllamaDialect>(),
                                   {.id = "o",
                                    .base_url = server->root_url(),
                                    .wire = std::move(wire),
                                    .family = ServerFamily::kOllama,
                                    .detect_cut_prompt = true});
  }
  std::expected<Reply, ModelFailure> ask(std::size_t bytes = 10) {
    Request request{.max_output_tokens = 256, .timeout = std::chrono::seconds{20}};
    request.messages = {{.role = Role::kUser, .content = std::string(bytes, 'w')}};
    return loop.run_until_complete(backend->complete(std::move(request)));
  }
  Value asked(std::size_t number = 0) { return *base::json::parse(server->seen().at(number).body, {.max_bytes = 1u << 20}); }

  base::Loop loop;
  base::SystemClock clock;
  nostr::HttpClient http{loop};
  std::unique_ptr<ModelServer> server;
  std::unique_ptr<HttpBackend> backend;
};

TEST(Ollama, AlwaysSendsItsWindow) {
  Host small(R"({"turns":[{"text":"a"}],"context":2048})");
  ASSERT_TRUE(small.ask().has_value());
  EXPECT_EQ(small.asked()["options"]["num_ctx"], 2048);
  Host large(R"({"turns":[{"text":"a"}],"context":131072})");
  ASSERT_TRUE(large.ask().has_value());
  EXPECT_EQ(large.asked()["options"]["num_ctx"], kOllamaContext) << "a window nobody asked for costs memory";
  Host chosen(R"({"turns":[{"text":"a"}],"context":131072})", {.model = "scripted", .context_tokens = 32'768});
  ASSERT_TRUE(chosen.ask().has_value());
  EXPECT_EQ(chosen.asked()["options"]["num_ctx"], 32'768);
}

TEST(Ollama, APromptThatDoesNotFitIsNotSent) {
  Host host(R"({"turns":[{"text":"a"}],"context":2048})");
  const auto reply = host.ask(20'000);
  ASSERT_FALSE(reply.has_value());
  EXPECT_EQ(reply.error().fault, ModelFault::kContextTooLong);
  EXPECT_FALSE(reply.error().cost_unknown);
  EXPECT_TRUE(host.server->seen().empty());
}

TEST(Ollama, APromptCutInSilenceIsAFailure) {
  // The server says its model could take 8192 tokens and serves 512 of them.
  Host host(R"({"turns":[{"text":"about the rest of it","usage":{"completion_tokens":5},"context":512}],"context":8192})");
  const auto reply = host.ask(20'000);
  ASSERT_FALSE(reply.has_value());
  EXPECT_EQ(reply.error().fault, ModelFault::kContextTooLong) << reply.error().error.detail;
  EXPECT_EQ(reply.error().usage.prompt_tokens, 512u);
}

TEST(Ollama, ResultsAreToldByTheToolsName) {
  Host host(R"([{"text":"a"}])");
  Request request{.timeout = std::chrono::seconds{20}};
  request.messages = {{.role = Role::kUser, .content = "u"},
                      {.role = Role::kAssistant, .calls = {{"c1", "reply", "{\"k\":1}"}, {"c2", "post", "no json"}}},
                      {.role = Role::kTool, .content = "done", .call_id = "c1"}};
  ASSERT_TRUE(host.loop.run_until_complete(host.backend->complete(std::move(request))).has_value());
  const Value messages = host.asked()["messages"];
  EXPECT_EQ(messages[1]["tool_calls"][0]["function"]["arguments"]["k"], 1);
  EXPECT_EQ(messages[1]["tool_calls"][1]["function"]["arguments"]["text"], "no json");
  EXPECT_EQ(messages[2]["tool_name"], "reply");
}

TEST(Ollama, AModelThatIsNotThereIsNamed) {
  Host host(R"({"turns":[{"text":"a"}],"models":["llama3.2:3b","phi4"]})", {.model = "llama3"});
  const auto reply = host.ask();
  ASSERT_FALSE(reply.has_value());
  EXPECT_EQ(reply.error().fault, ModelFault::kUnauthorised);
}

TEST(OllamaModel, IsFoundUnderAnyTagAndByFamily) {
  const std::vector<std::string> installed{"phi4:latest", "qwen3:8b", "llama3.2:3b"};
  EXPECT_EQ(ollama_model("qwen3", installed), "qwen3:8b");
  EXPECT_EQ(ollama_model("qwen3:8b", installed), "qwen3:8b");
  EXPECT_EQ(ollama_model("qwen3:4b", installed), "");
  EXPECT_EQ(ollama_model("auto", installed), "llama3.2:3b");
  EXPECT_EQ(ollama_model("auto", {"strange"}), "strange");
  EXPECT_EQ(ollama_model("auto", {}), "");
}

TEST(Degradation, AServerWithoutSchemaSupportIsAskedInWords) {
  Host host(R"([{"status":400,"body":{"error":"json_schema: unsupported grammar"}},{"text":"{\"a\":1}"}])");
  Request request{.answer_schema = Value{{"type", "object"}}, .timeout = std::chrono::seconds{20}};
  request.messages = {{.role = Role::kUser, .content = "u"}};
  const auto reply = host.loop.run_until_complete(host.backend->complete(std::move(request)));
  ASSERT_TRUE(reply.has_value()) << reply.error().error.detail;
  EXPECT_TRUE(host.asked(0).contains("format"));
  EXPECT_FALSE(host.asked(1).contains("format"));
  EXPECT_NE(base::json::dump(host.asked(1)["messages"]).find("JSON Schema"), std::string::npos);
}

}  // namespace
}  // namespace orchestration
