// How messages reach an MCP server: a process of ours behind the sandbox, or an address on the web.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "nostr/base/json.h"
#include "nostr/base/loop.h"
#include "nostr/net/http_client.h"
#include "orchestration/mcp/protocol.h"
#include "orchestration/sandbox/sandbox.h"

namespace orchestration {

/// App thread.
class McpTransport {
 public:
  virtual ~McpTransport() = default;
  /// Makes the server reachable; again after it was lost.
  virtual base::Task<base::Result<void>> open() = 0;
  /// Sends a request and waits for its answer. kTimeout after `limit` (and the server is told), kClosed when
  /// the server is gone, kPeer for an error it answers.
  virtual base::Task<base::Result<base::json::Value>> call(std::string method, base::json::Value params,
                                                           std::chrono::milliseconds limit) = 0;
  virtual base::Task<base::Result<void>> notify(std::string method, base::json::Value params) = 0;
  /// Called for notifications of the server.
  std::function<void(const std::string& method)> on_notification;
};

/// stdio: one message a line. The server runs in the sandbox with the environment given and nothing else;
/// what it says on stderr is logged at debug level. References outlive the transport.
std::unique_ptr<McpTransport> make_stdio_transport(base::Loop& loop, Sandbox& sandbox, SandboxJob job);

struct McpHttpOptions {
  std::string url;
  std::vector<std::pair<std::string, std::string>> headers;
  bool allow_private_addresses = true;  ///< the operator named the server
};
/// Streamable HTTP: a POST for every message, answers as JSON or as an event stream.
std::unique_ptr<McpTransport> make_http_transport(nostr::HttpClient& http, McpHttpOptions options);

}  // namespace orchestration
