// How patient the client is with one relay, and how much it takes from it.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace nostr {

struct ConnectionOptions {
  // Liveness. By default a relay that has fallen silent is found out within 60 s.
  std::chrono::milliseconds canary_after{40'000};    ///< of silence a cheap REQ asks who is there
  std::chrono::milliseconds canary_timeout{15'000};  ///< no answer to it: the connection is dead
  std::chrono::milliseconds eose_timeout{30'000};    ///< since the REQ or its last event
  std::chrono::milliseconds notice_grace{10'000};    ///< the same once a NOTICE came instead

  // Manners.
  std::chrono::milliseconds retry_initial{15'000};   ///< a refused REQ is asked again after this,
  std::chrono::milliseconds retry_max{600'000};      ///< then after twice that, up to this
  std::chrono::milliseconds slow_initial{1'000};     ///< the same for events refused for their rate
  std::chrono::milliseconds slow_max{60'000};
  /// An event waits this long for a relay that asked to slow down; longer waits are its sender's.
  std::chrono::milliseconds slow_patience{4'000};
  std::chrono::milliseconds turn{10'000};            ///< of a REQ when more are wanted than served

  // Abuse: more than this costs a relay its place.
  std::uint64_t max_stored_events = 1'000'000;  ///< before EOSE, for a REQ without limits
  std::uint64_t live_burst = 50'000;            ///< after EOSE, copies included
  std::uint64_t live_per_second = 2'000;
  std::uint64_t max_messages = 1'000;           ///< NOTICE, OK, … beyond two per frame of ours

  std::size_t delivered_capacity = 65'536;      ///< ids remembered per REQ of several subscriptions
};

}  // namespace nostr
