// NIP-13: proof of work — leading zero bits of an id, and the target a miner committed to.
#pragma once

#include <cstdint>
#include <optional>
#include <stop_token>

#include "nostr/event/event.h"

namespace nostr {

/// Leading zero bits of `id`: 0..256.
int difficulty_of(const EventId& id);
/// The target in the `nonce` tag, or nullopt when there is none.
std::optional<int> committed_difficulty(const Tags& tags);
/// Whether `event` carries work of at least `wanted` bits and committed to no less, so that luck at
/// a lower target does not count. The id must be checked elsewhere.
bool has_work(const Event& event, int wanted);

/// Mining in steps, for callers that have other things to do. Single-threaded; several miners may
/// share a target by starting at different nonces.
class Miner {
 public:
  /// `event` gets a nonce tag, in place of any it has. `target` 1..64 bits.
  Miner(UnsignedEvent event, int target, std::uint64_t first_nonce = 0);

  /// Tries up to `tries` nonces; stops early when `stop` is asked for. The mined event, whose id
  /// has the target, or nullopt: then call again, or give up. About a million tries a second for a
  /// short note.
  std::optional<UnsignedEvent> mine(std::uint64_t tries, const std::stop_token& stop = {});
  /// How many nonces were tried so far.
  std::uint64_t tried() const { return tried_; }

 private:
  UnsignedEvent event_;
  int target_;
  std::uint64_t next_nonce_;
  std::uint64_t tried_ = 0;
  std::string before_;  ///< canonical bytes up to the nonce
  std::string after_;   ///< and behind it
};

}  // namespace nostr
