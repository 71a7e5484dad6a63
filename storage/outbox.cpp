// Rows move by what relays say; the row's own state is always derived from its relays' in the same
// commit.
#include "storage/outbox.h"

#include <algorithm>

#include <fmt/format.h>

#include "nostr/base/failpoint.h"
#include "nostr/event/event_json.h"

namespace storage {

namespace {

constexpr const char* kAdd =
    "INSERT INTO outbox (event_id, event, purpose, quorum, state, created, deadline) "
    "VALUES (?,?,?,?,'open',?,?) ON CONFLICT (event_id) DO NOTHING";
constexpr const char* kIdOf = "SELECT id FROM outbox WHERE event_id = ?";
constexpr const char* kAddRelay =
    "INSERT INTO outbox_relays (outbox, url, state, next_try, deadline) VALUES (?,?,'pending',?,?) "
    "ON CONFLICT (outbox, url) DO NOTHING";
constexpr const char* kReopen =
    "UPDATE outbox SET state = 'open', deadline = max(deadline, ?) WHERE id = ?";
constexpr const char* kDue =
    "SELECT o.id, o.event_id, o.event, r.url, r.attempts FROM outbox_relays r "
    "JOIN outbox o ON o.id = r.outbox "
    "WHERE r.state IN ('pending','unknown') AND r.next_try <= ? AND r.deadline >= ? "
    "AND o.state <> 'failed' ORDER BY r.next_try LIMIT ?";
constexpr const char* kNextDue =
    "SELECT r.next_try FROM outbox_relays r JOIN outbox o ON o.id = r.outbox "
    "WHERE r.state IN ('pending','unknown') AND r.deadline >= r.next_try AND o.state <> 'failed' "
    "ORDER BY r.next_try LIMIT 1";
constexpr const char* kStartTry =
    "UPDATE outbox_relays SET state = 'unknown', attempts = attempts + 1, next_try = ? "
    "WHERE outbox = ? AND url = ? AND state IN ('pending','unknown')";
constexpr const char* kSettle =
    "UPDATE outbox_relays SET state = ?, reason = ?, next_try = ? "
    "WHERE outbox = ? AND url = ? AND state <> 'accepted'";
constexpr const char* kRelayExists = "SELECT 1 FROM outbox_relays WHERE outbox = ? AND url = ?";
constexpr const char* kTally =
    "SELECT o.quorum, o.state, sum(r.state = 'accepted'), sum(r.state <> 'rejected') "
    "FROM outbox o JOIN outbox_relays r ON r.outbox = o.id WHERE o.id = ? GROUP BY o.id";
constexpr const char* kSetState = "UPDATE outbox SET state = ? WHERE id = ?";
constexpr const char* kOverdue = "SELECT id FROM outbox WHERE state = 'open' AND deadline < ?";
constexpr const char* kGet =
    "SELECT id, event_id, event, purpose, quorum, state, created, deadline FROM outbox WHERE id = "
    "?";
constexpr const char* kFind =
    "SELECT id, event_id, event, purpose, quorum, state, created, deadline FROM outbox "
    "WHERE event_id = ?";
constexpr const char* kList =
    "SELECT id, event_id, event, purpose, quorum, state, created, deadline FROM outbox "
    "WHERE state = ? ORDER BY id DESC LIMIT ?";
constexpr const char* kRelays =
    "SELECT url, state, attempts, next_try, reason FROM outbox_relays WHERE outbox = ? ORDER BY "
    "url";
constexpr const char* kCount = "SELECT count(*) FROM outbox WHERE state = ?";

OutboxRow read_row(Row& r) {
  return {.id = r.take<std::int64_t>(),
          .event_id = r.take<EventId>(),
          .event_json = r.take<std::string>(),
          .purpose = r.take<std::string>(),
          .quorum = r.take<int>(),
          .state = r.take<OutboxState>(),
          .created = r.take<UnixTime>(),
          .deadline = r.take<UnixTime>(),
          .relays = {}};
}

OutboxRelay read_relay(Row& r) {
  return {.url = r.take<std::string>(),
          .state = r.take<RelayState>(),
          .attempts = r.take<int>(),
          .next_try = r.take<UnixTime>(),
          .reason = r.take<std::string>()};
}

OutboxJob read_job(Row& r) {
  return {.id = r.take<std::int64_t>(),
          .event_id = r.take<EventId>(),
          .event_json = r.take<std::string>(),
          .relay = r.take<std::string>(),
          .attempts = r.take<int>()};
}

std::int64_t read_id(Row& r) {
  return r.take<std::int64_t>();
}

}  // namespace

Result<std::int64_t> Outbox::add(const Event& event, const std::vector<std::string>& relays,
                                 std::string_view purpose, int quorum, UnixTime now,
                                 UnixTime deadline) {
  if (relays.empty())
    return fail(Errc::kInvalid, "no relay to publish to", "configure at least one relay");
  const int reachable = std::clamp(quorum, 1, static_cast<int>(relays.size()));
  TRY(Tx tx, Tx::begin(db_, Durability::kFull));
  TRY(const auto added,
      db_.run(kAdd, event.id, nostr::to_json(event), purpose, reachable, now, deadline));
  TRY(const auto id, db_.one(kIdOf, read_id, event.id));
  CHECK(id.has_value());
  std::int64_t fresh = 0;
  for (const std::string& relay : relays) {
    TRY(const auto inserted, db_.run(kAddRelay, *id, relay, now, deadline));
    fresh += inserted;
  }
  if (added == 0 && fresh > 0) {
    TRY(db_.run(kReopen, deadline, *id));
    TRY(refresh_state(*id));
  }
  FAILPOINT("outbox-before-commit");
  TRY(tx.commit());
  FAILPOINT("outbox-after-commit");
  return *id;
}

Result<std::vector<OutboxJob>> Outbox::list_due(UnixTime now, std::size_t limit) {
  return db_.all(kDue, read_job, now, now, limit);
}

Result<std::optional<UnixTime>> Outbox::next_due() {
  return db_.one(kNextDue, [](Row& row) { return row.take<UnixTime>(); });
}

Result<void> Outbox::start_try(std::int64_t id, std::string_view relay, UnixTime next_try) {
  TRY(Tx tx, Tx::begin(db_, Durability::kNormal));
  TRY(const auto changed, db_.run(kStartTry, next_try, id, relay));
  TRY(expect_one(changed, "outbox relay"));
  return tx.commit();
}

Result<OutboxState> Outbox::settle(std::int64_t id, std::string_view relay, RelayState state,
                                   std::string_view reason, UnixTime next_try) {
  TRY(Tx tx, Tx::begin(db_, Durability::kFull));
  TRY(const auto known, db_.one(kRelayExists, read_id, id, relay));
  if (!known) return fail(Errc::kNotFound, fmt::format("outbox row {} has no such relay", id));
  TRY(db_.run(kSettle, state, reason, next_try, id, relay));
  TRY(const OutboxState after, refresh_state(id));
  TRY(tx.commit());
  return after;
}

/// done once the quorum accepted; failed once it cannot be reached any more.
Result<OutboxState> Outbox::refresh_state(std::int64_t id) {
  struct Tally {
    std::int64_t quorum = 0;
    OutboxState state = OutboxState::kOpen;
    std::int64_t accepted = 0;
    std::int64_t possible = 0;
  };
  TRY(const auto tally, db_.one(
                            kTally,
                            [](Row& r) {
                              return Tally{r.take<std::int64_t>(), r.take<OutboxState>(),
                                           r.take<std::int64_t>(), r.take<std::int64_t>()};
                            },
                            id));
  if (!tally) return fail(Errc::kNotFound, fmt::format("no outbox row {}", id));
  OutboxState next = tally->state;
  if (tally->accepted >= tally->quorum)
    next = OutboxState::kDone;
  else if (tally->possible < tally->quorum)
    next = OutboxState::kFailed;
  if (next != tally->state) TRY(db_.run(kSetState, next, id));
  return next;
}

Result<std::vector<std::int64_t>> Outbox::expire(UnixTime now) {
  TRY(Tx tx, Tx::begin(db_, Durability::kFull));
  TRY(auto overdue, db_.all(kOverdue, read_id, now));
  for (const std::int64_t id : overdue) TRY(db_.run(kSetState, OutboxState::kFailed, id));
  TRY(tx.commit());
  return overdue;
}

Result<std::optional<OutboxRow>> Outbox::with_relays(std::optional<OutboxRow> row) {
  if (row) {
    TRY(row->relays, db_.all(kRelays, read_relay, row->id));
  }
  return row;
}

Result<std::optional<OutboxRow>> Outbox::get(std::int64_t id) {
  TRY(auto row, db_.one(kGet, read_row, id));
  return with_relays(std::move(row));
}

Result<std::optional<OutboxRow>> Outbox::find(const EventId& event) {
  TRY(auto row, db_.one(kFind, read_row, event));
  return with_relays(std::move(row));
}

Result<std::vector<OutboxRow>> Outbox::list(OutboxState state, std::size_t limit) {
  TRY(auto rows, db_.all(kList, read_row, state, limit));
  for (OutboxRow& row : rows) {
    TRY(row.relays, db_.all(kRelays, read_relay, row.id));
  }
  return rows;
}

Result<OutboxCounts> Outbox::counts() {
  const auto count = [this](OutboxState state) -> Result<std::int64_t> {
    TRY(const auto n, db_.one(kCount, read_id, state));
    return n.value_or(0);
  };
  OutboxCounts out;
  TRY(out.open, count(OutboxState::kOpen));
  TRY(out.done, count(OutboxState::kDone));
  TRY(out.failed, count(OutboxState::kFailed));
  return out;
}

}  // namespace storage
