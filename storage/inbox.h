// Inbox: events that arrived and whose handler has not finished; replayed at start.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "storage/events.h"

namespace storage {

/// An event waiting for one handler.
struct InboxRow {
  Event event;
  std::string handler;  ///< a word of the router's, e.g. "mention", "dm", "decision"
  std::string relay;    ///< where it came from first
  UnixTime received;
};

/// Open work by (event id, handler). The pair is remembered after it is closed, so a second copy of
/// the event, from another relay or after a restart, is never handled twice. App thread.
class Inbox {
 public:
  explicit Inbox(Db& db) : db_(db) {}

  /// Opens a row; false when the pair is known, open or closed. kFull.
  Result<bool> add(const Event& event, std::string_view handler, std::string_view relay, UnixTime now);

  struct Ingested {
    StoreOutcome outcome = StoreOutcome::kStored;
    std::vector<std::string> opened;  ///< the handlers that have not seen this event yet
  };
  /// The ingest transaction: `event` into `events` (when `keep`) and a row for each handler, in one
  /// kFull commit. Rows are opened even when the store has the event already.
  Result<Ingested> ingest(EventDb& events, const Event& event, std::span<const std::string> handlers,
                          std::string_view relay, UnixTime now, bool keep = true);

  /// Closes a row; call inside the handler's own Tx so that effect and closing are one commit.
  /// kConflict when it is not open.
  Result<void> close(const EventId& id, std::string_view handler, UnixTime now);
  /// Remembers that `handler` had what `id` names, when several events may carry the same (a rumor
  /// in several wraps): true the first time. Call inside the handler's Tx. kFull.
  Result<bool> claim(const EventId& id, std::string_view handler, UnixTime now);
  Result<bool> is_open(const EventId& id, std::string_view handler);
  /// Whether the pair has a row, open or closed.
  Result<bool> knows(const EventId& id, std::string_view handler);
  /// Open rows, oldest arrival first.
  Result<std::vector<InboxRow>> list_open(std::size_t limit = 1000);
  /// Forgets closed rows that were closed before `before`; how many.
  Result<std::int64_t> purge_closed(UnixTime before);

 private:
  Db& db_;
};

}  // namespace storage
