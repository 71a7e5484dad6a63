// One thread, one poll loop over all pairs of sockets.
#include "tests/nostr/client/support/cable.h"

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <vector>

#include "nostr/base/result.h"

namespace nostr::testing {

namespace {

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  name.sin_port = htons(port);
  return name;
}

struct Pair {
  int client = -1;
  int relay = -1;
  int made_at = 0;  ///< the count of swallow() then
};

/// Moves what `from` has to `to`, or nowhere; false when `from` has ended.
bool move_bytes(int from, int to, bool swallow) {
  std::array<char, 65536> buffer{};
  const ssize_t got = ::read(from, buffer.data(), buffer.size());
  if (got <= 0) return false;
  for (ssize_t at = 0; !swallow && at < got;) {
    const ssize_t sent = ::send(to, buffer.data() + at, static_cast<std::size_t>(got - at), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    at += sent;
  }
  return true;
}

}  // namespace

Cable::Cable(std::uint16_t upstream) : upstream_(upstream) {
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in name = loopback(0);
  socklen_t size = sizeof name;
  CHECK(::bind(listener_, reinterpret_cast<sockaddr*>(&name), size) == 0);
  CHECK(::listen(listener_, 16) == 0);
  CHECK(::getsockname(listener_, reinterpret_cast<sockaddr*>(&name), &size) == 0);
  port_ = ntohs(name.sin_port);
  thread_ = std::thread([this] { forward(); });
}

Cable::~Cable() {
  stopping_ = true;
  ::shutdown(listener_, SHUT_RDWR);
  thread_.join();
  ::close(listener_);
}

void Cable::forward() {
  std::vector<Pair> pairs;
  while (!stopping_) {
    std::vector<pollfd> polled{{listener_, POLLIN, 0}};
    for (const Pair& pair : pairs) {
      polled.push_back({pair.client, POLLIN, 0});
      polled.push_back({pair.relay, POLLIN, 0});
    }
    if (::poll(polled.data(), polled.size(), 1'000) <= 0) continue;
    for (std::size_t i = pairs.size(); i-- > 0;) {
      const Pair pair = pairs[i];
      const bool dead = pair.made_at != swallowed_;
      const auto end_of = [&](std::size_t side, int from, int to) {
        return polled[1 + 2 * i + side].revents != 0 && !move_bytes(from, to, dead);
      };
      if (!end_of(0, pair.client, pair.relay) && !end_of(1, pair.relay, pair.client)) continue;
      ::close(pair.client);
      ::close(pair.relay);
      pairs.erase(pairs.begin() + static_cast<std::ptrdiff_t>(i));
    }
    if (polled[0].revents == 0 || stopping_) continue;
    Pair pair{::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC),
              ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), swallowed_};
    const sockaddr_in name = loopback(upstream_);
    if (pair.client >= 0 &&
        ::connect(pair.relay, reinterpret_cast<const sockaddr*>(&name), sizeof name) == 0) {
      pairs.push_back(pair);
      continue;
    }
    ::close(pair.client);
    ::close(pair.relay);
  }
  for (const Pair& pair : pairs) {
    ::close(pair.client);
    ::close(pair.relay);
  }
}

}  // namespace nostr::testing
