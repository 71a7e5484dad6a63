// Three APIs, and the ways in which real servers deviate from them ("quirks").
#include "tools/model_server/dialects.h"

#include <algorithm>

namespace model_server {
namespace {

using base::json::Value;

bool has_quirk(const Value& entry, std::string_view name) {
  const Value quirks = entry.value("quirks", Value::array());
  return std::any_of(quirks.begin(), quirks.end(), [&](const Value& quirk) { return quirk == name; });
}

std::string arguments_of(const Value& call) {
  const Value arguments = call.value("arguments", Value::object());
  return arguments.is_string() ? arguments.get<std::string>() : base::json::dump(arguments);
}

std::vector<std::string> fragments(const std::string& text, const Value& entry) {
  const auto size = static_cast<std::size_t>(base::json::int_or(entry, "fragment"));
  if (size == 0) return {text};
  std::vector<std::string> out;
  for (std::size_t at = 0; at < text.size(); at += size) out.push_back(text.substr(at, size));
  return out;
}

std::string call_id(const Value& call, std::size_t number) {
  return base::json::string_or(call, "id", "call_" + std::to_string(number));
}

Value calls_of(const Value& entry) { return entry.value("calls", Value::array()); }
std::string text_of(const Value& entry) { return base::json::string_or(entry, "text"); }

/// What ended the answer, in the words of chat completions; `finish` in the script overrides it.
std::string finish_of(const Value& entry) {
  return base::json::string_or(entry, "finish", calls_of(entry).empty() ? "stop" : "tool_calls");
}

// ---- chat completions

Value chunk(Value delta, Value finish = nullptr) {
  return {{"id", "chatcmpl-script"},
          {"object", "chat.completion.chunk"},
          {"choices", {{{"index", 0}, {"delta", std::move(delta)}, {"finish_reason", std::move(finish)}}}}};
}

/// One piece of a tool call. `first` pieces carry id and name.
Value call_delta(const Value& entry, std::size_t number, const Value* first, Value arguments) {
  Value delta = {{"function", {{"arguments", std::move(arguments)}}}};
  if (!has_quirk(entry, "no-index")) delta["index"] = has_quirk(entry, "same-index") ? 0 : number;
  if (first) {
    delta["type"] = "function";
    delta["function"]["name"] = first->value("name", "");
    if (!has_quirk(entry, "no-id")) delta["id"] = call_id(*first, number);
  }
  return {{"tool_calls", Value::array({std::move(delta)})}};
}

void add_chat_calls(std::vector<Value>& out, const Value& entry) {
  const Value calls = calls_of(entry);
  if (has_quirk(entry, "interleaved")) {
    std::vector<std::vector<std::string>> pieces;
    for (std::size_t i = 0; i < calls.size(); ++i) {
      out.push_back(chunk(call_delta(entry, i, &calls[i], "")));
      pieces.push_back(fragments(arguments_of(calls[i]), entry));
    }
    for (std::size_t at = 0; at < 100'000; ++at) {
      bool any = false;
      for (std::size_t i = 0; i < pieces.size(); ++i)
        if (at < pieces[i].size()) {
          out.push_back(chunk(call_delta(entry, i, nullptr, pieces[i][at])));
          any = true;
        }
      if (!any) return;
    }
  }
  for (std::size_t i = 0; i < calls.size(); ++i) {
    if (has_quirk(entry, "object-arguments")) {
      out.push_back(chunk(call_delta(entry, i, &calls[i], calls[i].value("arguments", Value::object()))));
      continue;
    }
    if (has_quirk(entry, "whole-calls")) {
      out.push_back(chunk(call_delta(entry, i, &calls[i], arguments_of(calls[i]))));
      continue;
    }
    out.push_back(chunk(call_delta(entry, i, &calls[i], "")));
    for (const std::string& piece : fragments(arguments_of(calls[i]), entry))
      out.push_back(chunk(call_delta(entry, i, nullptr, piece)));
  }
}

/// The stream's events in order. A truncated one stops before the finish.
std::vector<Value> chat_events(const Value& entry) {
  std::vector<Value> out{chunk({{"role", "assistant"}, {"content", nullptr}})};
  if (entry.contains("thinking")) out.push_back(chunk({{"reasoning_content", entry["thinking"]}}));
  if (!text_of(entry).empty())
    for (const std::string& piece : fragments(text_of(entry), entry)) out.push_back(chunk({{"content", piece}}));
  add_chat_calls(out, entry);
  if (entry.contains("truncate")) {
    if (out.size() > 2) out.pop_back();
    return out;
  }
  if (!has_quirk(entry, "no-finish")) out.push_back(chunk(Value::object(), finish_of(entry)));
  if (has_quirk(entry, "finish-twice")) out.push_back(out.back());
  if (entry.contains("usage") && has_quirk(entry, "usage-in-last"))
    out.back()["usage"] = entry["usage"];
  else if (entry.contains("usage"))
    out.push_back({{"id", "chatcmpl-script"}, {"choices", Value::array()}, {"usage", entry["usage"]}});
  if (has_quirk(entry, "null-usage"))
    for (Value& one : out)
      if (!one.contains("usage")) one["usage"] = nullptr;
  return out;
}

Value chat_document(const Value& entry) {
  Value message = {{"role", "assistant"}, {"content", text_of(entry)}};
  Value calls = Value::array();
  const Value scripted = calls_of(entry);
  for (std::size_t i = 0; i < scripted.size(); ++i) {
    Value call = {{"type", "function"},
                  {"function", {{"name", scripted[i].value("name", "")}, {"arguments", arguments_of(scripted[i])}}}};
    if (has_quirk(entry, "object-arguments"))
      call["function"]["arguments"] = scripted[i].value("arguments", Value::object());
    if (!has_quirk(entry, "no-id")) call["id"] = call_id(scripted[i], i);
    calls.push_back(std::move(call));
  }
  if (!calls.empty()) message["tool_calls"] = std::move(calls);
  Value out = {{"id", "chatcmpl-script"},
               {"object", "chat.completion"},
               {"choices", {{{"index", 0}, {"message", std::move(message)}, {"finish_reason", finish_of(entry)}}}}};
  if (entry.contains("usage")) out["usage"] = entry["usage"];
  return out;
}

// ---- responses

Value responses_usage(const Value& usage) {
  const std::int64_t in = base::json::int_or(usage, "prompt_tokens");
  const std::int64_t out = base::json::int_or(usage, "completion_tokens");
  return {{"input_tokens", in},
          {"input_tokens_details", {{"cached_tokens", base::json::int_or(usage, "cached_tokens")}}},
          {"output_tokens", out},
          {"output_tokens_details", {{"reasoning_tokens", 0}}},
          {"total_tokens", in + out}};
}

Value message_item(const std::string& text) {
  return {{"type", "message"},
          {"id", "msg_script"},
          {"role", "assistant"},
          {"status", "completed"},
          {"content", {{{"type", "output_text"}, {"text", text}, {"annotations", Value::array()}}}}};
}

Value call_item(const Value& call, std::size_t number) {
  return {{"type", "function_call"},
          {"id", "fc_" + std::to_string(number)},
          {"call_id", call_id(call, number)},
          {"name", call.value("name", "")},
          {"arguments", arguments_of(call)},
          {"status", "completed"}};
}

Value responses_document(const Value& entry) {
  Value output = Value::array();
  if (entry.contains("thinking"))
    output.push_back({{"type", "reasoning"}, {"id", "rs_script"}, {"summary", Value::array()}});
  if (!text_of(entry).empty()) output.push_back(message_item(text_of(entry)));
  const Value calls = calls_of(entry);
  for (std::size_t i = 0; i < calls.size(); ++i) output.push_back(call_item(calls[i], i));
  const std::string finish = finish_of(entry);
  Value out = {{"id", "resp_script"},
               {"object", "response"},
               {"status", finish == "length" || finish == "content_filter" ? "incomplete" : "completed"},
               {"output", std::move(output)}};
  if (finish == "length") out["incomplete_details"] = {{"reason", "max_output_tokens"}};
  if (finish == "content_filter") out["incomplete_details"] = {{"reason", "content_filter"}};
  if (entry.contains("usage")) out["usage"] = responses_usage(entry["usage"]);
  return out;
}

void add_item_events(std::vector<Value>& out, const Value& entry, const Value& item, std::size_t number) {
  const bool is_message = item["type"] == "message";
  const bool is_call = item["type"] == "function_call";
  Value begun = item;
  begun["status"] = "in_progress";
  if (is_message) begun["content"] = Value::array();
  if (is_call) begun["arguments"] = "";
  out.push_back({{"type", "response.output_item.added"}, {"output_index", number}, {"item", std::move(begun)}});
  const std::string whole = is_message ? item["content"][0]["text"].get<std::string>()
                            : is_call  ? item["arguments"].get<std::string>()
                                       : "";
  const std::string name =
      is_message ? "response.output_text" : "response.function_call_arguments";
  if (is_message || is_call) {
    for (const std::string& piece : fragments(whole, entry))
      out.push_back({{"type", name + ".delta"},
                     {"output_index", number},
                     {"item_id", item["id"]},
                     {"content_index", 0},
                     {"delta", piece}});
    if (entry.contains("truncate")) return;
    out.push_back({{"type", name + ".done"},
                   {"output_index", number},
                   {"item_id", item["id"]},
                   {is_message ? "text" : "arguments", whole}});
  }
  out.push_back({{"type", "response.output_item.done"}, {"output_index", number}, {"item", item}});
}

std::vector<Value> responses_events(const Value& entry) {
  const Value document = responses_document(entry);
  std::vector<Value> out{{{"type", "response.created"},
                          {"response", {{"id", document["id"]}, {"status", "in_progress"}, {"output", Value::array()}}}}};
  std::size_t number = 0;
  if (!has_quirk(entry, "no-deltas"))
    for (const Value& item : document["output"]) add_item_events(out, entry, item, number++);
  if (!entry.contains("truncate"))
    out.push_back({{"type", document["status"] == "incomplete" ? "response.incomplete" : "response.completed"},
                   {"response", document}});
  std::int64_t sequence = 0;
  for (Value& one : out) one["sequence_number"] = sequence++;
  return out;
}

// ---- Ollama

Value ollama_line(Value message, bool done) {
  return {{"model", "scripted"},
          {"created_at", "2026-01-01T00:00:00Z"},
          {"message", std::move(message)},
          {"done", done}};
}

void add_ollama_end(Value& last, const Value& entry, const Value& request) {
  last["done"] = true;
  last["done_reason"] = finish_of(entry) == "length" ? "length" : "stop";
  last["total_duration"] = 1'000;
  if (!entry.contains("usage")) return;
  const std::int64_t said = base::json::int_or(entry["usage"], "prompt_tokens");
  // A script that names no prompt tokens gets what this server would have counted.
  last["prompt_eval_count"] = said > 0 ? said : tokens_that_fit(request, base::json::int_or(entry, "context"));
  last["eval_count"] = base::json::int_or(entry["usage"], "completion_tokens");
}

Value ollama_calls(const Value& entry) {
  Value out = Value::array();
  for (const Value& call : calls_of(entry)) {
    Value function = {{"name", call.value("name", "")}, {"arguments", call.value("arguments", Value::object())}};
    if (has_quirk(entry, "text-arguments")) function["arguments"] = arguments_of(call);
    out.push_back({{"function", std::move(function)}});
  }
  return out;
}

std::vector<Value> ollama_lines(const Value& entry, const Value& request) {
  std::vector<Value> out;
  if (entry.contains("thinking"))
    out.push_back(ollama_line({{"role", "assistant"}, {"content", ""}, {"thinking", entry["thinking"]}}, false));
  if (!text_of(entry).empty())
    for (const std::string& piece : fragments(text_of(entry), entry))
      out.push_back(ollama_line({{"role", "assistant"}, {"content", piece}}, false));
  // One line per call: Ollama never cuts a call in pieces.
  for (const Value& call : ollama_calls(entry))
    out.push_back(ollama_line({{"role", "assistant"}, {"content", ""}, {"tool_calls", Value::array({call})}}, false));
  if (entry.contains("truncate")) return out;
  out.push_back(ollama_line({{"role", "assistant"}, {"content", ""}}, true));
  add_ollama_end(out.back(), entry, request);
  return out;
}

Value ollama_document(const Value& entry, const Value& request) {
  Value message = {{"role", "assistant"}, {"content", text_of(entry)}};
  if (Value calls = ollama_calls(entry); !calls.empty()) message["tool_calls"] = std::move(calls);
  Value out = ollama_line(std::move(message), true);
  add_ollama_end(out, entry, request);
  return out;
}

std::string as_events(const std::vector<Value>& events, const Value& entry, bool named) {
  const std::string end = entry.value("crlf", false) ? "\r\n" : "\n";
  std::string out;
  for (const Value& one : events) {
    if (entry.value("comments", false)) out += ": keep-alive" + end + end;
    if (named) out += "event: " + one["type"].get<std::string>() + end;
    out += "data: " + base::json::dump(one) + end + end;
  }
  return out;
}

/// Events that the script spells out itself: strings as they are, anything else as JSON.
std::string spelled_out(Dialect dialect, const Value& events) {
  std::string out;
  for (const Value& one : events) {
    const std::string text = one.is_string() ? one.get<std::string>() : base::json::dump(one);
    out += dialect == Dialect::kOllama ? text + "\n" : "data: " + text + "\n\n";
  }
  return out;
}

}  // namespace

std::string stream_body(Dialect dialect, const Value& entry, const Value& request) {
  if (entry.contains("raw")) return entry["raw"].get<std::string>();
  if (entry.contains("events")) return spelled_out(dialect, entry["events"]);
  switch (dialect) {
    case Dialect::kChat: {
      std::string out = as_events(chat_events(entry), entry, /*named=*/false);
      const bool ends = !entry.contains("truncate") && !has_quirk(entry, "no-done");
      return ends ? out + "data: [DONE]" + (entry.value("crlf", false) ? "\r\n\r\n" : "\n\n") : out;
    }
    case Dialect::kResponses:
      return as_events(responses_events(entry), entry, /*named=*/true);
    case Dialect::kOllama: {
      std::string out;
      for (const Value& line : ollama_lines(entry, request))
        out += base::json::dump(line) + (entry.value("crlf", false) ? "\r\n" : "\n");
      return out;
    }
  }
  return "";
}

std::string whole_body(Dialect dialect, const Value& entry, const Value& request) {
  if (entry.contains("raw")) return entry["raw"].get<std::string>();
  switch (dialect) {
    case Dialect::kChat:
      return base::json::dump(chat_document(entry));
    case Dialect::kResponses:
      return base::json::dump(responses_document(entry));
    case Dialect::kOllama:
      return base::json::dump(ollama_document(entry, request));
  }
  return "";
}

std::int64_t tokens_that_fit(const Value& request, std::int64_t served_context) {
  std::size_t bytes = 0;
  for (const Value& message : request.value("messages", Value::array()))
    bytes += base::json::string_or(message, "content").size();
  // Tools are read with the rest of the prompt.
  if (const auto tools = request.find("tools"); tools != request.end()) bytes += base::json::dump(*tools).size();
  const auto tokens = static_cast<std::int64_t>((bytes + 3) / 4);
  const std::int64_t asked = base::json::int_or(request.value("options", Value::object()), "num_ctx", 4'096);
  return std::min({tokens, asked, served_context > 0 ? served_context : asked});
}

}  // namespace model_server
