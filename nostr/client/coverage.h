// Which stretches of time a relay has not handed over yet, for one filter.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "nostr/event/event.h"

namespace nostr {

/// A stretch of time, walked through from its end to its beginning.
struct Gap {
  std::optional<UnixTime> from;   ///< all before has been handed over; none: where the filter begins
  std::optional<UnixTime> until;  ///< later ones have been walked through; none: up to the present
};

/// Covered is what arrived live and what has been walked through; the rest is gaps. A walk that is
/// cut off keeps what it has covered, so that connections which end again and again still bring the
/// cursor forward. Pure; times are ours.
class Coverage {
 public:
  /// Gaps beyond that many become one with their neighbour.
  static constexpr std::size_t kMaxGaps = 16;

  explicit Coverage(std::optional<UnixTime> cursor = {}) : sure_(cursor) {}

  /// The stream is live from `now` on; what came since it was last sure is a gap.
  void begin(UnixTime now);
  /// The live stream has come to `time`.
  void advance(UnixTime time);
  /// Nothing of the live stream has been lost so far.
  void confirm() { sure_ = live_; }

  /// The newest gap, to be walked through; nullptr when there is none. Until give_back() or filled().
  const Gap* take();
  /// The walk has handed over everything from `until` on, except perhaps of that second.
  void reached(UnixTime until);
  /// The walk ended before the beginning of the gap.
  void give_back();
  void filled() { walked_.reset(); }

  bool complete() const { return !walked_ && gaps_.empty(); }
  /// All before has been handed over; nullopt when nothing is.
  std::optional<UnixTime> cursor() const;

 private:
  std::optional<UnixTime> sure_;
  std::optional<UnixTime> live_;
  std::vector<Gap> gaps_;      ///< oldest first; only the last has an open end
  std::optional<Gap> walked_;  ///< taken out of gaps_
};

}  // namespace nostr
