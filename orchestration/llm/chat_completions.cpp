// Requests as OpenAI-compatible servers read them, and their many dialects of an answer.
#include "orchestration/llm/chat_completions.h"

#include <algorithm>
#include <charconv>
#include <ctime>
#include <set>

#include <fmt/format.h>

#include "nostr/base/log.h"
#include "orchestration/envelope.h"

namespace orchestration {
namespace {

using base::Errc;
using base::json::Value;
using std::chrono::milliseconds;
using Headers = std::vector<std::pair<std::string, std::string>>;

constexpr std::size_t kMaxReplyBytes = 4u << 20;
constexpr std::size_t kMaxCalls = 64;
constexpr std::size_t kMaxQuoted = 500;

Value call_json(const ToolCall& call) {
  return {{"id", call.id},
          {"type", "function"},
          {"function", {{"name", call.name}, {"arguments", call.arguments}}}};
}

Value message_json(const Message& message) {
  Value out = {{"role", role_name(message.role)}, {"content", message.content}};
  if (message.role == Role::kTool) out["tool_call_id"] = message.call_id;
  if (!message.calls.empty()) {
    if (message.content.empty()) out["content"] = nullptr;
    Value calls = Value::array();
    for (const ToolCall& call : message.calls) calls.push_back(call_json(call));
    out["tool_calls"] = std::move(calls);
  }
  return out;
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
  return static_cast<std::uint64_t>(
      std::clamp<std::int64_t>(value->get<std::int64_t>(), 0, 1'000'000'000));
}

std::optional<Usage> usage_of(const Value& answer) {
  const Value* usage = member(answer, "usage");
  if (!usage || !usage->is_object()) return std::nullopt;
  if (!member(*usage, "prompt_tokens") && !member(*usage, "completion_tokens")) return std::nullopt;
  Usage out{.prompt_tokens = count_of(member(*usage, "prompt_tokens")),
            .completion_tokens = count_of(member(*usage, "completion_tokens"))};
  if (const Value* details = member(*usage, "prompt_tokens_details"))
    out.cached_tokens = std::min(count_of(member(*details, "cached_tokens")), out.prompt_tokens);
  return out;
}

std::optional<Finish> finish_of(const std::string& reason) {
  if (reason.empty()) return std::nullopt;
  if (reason == "length" || reason == "max_tokens") return Finish::kLength;
  if (reason == "tool_calls" || reason == "function_call" || reason == "tool_use")
    return Finish::kToolCalls;
  if (reason == "content_filter") return Finish::kContentFilter;
  return Finish::kStop;  // "stop", and what proxies make of it ("end_turn", "eos")
}

/// Arguments are JSON in a string; some servers send the object itself.
std::string arguments_of(const Value* value) {
  if (!value) return "";
  return value->is_string() ? value->get<std::string>() : base::json::dump(*value);
}

void repair_ids(std::vector<ToolCall>& calls) {
  std::set<std::string> seen;
  for (std::size_t i = 0; i < calls.size(); ++i) {
    if (calls[i].id.empty() || !seen.insert(calls[i].id).second) {
      calls[i].id = fmt::format("call_{}", i);
      while (!seen.insert(calls[i].id).second) calls[i].id += "_";
    }
  }
}

Reply finished_reply(std::string text, std::vector<ToolCall> calls, std::optional<Finish> finish,
                     std::optional<Usage> usage, std::string id, std::size_t prompt_size) {
  std::size_t written = text.size();
  for (const ToolCall& call : calls) written += call.name.size() + call.arguments.size();
  repair_ids(calls);
  Reply reply;
  reply.finish = finish.value_or(Finish::kStop);
  if (!calls.empty() && reply.finish == Finish::kStop) reply.finish = Finish::kToolCalls;
  reply.message = {.role = Role::kAssistant, .content = std::move(text), .calls = std::move(calls)};
  reply.usage = usage.value_or(Usage{.prompt_tokens = estimate_tokens(prompt_size),
                                     .completion_tokens = estimate_tokens(written),
                                     .estimated = true});
  reply.request_id = std::move(id);
  return reply;
}

std::string header(const Headers& headers, std::string_view name) {
  for (const auto& [key, value] : headers)
    if (key == name) return value;
  return "";
}

std::optional<std::int64_t> whole_number(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || value < 0) return std::nullopt;
  // "1.5" is allowed by some; the fraction is rounded up by adding a unit.
  if (end != text.data() + text.size())
    return *end == '.' ? std::optional(value + 1) : std::nullopt;
  return value;
}

/// The server's own words, quoted so that they can neither forge a log line nor flood it.
std::string quoted_reason(std::string_view body, std::string* code, std::string* type) {
  std::string message(cut_utf8(body, kMaxQuoted));
  if (auto parsed = base::json::parse(body, {.max_bytes = 1u << 20, .max_depth = 32})) {
    const Value* error = member(*parsed, "error");
    if (error && error->is_string()) message = error->get<std::string>();
    if (error && error->is_object()) {
      *code = text_of(member(*error, "code"));
      *type = text_of(member(*error, "type"));
      if (const std::string said = text_of(member(*error, "message")); !said.empty())
        message = said;
    }
  }
  return base::escape_for_terminal(cut_utf8(message, kMaxQuoted));
}

bool speaks_of_context(std::string_view code, std::string_view text) {
  if (code == "context_length_exceeded") return true;
  for (const std::string_view sign :
       {"context length", "context_length", "context window", "maximum context",
        "exceeds the available context", "prompt is too long"})
    if (text.find(sign) != text.npos) return true;
  return false;
}

ModelFault fault_of_status(int status, bool has_retry_after) {
  if (status == 429 || (status == 503 && has_retry_after)) return ModelFault::kRateLimited;
  if (status == 408 || status == 409 || status >= 500) return ModelFault::kServer;
  return ModelFault::kRefused;
}

std::string hint_of_status(int status) {
  if (status == 401 || status == 403) return "check the backend's api_key_file or api_key_env";
  if (status == 402) return "the account behind the API key has no credit";
  if (status == 404) return "check the backend's base_url and model";
  return "";
}

}  // namespace

std::string chat_request_body(const Request& request, std::string_view model,
                              bool use_max_completion_tokens) {
  Value messages = Value::array();
  for (const Message& message : request.messages) messages.push_back(message_json(message));
  Value body = {{"model", model},
                {"messages", std::move(messages)},
                {"stream", true},
                {"stream_options", {{"include_usage", true}}}};
  body[use_max_completion_tokens ? "max_completion_tokens" : "max_tokens"] =
      request.max_output_tokens;
  if (!request.tools.empty()) {
    Value tools = Value::array();
    for (const ToolSpec& tool : request.tools)
      tools.push_back({{"type", "function"},
                       {"function",
                        {{"name", tool.name},
                         {"description", tool.description},
                         {"parameters", tool.parameters}}}});
    body["tools"] = std::move(tools);
  }
  return base::json::dump(body);
}

std::size_t prompt_bytes(const Request& request) {
  std::size_t bytes = 0;
  for (const Message& message : request.messages) {
    bytes += message.content.size() + 16;
    for (const ToolCall& call : message.calls)
      bytes += call.name.size() + call.arguments.size() + 16;
  }
  for (const ToolSpec& tool : request.tools)
    bytes += tool.name.size() + tool.description.size() + base::json::dump(tool.parameters).size();
  return bytes;
}

base::Result<std::string> ChatAssembler::add(std::string_view data) {
  if (data == "[DONE]") {
    done_ = true;
    return std::string{};
  }
  bytes_ += data.size();
  if (bytes_ > 4 * kMaxReplyBytes)
    return base::fail(Errc::kLimit, "the model's answer is over 16 MiB");
  TRY(const Value chunk, base::json::parse(data, {.max_bytes = kMaxReplyBytes, .max_depth = 32}));
  if (!chunk.is_object()) return base::fail(Errc::kPeer, "a stream event is no object");
  if (member(chunk, "error")) {
    std::string code, type;
    return base::fail(Errc::kPeer, "the server reports: " + quoted_reason(data, &code, &type));
  }
  if (id_.empty()) id_ = text_of(member(chunk, "id"));
  if (auto usage = usage_of(chunk)) usage_ = usage;
  const Value* choices = member(chunk, "choices");
  if (!choices || !choices->is_array() || choices->empty()) return std::string{};
  const Value& choice = choices->front();
  if (auto finish = finish_of(text_of(member(choice, "finish_reason")))) finish_ = finish;
  const Value* delta = member(choice, "delta");
  if (!delta) return std::string{};
  std::string text = text_of(member(*delta, "content"));
  text_ += text;
  if (const Value* calls = member(*delta, "tool_calls")) TRY(add_calls(*calls));
  return text;
}

base::Result<void> ChatAssembler::add_calls(const Value& deltas) {
  if (!deltas.is_array()) return base::fail(Errc::kPeer, "tool_calls is no list");
  for (const Value& delta : deltas) {
    if (!delta.is_object()) return base::fail(Errc::kPeer, "a tool call is no object");
    if (calls_.size() >= kMaxCalls)
      return base::fail(Errc::kLimit, "the model asks for more than 64 tools at once");
    ToolCall& call = call_for(delta);
    if (call.id.empty()) call.id = text_of(member(delta, "id"));
    const Value* function = member(delta, "function");
    if (!function) continue;
    if (call.name.empty()) call.name = text_of(member(*function, "name"));
    call.arguments += arguments_of(member(*function, "arguments"));
  }
  return {};
}

ToolCall& ChatAssembler::call_for(const Value& delta) {
  const Value* index_value = member(delta, "index");
  std::optional<std::int64_t> index;
  if (index_value && index_value->is_number_integer()) index = index_value->get<std::int64_t>();
  const std::string id = text_of(member(delta, "id"));
  for (auto& [known, call] : calls_) {
    if (index ? known == index : !id.empty() && call.id == id) {
      // Some servers number every call 0: another id under a known index is another call.
      if (index && !id.empty() && !call.id.empty() && call.id != id) continue;
      return call;
    }
  }
  const bool continues = !index && id.empty() && !calls_.empty();
  const Value* function = member(delta, "function");
  if (continues && text_of(function ? member(*function, "name") : nullptr).empty())
    return calls_.back().second;
  calls_.emplace_back(index, ToolCall{});
  return calls_.back().second;
}

Reply ChatAssembler::take(std::size_t prompt_size) {
  std::vector<ToolCall> calls;
  for (auto& [index, call] : calls_) calls.push_back(std::move(call));
  return finished_reply(std::move(text_), std::move(calls), finish_, usage_, std::move(id_),
                        prompt_size);
}

base::Result<Reply> parse_chat_reply(std::string_view body, std::size_t prompt_size) {
  TRY(const Value answer, base::json::parse(body, {.max_bytes = kMaxReplyBytes, .max_depth = 32}));
  const Value* choices = member(answer, "choices");
  if (!choices || !choices->is_array() || choices->empty())
    return base::fail(Errc::kPeer, "the answer holds no choices");
  const Value& choice = choices->front();
  const Value* message = member(choice, "message");
  if (!message) return base::fail(Errc::kPeer, "the answer holds no message");
  std::vector<ToolCall> calls;
  if (const Value* list = member(*message, "tool_calls"); list && list->is_array()) {
    for (const Value& item : *list) {
      if (calls.size() >= kMaxCalls)
        return base::fail(Errc::kLimit, "the model asks for more than 64 tools at once");
      const Value* function = member(item, "function");
      if (!function) return base::fail(Errc::kPeer, "a tool call names no function");
      calls.push_back({.id = text_of(member(item, "id")),
                       .name = text_of(member(*function, "name")),
                       .arguments = arguments_of(member(*function, "arguments"))});
    }
  }
  return finished_reply(text_of(member(*message, "content")), std::move(calls),
                        finish_of(text_of(member(choice, "finish_reason"))), usage_of(answer),
                        text_of(member(answer, "id")), prompt_size);
}

ModelFailure classify_http_failure(int status, const Headers& headers, std::string_view body,
                                   base::UnixTime now) {
  ModelFailure out;
  std::string code, type;
  const std::string said = quoted_reason(body, &code, &type);
  out.retry_after = parse_retry_after(headers, now);
  out.fault = fault_of_status(status, out.retry_after.has_value());
  if ((status == 400 || status == 413 || status == 422) && speaks_of_context(code, said))
    out.fault = ModelFault::kContextTooLong;
  // A used-up quota comes as 429 but waiting does not refill it.
  if (code == "insufficient_quota" || type == "insufficient_quota")
    out.fault = ModelFault::kRefused;
  out.error = {Errc::kPeer, fmt::format("status {}: {}", status, said), hint_of_status(status)};
  return out;
}

std::optional<milliseconds> parse_retry_after(const Headers& headers, base::UnixTime now) {
  if (const auto exact = whole_number(header(headers, "retry-after-ms")))
    return milliseconds{*exact};
  const std::string text = header(headers, "retry-after");
  if (text.empty()) return std::nullopt;
  if (const auto whole = whole_number(text))
    return milliseconds{std::min<std::int64_t>(*whole, 31'536'000) * 1000};
  std::tm when{};
  const char* end = strptime(text.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &when);
  if (end == nullptr || *end != '\0') return std::nullopt;
  const std::int64_t at = timegm(&when);
  return std::chrono::seconds{std::max<std::int64_t>(at - base::to_unix(now), 0)};
}

}  // namespace orchestration
