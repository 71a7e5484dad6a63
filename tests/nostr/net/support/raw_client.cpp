// Sockets by hand.
#include "tests/nostr/net/support/raw_client.h"

#include <netinet/in.h>
#include <openssl/sha.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>

#include "nostr/base/bytes.h"

namespace test {

namespace {

bool connect_to(int fd, std::uint16_t port) {
  sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  name.sin_port = htons(port);
  return ::connect(fd, reinterpret_cast<sockaddr*>(&name), sizeof name) == 0;
}

int open_socket() {
  return ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

}  // namespace

RawClient::RawClient(std::uint16_t port) : fd_(open_socket()) {
  CHECK(connect_to(fd_, port));
}

RawClient::~RawClient() {
  ::close(fd_);
}

void RawClient::write(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
}

std::string RawClient::read_until(std::string_view end) {
  std::string out;
  char one = 0;
  while (out.find(end) == std::string::npos && ::read(fd_, &one, 1) == 1) out += one;
  return out;
}

std::string RawClient::read_all() {
  std::string out;
  std::array<char, 4096> buffer{};
  for (ssize_t got = 0; (got = ::read(fd_, buffer.data(), buffer.size())) > 0;)
    out.append(buffer.data(), static_cast<std::size_t>(got));
  return out;
}

void RawClient::drain(std::size_t bytes) {
  std::array<char, 65536> buffer{};
  for (std::size_t total = 0; total < bytes;) {
    const ssize_t got = ::read(fd_, buffer.data(), buffer.size());
    if (got <= 0) return;
    total += static_cast<std::size_t>(got);
  }
}

bool is_listening(std::uint16_t port) {
  const int fd = open_socket();
  const bool connected = connect_to(fd, port);
  ::close(fd);
  return connected;
}

std::string upgrade_request(std::uint16_t port) {
  return "GET / HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(port) +
         "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
         "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
}

std::string upgrade_reply(std::string_view request) {
  constexpr std::string_view kName = "Sec-WebSocket-Key: ";
  const std::size_t at = request.find(kName) + kName.size();
  const std::string key(request.substr(at, request.find("\r\n", at) - at));
  const std::string text = key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  std::array<std::uint8_t, SHA_DIGEST_LENGTH> digest{};
  SHA1(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data());
  return "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
         "Sec-WebSocket-Accept: " +
         base::base64_encode(digest) + "\r\n\r\n";
}

std::string masked_text(std::string_view text) {
  std::string out;
  out += static_cast<char>(0x81);
  out += static_cast<char>(0x80U | text.size());
  out.append(4, '\0');  // a zero mask leaves the text as it is
  out += text;
  return out;
}

}  // namespace test
