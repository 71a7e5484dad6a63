// An external agent behind an HTTP server of its own: what its answers mean, and the real one where there is one.
#include "orchestration/llm/opencode.h"

#include <filesystem>

#include <gtest/gtest.h>

#include "tests/orchestration/support/temp_dir.h"
#include "tools/model_server/server.h"

namespace orchestration {
namespace {

using base::json::Value;
using testing::TempDir;

Value answer(Value info, Value parts = Value::array()) {
  info["role"] = "assistant";
  return Value::array({Value{{"info", {{"role", "user"}}}, {"parts", Value::array()}}, Value{{"info", std::move(info)}, {"parts", std::move(parts)}}});
}

Value text_part(const char* text) {
  return {{"type", "text"}, {"text", text}};
}

ModelFault fault_of(const Value& messages, const Value& status = Value::object()) {
  const OpenCodeState state = read_opencode_state(messages, status, "ses_1", 10);
  const auto* failure = std::get_if<ModelFailure>(&state);
  EXPECT_NE(failure, nullptr) << "no failure";
  return failure != nullptr ? failure->fault : ModelFault::kTransport;
}

TEST(OpenCode, ACompleteAnswerIsAReplyWithWhatItCounted) {
  const Value messages = answer({{"id", "msg_1"},
                                 {"finish", "stop"},
                                 {"time", {{"created", 1}, {"completed", 2}}},
                                 {"tokens", {{"input", 12}, {"output", 5}, {"reasoning", 1}, {"cache", {{"read", 3}, {"write", 0}}}}}},
                                Value::array({Value{{"type", "step-start"}}, text_part("Hello "), text_part("you.")}));
  const OpenCodeState state = read_opencode_state(messages, Value::object(), "ses_1", 10);
  ASSERT_TRUE(std::holds_alternative<Reply>(state));
  const Reply& reply = std::get<Reply>(state);
  EXPECT_EQ(reply.message.content, "Hello you.");
  EXPECT_EQ(reply.finish, Finish::kStop);
  EXPECT_EQ(reply.usage, (Usage{.prompt_tokens = 15, .cached_tokens = 3, .completion_tokens = 6}));
}

TEST(OpenCode, WhatIsNotOverSaysWhatItHasSoFar) {
  const auto so_far = [](const Value& messages) {
    const OpenCodeState state = read_opencode_state(messages, Value::object(), "ses_1", 10);
    return std::holds_alternative<OpenCodeRunning>(state) ? std::get<OpenCodeRunning>(state).text : "over";
  };
  EXPECT_EQ(so_far(Value::array()), "");
  EXPECT_EQ(so_far(answer({{"time", {{"created", 1}}}}, Value::array({text_part("Hel")}))), "Hel");
  EXPECT_EQ(so_far(answer({{"finish", "tool-calls"}, {"time", {{"completed", 2}}}})), "") << "a step is not the answer";
}

TEST(OpenCode, TroubleIsTypedAndNotWaitedOut) {
  const auto error = [](int status, const char* body) {
    return answer({{"error", {{"name", "APIError"}, {"data", {{"message", "x"}, {"statusCode", status}, {"responseBody", body}}}}}});
  };
  EXPECT_EQ(fault_of(error(401, "")), ModelFault::kUnauthorised);
  EXPECT_EQ(fault_of(error(429, "")), ModelFault::kRateLimited);
  EXPECT_EQ(fault_of(error(500, "")), ModelFault::kServer);
  EXPECT_EQ(fault_of(Value::array(), {{"ses_1", {{"type", "retry"}, {"message", "Unable to connect"}}}}), ModelFault::kTransport)
      << "it would try for ever; others may answer meanwhile";
}

TEST(OpenCode, ForeignBytesOfAnyShapeAreStillRunningAtMost) {
  for (const char* text : {"null", "3", "[]", "[3]", "[{}]", "[{\"info\":3}]", "[{\"info\":{\"role\":\"assistant\"},\"parts\":3}]",
                           "[{\"info\":{\"role\":\"assistant\",\"time\":[]},\"parts\":[{\"type\":\"text\",\"text\":{}}]}]"}) {
    const OpenCodeState state = read_opencode_state(*base::json::parse(text), *base::json::parse("[]"), "ses_1", 10);
    EXPECT_TRUE(std::holds_alternative<OpenCodeRunning>(state)) << text;
  }
}

struct Place {
  std::unique_ptr<OpenCodeBackend> backend(const std::string& program, const std::string& url) {
    return *OpenCodeBackend::create(loop, http, rng, {.id = "o", .program = program, .model = "scripted", .base_url = url, .folder = dir.path("home")});
  }
  std::expected<Reply, ModelFailure> ask(Backend& backend, std::chrono::seconds timeout = std::chrono::seconds{90}) {
    Request request{.timeout = timeout};
    request.messages = {{.role = Role::kUser, .content = "Say hello."}};
    request.on_text = [this](std::string_view text) { told += text; };
    return loop.run_until_complete(backend.complete(std::move(request)));
  }

  TempDir dir;
  base::Loop loop;
  base::SystemRng rng;
  nostr::HttpClient http{loop};
  std::string told;
};

TEST(OpenCode, AProgramThatDoesNotListenIsAFaultAndNotAWait) {
  Place place;
  EXPECT_EQ(place.ask(*place.backend("/bin/false", "http://127.0.0.1:9/v1")).error().fault, ModelFault::kTransport);
  EXPECT_EQ(place.ask(*place.backend(place.dir.path("gone"), "http://127.0.0.1:9/v1")).error().fault, ModelFault::kTransport);
}

/// The real program, where the environment names it: see tests/interop/external_agent.sh.
class RealOpenCode : public ::testing::Test {
 protected:
  void SetUp() override {
    program_ = std::getenv("SOVEREIGN_TEST_OPENCODE");
    if (!program_) GTEST_SKIP() << "SOVEREIGN_TEST_OPENCODE names no opencode";
  }
  const char* program_ = nullptr;
  Place place_;
};

TEST_F(RealOpenCode, AnswersThroughTheModelServer) {
  auto server = *model_server::ModelServer::listen(
      0, Value{{"otherwise", {{"text", "Hello from opencode."}, {"fragment", 4}, {"usage", {{"prompt_tokens", 12}, {"completion_tokens", 5}}}}}});
  const auto backend = place_.backend(program_, server->base_url());
  const auto probed = place_.loop.run_until_complete(backend->probe());
  ASSERT_TRUE(probed.has_value()) << probed.error().detail;
  const auto reply = place_.ask(*backend);
  ASSERT_TRUE(reply.has_value()) << reply.error().error.detail;
  EXPECT_EQ(reply->message.content, "Hello from opencode.");
  EXPECT_EQ(place_.told, "Hello from opencode.");
  EXPECT_EQ(reply->usage, (Usage{.prompt_tokens = 12, .completion_tokens = 5}));
  ASSERT_FALSE(server->seen().empty());
  EXPECT_EQ(server->seen().front().path, "/v1/chat/completions");
  const auto body = base::json::parse(server->seen().front().body, {.max_bytes = 1u << 20, .max_depth = 64});
  ASSERT_TRUE(body.has_value());
  EXPECT_FALSE(body->contains("tools")) << "none of its own tools is offered to the model";
}

TEST_F(RealOpenCode, TellsWhatTheServerOfItsModelSaid) {
  auto server = *model_server::ModelServer::listen(0, Value{{"otherwise", {{"status", 401}, {"body", {{"error", {{"message", "bad key"}}}}}}}});
  EXPECT_EQ(place_.ask(*place_.backend(program_, server->base_url())).error().fault, ModelFault::kUnauthorised);
  EXPECT_EQ(place_.ask(*place_.backend(program_, "http://127.0.0.1:9/v1")).error().fault, ModelFault::kTransport) << "nobody is there";
}

}  // namespace
}  // namespace orchestration
