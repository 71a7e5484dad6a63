// McpClient: one server, connected when it is needed, its tools known by description and hash.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "orchestration/hooks/hook.h"
#include "orchestration/mcp/transport.h"
#include "orchestration/tools/tool.h"
#include "storage/mcp_pins.h"

namespace orchestration {

struct McpClientOptions {
  std::string name;  ///< of the server, as in server__tool
  std::chrono::milliseconds startup_timeout{20'000};
  std::chrono::milliseconds tool_timeout{60'000};
  std::size_t max_tools = 128;
};

/// App thread.
class McpClient {
 public:
  McpClient(std::unique_ptr<McpTransport> transport, McpClientOptions options);

  /// Connects if need be and asks for the tools again. Errors name the server.
  base::Task<base::Result<void>> refresh();
  /// Calls a tool under its own name; connects again once when the server was lost.
  base::Task<base::Result<McpToolResult>> call(std::string tool, base::json::Value arguments);

  const std::string& name() const { return options_.name; }
  /// As of the last refresh, by the name the model uses.
  const std::map<std::string, McpDescriptor>& tools() const { return tools_; }
  /// The server said that its tools changed since.
  bool is_stale() const { return stale_; }

 private:
  base::Task<base::Result<void>> connect();
  base::Task<base::Result<base::json::Value>> ask(std::string method, base::json::Value params,
                                                  std::chrono::milliseconds limit);

  std::unique_ptr<McpTransport> transport_;
  McpClientOptions options_;
  std::map<std::string, McpDescriptor> tools_;
  bool connected_ = false;
  bool connecting_ = false;  ///< by one caller; the others wait for it
  bool stale_ = false;
};

/// The tools `client` knows now, as tools of ours: capability kServer, results as strangers' words. What the
/// server says about them is shown to the model cut, named and without hidden characters.
std::vector<std::unique_ptr<Tool>> make_mcp_tools(std::shared_ptr<McpClient> client);

/// Priority 95, guarded: a tool whose description the operator has not agreed to, or that has another one
/// since, is asked about each time; the call that the operator admits pins the description.
/// References outlive the chain.
Hook descriptor_gate(std::vector<std::shared_ptr<McpClient>> clients, storage::McpPins& pins,
                     const base::Clock& clock);

}  // namespace orchestration
