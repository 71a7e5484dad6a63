// Ids of events that were verified, so that a second copy costs a look-up instead of a signature.
#pragma once

#include <array>
#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <vector>

#include "nostr/event/event.h"

namespace nostr {

using EventPtr = std::shared_ptr<const Event>;

/// A bounded, sharded set of *verified* ids. An id enters only after its signature was checked, so
/// a forged twin that arrives first cannot hide the real event. Any thread; each shard's mutex
/// guards that shard. HOT.
///
/// Copies that arrive while the first is still being verified find it claimed and wait for the
/// outcome, so that three relays sending the same stream cost one verification an event.
class SeenEvents {
 public:
  /// `capacity` ids are remembered at most, and at least half of that.
  explicit SeenEvents(std::size_t capacity);
  ~SeenEvents();
  SeenEvents(const SeenEvents&) = delete;
  SeenEvents& operator=(const SeenEvents&) = delete;

  enum class State {
    kKnown,    ///< verified before
    kClaimed,  ///< unknown; the caller now holds the claim and ends it with add() or release()
    kInFlight  ///< another thread is verifying a copy
  };
  struct Look {
    State state = State::kInFlight;
    EventPtr recent;      ///< kKnown: the event, while it is among the latest
    Signature signature;  ///< kKnown: the signature that was checked
  };

  Look look(const EventId& id);
  /// Records a verified event and ends the claim on its id, if there is one.
  void add(const EventPtr& event);
  /// Ends the claim without recording: the copy was bad.
  void release(const EventId& id);
  /// Blocks while `id` is claimed: at most one parse and verification. Never call with a claim held.
  void wait_settled(const EventId& id);
  /// Ids remembered now.
  std::size_t size() const;

 private:
  struct Shard;
  Shard& shard_of(const EventId& id) const;
  std::unique_ptr<Shard[]> shards_;
};

}  // namespace nostr
