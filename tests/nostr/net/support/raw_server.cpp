// Blocking sockets, one thread, one script.
#include "tests/nostr/net/support/raw_server.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>

#include "nostr/base/result.h"

namespace test {
namespace {

int listen_on_loopback(std::uint16_t& port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof name;
  CHECK(::bind(fd, reinterpret_cast<sockaddr*>(&name), size) == 0);
  CHECK(::listen(fd, 16) == 0);
  CHECK(::getsockname(fd, reinterpret_cast<sockaddr*>(&name), &size) == 0);
  port = ntohs(name.sin_port);
  return fd;
}

}  // namespace

std::string RawConnection::read_some() {
  if (!pending_.empty()) return std::exchange(pending_, {});
  std::array<char, 65536> buffer{};
  const ssize_t got = ::read(fd_, buffer.data(), buffer.size());
  return got <= 0 ? std::string() : std::string(buffer.data(), static_cast<std::size_t>(got));
}

std::string RawConnection::read_until(std::string_view end) {
  std::string out;
  for (;;) {
    const std::size_t at = out.find(end);
    if (at != std::string::npos) {
      pending_ = out.substr(at + end.size());
      return out.substr(0, at + end.size());
    }
    const std::string more = read_some();
    if (more.empty()) return out;
    out += more;
  }
}

void RawConnection::write(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
}

void RawConnection::wait_for_end() {
  while (!read_some().empty()) {
  }
}

RawServer::RawServer(Script script) : script_(std::move(script)) {
  listener_ = listen_on_loopback(port_);
  thread_ = std::thread([this] { serve(); });
}

RawServer::~RawServer() {
  stopping_ = true;
  ::shutdown(listener_, SHUT_RDWR);
  if (const int fd = current_.load(); fd >= 0) ::shutdown(fd, SHUT_RDWR);
  thread_.join();
  ::close(listener_);
}

void RawServer::serve() {
  for (;;) {
    const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) return;
    current_ = fd;
    if (stopping_) ::shutdown(fd, SHUT_RDWR);
    RawConnection connection(fd);
    script_(connection);
    current_ = -1;
    ::shutdown(fd, SHUT_RDWR);
    ::close(fd);
  }
}

std::string RawServer::url(std::string_view scheme, std::string_view path) const {
  return std::string(scheme) + "://127.0.0.1:" + std::to_string(port_) + std::string(path);
}

std::uint16_t closed_port() {
  std::uint16_t port = 0;
  ::close(listen_on_loopback(port));
  return port;
}

}  // namespace test
