// A listening websocket and HTTP endpoint: the embedded relay and the dashboard.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "nostr/net/net_thread.h"

namespace nostr {

using ConnectionId = std::uint64_t;

/// A plain HTTP request that is not an upgrade.
struct HttpRequest {
  std::string method;
  std::string path;
  std::string accept;  ///< the Accept header, for NIP-11
  std::string body;    ///< at most 1 MiB
  std::string authorization;
  std::string host;    ///< the Host header: who the client believes it talks to
  std::string origin;  ///< the Origin header: the page that asks, where a browser does
};

struct HttpResponse {
  int status = 200;
  std::string content_type = "text/plain";
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;  ///< further ones, about 3 KiB in all
};

/// Where a producer should pause: beyond this many queued bytes it waits for on_drained.
inline constexpr std::size_t kHighWater = 512u << 10;
inline constexpr std::size_t kLowWater = 128u << 10;

/// What a server reports, on the net thread; handlers hand over and return at once. Every on_connect
/// is followed by exactly one on_disconnect, all of them before ~WsServer returns.
class WsServerHandler {
 public:
  virtual ~WsServerHandler() = default;
  virtual void on_connect(ConnectionId connection, std::string peer_address) = 0;
  virtual void on_frame(ConnectionId connection, Frame frame) = 0;
  virtual void on_disconnect(ConnectionId connection) = 0;
  /// The queue of a connection that had grown over kHighWater bytes has fallen to its low mark.
  virtual void on_drained(ConnectionId connection) = 0;
  virtual HttpResponse on_http(const HttpRequest& request) = 0;
  /// Whether a request to become a websocket is granted; a refused one never connects.
  virtual bool on_upgrade(const HttpRequest&) { return true; }
};

struct WsServerOptions {
  std::string address = "127.0.0.1";
  std::uint16_t port = 0;  ///< 0 picks a free one
  std::size_t max_connections = 1024;
};

/// The listener. Destroying it closes every connection and waits for that; never on the net thread.
class WsServer {
 public:
  /// Binds and starts serving; kIo names the address when it is taken.
  static base::Result<std::unique_ptr<WsServer>> listen(NetThread& net, WsServerOptions options,
                                                        std::shared_ptr<WsServerHandler> handler);
  ~WsServer();
  std::uint16_t port() const;
  /// Queues one text message. Any thread. kClosed when the connection is gone, kLimit when its
  /// queue is full (a slow reader); the caller decides whether to drop it.
  base::Result<void> send(ConnectionId connection, std::string message);
  /// Bytes queued and not yet written for `connection`.
  std::size_t queued_bytes(ConnectionId connection) const;
  /// Stops or resumes reading from `connection`, so that a flood waits in the kernel. Any thread.
  void set_reading(ConnectionId connection, bool reading);
  /// Flushes what is queued and closes with a handshake.
  void disconnect(ConnectionId connection);
  /// Cuts the TCP connection without a closing handshake (fault scripts).
  void abort(ConnectionId connection);
  /// Stops listening, then cuts every connection like abort(): a server that dies. Waits for it;
  /// never on the net thread.
  void abort_all();

  struct Impl;

 private:
  void end(bool reset);
  explicit WsServer(std::shared_ptr<Impl> impl);
  std::shared_ptr<Impl> impl_;
};

}  // namespace nostr
