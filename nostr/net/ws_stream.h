// The two halves of one websocket that client and server share: a bounded queue out, reassembly in.
#pragma once

#include <atomic>
#include <cstddef>
#include <deque>
#include <mutex>
#include <string>

#include "nostr/base/result.h"
#include "nostr/net/ws_server.h"

struct lws;

namespace nostr {

/// What became of a received fragment.
enum class Received { kPartial, kWhole, kTooLarge, kBinary };

/// Outgoing messages under a lock, incoming ones on the net thread only.
class WsStream {
 public:
  WsStream(std::size_t max_frame_bytes, std::size_t max_queued_bytes);

  /// Queues one text message. Any thread. True when the net thread must be told: the queue was idle.
  base::Result<bool> push(const std::string& message);
  /// Bytes queued and not yet handed to the socket. Any thread.
  std::size_t queued_bytes() const { return queued_.load(std::memory_order_relaxed); }
  /// From here on push() fails with kClosed. Any thread.
  void shut();
  bool has_output() const { return queued_bytes() > 0; }

  /// Writes until the queue is empty, the socket is full or a turn's share is done, and asks for a
  /// call-back when more is left. False when the socket failed. Net thread.
  bool write(lws* wsi);
  /// True once after the queue had grown over the high mark and has now fallen to the low one.
  bool take_drained();

  /// Adds a fragment; on kWhole the message is in `frame`. Net thread.
  Received receive(lws* wsi, const void* data, std::size_t size, Frame& frame);

 private:
  const std::size_t max_frame_bytes_;
  const std::size_t max_queued_bytes_;

  std::mutex mutex_;  ///< guards queue_, armed_, shut_
  std::deque<std::string> queue_;  ///< each with LWS_PRE bytes in front of its payload
  bool armed_ = false;             ///< a write is due already
  bool shut_ = false;
  std::atomic<std::size_t> queued_{0};
  std::atomic<bool> was_high_{false};

  std::string partial_;  ///< net thread only
};

}  // namespace nostr
