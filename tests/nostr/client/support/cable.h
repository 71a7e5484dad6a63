// A TCP cable between a client and a relay that can be cut without anybody noticing.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <thread>

namespace nostr::testing {

/// Forwards loopback connections to `upstream`. swallow() makes the present ones half open: both
/// ends stay connected and nothing passes any more. Later connections work.
class Cable {
 public:
  explicit Cable(std::uint16_t upstream);
  ~Cable();
  Cable(const Cable&) = delete;
  Cable& operator=(const Cable&) = delete;

  std::string url() const { return "ws://127.0.0.1:" + std::to_string(port_); }
  void swallow() { ++swallowed_; }

 private:
  void forward();

  const std::uint16_t upstream_;
  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::atomic<int> swallowed_{0};  ///< connections of an earlier count are dead
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace nostr::testing
