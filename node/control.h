// The control socket: how `status`, `pending`, `approve`, … talk to the process that owns a home.
//
// One JSON object per line each way: {"method","params"} in, {"result"} or {"error","detail","hint"}
// out. Whoever can open the socket is the operator of this machine: it lies in the home (0700) and
// is itself 0600.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "nostr/base/json.h"
#include "nostr/base/loop.h"

namespace node {

/// Answers one request. Runs on the app thread.
using ControlHandler =
    std::function<base::Task<base::Result<base::json::Value>>(std::string method, base::json::Value params)>;

/// Serves the socket until destroyed; stop() first.
class ControlServer {
 public:
  /// Replaces a stale socket file (the database lock has already shown that no other process owns
  /// this home). kIo when the path cannot be bound (names longer than 107 bytes, for one).
  static base::Result<std::unique_ptr<ControlServer>> listen(base::Loop& loop,
                                                             std::filesystem::path socket,
                                                             ControlHandler handler);
  ~ControlServer();
  base::Task<void> stop();

 private:
  struct Impl;
  explicit ControlServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// How long a command waits for an answer unless it says otherwise.
inline constexpr std::chrono::seconds kControlPatience{10};
/// One request, blocking, for commands. kUnavailable when nothing listens there (exit 3).
base::Result<base::json::Value> control_call(const std::filesystem::path& socket,
                                             const std::string& method,
                                             const base::json::Value& params,
                                             std::chrono::seconds limit = kControlPatience);

}  // namespace node
