// A blocking TCP client and the few websocket bytes a test writes by hand.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace test {

/// Connected to a loopback port from construction on.
class RawClient {
 public:
  explicit RawClient(std::uint16_t port);
  ~RawClient();
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  void write(std::string_view bytes);
  std::string read_until(std::string_view end);
  /// Everything until the server closes.
  std::string read_all();
  /// Reads and drops at least `bytes`, fewer when the server closes.
  void drain(std::size_t bytes);

 private:
  int fd_;
};

/// Whether somebody takes connections at a loopback port.
bool is_listening(std::uint16_t port);
/// A client's upgrade request for "/".
std::string upgrade_request(std::uint16_t port);
/// The server's answer to an upgrade request.
std::string upgrade_reply(std::string_view request);
/// A short masked text frame.
std::string masked_text(std::string_view text);

}  // namespace test
