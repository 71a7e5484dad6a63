// One client websocket. Everything it reports arrives on the net thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "nostr/net/net_thread.h"

namespace nostr {

/// What a client socket reports. Called on the net thread, in order; on_closed comes exactly once and
/// last, also when the WsClient has been destroyed before. Implementations hand over to their own
/// thread and return at once; the loop they post to therefore outlives the NetThread.
class WsClientHandler {
 public:
  virtual ~WsClientHandler() = default;
  virtual void on_open() = 0;
  /// A whole text message; the string's buffer has at least 64 spare bytes behind its size
  /// (simdjson padding, readable).
  virtual void on_frame(Frame frame) = 0;
  /// The peer has answered a ping after `round_trip`.
  virtual void on_pong(std::chrono::microseconds round_trip) { static_cast<void>(round_trip); }
  /// The socket is gone; `reason` names why ("connection refused", "peer closed 1000: bye").
  virtual void on_closed(std::string reason) = 0;
};

struct WsClientOptions {
  std::chrono::seconds connect_timeout{10};
  std::chrono::milliseconds ping_interval{30'000};  ///< a ping after this much silence
  std::chrono::milliseconds pong_timeout{15'000};   ///< then the connection counts as half open and is closed
  bool allow_private_addresses = true;      ///< false refuses loopback, RFC 1918, link-local, ULA
};

/// A connection attempt and, if it succeeds, the connection. Destroying it closes.
class WsClient {
 public:
  /// How the reason begins after a message larger than NetOptions::max_frame_bytes.
  static constexpr std::string_view kTooLarge = "message exceeds";
  /// In the reason of a connection that allow_private_addresses forbade.
  static constexpr std::string_view kPrivateRefused = "has a private address, which is not allowed here";

  /// Starts connecting to `url` (ws:// or wss://). Names are resolved off the net thread.
  /// `handler` is kept alive by the socket until on_closed has been delivered.
  WsClient(NetThread& net, std::string url, std::shared_ptr<WsClientHandler> handler,
           WsClientOptions options = {});
  ~WsClient();
  WsClient(const WsClient&) = delete;
  WsClient& operator=(const WsClient&) = delete;

  /// Queues one text message. Any thread. kLimit when the queue is full, kClosed after close.
  /// Messages sent before on_open wait for it.
  base::Result<void> send(std::string message);
  /// Stops and resumes reading: while stopped, TCP holds the peer back and its silence says nothing.
  /// Any thread.
  void set_reading(bool on);
  /// Flushes what is queued, says goodbye and closes; on_closed follows within a few seconds.
  void close();

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace nostr
