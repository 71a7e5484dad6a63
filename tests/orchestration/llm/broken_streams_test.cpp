// Model streams as servers break them, over real sockets: each ends in a typed failure or in the answer that
// was meant. None hangs, and no call is handed on that was not written to its end.
#include <gtest/gtest.h>

#include <set>

#include "orchestration/llm/chat_completions.h"
#include "orchestration/llm/http_backend.h"
#include "orchestration/llm/ollama.h"
#include "orchestration/llm/responses.h"
#include "tools/model_server/server.h"

namespace orchestration {
namespace {

using base::json::Value;
using model_server::ModelServer;
using std::chrono::milliseconds;

enum class Api { kChat, kResponses, kOllama, kHarmony, kThinking };

/// What has to come of a stream: a fault, or text and calls ("name arguments", joined by "; ").
struct Expected {
  std::optional<ModelFault> fault;
  std::string text;
  std::string calls;
};

struct Case {
  const char* name;
  Api api;
  const char* entry;
  Expected expected;
};

Expected fault(ModelFault fault) { return {.fault = fault, .text = "", .calls = ""}; }
Expected says(std::string text, std::string calls = "") {
  return {.fault = std::nullopt, .text = std::move(text), .calls = std::move(calls)};
}

std::unique_ptr<Dialect> dialect_of(Api api) {
  switch (api) {
    case Api::kChat:
      return std::make_unique<ChatDialect>();
    case Api::kResponses:
      return std::make_unique<ResponsesDialect>();
    case Api::kOllama:
      return std::make_unique<OllamaDialect>();
    case Api::kHarmony:
      return std::make_unique<ChatDialect>(ChatQuirks{.harmony = true});
    case Api::kThinking:
      return std::make_unique<ChatDialect>(ChatQuirks{.think_tags = true});
  }
  return nullptr;
}

std::string calls_in(const Reply& reply) {
  std::string out;
  for (const ToolCall& call : reply.message.calls)
    out += (out.empty() ? "" : "; ") + call.name + " " + call.arguments;
  return out;
}

const std::vector<Case>& cases() {
  using enum ModelFault;
  static const std::vector<Case> kCases = {
      // ---- chat completions
      {"whole", Api::kChat, R"({"text":"hello"})", says("hello")},
      {"one byte per write, CRLF, comments", Api::kChat,
       R"({"text":"hello","write":1,"crlf":true,"comments":true,"fragment":1})", says("hello")},
      {"no stream although asked", Api::kChat, R"({"text":"hello","plain":true})", says("hello")},
      {"reset in mid-text", Api::kChat, R"({"text":"hello","fragment":1,"truncate":"reset"})", fault(kTruncated)},
      {"clean end in mid-text", Api::kChat, R"({"text":"hello","fragment":1,"truncate":"clean"})", fault(kTruncated)},
      {"cut inside an event", Api::kChat, R"({"text":"hello","cut":40})", fault(kTruncated)},
      {"cut before the first byte", Api::kChat, R"({"text":"hello","cut":0})", fault(kTransport)},
      {"hangs before the first byte", Api::kChat, R"({"text":"hello","hang":0})", fault(kTimeout)},
      {"hangs in mid-text", Api::kChat, R"({"text":"hello","fragment":1,"hang":150})", fault(kTimeout)},
      {"empty body", Api::kChat, R"({"raw":""})", fault(kTruncated)},
      {"only keep-alives", Api::kChat, R"({"raw":": ping\n\n: ping\n\n"})", fault(kTruncated)},
      {"only the terminator", Api::kChat, R"({"raw":"data: [DONE]\n\n"})", says("")},
      {"malformed event", Api::kChat, R"({"events":["{\"choices\":[{\"delta\":{\"content\":\"a\"}}","[DONE]"]})",
       fault(kProtocol)},
      {"event of the wrong type", Api::kChat, R"({"events":["[1,2]","[DONE]"]})", fault(kProtocol)},
      {"a key twice in one object", Api::kChat,
       R"({"events":["{\"choices\":[],\"choices\":[]}","[DONE]"]})", fault(kProtocol)},
      {"a page of HTML", Api::kChat, R"({"raw":"<html>bad gateway</html>"})", fault(kTruncated)},
      {"a document that is none", Api::kChat, R"({"raw":"{\"choices\":"})", fault(kProtocol)},
      {"an error in mid-stream", Api::kChat,
       R"({"events":[{"choices":[{"delta":{"content":"a"}}]},{"error":{"message":"overloaded"}}]})", fault(kServer)},
      {"a rate limit in mid-stream", Api::kChat,
       R"({"events":[{"error":{"message":"slow down","code":"rate_limit_exceeded"}}]})", fault(kRateLimited)},
      {"too long, said in mid-stream", Api::kChat,
       R"({"events":[{"error":{"message":"m","code":"context_length_exceeded"}}]})", fault(kContextTooLong)},
      {"finish reason error", Api::kChat,
       R"({"events":[{"choices":[{"delta":{"content":"a"},"finish_reason":"error"}]}]})", fault(kServer)},
      {"no terminator", Api::kChat, R"({"text":"hello","quirks":["no-done"]})", says("hello")},
      {"no finish reason", Api::kChat, R"({"text":"hello","quirks":["no-finish"]})", says("hello")},
      {"finish reason twice, usage null", Api::kChat, R"({"text":"hello","quirks":["finish-twice","null-usage"]})",
       says("hello")},
      {"finish reason of a proxy", Api::kChat, R"({"text":"hello","finish":"end_turn"})", says("hello")},
      {"reasoning apart", Api::kChat, R"({"text":"hello","thinking":"hm"})", says("hello")},
      {"events behind the end", Api::kChat,
       R"({"events":[{"choices":[{"delta":{"content":"a"},"finish_reason":"stop"}]},"[DONE]",{"choices":[]}]})",
       says("a")},
      {"calls in pieces of one byte", Api::kChat,
       R"({"calls":[{"name":"reply","arguments":{"content":"hi"}}],"fragment":1,"write":3})",
       says("", R"(reply {"content":"hi"})")},
      {"two calls interleaved", Api::kChat,
       R"({"calls":[{"name":"a","arguments":{"k":1}},{"name":"b","arguments":{"k":2}}],"fragment":2,"quirks":["interleaved"]})",
       says("", R"(a {"k":1}; b {"k":2})")},
      {"two calls under one index", Api::kChat,
       R"({"calls":[{"name":"a","arguments":{"k":1}},{"name":"b","arguments":{"k":2}}],"fragment":2,"quirks":["same-index"]})",
       says("", R"(a {"k":1}; b {"k":2})")},
      {"calls without index", Api::kChat,
       R"({"calls":[{"name":"a","arguments":{"k":1}},{"name":"b","arguments":{"k":2}}],"fragment":2,"quirks":["no-index"]})",
       says("", R"(a {"k":1}; b {"k":2})")},
      {"calls without index and id", Api::kChat,
       R"({"calls":[{"name":"a","arguments":{"k":1}},{"name":"b","arguments":{"k":2}}],"quirks":["no-index","no-id","whole-calls"]})",
       says("", R"(a {"k":1}; b {"k":2})")},
      {"arguments as objects", Api::kChat,
       R"({"calls":[{"name":"a","arguments":{"k":1}}],"quirks":["object-arguments"]})", says("", R"(a {"k":1})")},
      {"calls with finish stop", Api::kChat, R"({"calls":[{"name":"a","arguments":{}}],"finish":"stop"})",
       says("", "a {}")},
      {"call cut by a reset", Api::kChat,
       R"({"calls":[{"name":"a","arguments":{"k":1}}],"fragment":2,"truncate":"reset"})", fault(kTruncated)},
      {"call cut by the terminator", Api::kChat,
       R"({"events":[{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"x","function":{"name":"a","arguments":"{\"k\":"}}]}}]},"[DONE]"]})",
       fault(kTruncated)},
      {"call without arguments cut by the terminator", Api::kChat,
       R"({"events":[{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"x","function":{"name":"a","arguments":""}}]}}]},"[DONE]"]})",
       fault(kTruncated)},
      {"call cut by the token limit before its arguments", Api::kChat,
       R"({"events":[{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"x","function":{"name":"a","arguments":""}}]},"finish_reason":"length"}]},"[DONE]"]})",
       says("", "a (cut off at the token limit)")},
      {"call stopped by a content filter", Api::kChat,
       R"({"text":"so","calls":[{"name":"a","arguments":{"k":1}}],"finish":"content_filter"})", says("so")},
      {"tool_calls of the wrong type", Api::kChat, R"({"events":[{"choices":[{"delta":{"tool_calls":{"a":1}}}]}]})",
       fault(kProtocol)},
      {"thoughts in the text", Api::kThinking, R"({"text":"<think>hm, no</think>\n\nyes","fragment":3})", says("yes")},
      {"thoughts without an end", Api::kThinking, R"({"text":"<think>hm, n"})", says("")},
      {"channels in the text", Api::kHarmony,
       R"({"text":"<|channel|>analysis<|message|>secret<|end|><|start|>assistant<|channel|>final<|message|>yes<|return|>","fragment":5})",
       says("yes")},
      {"channels in a tool name", Api::kHarmony,
       R"({"calls":[{"name":"functions.reply<|channel|>commentary","arguments":{"k":1}}]})", says("", R"(reply {"k":1})")},
      // ---- responses
      {"responses: whole", Api::kResponses, R"({"text":"hello","fragment":2,"write":5})", says("hello")},
      {"responses: no stream although asked", Api::kResponses, R"({"text":"hello","plain":true})", says("hello")},
      {"responses: only the last event", Api::kResponses, R"({"text":"hello","quirks":["no-deltas"]})", says("hello")},
      {"responses: call in pieces", Api::kResponses,
       R"({"thinking":"hm","calls":[{"name":"reply","arguments":{"content":"hi"}}],"fragment":1})",
       says("", R"(reply {"content":"hi"})")},
      {"responses: reset in mid-text", Api::kResponses, R"({"text":"hello","fragment":1,"truncate":"reset"})",
       fault(kTruncated)},
      {"responses: call cut", Api::kResponses,
       R"({"calls":[{"name":"a","arguments":{"k":1}}],"fragment":2,"truncate":"clean"})", fault(kTruncated)},
      {"responses: items done, last event empty", Api::kResponses,
       R"({"events":[{"type":"response.output_item.added","output_index":0,"item":{"type":"function_call","call_id":"c","name":"a","arguments":""}},{"type":"response.output_item.done","output_index":0,"item":{"type":"function_call","call_id":"c","name":"a","arguments":"{}"}},{"type":"response.completed","response":{"status":"completed","output":[]}}]})",
       says("", "a {}")},
      {"responses: a call never done, last event empty", Api::kResponses,
       R"({"events":[{"type":"response.output_item.added","output_index":0,"item":{"type":"function_call","call_id":"c","name":"a","arguments":""}},{"type":"response.completed","response":{"status":"completed","output":[]}}]})",
       says("")},
      {"responses: failed", Api::kResponses,
       R"({"events":[{"type":"response.failed","response":{"status":"failed","error":{"code":"server_error","message":"m"}}}]})",
       fault(kServer)},
      {"responses: error event", Api::kResponses,
       R"({"events":[{"type":"error","code":"rate_limit_exceeded","message":"m"}]})", fault(kRateLimited)},
      {"responses: no quota", Api::kResponses,
       R"({"events":[{"type":"response.failed","response":{"error":{"code":"insufficient_quota","message":"m"}}}]})",
       fault(kUnauthorised)},
      {"responses: incomplete", Api::kResponses, R"({"text":"hello","finish":"length"})", says("hello")},
      {"responses: hangs", Api::kResponses, R"({"text":"hello","fragment":1,"hang":300})", fault(kTimeout)},
      {"responses: malformed", Api::kResponses, R"({"events":["{","[DONE]"]})", fault(kProtocol)},
      // ---- Ollama
      {"ollama: whole", Api::kOllama, R"({"text":"hello","fragment":2,"write":5,"crlf":true})", says("hello")},
      {"ollama: one document", Api::kOllama, R"({"text":"hello","plain":true})", says("hello")},
      {"ollama: object arguments", Api::kOllama, R"({"calls":[{"name":"a","arguments":{"k":1}}]})",
       says("", R"(a {"k":1})")},
      {"ollama: text arguments", Api::kOllama,
       R"({"calls":[{"name":"a","arguments":{"k":1}}],"quirks":["text-arguments"]})", says("", R"(a {"k":1})")},
      {"ollama: ends without done", Api::kOllama, R"({"text":"hello","fragment":1,"truncate":"clean"})",
       fault(kTruncated)},
      {"ollama: call, then reset", Api::kOllama, R"({"calls":[{"name":"a","arguments":{"k":1}}],"truncate":"reset"})",
       fault(kTruncated)},
      {"ollama: error line", Api::kOllama, R"({"events":[{"error":"model runner has stopped"}]})", fault(kServer)},
      {"ollama: no tools", Api::kOllama,
       R"({"status":400,"body":{"error":"registry.ollama.ai/library/gemma does not support tools"}})",
       fault(kUnsupported)},
      {"ollama: malformed line", Api::kOllama, R"({"raw":"{\"message\":\n"})", fault(kProtocol)},
      {"ollama: hangs", Api::kOllama, R"({"text":"hello","fragment":1,"hang":90})", fault(kTimeout)},
  };
  return kCases;
}

class BrokenStream : public ::testing::Test {
 protected:
  std::expected<Reply, ModelFailure> ask(const Case& one) {
    Value script = {{"turns", Value::array({*base::json::parse(one.entry, {.max_bytes = 1u << 16})})}};
    auto server = *ModelServer::listen(0, std::move(script));
    const bool ollama = one.api == Api::kOllama;
    auto backend = *HttpBackend::create(http_, clock_, dialect_of(one.api),
                                        {.id = "broken",
                                         .base_url = ollama ? server->root_url() : server->base_url(),
                                         .wire = {.model = "scripted"},
                                         .family = ollama ? ServerFamily::kOllama : ServerFamily::kOpenAi,
                                         .first_token_timeout = milliseconds{120},
                                         .idle_timeout = milliseconds{120}});
    Request request{.timeout = std::chrono::seconds{20}};
    request.messages = {{.role = Role::kUser, .content = "hi"}};
    return loop_.run_until_complete(backend->complete(std::move(request)));
  }

  base::Loop loop_;
  base::SystemClock clock_;
  nostr::HttpClient http_{loop_};
};

TEST_F(BrokenStream, EndsInATypedFaultOrInTheAnswerThatWasMeant) {
  for (const Case& one : cases()) {
    const auto reply = ask(one);
    if (one.expected.fault) {
      ASSERT_FALSE(reply.has_value()) << one.name << ": " << reply->message.content << calls_in(*reply);
      EXPECT_EQ(reply.error().fault, *one.expected.fault)
          << one.name << ": " << model_fault_name(reply.error().fault) << " " << reply.error().error.detail;
      continue;
    }
    ASSERT_TRUE(reply.has_value()) << one.name << ": " << reply.error().error.detail;
    EXPECT_EQ(reply->message.content, one.expected.text) << one.name;
    EXPECT_EQ(calls_in(*reply), one.expected.calls) << one.name;
    EXPECT_GT(reply->usage.prompt_tokens, 0u) << one.name << ": nothing is free by silence";
  }
}

// The corpus holds what it promises: no stream twice, and not counting the plain ones that prove the others.
TEST_F(BrokenStream, ThereAreAtLeastFiftyDifferentOnes) {
  std::set<std::string> names, streams;
  std::size_t plain = 0;
  for (const Case& one : cases()) {
    EXPECT_TRUE(names.insert(one.name).second) << one.name;
    const std::string stream = std::to_string(static_cast<int>(one.api)) + base::json::dump(*base::json::parse(one.entry, {.max_bytes = 1u << 16}));
    EXPECT_TRUE(streams.insert(stream).second) << one.name;
    plain += std::string_view(one.name).ends_with("whole") ? 1 : 0;
  }
  EXPECT_EQ(plain, 3u);
  EXPECT_GE(streams.size() - plain, 50u);
}

TEST_F(BrokenStream, WhatWasSentAndNotAnsweredIsOfUnknownCost) {
  const auto cost_of_case = [&](const char* entry) { return ask({"", Api::kChat, entry, {}}).error().cost_unknown; };
  EXPECT_TRUE(cost_of_case(R"({"text":"hello","hang":0})"));
  EXPECT_TRUE(cost_of_case(R"({"text":"hello","cut":0})"));
  EXPECT_TRUE(cost_of_case(R"({"events":["{"]})"));
  EXPECT_FALSE(cost_of_case(R"({"status":429})"));
  // The usage came before the break: then it is known.
  EXPECT_FALSE(cost_of_case(
      R"({"events":[{"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":2}}],"truncate":"reset"})"));
}

TEST_F(BrokenStream, SplitAtEveryByteTheAnswerIsTheSame) {
  // Two, three and four byte characters, CRLF and comments, cut at every place a TCP read can cut.
  const std::string stream =
      ": ping\r\n\r\ndata: {\"choices\":[{\"delta\":{\"content\":\"gr\xc3\xbc\xc3\x9f\x65 \xe2\x82\xac \xf0\x9f\xa4\x99\"}}]}"
      "\r\n\r\ndata: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\r\n\r\ndata: [DONE]\r\n\r\n";
  for (std::size_t at = 0; at <= stream.size(); ++at) {
    const Value entry = {{"raw", stream}, {"write", std::max<std::size_t>(at, 1)}};
    if (at > 3 && at % 37 != 0) continue;  // sockets for a few; every split in sse_test
    const std::string text = base::json::dump(entry);
    const auto reply = ask({"", Api::kChat, text.c_str(), {}});
    ASSERT_TRUE(reply.has_value()) << at;
    EXPECT_EQ(reply->message.content, "gr\xc3\xbc\xc3\x9f\x65 \xe2\x82\xac \xf0\x9f\xa4\x99") << at;
  }
}

}  // namespace
}  // namespace orchestration
