// The lws context and its thread: commands in through one locked queue, callbacks out to endpoints.
#include "nostr/net/net_thread.h"

#include <array>

#include "nostr/base/log.h"
#include "nostr/net/net_impl.h"

namespace nostr {
namespace {

constexpr std::size_t kReadBytes = 16u << 10;
constexpr std::size_t kResolverThreads = 4;

int on_lws(lws* wsi, lws_callback_reasons reason, void*, void* in, std::size_t size) {
  if (reason == LWS_CALLBACK_EVENT_WAIT_CANCELLED) {
    // Reaches every protocol of every vhost; the second finds the queue empty.
    static_cast<NetThread::Impl*>(lws_context_user(lws_get_context(wsi)))->drain();
    return 0;
  }
  if (reason == LWS_CALLBACK_PROTOCOL_INIT || reason == LWS_CALLBACK_PROTOCOL_DESTROY) return 0;
  auto* endpoint = static_cast<Endpoint*>(lws_get_opaque_user_data(wsi));
  return endpoint == nullptr ? 0 : endpoint->handle(wsi, reason, in, size);
}

const std::array<lws_protocols, 2> kProtocols{{
    {"sovereign", on_lws, 0, kReadBytes, 0, nullptr, 0},
    {nullptr, nullptr, 0, 0, 0, nullptr, 0},
}};

void on_log(int, const char* line) {
  std::string_view text(line);
  while (text.ends_with('\n')) text.remove_suffix(1);
  LOG(kDebug, "lws", text);
}

lws_context_creation_info creation_info() {
  lws_context_creation_info info{};
  info.port = CONTEXT_PORT_NO_LISTEN;
  info.protocols = kProtocols.data();
  info.pt_serv_buf_size = kReadBytes;
  info.gid = -1;
  info.uid = -1;
  return info;
}

}  // namespace

NetThread::NetThread(NetOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {}
NetThread::~NetThread() = default;

NetThread::Impl::Impl(NetOptions opts) : options(std::move(opts)) {
  lws_set_log_level(LLL_ERR | LLL_WARN, on_log);
  lws_context_creation_info info = creation_info();
  info.options = LWS_SERVER_OPTION_EXPLICIT_VHOSTS;
  info.user = this;
  context = lws_create_context(&info);
  CHECK(context != nullptr);

  info.options = 0;
  info.vhost_name = "client";
  plain_vhost = lws_create_vhost(context, &info);
  info.port = CONTEXT_PORT_NO_LISTEN_SERVER;
  info.vhost_name = "server";
  server_vhost = lws_create_vhost(context, &info);
  CHECK(plain_vhost != nullptr && server_vhost != nullptr);
  thread = std::thread([this] { run(); });
}

NetThread::Impl::~Impl() {
  post([this] { stopping = true; });
  thread.join();
  resolver_workers.reset();  // its jobs end in post(), which needs the queue
}

bool NetThread::Impl::post(std::function<void()> fn) {
  const std::lock_guard lock(mutex);
  if (closed) return false;
  commands.push_back(std::move(fn));
  if (commands.size() == 1) lws_cancel_service(context);
  return true;
}

void NetThread::Impl::drain() {
  std::vector<std::function<void()>> batch;
  {
    const std::lock_guard lock(mutex);
    batch.swap(commands);
  }
  for (auto& command : batch) command();
}

void NetThread::Impl::run() {
  while (!stopping) {
    if (lws_service(context, 0) < 0) break;
    released.clear();
  }
  {
    const std::lock_guard lock(mutex);
    closed = true;
  }
  drain();
  // A copy: shutting down lets go of endpoints.
  const auto endpoints = live;
  for (const auto& [endpoint, owner] : endpoints) endpoint->shut_down();
  lws_context_destroy(context);
  live.clear();
  released.clear();
}

void NetThread::Impl::keep(std::shared_ptr<Endpoint> endpoint) {
  Endpoint* key = endpoint.get();
  live.emplace(key, std::move(endpoint));
}

void NetThread::Impl::release(Endpoint* endpoint) {
  const auto found = live.find(endpoint);
  if (found == live.end()) return;
  released.push_back(std::move(found->second));
  live.erase(found);
}

lws_vhost* NetThread::Impl::client_vhost(bool tls) {
  if (!tls) return plain_vhost;
  if (tls_vhost != nullptr) return tls_vhost;
  lws_context_creation_info info = creation_info();
  info.options = LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT;
  info.vhost_name = "client-tls";
  if (!options.ca_file.empty()) {
    info.client_ssl_ca_filepath = options.ca_file.c_str();
    info.options |= LWS_SERVER_OPTION_DISABLE_OS_CA_CERTS;
  }
  tls_vhost = lws_create_vhost(context, &info);
  return tls_vhost;
}

base::Workers& NetThread::Impl::resolver() {
  if (!resolver_workers) resolver_workers = std::make_unique<base::Workers>(kResolverThreads);
  return *resolver_workers;
}

}  // namespace nostr
