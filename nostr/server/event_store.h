// What the embedded relay needs of a store. Declared here, implemented by storage, wired by node.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "nostr/event/event.h"
#include "nostr/event/filter.h"

namespace nostr {

/// What became of an event offered to a store (NIP-01, NIP-09, NIP-40 rules).
enum class StoreOutcome {
  kStored,
  kDuplicate,  ///< this id is here already
  kReplaced,   ///< a newer version of its address stands
  kDeleted,    ///< its author deleted it (NIP-09) or asked to vanish (NIP-62)
  kExpired,    ///< its NIP-40 expiration has passed
};

/// Verified events by filter. One thread.
class EventStore {
 public:
  virtual ~EventStore() = default;
  /// Applies replaceable, addressable, deletion and expiration rules. Ephemeral kinds are the
  /// caller's business and never offered. kDatabase when the disk fails.
  virtual base::Result<StoreOutcome> insert(const Event& event, UnixTime now) = 0;
  /// Newest first, ties by lower id; each event once; `limit` per filter, at most `cap` in all.
  virtual base::Result<std::vector<Event>> query(const Filters& filters, std::size_t cap,
                                                 UnixTime now) = 0;
  /// Carries out a NIP-62 request: removes what vanishes() says it covers, keeps the request, and keeps
  /// what it covers out for ever (kDeleted). kDuplicate when it was carried out before.
  virtual base::Result<StoreOutcome> vanish(const Event& request, UnixTime now) = 0;
  virtual base::Result<std::uint64_t> count(const Filters& filters, UnixTime now) = 0;
};

}  // namespace nostr
