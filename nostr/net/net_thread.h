// The net thread: one libwebsockets context; every websocket of the process lives on it.
//
// Crossing threads is one hop in each direction: commands go in through a locked queue and one
// lws_cancel_service, frames come out through the handler given per connection, on the net thread.
// lws types never leave nostr/net.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "nostr/base/result.h"

namespace nostr {

/// Bytes with the padding simdjson needs behind them; shared between net, verify and app threads.
using Frame = std::shared_ptr<const std::string>;

struct NetOptions {
  std::size_t max_frame_bytes = 1u << 20;        ///< a larger incoming message closes the connection
  std::size_t max_queued_bytes = 16u << 20;      ///< per connection outgoing; beyond it sends fail
  bool verify_tls = true;
  std::string ca_file;                           ///< empty: the system's bundle, loaded at first wss://
};

/// Owner of the context and the thread. Any thread may call. Destroy after every socket's owner.
class NetThread {
 public:
  explicit NetThread(NetOptions options = {});
  ~NetThread();
  NetThread(const NetThread&) = delete;
  NetThread& operator=(const NetThread&) = delete;

  struct Impl;
  Impl& impl() { return *impl_; }

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace nostr
