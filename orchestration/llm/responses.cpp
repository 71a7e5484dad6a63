// Items in, items out.
#include "orchestration/llm/responses.h"

#include <algorithm>

#include "orchestration/llm/http_faults.h"

namespace orchestration {
namespace {

using base::Errc;
using base::json::Value;

Value text_item(std::string_view role, std::string_view type, const std::string& text) {
  return {{"type", "message"}, {"role", role}, {"content", {{{"type", type}, {"text", text}}}}};
}

/// One message of ours is one item, or several where it calls tools.
void add_items(Value& input, const Message& message) {
  switch (message.role) {
    case Role::kSystem:
    case Role::kUser:
      input.push_back(text_item(role_name(message.role), "input_text", message.content));
      return;
    case Role::kTool:
      input.push_back({{"type", "function_call_output"}, {"call_id", message.call_id}, {"output", message.content}});
      return;
    case Role::kAssistant:
      if (!message.content.empty())
        input.push_back(text_item("assistant", "output_text", message.content));
      for (const ToolCall& call : message.calls)
        input.push_back({{"type", "function_call"},
                         {"call_id", call.id},
                         {"name", call.name},
                         {"arguments", call.arguments}});
      return;
  }
}

void add_images(Value& input, const std::vector<Image>& images) {
  const auto last = std::find_if(input.rbegin(), input.rend(), [](const Value& item) {
    return base::json::string_or(item, "role") == "user";
  });
  if (last == input.rend()) return;
  for (const Image& image : images)
    (*last)["content"].push_back(
        {{"type", "input_image"}, {"image_url", "data:" + image.mime + ";base64," + image.base64}});
}

std::optional<Usage> usage_of(const Value& response) {
  const Value* usage = member(response, "usage");
  if (!usage || !usage->is_object()) return std::nullopt;
  Usage out{.prompt_tokens = count_of(member(*usage, "input_tokens")),
            .completion_tokens = count_of(member(*usage, "output_tokens"))};
  if (const Value* details = member(*usage, "input_tokens_details"))
    out.cached_tokens = std::min(count_of(member(*details, "cached_tokens")), out.prompt_tokens);
  return out;
}

std::string text_in(const Value& item) {
  std::string out;
  const Value* content = member(item, "content");
  if (!content || !content->is_array()) return out;
  for (const Value& part : *content) {
    out += text_of(member(part, "text"));
    out += text_of(member(part, "refusal"));
  }
  return out;
}

ToolCall call_in(const Value& item) {
  const std::string call_id = text_of(member(item, "call_id"));
  return {.id = call_id.empty() ? text_of(member(item, "id")) : call_id,
          .name = text_of(member(item, "name")),
          .arguments = arguments_of(member(item, "arguments"))};
}

bool is_call(const Value& item) { return text_of(member(item, "type")) == "function_call"; }

/// How a response ended; nullopt while it has not, or when it failed.
std::optional<Finish> finish_of(const Value& response) {
  const std::string status = text_of(member(response, "status"));
  if (status == "completed") return Finish::kStop;
  if (status != "incomplete") return std::nullopt;
  const Value* details = member(response, "incomplete_details");
  const std::string reason = details ? text_of(member(*details, "reason")) : "";
  return reason == "content_filter" ? Finish::kContentFilter : Finish::kLength;
}

base::Result<ReplyParts> parts_of(const Value& response) {
  ReplyParts parts{.finish = finish_of(response), .usage = usage_of(response), .id = text_of(member(response, "id"))};
  const Value* output = member(response, "output");
  if (!output || !output->is_array()) return parts;
  for (const Value& item : *output) {
    if (is_call(item)) {
      if (parts.calls.size() >= kMaxCallsInReply)
        return base::fail(Errc::kLimit, "the model asks for more than 64 tools at once");
      parts.calls.push_back(call_in(item));
    } else if (text_of(member(item, "type")) == "message") {
      parts.text += text_in(item);
    }
  }
  return parts;
}

}  // namespace

std::string ResponsesDialect::body(const Request& request, const WireSettings& settings) const {
  Value input = Value::array();
  for (const Message& message : request.messages) add_items(input, message);
  add_images(input, request.images);
  // Nothing is left behind on the server: the transcript is ours.
  Value body = {{"model", settings.model},
                {"stream", settings.streams(request)},
                {"store", false},
                {"max_output_tokens", request.max_output_tokens}};
  if (request.temperature && settings.temperature) body["temperature"] = *request.temperature;
  if (request.answer_schema && settings.json_schema)
    body["text"] = {
        {"format",
         {{"type", "json_schema"}, {"name", "answer"}, {"strict", true}, {"schema", *request.answer_schema}}}};
  else if (request.answer_schema)
    input.push_back(text_item("system", "input_text", schema_in_words(*request.answer_schema)));
  body["input"] = std::move(input);
  if (!request.tools.empty()) {
    Value tools = Value::array();
    for (const ToolSpec& tool : request.tools)
      tools.push_back({{"type", "function"},
                       {"name", tool.name},
                       {"description", tool.description},
                       {"parameters", tool.parameters},
                       {"strict", false}});
    body["tools"] = std::move(tools);
  }
  return base::json::dump(body);
}

std::unique_ptr<ReplyAssembler> ResponsesDialect::assembler() const {
  return std::make_unique<ResponsesAssembler>();
}

base::Result<Reply> ResponsesDialect::whole(std::string_view document, std::size_t prompt_size) const {
  TRY(const Value response, parse_wire(document));
  TRY(ReplyParts parts, parts_of(response));
  if (!parts.finish) return base::fail(Errc::kPeer, "the answer is no finished response");
  return finished_reply(std::move(parts), prompt_size);
}

base::Result<std::string> ResponsesAssembler::add(std::string_view data) {
  if (data == "[DONE]") return std::string{};  // proxies add it
  bytes_ += data.size();
  if (bytes_ > kMaxStreamBytes) return base::fail(Errc::kLimit, "the model's answer is over 16 MiB");
  TRY(const Value event, parse_wire(data));
  if (!event.is_object()) return base::fail(Errc::kPeer, "a stream event is no object");
  const std::string type = text_of(member(event, "type"));
  const Value* response = member(event, "response");
  if (type == "error") {
    const Value* error = member(event, "error");
    return report(classify_reported(error ? *error : event));
  }
  if (type == "response.failed" || type == "response.cancelled") {
    const Value* error = response ? member(*response, "error") : nullptr;
    return report(classify_reported(error ? *error : Value("it gave the answer up")));
  }
  if (type == "response.completed" || type == "response.incomplete") {
    if (!response) return base::fail(Errc::kPeer, "the last event holds no response");
    TRY(close(*response));
    return std::string{};
  }
  if (finish_) return std::string{};
  if (type == "response.output_item.added" || type == "response.output_item.done") {
    const Value* said = member(event, "item");
    if (!said || !said->is_object()) return base::fail(Errc::kPeer, "an item event holds no item");
    TRY(Item * item, item_at(event));
    if (is_call(*said)) item->call = call_in(*said);
    item->done = type.ends_with(".done");
    if (item->done && !is_call(*said)) item->text = text_in(*said);
    return std::string{};
  }
  if (type != "response.output_text.delta") return std::string{};  // arguments come whole with their item
  std::string text = text_of(member(event, "delta"));
  TRY(Item * item, item_at(event));
  item->text += text;
  return text;
}

base::Result<ResponsesAssembler::Item*> ResponsesAssembler::item_at(const Value& event) {
  const std::uint64_t index = count_of(member(event, "output_index"));
  if (items_.size() >= 2 * kMaxCallsInReply && !items_.contains(index))
    return base::fail(Errc::kLimit, "the answer has more than 128 items");
  return &items_[index];
}

base::Result<void> ResponsesAssembler::close(const Value& response) {
  if (finish_) return {};
  TRY(ReplyParts parts, parts_of(response));
  usage_ = parts.usage;
  id_ = parts.id;
  if (!parts.text.empty() || !parts.calls.empty()) {
    items_.clear();
    items_[0] = {.text = std::move(parts.text), .done = true};
    for (ToolCall& call : parts.calls) items_[items_.size()] = {.text = "", .call = std::move(call), .done = true};
  }
  if (!parts.finish) return base::fail(Errc::kPeer, "the last event says neither completed nor incomplete");
  finish_ = parts.finish;
  return {};
}

Reply ResponsesAssembler::take(std::size_t prompt_size) {
  ReplyParts parts{.finish = finish_, .usage = usage_, .id = std::move(id_)};
  for (auto& [index, item] : items_) {
    parts.text += item.text;
    if (item.call && item.done) parts.calls.push_back(std::move(*item.call));
  }
  items_.clear();
  return finished_reply(std::move(parts), prompt_size);
}

}  // namespace orchestration
