// A row holds its own packed copy of the event until it is closed: the event table may replace,
// delete or expire the event before its handler ran.
#include "storage/inbox.h"

#include "nostr/base/failpoint.h"
#include "storage/event_codec.h"

namespace storage {

namespace {

constexpr const char* kAdd =
    "INSERT INTO inbox (event_id, handler, relay, received, event) VALUES (?,?,?,?,?) "
    "ON CONFLICT (event_id, handler) DO NOTHING";
constexpr const char* kClose =
    "UPDATE inbox SET closed = ?, event = NULL WHERE event_id = ? AND handler = ? AND closed IS "
    "NULL";
constexpr const char* kClaim =
    "INSERT INTO inbox (event_id, handler, relay, received, closed) VALUES (?,?,'',?,?) "
    "ON CONFLICT (event_id, handler) DO NOTHING";
constexpr const char* kIsOpen =
    "SELECT 1 FROM inbox WHERE event_id = ? AND handler = ? AND closed IS NULL";
constexpr const char* kKnows = "SELECT 1 FROM inbox WHERE event_id = ? AND handler = ?";
constexpr const char* kListOpen =
    "SELECT event, handler, relay, received FROM inbox WHERE closed IS NULL ORDER BY seq LIMIT ?";
constexpr const char* kPurge = "DELETE FROM inbox WHERE closed < ?";

}  // namespace

Result<bool> Inbox::add(const Event& event, std::string_view handler, std::string_view relay,
                        UnixTime now) {
  std::string packed;
  pack_event(event, packed);
  TRY(Tx tx, Tx::begin(db_, Durability::kFull));
  TRY(const auto added, db_.run(kAdd, event.id, handler, relay, now, base::as_bytes(packed)));
  TRY(tx.commit());
  return added == 1;
}

Result<Inbox::Ingested> Inbox::ingest(EventDb& events, const Event& event,
                                      std::span<const std::string> handlers, std::string_view relay,
                                      UnixTime now, bool keep) {
  Ingested out;
  TRY(Tx tx, Tx::begin(db_, Durability::kFull));
  if (keep) {
    TRY(out.outcome, events.insert(event, now));
  }
  for (const std::string& handler : handlers) {
    TRY(const bool opened, add(event, handler, relay, now));
    if (opened) out.opened.push_back(handler);
  }
  FAILPOINT("inbox-before-commit");
  TRY(tx.commit());
  FAILPOINT("inbox-after-commit");
  return out;
}

Result<void> Inbox::close(const EventId& id, std::string_view handler, UnixTime now) {
  TRY(Tx tx, Tx::begin(db_, Durability::kFull));
  TRY(const auto changed, db_.run(kClose, now, id, handler));
  TRY(expect_one(changed, "inbox row"));
  return tx.commit();
}

Result<bool> Inbox::claim(const EventId& id, std::string_view handler, UnixTime now) {
  TRY(Tx tx, Tx::begin(db_, Durability::kFull));
  TRY(const auto added, db_.run(kClaim, id, handler, now, now));
  TRY(tx.commit());
  return added == 1;
}

Result<bool> Inbox::is_open(const EventId& id, std::string_view handler) {
  TRY(const auto found, db_.one(kIsOpen, [](Row& row) { return row.take<int>(); }, id, handler));
  return found.has_value();
}

Result<bool> Inbox::knows(const EventId& id, std::string_view handler) {
  TRY(const auto found, db_.one(kKnows, [](Row& row) { return row.take<int>(); }, id, handler));
  return found.has_value();
}

Result<std::vector<InboxRow>> Inbox::list_open(std::size_t limit) {
  struct Read {
    Result<Event> event;
    InboxRow row;
  };
  TRY(auto rows, db_.all(
                     kListOpen,
                     [](Row& row) {
                       Read out{unpack_event(row.take_view()), {}};
                       out.row.handler = row.take<std::string>();
                       out.row.relay = row.take<std::string>();
                       out.row.received = row.take<UnixTime>();
                       return out;
                     },
                     limit));
  std::vector<InboxRow> out;
  for (Read& read : rows) {
    if (!read.event) return std::unexpected(std::move(read.event).error());
    read.row.event = *std::move(read.event);
    out.push_back(std::move(read.row));
  }
  return out;
}

Result<std::int64_t> Inbox::purge_closed(UnixTime before) {
  return db_.run(kPurge, before);
}

}  // namespace storage
