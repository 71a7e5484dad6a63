// Nothing here trusts a type, a range or an order.
#include "orchestration/llm/reply_parts.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

namespace orchestration {

using base::json::Value;

namespace {

constexpr std::uint64_t kMostTokens = 1'000'000'000;
/// No text but runs of blanks packs so many bytes into one token; prose is at four or five.
constexpr std::size_t kMostBytesPerToken = 16;
constexpr std::size_t kTooShortToJudge = 4'096;
constexpr const char* kCutArguments = "(cut off at the token limit)";

void repair_ids(std::vector<ToolCall>& calls) {
  std::set<std::string> seen;
  for (std::size_t i = 0; i < calls.size(); ++i) {
    if (calls[i].id.empty() || !seen.insert(calls[i].id).second) {
      calls[i].id = fmt::format("call_{}", i);
      while (!seen.insert(calls[i].id).second) calls[i].id += "_";
    }
  }
}

Usage completed_usage(const std::optional<Usage>& said, std::size_t prompt_size, std::size_t written) {
  Usage usage = said.value_or(Usage{});
  if (usage.prompt_tokens == 0) {
    usage.prompt_tokens = estimate_tokens(prompt_size);
    usage.estimated = true;
  }
  if (usage.completion_tokens == 0 && written > 0) {
    usage.completion_tokens = estimate_tokens(written);
    usage.estimated = true;
  }
  return usage;
}

}  // namespace

base::Result<Value> parse_wire(std::string_view text) {
  return base::json::parse(text, {.max_bytes = kMaxReplyBytes, .max_depth = 32});
}

const Value* member(const Value& object, const char* key) {
  if (!object.is_object()) return nullptr;
  const auto found = object.find(key);
  return found == object.end() || found->is_null() ? nullptr : &*found;
}

std::string text_of(const Value* value) {
  return value && value->is_string() ? value->get<std::string>() : "";
}

std::uint64_t count_of(const Value* value) {
  if (!value || !value->is_number_integer()) return 0;
  if (value->is_number_unsigned()) return std::min(value->get<std::uint64_t>(), kMostTokens);
  return std::min(static_cast<std::uint64_t>(std::max<std::int64_t>(value->get<std::int64_t>(), 0)), kMostTokens);
}

std::string arguments_of(const Value* value) {
  if (!value) return "";
  return value->is_string() ? value->get<std::string>() : base::json::dump(*value);
}

std::size_t message_bytes(const Message& message) {
  std::size_t bytes = message.content.size() + 16;
  for (const ToolCall& call : message.calls) bytes += call.name.size() + call.arguments.size() + 16;
  return bytes;
}

std::size_t prompt_bytes(const Request& request) {
  std::size_t bytes = 0;
  for (const Message& message : request.messages) bytes += message_bytes(message);
  for (const ToolSpec& tool : request.tools)
    bytes += tool.name.size() + tool.description.size() + base::json::dump(tool.parameters).size();
  return bytes;
}

Value tool_json(const ToolSpec& tool) {
  return {{"type", "function"},
          {"function",
           {{"name", tool.name}, {"description", tool.description}, {"parameters", tool.parameters}}}};
}

std::string schema_in_words(const Value& schema) {
  return "Answer with one JSON value and nothing else. It has to fit this JSON Schema:\n" +
         base::json::dump(schema);
}

Reply finished_reply(ReplyParts parts, std::size_t prompt_size) {
  std::size_t written = parts.text.size();
  for (const ToolCall& call : parts.calls) written += call.name.size() + call.arguments.size();
  Reply reply;
  reply.usage = completed_usage(parts.usage, prompt_size, written);
  reply.finish = parts.finish.value_or(Finish::kStop);
  if (reply.finish == Finish::kContentFilter) parts.calls.clear();
  if (reply.finish == Finish::kLength && !parts.calls.empty() && parts.calls.back().arguments.empty())
    parts.calls.back().arguments = kCutArguments;
  if (!parts.calls.empty() && reply.finish == Finish::kStop) reply.finish = Finish::kToolCalls;
  repair_ids(parts.calls);
  reply.message = {
      .role = Role::kAssistant, .content = std::move(parts.text), .calls = std::move(parts.calls)};
  reply.request_id = std::move(parts.id);
  return reply;
}

bool prompt_was_cut(const Usage& usage, std::size_t prompt_size, std::uint64_t context_tokens) {
  if (usage.estimated || prompt_size < kTooShortToJudge) return false;
  if (context_tokens > 0 && usage.prompt_tokens >= context_tokens) return true;
  return usage.prompt_tokens < prompt_size / kMostBytesPerToken;
}

}  // namespace orchestration
