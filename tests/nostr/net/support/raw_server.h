// A TCP server whose every connection runs a script: for peers that misbehave on purpose.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace test {

/// One accepted socket, blocking.
class RawConnection {
 public:
  explicit RawConnection(int fd) : fd_(fd) {}
  int fd() const { return fd_; }
  /// Reads until `end` has been seen (included in the result) or the peer has gone.
  std::string read_until(std::string_view end);
  /// One read(); empty when the peer has gone.
  std::string read_some();
  void write(std::string_view bytes);
  /// Reads until the peer has gone.
  void wait_for_end();

 private:
  int fd_;
  std::string pending_;
};

/// Listens on a free loopback port and serves connections one after the other on its own thread.
class RawServer {
 public:
  using Script = std::function<void(RawConnection&)>;
  explicit RawServer(Script script);
  ~RawServer();
  RawServer(const RawServer&) = delete;
  RawServer& operator=(const RawServer&) = delete;

  std::uint16_t port() const { return port_; }
  std::string url(std::string_view scheme, std::string_view path = "/") const;

 private:
  void serve();

  Script script_;
  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::atomic<int> current_{-1};
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

/// A loopback port on which nobody listens.
std::uint16_t closed_port();

}  // namespace test
