// NIP-77: negentropy, which finds out what two sets of events do not share without sending either.
//
// Both sides sort their events by (created_at, id). The initiator describes its set as ranges with
// fingerprints; the responder answers each fingerprint that is not its own with smaller ranges, and
// small ranges with the ids themselves, until the initiator knows every difference.
// Source: "Negentropy Protocol V1" of hoytech/negentropy. Frames are in nostr/event/message.h; their
// payload is the hex of the bytes here. Pure.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <unordered_set>
#include <vector>

#include "nostr/event/event.h"

namespace nostr {

/// One event, as far as reconciliation is concerned.
struct NegItem {
  UnixTime created_at;  ///< not before 1970
  EventId id;

  friend auto operator<=>(const NegItem&, const NegItem&) = default;
};

/// What two sets compare a range by: a hash over the sum and the number of its ids.
using NegFingerprint = base::FixedBytes<struct NegFingerprintTag, 16>;

/// A set that no longer changes. The fingerprint of any range costs the same few additions and one
/// hash, however long it is. 41 bytes an item.
class NegSet {
 public:
  /// Sorts; an item given twice is there once.
  explicit NegSet(std::vector<NegItem> items = {});

  std::size_t size() const { return items_.size(); }
  const NegItem& operator[](std::size_t index) const { return items_[index]; }
  /// Index of the first item at or behind `from` that is not before `bound`.
  std::size_t lower_bound(std::size_t from, const NegItem& bound) const;
  /// Over the items [begin, end); begin ≤ end ≤ size().
  NegFingerprint fingerprint(std::size_t begin, std::size_t end) const;

 private:
  using Sum = std::array<std::uint64_t, 4>;  ///< of ids as little-endian numbers, modulo 2^256
  Sum sum_before(std::size_t index) const;

  std::vector<NegItem> items_;
  std::vector<Sum> sums_;  ///< of all items before every kStride-th one
};

/// The smallest frame limit there is; a lower one counts as this.
inline constexpr std::size_t kMinNegFrame = 4'096;
/// Bytes of a message that every known relay takes: 120 kB once in hex.
inline constexpr std::size_t kNegFrame = 60'000;

/// The responder's whole part, which keeps nothing between messages: the answer to `message`, at most
/// `frame_bytes` long. The work is bounded by the length of `message`. A version it does not know is
/// answered with the one it does; kInvalid for what breaks the format.
base::Result<base::Bytes> neg_respond(const NegSet& set, base::ByteView message,
                                      std::size_t frame_bytes = kNegFrame);

/// What an initiator allows its peer.
struct NegLimits {
  std::size_t frame_bytes = kNegFrame;  ///< of our messages; the peer has its own
  std::size_t max_rounds = 10'000;
  std::size_t max_need = 1'000'000;  ///< ids that the peer has and we have not
};

/// The initiator's side of one reconciliation.
class NegInitiator {
 public:
  explicit NegInitiator(NegSet set, NegLimits limits = {});

  /// The first message, for NEG-OPEN.
  base::Bytes open() const;

  struct Step {
    std::optional<base::Bytes> message;  ///< to be sent next; nothing when all differences are known
    std::vector<EventId> have;           ///< found in this step: ours, which the peer lacks
    std::vector<EventId> need;           ///< found in this step: the peer's, which we lack
  };
  /// Takes the peer's answer. Over all steps an id is named at most once, although a peer whose frame
  /// is full asks anew about ranges that were settled. kUnsupported for another version, kLimit when a
  /// limit is passed, kInvalid for what breaks the format: the reconciliation is over then, what was
  /// found before stands.
  base::Result<Step> on_message(base::ByteView message);

  const NegSet& set() const { return set_; }

 private:
  void compare(std::size_t begin, std::size_t end, std::vector<EventId> theirs, Step& step);

  NegSet set_;
  NegLimits limits_;
  std::size_t rounds_ = 0;
  std::vector<bool> missing_there_;  ///< which of our items were in `have`
  std::unordered_set<EventId> missing_here_;
};

}  // namespace nostr
