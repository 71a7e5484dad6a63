// A subscription that loses nothing: live events, and whatever was missed between connections.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "nostr/base/clock.h"
#include "nostr/client/cursor.h"
#include "nostr/client/paging.h"
#include "nostr/client/pool.h"

namespace nostr {

/// What a feed tells its owner. App thread; the feed may be destroyed from within.
struct FeedCallbacks {
  /// Verified events that match the filters, in no order; false: not kept (the disk failed), so they
  /// come again later and no cursor passes them. Until then the owner keeps what it returned true for,
  /// whatever happens to the process. Each id comes once while it is remembered (FeedOptions), and
  /// may come again after a restart.
  std::function<bool(std::span<const Delivery>)> on_events;
  /// `relay` has handed over all it has; again after each reconnect.
  std::function<void(const std::string& relay)> on_complete = {};
  /// The history of `relay` could not be read to its end; it is tried again later.
  std::function<void(const std::string& relay, const base::Error& why)> on_problem = {};
};

struct FeedOptions {
  CursorStore* cursors = nullptr;  ///< outlives the pool; without, cursors end with the feed
  /// For authors whose clock is slow and events that reach a relay late. Kinds with random times
  /// have kWrapOverlap at least.
  std::chrono::seconds overlap{300};
  PagingLimits paging;
  std::size_t remembered = 262'144;             ///< ids of events handed over
  std::chrono::seconds save_every{5};           ///< how much of a live stream a crash repeats
  std::chrono::milliseconds retry_first{5'000};  ///< after a history that could not be read
  std::chrono::milliseconds retry_last{600'000};
};

/// Follows `filters` at every one of `relays` until it is destroyed.
///
/// Per relay: a REQ for live events stays open (it asks for one stored event only, which every relay
/// answers with EOSE). After each EOSE of it the history since the cursor is walked through page by
/// page; a disconnect, a CLOSED, dropped frames or events that were not kept call for the next walk.
/// What a walk has covered stays covered when it is cut off (coverage.h), and a cursor never passes
/// what is not.
///
/// `since` of a filter is where a relay without a cursor begins; a later start goes on from the
/// cursor, however long ago that is. `limit` and `until` play no part. Filters of ephemeral kinds
/// have no history.
class Feed {
 public:
  /// References outlive the pool.
  Feed(Pool& pool, const base::Clock& clock, const std::vector<std::string>& relays,
       Filters filters, FeedCallbacks callbacks, FeedOptions options = {});
  /// Saves the cursors. No callback runs afterwards.
  ~Feed();
  Feed(const Feed&) = delete;
  Feed& operator=(const Feed&) = delete;

  /// Whether every relay has handed over all it had since it was last connected.
  bool complete() const;
  /// How much of the past each relay has not handed over yet, by its URL: zero where nothing is missing,
  /// nothing where it is not known since when.
  std::vector<std::pair<std::string, std::optional<std::chrono::seconds>>> gaps(UnixTime now) const;

 private:
  struct State;
  std::shared_ptr<State> state_;  ///< shared with coroutines of the pool that may end later
};

}  // namespace nostr
