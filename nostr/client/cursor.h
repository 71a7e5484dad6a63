// Cursors: up to when a relay has handed over all it had for a filter, so that the next connection
// starts there and not at the beginning.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "nostr/crypto/hash.h"
#include "nostr/event/filter.h"

namespace nostr {

/// Where cursors survive a restart. Declared here, implemented by storage, wired by node. App thread.
///
/// A cursor is a time on our clock, never the created_at of an event: whatever `relay` took in
/// before it has been handed to the owner of the filter, who has said that it is safe.
class CursorStore {
 public:
  virtual ~CursorStore() = default;
  /// `relay` in normal form; nullopt when none was kept.
  virtual base::Result<std::optional<UnixTime>> get(const std::string& relay,
                                                    const Sha256& filter) = 0;
  /// Moves a cursor forward; an earlier time changes nothing. Written after, or in the transaction
  /// of, what it vouches for.
  virtual base::Result<void> advance(const std::string& relay, const Sha256& filter,
                                     UnixTime to) = 0;
};

/// What names the cursor of `filter`: its conditions in any order, without since, until and limit.
Sha256 cursor_key(Filter filter);

/// Whether the created_at of `kind` is drawn at random, as that of gift wraps (NIP-59).
bool has_random_time(Kind kind);

/// How far before a cursor a REQ must look for events of kinds with random times: two days of
/// NIP-59, and one for clocks and slow senders.
inline constexpr std::chrono::seconds kWrapOverlap{3 * 86'400};

/// How far before its cursor `filter` is asked again: `ordinary`, and at least kWrapOverlap where it
/// lets through a kind with random times.
std::chrono::seconds cursor_overlap(const Filter& filter, std::chrono::seconds ordinary);

}  // namespace nostr
