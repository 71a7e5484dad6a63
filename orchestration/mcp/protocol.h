// The Model Context Protocol as messages: JSON-RPC 2.0 out and in, and what a server says of its tools. Pure.
//
// Source: Model Context Protocol, revision 2025-06-18: Base Protocol, Lifecycle, Tools.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "nostr/base/json.h"
#include "nostr/crypto/hash.h"

namespace orchestration {

inline constexpr std::string_view kMcpVersion = "2025-06-18";
inline constexpr std::size_t kMaxMcpMessage = 4u << 20;

/// One message from a server.
struct McpMessage {
  enum class Kind { kResult, kError, kRequest, kNotification };
  Kind kind = Kind::kNotification;
  std::int64_t id = 0;        ///< of our request, for kResult and kError
  base::json::Value peer_id;  ///< of the server's request: any JSON
  std::string method;
  base::json::Value body;     ///< result or params
  std::string error;          ///< "code: message", cut
};

/// kPeer when the text is no message of the protocol.
base::Result<McpMessage> parse_mcp_message(std::string_view text);
std::string mcp_request(std::int64_t id, std::string_view method, const base::json::Value& params);
std::string mcp_notification(std::string_view method, const base::json::Value& params);
/// What we answer a server that asks us something: `ping` is answered, nothing else is offered.
std::string mcp_answer(const McpMessage& request);

/// What a server says of one tool. All of it is foreign text.
struct McpDescriptor {
  std::string name;
  std::string description;
  base::json::Value schema;  ///< of its arguments
  nostr::Sha256 hash;        ///< over name, description and schema (RFC 8785): what an approval is bound to
};

/// Reads one page of tools/list; `next` is the cursor of the following page, empty at the last. Tools whose
/// name, size or schema does not fit are left out and named in `odd`.
struct McpToolPage {
  std::vector<McpDescriptor> tools;
  std::string next;
  std::vector<std::string> odd;
};
base::Result<McpToolPage> parse_tool_page(const base::json::Value& result);

/// The text of a tools/call result: text parts as they are, others named. `is_error` as the server says.
struct McpToolResult {
  std::string text;
  bool is_error = false;
};
McpToolResult parse_tool_result(const base::json::Value& result);

/// "server__tool" as models take it: letters, digits, _ and -, at most 64.
base::Result<std::string> mcp_tool_name(std::string_view server, std::string_view tool);

}  // namespace orchestration
