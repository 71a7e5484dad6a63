// The native API of Ollama.
#include "orchestration/llm/ollama.h"

#include <algorithm>

#include "orchestration/llm/http_faults.h"

namespace orchestration {
namespace {

using base::Errc;
using base::json::Value;

constexpr std::string_view kFamilies[] = {"llama3.2", "llama3.1", "llama3",    "mistral", "qwen",
                                          "gpt-oss",  "codellama", "gemma",    "phi"};

/// Arguments the model wrote as no JSON object go back as text in an object: the server takes nothing else.
Value arguments_json(const ToolCall& call) {
  const auto parsed = base::json::parse(call.arguments.empty() ? "{}" : call.arguments,
                                        {.max_bytes = kMaxReplyBytes, .max_depth = 32});
  return parsed && parsed->is_object() ? *parsed : Value{{"text", call.arguments}};
}

/// `tools` names the tool each call id belongs to: a result is told by name here.
Value message_json(const Message& message, const std::vector<ToolCall>& made) {
  Value out = {{"role", role_name(message.role)}, {"content", message.content}};
  if (message.role == Role::kTool) {
    const auto call = std::find_if(made.rbegin(), made.rend(),
                                   [&](const ToolCall& one) { return one.id == message.call_id; });
    if (call != made.rend()) out["tool_name"] = call->name;
  }
  if (!message.calls.empty()) {
    Value calls = Value::array();
    for (const ToolCall& call : message.calls)
      calls.push_back({{"function", {{"name", call.name}, {"arguments", arguments_json(call)}}}});
    out["tool_calls"] = std::move(calls);
  }
  return out;
}

void add_images(Value& messages, const std::vector<Image>& images) {
  if (images.empty()) return;
  const auto last = std::find_if(messages.rbegin(), messages.rend(),
                                 [](const Value& message) { return message["role"] == "user"; });
  if (last == messages.rend()) return;
  for (const Image& image : images) (*last)["images"].push_back(image.base64);
}

std::string_view without_tag(std::string_view name) { return name.substr(0, name.find(':')); }

}  // namespace

std::string OllamaDialect::body(const Request& request, const WireSettings& settings) const {
  Value messages = Value::array();
  std::vector<ToolCall> made;
  for (const Message& message : request.messages) {
    made.insert(made.end(), message.calls.begin(), message.calls.end());
    messages.push_back(message_json(message, made));
  }
  add_images(messages, request.images);
  Value body = {{"model", settings.model},
                {"stream", settings.streams(request)},
                {"options",
                 {{"num_ctx", settings.context_tokens > 0 ? settings.context_tokens : kOllamaContext},
                  {"num_predict", request.max_output_tokens}}}};
  if (request.temperature && settings.temperature) body["options"]["temperature"] = *request.temperature;
  if (request.seed) body["options"]["seed"] = *request.seed;
  if (request.answer_schema && settings.json_schema)
    body["format"] = *request.answer_schema;
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

std::unique_ptr<ReplyAssembler> OllamaDialect::assembler() const {
  return std::make_unique<OllamaAssembler>();
}

base::Result<Reply> OllamaDialect::whole(std::string_view document, std::size_t prompt_size) const {
  OllamaAssembler assembler;
  TRY(assembler.add(document));
  if (!assembler.finished()) return base::fail(Errc::kPeer, "the answer is not marked as done");
  return assembler.take(prompt_size);
}

base::Result<std::string> OllamaAssembler::add(std::string_view data) {
  bytes_ += data.size();
  if (bytes_ > kMaxStreamBytes) return base::fail(Errc::kLimit, "the model's answer is over 16 MiB");
  TRY(const Value line, parse_wire(data));
  if (!line.is_object()) return base::fail(Errc::kPeer, "a line is no object");
  if (const Value* error = member(line, "error")) return report(classify_reported(*error));
  if (finish_) return std::string{};
  std::string text;
  if (const Value* message = member(line, "message")) {
    text = text_of(member(*message, "content"));
    text_ += text;
    const Value* calls = member(*message, "tool_calls");
    if (calls && !calls->is_array()) return base::fail(Errc::kPeer, "tool_calls is no list");
    for (const Value& item : calls ? *calls : Value::array()) {
      const Value* function = member(item, "function");
      if (!function) return base::fail(Errc::kPeer, "a tool call names no function");
      if (calls_.size() >= kMaxCallsInReply)
        return base::fail(Errc::kLimit, "the model asks for more than 64 tools at once");
      calls_.push_back({.id = text_of(member(item, "id")),
                        .name = text_of(member(*function, "name")),
                        .arguments = arguments_of(member(*function, "arguments"))});
    }
  }
  if (const Value* done = member(line, "done"); done && done->is_boolean() && done->get<bool>()) {
    finish_ = text_of(member(line, "done_reason")) == "length" ? Finish::kLength : Finish::kStop;
    // The prompt's count is left out where the server had it cached.
    if (member(line, "prompt_eval_count") || member(line, "eval_count"))
      usage_ = Usage{.prompt_tokens = count_of(member(line, "prompt_eval_count")),
                     .completion_tokens = count_of(member(line, "eval_count"))};
  }
  return text;
}

Reply OllamaAssembler::take(std::size_t prompt_size) {
  return finished_reply(
      {.text = std::move(text_), .calls = std::move(calls_), .finish = finish_, .usage = usage_, .id = ""},
      prompt_size);
}

std::string ollama_model(const std::string& wanted, const std::vector<std::string>& installed) {
  const auto first = [&](auto fits) -> std::string {
    const auto found = std::find_if(installed.begin(), installed.end(), fits);
    return found == installed.end() ? "" : *found;
  };
  if (wanted != "auto") {
    if (const std::string same = first([&](const std::string& name) { return name == wanted; }); !same.empty())
      return same;
    return first([&](const std::string& name) {
      return without_tag(name) == wanted || name == wanted + ":latest";
    });
  }
  for (const std::string_view family : kFamilies)
    if (const std::string name = first([&](const std::string& one) { return one.starts_with(family); });
        !name.empty())
      return name;
  return installed.empty() ? "" : installed.front();
}

}  // namespace orchestration
