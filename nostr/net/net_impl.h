// Inside nostr/net: the lws context, its command queue and what a socket object must answer.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <vector>

#include <libwebsockets.h>

#include "nostr/base/workers.h"
#include "nostr/net/net_thread.h"

namespace nostr {

/// What the opaque pointer of a wsi refers to. Net thread only.
class Endpoint {
 public:
  virtual ~Endpoint() = default;
  /// One lws callback; non-zero closes the wsi.
  virtual int handle(lws* wsi, lws_callback_reasons reason, void* in, std::size_t size) = 0;
  /// The context is about to be destroyed.
  virtual void shut_down() = 0;
};

struct NetThread::Impl {
  explicit Impl(NetOptions options);
  ~Impl();
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  /// Runs `fn` on the net thread; false once the thread is ending. Any thread.
  bool post(std::function<void()> fn);
  bool on_net_thread() const { return std::this_thread::get_id() == thread.get_id(); }

  /// Keeps `endpoint` alive until release(). Net thread, like everything below.
  void keep(std::shared_ptr<Endpoint> endpoint);
  /// Lets go of it once the present service turn is over.
  void release(Endpoint* endpoint);
  /// The vhost of outgoing connections; the one for TLS loads the CA bundle at its first use.
  lws_vhost* client_vhost(bool tls);
  base::Workers& resolver();

  void run();
  void drain();

  const NetOptions options;
  lws_context* context = nullptr;
  lws_vhost* plain_vhost = nullptr;
  lws_vhost* tls_vhost = nullptr;
  lws_vhost* server_vhost = nullptr;
  bool stopping = false;
  std::unordered_map<Endpoint*, std::shared_ptr<Endpoint>> live;
  std::vector<std::shared_ptr<Endpoint>> released;
  std::unique_ptr<base::Workers> resolver_workers;

  std::mutex mutex;  ///< guards commands and closed, and lws_cancel_service against destruction
  std::vector<std::function<void()>> commands;
  bool closed = false;

  std::thread thread;
};

}  // namespace nostr
