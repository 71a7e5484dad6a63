// The dialects of chat completions, and what an error answer means.
#include "orchestration/llm/chat_completions.h"

#include "orchestration/llm/http_faults.h"

#include <gtest/gtest.h>

namespace orchestration {
namespace {

using base::json::Value;
using std::chrono::milliseconds;

TEST(ChatBody, CarriesRolesToolsAndResults) {
  Request request{.max_output_tokens = 77};
  request.messages = {{.role = Role::kSystem, .content = "s"},
                      {.role = Role::kUser, .content = "u"},
                      {.role = Role::kAssistant, .calls = {{"c1", "reply", "{\"content\":\"x\"}"}}},
                      {.role = Role::kTool, .content = "done", .call_id = "c1"}};
  request.tools = {{"reply", "Answer.", {{"type", "object"}}}};
  const Value body = *base::json::parse(ChatDialect().body(request, {.model = "m"}));
  EXPECT_EQ(body["model"], "m");
  EXPECT_EQ(body["max_tokens"], 77);
  EXPECT_EQ(body["stream"], true);
  EXPECT_EQ(body["stream_options"]["include_usage"], true);
  EXPECT_TRUE(body["messages"][2]["content"].is_null());
  EXPECT_EQ(body["messages"][2]["tool_calls"][0]["function"]["arguments"], "{\"content\":\"x\"}");
  EXPECT_EQ(body["messages"][3]["tool_call_id"], "c1");
  EXPECT_EQ(body["tools"][0]["function"]["name"], "reply");
  EXPECT_EQ((*base::json::parse(ChatDialect().body(request, {.model = "m", .max_completion_tokens = true})))["max_completion_tokens"],
            77);
}

Reply assemble(std::initializer_list<const char*> chunks) {
  ChatAssembler assembler;
  for (const char* chunk : chunks) EXPECT_TRUE(assembler.add(chunk).has_value()) << chunk;
  EXPECT_TRUE(assembler.finished());
  return assembler.take(400);
}

TEST(ChatStream, JoinsTextAndReportsUsage) {
  const Reply reply = assemble(
      {R"({"id":"r1","choices":[{"delta":{"role":"assistant","content":null}}],"usage":null})",
       R"({"choices":[{"delta":{"content":"Hel"}}]})",
       R"({"choices":[{"delta":{"content":"lo"}}]})",
       R"({"choices":[{"delta":{},"finish_reason":"stop"}]})",
       R"({"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":2,"prompt_tokens_details":{"cached_tokens":4}}})",
       "[DONE]"});
  EXPECT_EQ(reply.message.content, "Hello");
  EXPECT_EQ(reply.usage, (Usage{.prompt_tokens = 9, .cached_tokens = 4, .completion_tokens = 2}));
  EXPECT_EQ(reply.request_id, "r1");
}

TEST(ChatStream, EstimatesUsageNobodyReports) {
  const Reply reply =
      assemble({R"({"choices":[{"delta":{"content":"12345678"},"finish_reason":"stop"}]})"});
  EXPECT_EQ(reply.usage, (Usage{.prompt_tokens = 100, .completion_tokens = 2, .estimated = true}));
}

struct Dialect {
  const char* name;
  std::vector<const char*> deltas;  ///< values of tool_calls
  std::vector<ToolCall> expected;
};

TEST(ChatStream, JoinsToolCallsInEveryDialect) {
  const std::vector<Dialect> dialects = {
      {"as specified",
       {R"([{"index":0,"id":"a","function":{"name":"x","arguments":""}}])",
        R"([{"index":0,"function":{"arguments":"{\"k\":"}}])",
        R"([{"index":1,"id":"b","function":{"name":"y","arguments":"{}"}}])",
        R"([{"index":0,"function":{"arguments":"1}"}}])"},
       {{"a", "x", "{\"k\":1}"}, {"b", "y", "{}"}}},
      {"no index, by order",
       {R"([{"id":"a","function":{"name":"x","arguments":"{\"k\""}}])",
        R"([{"function":{"arguments":":1}"}}])"},
       {{"a", "x", "{\"k\":1}"}}},
      {"no index, by id",
       {R"([{"id":"a","function":{"name":"x","arguments":"{"}}])",
        R"([{"id":"b","function":{"name":"y","arguments":"{}"}}])",
        R"([{"id":"a","function":{"arguments":"}"}}])"},
       {{"a", "x", "{}"}, {"b", "y", "{}"}}},
      {"every index is 0",
       {R"([{"index":0,"id":"a","function":{"name":"x","arguments":"{}"}}])",
        R"([{"index":0,"id":"b","function":{"name":"y","arguments":"{}"}}])"},
       {{"a", "x", "{}"}, {"b", "y", "{}"}}},
      {"arguments are an object, no id",
       {R"([{"index":0,"function":{"name":"x","arguments":{"k":1}}}])"},
       {{"call_0", "x", "{\"k\":1}"}}},
      {"the same id twice",
       {R"([{"index":0,"id":"a","function":{"name":"x","arguments":"{}"}}])",
        R"([{"index":1,"id":"a","function":{"name":"y","arguments":"{}"}}])"},
       {{"a", "x", "{}"}, {"call_1", "y", "{}"}}},
  };
  for (const Dialect& dialect : dialects) {
    ChatAssembler assembler;
    for (const char* delta : dialect.deltas)
      ASSERT_TRUE(
          assembler.add(std::string(R"({"choices":[{"delta":{"tool_calls":)") + delta + "}}]}")
              .has_value());
    // Tool calls with finish "stop" are tool calls all the same.
    ASSERT_TRUE(assembler.add(R"({"choices":[{"delta":{},"finish_reason":"stop"}]})").has_value());
    const Reply reply = assembler.take(0);
    EXPECT_EQ(reply.message.calls, dialect.expected) << dialect.name;
    EXPECT_EQ(reply.finish, Finish::kToolCalls) << dialect.name;
  }
}

TEST(ChatStream, IsNotFinishedWithoutAReason) {
  ChatAssembler assembler;
  ASSERT_TRUE(assembler.add(R"({"choices":[{"delta":{"content":"half"}}]})").has_value());
  EXPECT_FALSE(assembler.finished());
}

TEST(ChatStream, RefusesWhatIsNoChunk) {
  for (const char* bad : {"[]", "{", "7", R"({"error":{"message":"overloaded"}})",
                          R"({"choices":[{"delta":{"tool_calls":"x"}}]})",
                          R"({"choices":[{"delta":{"tool_calls":[1]}}]})"})
    EXPECT_FALSE(ChatAssembler{}.add(bad).has_value()) << bad;
}

TEST(ChatReply, ReadsAWholeAnswer) {
  const auto reply = ChatDialect().whole(
      R"({"id":"r","choices":[{"message":{"content":null,"tool_calls":[{"id":"a","function":{"name":"x","arguments":"{}"}}]},"finish_reason":"tool_calls"}],"usage":{"prompt_tokens":1,"completion_tokens":2}})",
      0);
  ASSERT_TRUE(reply.has_value());
  EXPECT_EQ(reply->message.calls, (std::vector<ToolCall>{{"a", "x", "{}"}}));
  EXPECT_FALSE(ChatDialect().whole("{}", 0).has_value());
}

TEST(HttpFailure, IsClassified) {
  struct Row {
    int status;
    std::vector<std::pair<std::string, std::string>> headers;
    const char* body;
    ModelFault fault;
    std::optional<milliseconds> after;
  };
  const auto now = base::unix_time(1'700'000'000);  // Tue, 14 Nov 2023 22:13:20 GMT
  for (const Row& row : {
           Row{429, {{"retry-after", "3"}}, "", ModelFault::kRateLimited, milliseconds{3000}},
           Row{429,
               {{"retry-after-ms", "250"}, {"retry-after", "9"}},
               "",
               ModelFault::kRateLimited,
               milliseconds{250}},
           Row{429,
               {{"retry-after", "Tue, 14 Nov 2023 22:13:50 GMT"}},
               "",
               ModelFault::kRateLimited,
               milliseconds{30'000}},
           Row{429,
               {{"retry-after", "Tue, 14 Nov 2023 22:00:00 GMT"}},
               "",
               ModelFault::kRateLimited,
               milliseconds{0}},
           Row{429, {{"retry-after", "soon"}}, "", ModelFault::kRateLimited, std::nullopt},
           Row{429,
               {},
               R"({"error":{"code":"insufficient_quota","message":"pay"}})",
               ModelFault::kUnauthorised,
               std::nullopt},
           Row{503, {{"retry-after", "1"}}, "", ModelFault::kRateLimited, milliseconds{1000}},
           Row{503, {}, "", ModelFault::kServer, std::nullopt},
           Row{500, {}, "<html>", ModelFault::kServer, std::nullopt},
           Row{408, {}, "", ModelFault::kServer, std::nullopt},
           Row{400,
               {},
               R"({"error":{"code":"context_length_exceeded","message":"m"}})",
               ModelFault::kContextTooLong,
               std::nullopt},
           Row{400,
               {},
               R"({"error":"the request exceeds the available context size"})",
               ModelFault::kContextTooLong,
               std::nullopt},
           Row{400,
               {},
               R"({"error":{"message":"bad temperature"}})",
               ModelFault::kRefused,
               std::nullopt},
           Row{401, {}, "", ModelFault::kUnauthorised, std::nullopt},
           Row{404, {}, "", ModelFault::kUnauthorised, std::nullopt},
           Row{500, {}, R"({"error":{"message":"tools param requires --jinja flag"}})", ModelFault::kUnsupported, std::nullopt},
           Row{501, {}, "", ModelFault::kUnsupported, std::nullopt},
       }) {
    const ModelFailure failure = classify_http_failure(row.status, row.headers, row.body, now);
    EXPECT_EQ(failure.fault, row.fault) << row.status << row.body;
    EXPECT_EQ(failure.retry_after, row.after) << row.status;
  }
}

TEST(HttpFailure, QuotesAtMost500BytesWithoutControlCharacters) {
  const ModelFailure failure =
      classify_http_failure(500, {}, "\x1b[31m" + std::string(5000, 'x'), {});
  EXPECT_LT(failure.error.detail.size(), 700u);
  EXPECT_EQ(failure.error.detail.find('\x1b'), std::string::npos);
}

}  // namespace
}  // namespace orchestration
