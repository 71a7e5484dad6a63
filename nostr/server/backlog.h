// The stored events of one REQ, read page by page so that a slow reader costs one page of memory.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "nostr/server/event_store.h"

namespace nostr {

/// Walks the events that match `filters`, each once. One filter, and several that match few events,
/// come newest first; several that match many come filter by filter.
class Backlog {
 public:
  /// `max_results` bounds each filter that names no limit of its own.
  Backlog(Filters filters, std::size_t max_results);

  /// The next events; may be empty although more follow. Errors of the store end the walk.
  base::Result<std::vector<Event>> next(EventStore& store, UnixTime now);
  bool done() const { return current_ == walks_.size(); }

  /// Once done: whether the store holds matching events that a limit kept back (NIP-67).
  enum class Completeness { kFinished, kMore, kUnknown };
  Completeness completeness() const;

 private:
  struct Position {
    UnixTime created_at;
    EventId id;
  };
  struct Walk {
    Filter filter;
    std::size_t remaining = 0;
    std::optional<Position> last;  ///< the last event taken
    std::size_t taken_at_last = 0; ///< events to look past: taken with its created_at, or new in it
    bool cut = false;              ///< ended by its limit: older matches may not have been sent
    Completeness completeness = Completeness::kFinished;
  };
  static bool is_after(const Event& event, const Position& position);
  bool sent_before(const Event& event) const;
  base::Result<bool> small_union(EventStore& store, UnixTime now, std::vector<Event>& out);
  base::Result<void> advance(EventStore& store, UnixTime now, std::vector<Event>& out);

  std::vector<Walk> walks_;
  std::size_t current_ = 0;
  bool started_ = false;
};

}  // namespace nostr
