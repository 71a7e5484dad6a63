// Queue and reassembly over one wsi.
#include "nostr/net/ws_stream.h"

#include <libwebsockets.h>

namespace nostr {

using base::Errc;
using base::fail;

namespace {

constexpr std::size_t kSimdjsonPadding = 64;
/// Then reading and the other sockets of the thread get their turn.
constexpr std::size_t kWritePerTurn = 32u << 10;

}

WsStream::WsStream(std::size_t max_frame_bytes, std::size_t max_queued_bytes)
    : max_frame_bytes_(max_frame_bytes), max_queued_bytes_(max_queued_bytes) {}

base::Result<bool> WsStream::push(const std::string& message) {
  std::string padded;
  padded.reserve(LWS_PRE + message.size());
  padded.append(LWS_PRE, '\0');
  padded.append(message);
  const std::lock_guard lock(mutex_);
  if (shut_) return fail(Errc::kClosed, "the websocket is closed");
  const std::size_t before = queued_.load(std::memory_order_relaxed);
  if (before + message.size() > max_queued_bytes_)
    return fail(Errc::kLimit, std::to_string(before) + " bytes are queued, limit is " +
                                  std::to_string(max_queued_bytes_));
  // An empty message still counts, so that has_output() sees it.
  const std::size_t after = before + message.size() + 1;
  queued_.store(after, std::memory_order_relaxed);
  if (after >= kHighWater) was_high_.store(true, std::memory_order_relaxed);
  queue_.push_back(std::move(padded));
  return !std::exchange(armed_, true);
}

void WsStream::shut() {
  const std::lock_guard lock(mutex_);
  shut_ = true;
  queue_.clear();
  queued_.store(0, std::memory_order_relaxed);
}

bool WsStream::write(lws* wsi) {
  for (std::size_t written = 0;;) {
    if (written >= kWritePerTurn || lws_send_pipe_choked(wsi) != 0) {
      lws_callback_on_writable(wsi);
      return true;
    }
    std::string message;
    {
      const std::lock_guard lock(mutex_);
      if (queue_.empty()) {
        armed_ = false;
        return true;
      }
      message = std::move(queue_.front());
      queue_.pop_front();
    }
    const std::size_t size = message.size() - LWS_PRE;
    auto* payload = reinterpret_cast<unsigned char*>(message.data()) + LWS_PRE;
    // What the socket does not take at once lws keeps and sends first.
    if (lws_write(wsi, payload, size, LWS_WRITE_TEXT) < 0) return false;
    written += size;
    const std::lock_guard lock(mutex_);
    if (!shut_) queued_.fetch_sub(size + 1, std::memory_order_relaxed);
  }
}

bool WsStream::take_drained() {
  return queued_bytes() <= kLowWater && was_high_.exchange(false, std::memory_order_relaxed);
}

Received WsStream::receive(lws* wsi, const void* data, std::size_t size, Frame& frame) {
  if (lws_frame_is_binary(wsi) != 0) return Received::kBinary;
  const std::size_t rest = lws_remaining_packet_payload(wsi);
  if (partial_.size() + size + rest > max_frame_bytes_) return Received::kTooLarge;
  if (partial_.empty()) partial_.reserve(size + rest + kSimdjsonPadding);
  partial_.append(static_cast<const char*>(data), size);
  if (rest != 0 || lws_is_final_fragment(wsi) == 0) return Received::kPartial;
  partial_.reserve(partial_.size() + kSimdjsonPadding);
  frame = std::make_shared<const std::string>(std::move(partial_));
  partial_ = std::string();
  return Received::kWhole;
}

}  // namespace nostr
