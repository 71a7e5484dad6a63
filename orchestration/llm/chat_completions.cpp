// Requests as OpenAI-compatible servers read them, and their many dialects of an answer.
#include "orchestration/llm/chat_completions.h"

#include <algorithm>

#include "orchestration/llm/http_faults.h"

namespace orchestration {
namespace {

using base::Errc;
using base::json::Value;

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

/// Pictures go with the last user message.
void add_images(Value& messages, const std::vector<Image>& images) {
  if (images.empty()) return;
  const auto last = std::find_if(messages.rbegin(), messages.rend(),
                                 [](const Value& message) { return message["role"] == "user"; });
  if (last == messages.rend()) return;
  Value parts = Value::array({{{"type", "text"}, {"text", (*last)["content"]}}});
  for (const Image& image : images)
    parts.push_back(
        {{"type", "image_url"}, {"image_url", {{"url", "data:" + image.mime + ";base64," + image.base64}}}});
  (*last)["content"] = std::move(parts);
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

bool is_whole(const ToolCall& call) {
  return base::json::parse(call.arguments, {.max_bytes = kMaxReplyBytes, .max_depth = 32}).has_value();
}

void apply(const ChatQuirks& quirks, ReplyParts& parts) {
  if (quirks.think_tags) parts.text = without_thoughts(parts.text);
  if (!quirks.harmony) return;
  parts.text = final_channel(parts.text);
  for (ToolCall& call : parts.calls) call.name = plain_tool_name(call.name);
}

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r\n");
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n") + 1 - first);
}

}  // namespace

std::string final_channel(std::string_view text) {
  constexpr std::string_view kFinal = "<|channel|>final", kMessage = "<|message|>";
  if (text.find("<|") == text.npos) return std::string(text);
  const auto channel = text.rfind(kFinal);
  // Only thoughts, or marks that make no sense: nothing of it was meant for others.
  if (channel == text.npos) return "";
  const auto start = text.find(kMessage, channel);
  if (start == text.npos) return "";
  text.remove_prefix(start + kMessage.size());
  return std::string(trimmed(text.substr(0, text.find("<|"))));
}

std::string plain_tool_name(std::string_view name) {
  constexpr std::string_view kPrefix = "functions.";
  name = trimmed(name.substr(0, name.find("<|")));
  if (name.starts_with(kPrefix)) name.remove_prefix(kPrefix.size());
  return std::string(name);
}

std::string without_thoughts(std::string_view text) {
  constexpr std::string_view kOpen = "<think>", kClose = "</think>";
  const std::string_view rest = trimmed(text);
  const auto end = rest.find(kClose);
  // Templates that open the tag themselves leave only its end in the answer.
  if (end != rest.npos) return std::string(trimmed(rest.substr(end + kClose.size())));
  return rest.starts_with(kOpen) ? "" : std::string(text);
}

std::string ChatDialect::body(const Request& request, const WireSettings& settings) const {
  Value messages = Value::array();
  for (const Message& message : request.messages) messages.push_back(message_json(message));
  add_images(messages, request.images);
  Value body = {{"model", settings.model}, {"stream", settings.streams(request)}};
  if (settings.streams(request) && settings.usage_in_stream) body["stream_options"] = {{"include_usage", true}};
  body[settings.max_completion_tokens ? "max_completion_tokens" : "max_tokens"] = request.max_output_tokens;
  if (request.temperature && settings.temperature) body["temperature"] = *request.temperature;
  if (request.seed) body["seed"] = *request.seed;
  if (request.answer_schema && settings.json_schema)
    body["response_format"] = {
        {"type", "json_schema"},
        {"json_schema", {{"name", "answer"}, {"strict", true}, {"schema", *request.answer_schema}}}};
  else if (request.answer_schema)
    messages.push_back({{"role", "system"}, {"content", schema_in_words(*request.answer_schema)}});
  body["messages"] = std::move(messages);
  if (!request.tools.empty()) {
    Value tools = Value::array();
    for (const ToolSpec& tool : request.tools) tools.push_back(tool_json(tool));
    body["tools"] = std::move(tools);
  }
  return base::json::dump(body);
}

std::unique_ptr<ReplyAssembler> ChatDialect::assembler() const {
  return std::make_unique<ChatAssembler>(quirks_);
}

base::Result<std::string> ChatAssembler::add(std::string_view data) {
  if (data == "[DONE]") {
    done_ = true;
    return std::string{};
  }
  bytes_ += data.size();
  if (bytes_ > kMaxStreamBytes)
    return base::fail(Errc::kLimit, "the model's answer is over 16 MiB");
  TRY(const Value chunk, parse_wire(data));
  if (!chunk.is_object()) return base::fail(Errc::kPeer, "a stream event is no object");
  if (const Value* error = member(chunk, "error")) return report(classify_reported(*error));
  if (id_.empty()) id_ = text_of(member(chunk, "id"));
  if (auto usage = usage_of(chunk)) usage_ = usage;
  const Value* choices = member(chunk, "choices");
  if (!choices || !choices->is_array() || choices->empty()) return std::string{};
  const Value& choice = choices->front();
  const std::string reason = text_of(member(choice, "finish_reason"));
  if (reason == "error") return report(classify_reported("it gave the answer up"));
  if (auto finish = finish_of(reason)) finish_ = finish;
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
    ToolCall& call = call_for(delta);
    if (calls_.size() > kMaxCallsInReply)
      return base::fail(Errc::kLimit, "the model asks for more than 64 tools at once");
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
  // The latest under an index is the one that goes on: some servers number every call 0, and another id
  // under a known index is another call.
  for (auto known = calls_.rbegin(); known != calls_.rend(); ++known) {
    ToolCall& call = known->second;
    if (index ? known->first != index : id.empty() || call.id != id) continue;
    if (index && !id.empty() && !call.id.empty() && call.id != id) break;
    return call;
  }
  const bool continues = !index && id.empty() && !calls_.empty();
  const Value* function = member(delta, "function");
  if (continues && text_of(function ? member(*function, "name") : nullptr).empty())
    return calls_.back().second;
  calls_.emplace_back(index, ToolCall{});
  return calls_.back().second;
}

bool ChatAssembler::finished() const {
  if (finish_) return true;
  return done_ && std::all_of(calls_.begin(), calls_.end(), [](const auto& entry) { return is_whole(entry.second); });
}

Reply ChatAssembler::take(std::size_t prompt_size) {
  ReplyParts parts{.text = std::move(text_), .finish = finish_, .usage = usage_, .id = std::move(id_)};
  for (auto& [index, call] : calls_) parts.calls.push_back(std::move(call));
  apply(quirks_, parts);
  return finished_reply(std::move(parts), prompt_size);
}

base::Result<Reply> ChatDialect::whole(std::string_view document, std::size_t prompt_size) const {
  TRY(const Value answer, parse_wire(document));
  const Value* choices = member(answer, "choices");
  if (!choices || !choices->is_array() || choices->empty())
    return base::fail(Errc::kPeer, "the answer holds no choices");
  const Value& choice = choices->front();
  const Value* message = member(choice, "message");
  if (!message) return base::fail(Errc::kPeer, "the answer holds no message");
  ReplyParts parts{.text = text_of(member(*message, "content")),
                   .finish = finish_of(text_of(member(choice, "finish_reason"))),
                   .usage = usage_of(answer),
                   .id = text_of(member(answer, "id"))};
  if (const Value* list = member(*message, "tool_calls"); list && list->is_array()) {
    for (const Value& item : *list) {
      if (parts.calls.size() >= kMaxCallsInReply)
        return base::fail(Errc::kLimit, "the model asks for more than 64 tools at once");
      const Value* function = member(item, "function");
      if (!function) return base::fail(Errc::kPeer, "a tool call names no function");
      parts.calls.push_back({.id = text_of(member(item, "id")),
                             .name = text_of(member(*function, "name")),
                             .arguments = arguments_of(member(*function, "arguments"))});
    }
  }
  apply(quirks_, parts);
  return finished_reply(std::move(parts), prompt_size);
}

}  // namespace orchestration
