// The control socket over asio's local stream sockets.
#include "node/control.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>

#include <fmt/format.h>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include "nostr/base/loop_io.h"

namespace node {
namespace {

namespace asio = boost::asio;
using Socket = asio::local::stream_protocol::socket;
using base::Errc;
using base::fail;
using base::json::Value;

constexpr std::size_t kMaxRequestBytes = 256 * 1024;
constexpr std::size_t kMaxConnections = 64;

Value error_object(const base::Error& error) {
  return {{"error", base::errc_name(error.code)}, {"detail", error.detail}, {"hint", error.hint}};
}

}  // namespace

struct ControlServer::Impl {
  Impl(base::Loop& l, std::filesystem::path p, ControlHandler h)
      : loop(l), path(std::move(p)), handler(std::move(h)), acceptor(l.impl().io), scope(l) {}

  base::Task<void> accept_all();
  base::Task<void> serve(std::shared_ptr<Socket> socket);
  base::Task<void> refuse(std::shared_ptr<Socket> socket);
  base::Task<Value> answer(std::string line);

  base::Loop& loop;
  std::filesystem::path path;
  ControlHandler handler;
  asio::local::stream_protocol::acceptor acceptor;
  std::size_t connections = 0;
  base::Scope scope;
};

base::Task<void> ControlServer::Impl::accept_all() {
  for (;;) {
    auto [error, socket] = co_await acceptor.async_accept(asio::as_tuple(asio::use_awaitable));
    if (error == asio::error::operation_aborted) co_return;
    if (error) {
      // Out of descriptors, most likely: wait for some to come back instead of spinning.
      co_await base::sleep_for(std::chrono::milliseconds(100));
      continue;
    }
    if (connections >= kMaxConnections) continue;
    scope.spawn("control connection", serve(std::make_shared<Socket>(std::move(socket))));
  }
}

/// Says why before hanging up on a request that has no end.
base::Task<void> ControlServer::Impl::refuse(std::shared_ptr<Socket> socket) {
  const base::Error error{Errc::kLimit,
                          fmt::format("a request is at most {} bytes", kMaxRequestBytes), ""};
  const std::string out = base::json::dump(error_object(error)) + "\n";
  static_cast<void>(
      co_await asio::async_write(*socket, asio::buffer(out), asio::as_tuple(asio::use_awaitable)));
}

base::Task<void> ControlServer::Impl::serve(std::shared_ptr<Socket> socket) {
  struct Count {
    std::size_t& n;
    explicit Count(std::size_t& count) : n(count) { ++n; }
    ~Count() { --n; }
  } const count(connections);
  std::string buffer;
  for (;;) {
    auto [read_error, length] =
        co_await asio::async_read_until(*socket, asio::dynamic_buffer(buffer, kMaxRequestBytes),
                                        '\n', asio::as_tuple(asio::use_awaitable));
    if (read_error == asio::error::not_found) co_await refuse(socket);
    if (read_error) co_return;
    std::string line = buffer.substr(0, length - 1);
    buffer.erase(0, length);
    const Value reply = co_await answer(std::move(line));
    const std::string out = base::json::dump(reply) + "\n";
    auto [write_error, written] =
        co_await asio::async_write(*socket, asio::buffer(out), asio::as_tuple(asio::use_awaitable));
    if (write_error) co_return;
  }
}

base::Task<Value> ControlServer::Impl::answer(std::string line) {
  auto request = base::json::parse(line, {.max_bytes = kMaxRequestBytes});
  if (!request) co_return error_object(request.error());
  auto method = base::json::get_string(*request, "method");
  if (!method) co_return error_object(method.error());
  Value params = request->contains("params") ? (*request)["params"] : Value::object();
  auto result = co_await handler(*method, std::move(params));
  if (!result) co_return error_object(result.error());
  Value reply = Value::object();
  reply["result"] = *std::move(result);
  co_return reply;
}

ControlServer::ControlServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

ControlServer::~ControlServer() = default;

base::Result<std::unique_ptr<ControlServer>> ControlServer::listen(base::Loop& loop,
                                                                   std::filesystem::path socket,
                                                                   ControlHandler handler) {
  if (socket.string().size() >= sizeof(sockaddr_un::sun_path))
    return fail(
        Errc::kIo,
        fmt::format("the socket path {} is longer than a unix socket allows", socket.string()),
        "choose a shorter --home");
  auto impl = std::make_unique<Impl>(loop, socket, std::move(handler));
  std::error_code ignored;
  std::filesystem::remove(socket, ignored);
  boost::system::error_code error;
  const asio::local::stream_protocol::endpoint endpoint(socket.string());
  if (impl->acceptor.open(endpoint.protocol(), error); !error) {
    // The umask keeps the socket closed to others between bind and chmod.
    const mode_t before = ::umask(0177);
    impl->acceptor.bind(endpoint, error);
    ::umask(before);
  }
  if (!error) impl->acceptor.listen(16, error);
  if (error)
    return fail(Errc::kIo,
                fmt::format("cannot listen on {}: {}", socket.string(), error.message()));
  Impl& live = *impl;
  live.scope.spawn("control accept", live.accept_all());
  return std::unique_ptr<ControlServer>(new ControlServer(std::move(impl)));
}

base::Task<void> ControlServer::stop() {
  boost::system::error_code ignored;
  impl_->acceptor.close(ignored);
  co_await impl_->scope.stop();
  std::error_code unused;
  std::filesystem::remove(impl_->path, unused);
}

base::Result<Value> control_call(const std::filesystem::path& socket, const std::string& method,
                                 const Value& params, std::chrono::seconds limit) {
  const auto not_running = [&] {
    return fail(Errc::kUnavailable,
                fmt::format("nothing is running for this home ({})", socket.string()),
                "start it with `sovereign run` or `sovereign cosigner`");
  };
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (socket.string().size() >= sizeof(address.sun_path)) return not_running();
  std::strncpy(address.sun_path, socket.c_str(), sizeof(address.sun_path) - 1);
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return fail(Errc::kIo, "cannot create a unix socket");
  const std::unique_ptr<const int, void (*)(const int*)> closer(&fd,
                                                                [](const int* f) { ::close(*f); });
  const timeval timeout{.tv_sec = limit.count(), .tv_usec = 0};
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return not_running();

  const std::string out = base::json::dump(Value{{"method", method}, {"params", params}}) + "\n";
  if (::send(fd, out.data(), out.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(out.size()))
    return fail(Errc::kIo, "the running process closed the control socket");
  std::string reply;
  std::array<char, 16'384> chunk;
  while (reply.find('\n') == std::string::npos) {
    const ssize_t n = ::recv(fd, chunk.data(), chunk.size(), 0);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0)
      return fail(Errc::kTimeout,
                  fmt::format("no answer to {} within {} s", method, limit.count()));
    if (n == 0) return fail(Errc::kIo, "the running process closed the control socket");
    reply.append(chunk.data(), static_cast<std::size_t>(n));
  }
  TRY(Value object, base::json::parse(reply.substr(0, reply.find('\n')),
                                      {.max_bytes = 16u << 20, .max_depth = 64}));
  if (object.contains("result")) return object["result"];
  const std::string name = base::json::string_or(object, "error", "internal");
  base::Error error{Errc::kInternal, base::json::string_or(object, "detail"),
                    base::json::string_or(object, "hint")};
  for (int code = 0; code <= static_cast<int>(Errc::kInternal); ++code)
    if (base::errc_name(static_cast<Errc>(code)) == name) error.code = static_cast<Errc>(code);
  return std::unexpected(std::move(error));
}

}  // namespace node
