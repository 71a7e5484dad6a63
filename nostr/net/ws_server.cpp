// Listening sockets of our own, whose accepted connections lws serves: websocket and small HTTP.
#include "nostr/net/ws_server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <future>
#include <unordered_map>

#include "nostr/base/log.h"
#include "nostr/net/net_impl.h"
#include "nostr/net/ws_stream.h"

namespace nostr {

using base::Errc;
using base::fail;

namespace {

constexpr std::size_t kMaxHttpBody = 1u << 20;
constexpr int kBacklog = 512;
constexpr int kAcceptsPerTurn = 64;

struct OpenSocket {
  int fd = -1;
  std::uint16_t port = 0;
};

base::Result<OpenSocket> open_listener(const std::string& address, std::uint16_t port) {
  const std::string where = address + ":" + std::to_string(port);
  sockaddr_storage storage{};
  socklen_t size = 0;
  auto* v4 = reinterpret_cast<sockaddr_in*>(&storage);
  auto* v6 = reinterpret_cast<sockaddr_in6*>(&storage);
  if (::inet_pton(AF_INET, address.c_str(), &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port);
    size = sizeof *v4;
  } else if (::inet_pton(AF_INET6, address.c_str(), &v6->sin6_addr) == 1) {
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
    size = sizeof *v6;
  } else {
    return fail(Errc::kInvalid, "not a numeric address to listen on: " + address,
                "for example 127.0.0.1");
  }
  const int fd = ::socket(storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  const int on = 1;
  if (fd >= 0) ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  auto* name = reinterpret_cast<sockaddr*>(&storage);
  if (fd < 0 || ::bind(fd, name, size) != 0 || ::listen(fd, kBacklog) != 0 ||
      ::getsockname(fd, name, &size) != 0) {
    const int error = errno;
    if (fd >= 0) ::close(fd);
    return fail(Errc::kIo, "cannot listen on " + where + ": " + std::strerror(error),
                error == EADDRINUSE ? "choose another port" : "");
  }
  return OpenSocket{fd, ntohs(storage.ss_family == AF_INET ? v4->sin_port : v6->sin6_port)};
}

std::string header_of(lws* wsi, lws_token_indexes token) {
  const int length = lws_hdr_total_length(wsi, token);
  if (length <= 0) return {};
  std::string out(static_cast<std::size_t>(length) + 1, '\0');
  if (lws_hdr_copy(wsi, out.data(), length + 1, token) < 0) return {};
  out.resize(static_cast<std::size_t>(length));
  return out;
}

std::string method_of(lws* wsi) {
  constexpr std::array<std::pair<lws_token_indexes, const char*>, 5> kMethods{{
      {WSI_TOKEN_POST_URI, "POST"},
      {WSI_TOKEN_PUT_URI, "PUT"},
      {WSI_TOKEN_DELETE_URI, "DELETE"},
      {WSI_TOKEN_OPTIONS_URI, "OPTIONS"},
      {WSI_TOKEN_HEAD_URI, "HEAD"},
  }};
  for (const auto& [token, name] : kMethods)
    if (lws_hdr_total_length(wsi, token) > 0) return name;
  return "GET";
}

}  // namespace

/// One accepted connection. Net thread, except for `stream`.
struct ServerConnection;

struct WsServer::Impl final : Endpoint, std::enable_shared_from_this<WsServer::Impl> {
  Impl(NetThread::Impl& n, WsServerOptions o, std::shared_ptr<WsServerHandler> h)
      : net(n), options(std::move(o)), handler(std::move(h)) {}

  NetThread::Impl& net;
  const WsServerOptions options;
  std::shared_ptr<WsServerHandler> handler;
  std::uint16_t port = 0;
  int fd = -1;
  int spare_fd = -1;  ///< given up for a moment when descriptors run out, so accept() can refuse
  lws* wsi = nullptr;
  bool closed = false;
  ConnectionId last_id = 0;
  std::unordered_map<ServerConnection*, std::shared_ptr<ServerConnection>> accepted;

  mutable std::mutex mutex;  ///< guards open
  std::unordered_map<ConnectionId, std::shared_ptr<ServerConnection>> open;

  bool start();
  void accept_some();
  void adopt(int socket);
  void refuse_without_descriptors();
  std::shared_ptr<ServerConnection> find(ConnectionId id) const;
  int handle(lws*, lws_callback_reasons what, void*, std::size_t) override;
  void shut_down() override { shut_down(/*reset=*/false); }
  void shut_down(bool reset);
};

struct ServerConnection final : Endpoint, std::enable_shared_from_this<ServerConnection> {
  ServerConnection(std::shared_ptr<WsServer::Impl> s, ConnectionId i)
      : server(std::move(s)),
        id(i),
        stream(server->net.options.max_frame_bytes, server->net.options.max_queued_bytes) {}

  const std::shared_ptr<WsServer::Impl> server;
  const ConnectionId id;
  WsStream stream;
  lws* wsi = nullptr;
  bool is_open = false;
  bool closing = false;
  lws_close_status close_status = LWS_CLOSE_STATUS_NORMAL;
  HttpRequest request;
  std::string response_body;

  void on_open();
  void on_gone();
  int write();
  void flush();
  void begin_close();
  void kill(bool reset);
  int receive(void* in, std::size_t size);
  HttpRequest read_request(std::string path) const;
  int on_request(const char* uri, std::size_t size);
  int on_body(const void* in, std::size_t size);
  int respond();
  int write_body();
  int handle(lws* socket, lws_callback_reasons what, void* in, std::size_t size) override;
  void shut_down() override { kill(/*reset=*/false); }
};

// --- the listener ---

bool WsServer::Impl::start() {
  lws_sock_file_fd_type descriptor{};
  descriptor.filefd = fd;
  net.keep(shared_from_this());
  wsi = lws_adopt_descriptor_vhost(net.server_vhost, LWS_ADOPT_RAW_FILE_DESC, descriptor,
                                   "sovereign", nullptr);
  if (wsi == nullptr) {
    net.release(this);
    return false;
  }
  lws_set_opaque_user_data(wsi, static_cast<Endpoint*>(this));
  spare_fd = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  return true;
}

void WsServer::Impl::accept_some() {
  for (int i = 0; i < kAcceptsPerTurn; ++i) {
    const int socket = ::accept4(fd, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (socket < 0) {
      if (errno == EMFILE || errno == ENFILE) refuse_without_descriptors();
      return;
    }
    if (closed || accepted.size() >= options.max_connections) {
      ::close(socket);
      continue;
    }
    adopt(socket);
  }
}

void WsServer::Impl::refuse_without_descriptors() {
  if (spare_fd >= 0) ::close(spare_fd);
  const int socket = ::accept4(fd, nullptr, nullptr, SOCK_CLOEXEC);
  if (socket >= 0) ::close(socket);
  spare_fd = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  LOG(kWarn, "net", "out of file descriptors, connection refused");
}

void WsServer::Impl::adopt(int socket) {
  const int on = 1;
  ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  auto connection = std::make_shared<ServerConnection>(shared_from_this(), ++last_id);
  lws* const adopted = lws_adopt_socket_vhost(net.server_vhost, socket);
  if (adopted == nullptr) return;  // lws has closed the socket
  connection->wsi = adopted;
  lws_set_opaque_user_data(adopted, static_cast<Endpoint*>(connection.get()));
  accepted.emplace(connection.get(), connection);
  net.keep(connection);
}

std::shared_ptr<ServerConnection> WsServer::Impl::find(ConnectionId id) const {
  const std::lock_guard lock(mutex);
  const auto found = open.find(id);
  return found == open.end() ? nullptr : found->second;
}

int WsServer::Impl::handle(lws*, lws_callback_reasons what, void*, std::size_t) {
  if (what == LWS_CALLBACK_RAW_RX_FILE) {
    accept_some();
  } else if (what == LWS_CALLBACK_WSI_DESTROY) {
    wsi = nullptr;
    net.release(this);
  }
  return 0;
}

/// The listener goes first: who comes back at once must not be taken in by a server that ends.
void WsServer::Impl::shut_down(bool reset) {
  if (std::exchange(closed, true)) return;
  if (spare_fd >= 0) ::close(spare_fd);
  if (wsi != nullptr) lws_set_timeout(wsi, PENDING_TIMEOUT_USER_REASON_BASE, LWS_TO_KILL_SYNC);
  const auto connections = accepted;
  for (const auto& [connection, owner] : connections) connection->kill(reset);
}

// --- a connection ---

void ServerConnection::on_open() {
  is_open = true;
  std::array<char, 64> peer{};
  lws_get_peer_simple(wsi, peer.data(), peer.size());
  {
    const std::lock_guard lock(server->mutex);
    server->open.emplace(id, shared_from_this());
  }
  server->handler->on_connect(id, peer.data());
}

void ServerConnection::on_gone() {
  stream.shut();
  if (!std::exchange(is_open, false)) return;
  {
    const std::lock_guard lock(server->mutex);
    server->open.erase(id);
  }
  server->handler->on_disconnect(id);
}

int ServerConnection::write() {
  if (!is_open) return -1;
  if (!stream.write(wsi)) return -1;
  if (stream.take_drained()) server->handler->on_drained(id);
  if (!closing || stream.has_output()) return 0;
  lws_close_reason(wsi, close_status, nullptr, 0);
  return -1;
}

void ServerConnection::flush() {
  if (is_open && !closing && write() != 0) kill(/*reset=*/false);
}

void ServerConnection::begin_close() {
  if (!is_open) return;
  closing = true;
  lws_callback_on_writable(wsi);
}

void ServerConnection::kill(bool reset) {
  on_gone();
  if (wsi == nullptr) return;
  if (reset) {
    const linger at_once{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(lws_get_socket_fd(wsi), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  }
  // Otherwise lws would go on flushing what it holds to a reader that may never come back.
  ::shutdown(lws_get_socket_fd(wsi), SHUT_RDWR);
  lws_set_timeout(wsi, PENDING_TIMEOUT_USER_REASON_BASE, LWS_TO_KILL_SYNC);
}

int ServerConnection::receive(void* in, std::size_t size) {
  if (!is_open || closing) return 0;
  Frame frame;
  switch (stream.receive(wsi, in, size, frame)) {
    case Received::kPartial:
      return 0;
    case Received::kWhole:
      server->handler->on_frame(id, std::move(frame));
      return 0;
    // Not by returning -1: lws then goes on receiving while it says goodbye, without emptying the
    // buffer it hands over, and writes past its end.
    case Received::kTooLarge:
      close_status = LWS_CLOSE_STATUS_MESSAGE_TOO_LARGE;
      begin_close();
      return 0;
    case Received::kBinary:
      close_status = LWS_CLOSE_STATUS_UNACCEPTABLE_OPCODE;
      begin_close();
      return 0;
  }
  return 0;
}

HttpRequest ServerConnection::read_request(std::string path) const {
  return {.method = method_of(wsi),
          .path = std::move(path),
          .accept = header_of(wsi, WSI_TOKEN_HTTP_ACCEPT),
          .authorization = header_of(wsi, WSI_TOKEN_HTTP_AUTHORIZATION),
          .host = header_of(wsi, WSI_TOKEN_HOST),
          .origin = header_of(wsi, WSI_TOKEN_ORIGIN)};
}

int ServerConnection::on_request(const char* uri, std::size_t size) {
  request = read_request(std::string(uri, size));
  const std::string query = header_of(wsi, WSI_TOKEN_HTTP_URI_ARGS);
  if (!query.empty()) request.path += "?" + query;
  const std::string length = header_of(wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH);
  const bool has_body = (request.method == "POST" || request.method == "PUT") && length != "0";
  return has_body ? 0 : respond();
}

int ServerConnection::on_body(const void* in, std::size_t size) {
  if (request.body.size() + size > kMaxHttpBody) return -1;
  request.body.append(static_cast<const char*>(in), size);
  return 0;
}

int ServerConnection::respond() {
  HttpResponse response = server->handler->on_http(request);
  std::array<unsigned char, LWS_PRE + 4096> buffer{};
  unsigned char* const start = buffer.data() + LWS_PRE;
  unsigned char* const end = buffer.data() + buffer.size() - 1;
  unsigned char* at = start;
  if (lws_add_http_common_headers(wsi, static_cast<unsigned>(response.status),
                                  response.content_type.c_str(), response.body.size(), &at,
                                  end) != 0)
    return -1;
  for (const auto& [name, value] : response.headers) {
    const std::string with_colon = name + ":";
    if (lws_add_http_header_by_name(wsi, reinterpret_cast<const unsigned char*>(with_colon.c_str()),
                                    reinterpret_cast<const unsigned char*>(value.data()),
                                    static_cast<int>(value.size()), &at, end) != 0)
      return -1;
  }
  if (lws_finalize_write_http_header(wsi, start, &at, end) != 0) return -1;
  if (response.body.empty() || request.method == "HEAD")
    return lws_http_transaction_completed(wsi) != 0 ? -1 : 0;
  response_body.assign(LWS_PRE, '\0');
  response_body += response.body;
  lws_callback_on_writable(wsi);
  return 0;
}

int ServerConnection::write_body() {
  if (response_body.empty()) return 0;
  std::string body = std::exchange(response_body, {});
  auto* payload = reinterpret_cast<unsigned char*>(body.data()) + LWS_PRE;
  if (lws_write(wsi, payload, body.size() - LWS_PRE, LWS_WRITE_HTTP_FINAL) < 0) return -1;
  return lws_http_transaction_completed(wsi) != 0 ? -1 : 0;
}

int ServerConnection::handle(lws*, lws_callback_reasons what, void* in, std::size_t size) {
  // Only the callbacks that concern a server; lws has many more, which need no answer.
  if (what == LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION) {
    return server->handler->on_upgrade(read_request(header_of(wsi, WSI_TOKEN_GET_URI))) ? 0 : -1;
  } else if (what == LWS_CALLBACK_ESTABLISHED) {
    on_open();
  } else if (what == LWS_CALLBACK_RECEIVE) {
    return receive(in, size);
  } else if (what == LWS_CALLBACK_SERVER_WRITEABLE) {
    return write();
  } else if (what == LWS_CALLBACK_HTTP) {
    return on_request(static_cast<const char*>(in), size);
  } else if (what == LWS_CALLBACK_HTTP_BODY) {
    return on_body(in, size);
  } else if (what == LWS_CALLBACK_HTTP_BODY_COMPLETION) {
    return respond();
  } else if (what == LWS_CALLBACK_HTTP_WRITEABLE) {
    return write_body();
  } else if (what == LWS_CALLBACK_CLOSED) {
    on_gone();
  } else if (what == LWS_CALLBACK_WSI_DESTROY) {
    on_gone();
    wsi = nullptr;
    server->accepted.erase(this);
    server->net.release(this);
  }
  return 0;
}

// --- the public face ---

base::Result<std::unique_ptr<WsServer>> WsServer::listen(NetThread& net, WsServerOptions options,
                                                         std::shared_ptr<WsServerHandler> handler) {
  TRY(const OpenSocket socket, open_listener(options.address, options.port));
  auto impl = std::make_shared<Impl>(net.impl(), std::move(options), std::move(handler));
  impl->port = socket.port;
  impl->fd = socket.fd;
  std::promise<bool> started;
  const bool posted = net.impl().post([impl, &started] { started.set_value(impl->start()); });
  if (!posted || !started.get_future().get()) {
    ::close(socket.fd);
    return fail(Errc::kInternal, "the net thread cannot take another listener");
  }
  return std::unique_ptr<WsServer>(new WsServer(std::move(impl)));
}

WsServer::WsServer(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}

WsServer::~WsServer() {
  end(/*reset=*/false);
}

void WsServer::end(bool reset) {
  CHECK(!impl_->net.on_net_thread());
  std::promise<void> done;
  const bool posted = impl_->net.post([impl = impl_, reset, &done] {
    impl->shut_down(reset);
    done.set_value();
  });
  if (posted) done.get_future().wait();
}

void WsServer::abort_all() {
  end(/*reset=*/true);
}

std::uint16_t WsServer::port() const {
  return impl_->port;
}

base::Result<void> WsServer::send(ConnectionId connection, std::string message) {
  const auto found = impl_->find(connection);
  if (!found) return fail(Errc::kClosed, "the connection is gone");
  TRY(const bool idle, found->stream.push(message));
  if (idle) impl_->net.post([found] { found->flush(); });
  return {};
}

std::size_t WsServer::queued_bytes(ConnectionId connection) const {
  const auto found = impl_->find(connection);
  return found ? found->stream.queued_bytes() : 0;
}

void WsServer::set_reading(ConnectionId connection, bool reading) {
  if (const auto found = impl_->find(connection))
    impl_->net.post([found, reading] {
      if (found->is_open) lws_rx_flow_control(found->wsi, reading ? 1 : 0);
    });
}

void WsServer::disconnect(ConnectionId connection) {
  if (const auto found = impl_->find(connection))
    impl_->net.post([found] { found->begin_close(); });
}

void WsServer::abort(ConnectionId connection) {
  if (const auto found = impl_->find(connection))
    impl_->net.post([found] { found->kill(/*reset=*/true); });
}

}  // namespace nostr
