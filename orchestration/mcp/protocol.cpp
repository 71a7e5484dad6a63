// Reading what servers say without believing it.
#include "orchestration/mcp/protocol.h"

#include <algorithm>

#include <fmt/format.h>

#include "orchestration/envelope.h"

namespace orchestration {
namespace {

using base::Errc;
using base::fail;
using base::Result;
using base::json::Value;

constexpr std::size_t kMaxDescription = 4'000;
constexpr std::size_t kMaxSchema = 32'768;
constexpr std::size_t kMaxToolName = 128;

std::string text_of(const Value& message) { return base::json::dump(message); }

bool is_plain(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
}

/// Whether our own checker (tools/schema.h) can walk it: foreign schemas may hold anything.
bool is_sane_schema(const Value& schema, int depth = 0) {
  if (!schema.is_object() || depth > 16) return false;
  if (const auto required = schema.find("required"); required != schema.end()) {
    if (!required->is_array()) return false;
    for (const Value& name : *required)
      if (!name.is_string()) return false;
  }
  if (const auto allowed = schema.find("enum"); allowed != schema.end() && !allowed->is_array()) return false;
  if (const auto items = schema.find("items"); items != schema.end() && !is_sane_schema(*items, depth + 1))
    return false;
  const auto properties = schema.find("properties");
  if (properties == schema.end()) return true;
  if (!properties->is_object()) return false;
  for (const auto& [name, item] : properties->items())
    if (!is_sane_schema(item, depth + 1)) return false;
  return true;
}

Result<McpDescriptor> parse_descriptor(const Value& tool) {
  McpDescriptor out;
  TRY(out.name, base::json::get_string(tool, "name"));
  out.description = base::json::string_or(tool, "description");
  out.schema = tool.value("inputSchema", Value::object());
  if (out.name.empty() || out.name.size() > kMaxToolName || out.description.size() > kMaxDescription)
    return fail(Errc::kPeer, "its name or description is too long");
  if (!is_sane_schema(out.schema) || base::json::string_or(out.schema, "type", "object") != "object" ||
      base::json::dump(out.schema).size() > kMaxSchema)
    return fail(Errc::kPeer, "its schema is no object or too large");
  // Numbers that RFC 8785 does not take here (fractions) are hashed as their text.
  const Value pinned = {{"name", out.name}, {"description", out.description}, {"schema", base::json::dump(out.schema)}};
  TRY(const std::string canonical, base::json::canonical(pinned));
  out.hash = nostr::sha256(canonical);
  return out;
}

}  // namespace

Result<McpMessage> parse_mcp_message(std::string_view text) {
  auto parsed = base::json::parse(text, {.max_bytes = kMaxMcpMessage, .max_depth = 64});
  if (!parsed || !parsed->is_object() || base::json::string_or(*parsed, "jsonrpc") != "2.0")
    return fail(Errc::kPeer, "no JSON-RPC 2.0 message");
  McpMessage out;
  const auto id = parsed->find("id");
  const bool has_id = id != parsed->end() && !id->is_null();
  out.method = base::json::string_or(*parsed, "method");
  if (!out.method.empty()) {
    out.kind = has_id ? McpMessage::Kind::kRequest : McpMessage::Kind::kNotification;
    if (has_id) out.peer_id = *id;
    out.body = parsed->value("params", Value::object());
    return out;
  }
  if (!has_id || !id->is_number_integer()) return fail(Errc::kPeer, "an answer to nothing we asked");
  out.id = id->get<std::int64_t>();
  if (const auto error = parsed->find("error"); error != parsed->end()) {
    out.kind = McpMessage::Kind::kError;
    out.error = fmt::format("{}: {}", error->is_object() ? base::json::int_or(*error, "code") : 0,
                            error->is_object() ? cut_utf8(base::json::string_or(*error, "message"), 500) : "");
    return out;
  }
  out.kind = McpMessage::Kind::kResult;
  out.body = parsed->value("result", Value::object());
  return out;
}

std::string mcp_request(std::int64_t id, std::string_view method, const Value& params) {
  return text_of({{"jsonrpc", "2.0"}, {"id", id}, {"method", method}, {"params", params}});
}

std::string mcp_notification(std::string_view method, const Value& params) {
  return text_of({{"jsonrpc", "2.0"}, {"method", method}, {"params", params}});
}

std::string mcp_answer(const McpMessage& request) {
  Value out = {{"jsonrpc", "2.0"}, {"id", request.peer_id}};
  if (request.method == "ping")
    out["result"] = Value::object();
  else
    out["error"] = {{"code", -32601}, {"message", "this client does not offer that"}};
  return text_of(out);
}

Result<McpToolPage> parse_tool_page(const Value& result) {
  McpToolPage out;
  if (!result.is_object()) return fail(Errc::kPeer, "tools/list gave no object");
  TRY(const Value tools, base::json::get_array(result, "tools"));
  for (const Value& tool : tools) {
    auto descriptor = parse_descriptor(tool);
    if (descriptor)
      out.tools.push_back(*std::move(descriptor));
    else
      out.odd.push_back(descriptor.error().detail);
  }
  out.next = base::json::string_or(result, "nextCursor");
  return out;
}

McpToolResult parse_tool_result(const Value& result) {
  McpToolResult out;
  if (!result.is_object()) return {"the server answered with no object", true};
  const auto failed = result.find("isError");
  out.is_error = failed != result.end() && failed->is_boolean() && failed->get<bool>();
  const auto content = result.find("content");
  if (content != result.end() && content->is_array()) {
    for (const Value& part : *content) {
      if (!part.is_object()) continue;
      const std::string type = base::json::string_or(part, "type");
      if (!out.text.empty()) out.text += '\n';
      out.text += type == "text" ? base::json::string_or(part, "text") : "[" + std::string(cut_utf8(type, 40)) + "]";
    }
  }
  if (out.text.empty())
    if (const auto structured = result.find("structuredContent"); structured != result.end())
      out.text = base::json::dump(*structured);
  return out;
}

Result<std::string> mcp_tool_name(std::string_view server, std::string_view tool) {
  const std::string name = fmt::format("{}__{}", server, tool);
  if (!is_plain(name) || name.size() > 64)
    return fail(Errc::kUnsupported, "tool \"" + std::string(cut_utf8(tool, 64)) + "\" has a name models do not take");
  return name;
}

}  // namespace orchestration
