// A listening websocket and HTTP endpoint: the embedded relay and, later, the dashboard.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

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
};

struct HttpResponse {
  int status = 200;
  std::string content_type = "text/plain";
  std::string body;
};

/// What a server reports, on the net thread.
class WsServerHandler {
 public:
  virtual ~WsServerHandler() = default;
  virtual void on_connect(ConnectionId connection, std::string peer_address) = 0;
  virtual void on_frame(ConnectionId connection, Frame frame) = 0;
  virtual void on_disconnect(ConnectionId connection) = 0;
  virtual HttpResponse on_http(const HttpRequest& request) = 0;
};

struct WsServerOptions {
  std::string address = "127.0.0.1";
  std::uint16_t port = 0;  ///< 0 picks a free one
  std::size_t max_connections = 1024;
};

/// The listener. Destroying it closes every connection.
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
  void disconnect(ConnectionId connection);
  /// Cuts the TCP connection without a closing handshake (fault scripts).
  void abort(ConnectionId connection);

  struct Impl;

 private:
  explicit WsServer(std::shared_ptr<Impl> impl);
  std::shared_ptr<Impl> impl_;
};

}  // namespace nostr
