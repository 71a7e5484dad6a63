// Rows move by what relays say; the row's own state is always derived from its relays' in the same
// commit.
#include "storage/outbox.h"

#include <algorithm>

#include <fmt/format.h>

#include "nostr/base/failpoint.h"
#include "nostr/base/json.h"
#include "nostr/event/event_json.h"

namespace storage {

namespace {

constexpr const char* kAdd =
    "INSERT INTO outbox (event_id, event, purpose, quorum, state, created, deadline, signing) "
    "VALUES (?,?,?,?,'open',?,?,'given') ON CONFLICT (event_id) DO NOTHING";
constexpr const char* kAddDraft =
    "INSERT INTO outbox (purpose, quorum, state, created, deadline, signing, signer, draft, "
    "address) VALUES (?,?,'open',?,?,'draft',?,?,?)";
constexpr const char* kIdOf = "SELECT id FROM outbox WHERE event_id = ?";
constexpr const char* kOlder =
    "SELECT id FROM outbox WHERE state = 'open' AND address = ? AND signing IN ('draft','signed')";
constexpr const char* kAddRelay =
    "INSERT INTO outbox_relays (outbox, url, state, next_try, deadline) VALUES (?,?,'pending',?,?) "
    "ON CONFLICT (outbox, url) DO NOTHING";
constexpr const char* kReopen =
    "UPDATE outbox SET state = 'open', deadline = max(deadline, ?) WHERE id = ?";
constexpr const char* kCountPurpose =
    "SELECT count(*) FROM outbox WHERE state = 'open' AND purpose = ?";

constexpr const char* kNextRelay =
    "SELECT min(url) FROM outbox_relays WHERE next_try IS NOT NULL AND url > ?";
constexpr const char* kDue =
    "SELECT o.id, o.event_id, coalesce(o.event, ''), r.url, r.attempts, r.state, o.signing, "
    "o.signer, o.signed_at, NOT EXISTS (SELECT 1 FROM outbox_relays x WHERE x.outbox = o.id AND "
    "x.state IN ('accepted','unknown')) "
    "FROM outbox_relays r JOIN outbox o ON o.id = r.outbox "
    "WHERE r.url = ? AND r.next_try <= ? AND r.deadline >= ? ORDER BY r.next_try LIMIT ?";
constexpr const char* kNextDue =
    "SELECT next_try FROM outbox_relays WHERE url = ? AND next_try IS NOT NULL "
    "ORDER BY next_try LIMIT 1";

constexpr const char* kDraftOf =
    "SELECT signer, draft FROM outbox WHERE id = ? AND signing <> 'given'";
constexpr const char* kSign =
    "UPDATE outbox SET signing = 'signed', event_id = ?, event = ?, signed_at = ? "
    "WHERE id = ? AND signing = 'draft' AND signer = ?";
constexpr const char* kUnsign =
    "UPDATE outbox SET signing = 'draft' WHERE id = ? AND signing = 'signed' AND NOT EXISTS "
    "(SELECT 1 FROM outbox_relays WHERE outbox = ? AND state IN ('accepted','unknown'))";
constexpr const char* kKeep =
    "UPDATE outbox SET signing = 'kept' WHERE id = ? AND signing IN ('draft','signed')";
constexpr const char* kDelay =
    "UPDATE outbox_relays SET next_try = max(next_try, ?) "
    "WHERE outbox = ? AND next_try IS NOT NULL";

constexpr const char* kStartTry =
    "UPDATE outbox_relays SET state = 'unknown', attempts = attempts + 1, next_try = ? "
    "WHERE outbox = ? AND url = ? AND next_try IS NOT NULL AND EXISTS "
    "(SELECT 1 FROM outbox o WHERE o.id = outbox AND o.event_id = ? AND o.signing <> 'draft')";
constexpr const char* kSettle =
    "UPDATE outbox_relays SET state = ?, reason = ?, next_try = CASE WHEN ? THEN ? END "
    "WHERE outbox = ? AND url = ? AND state <> 'accepted'";
constexpr const char* kStop =
    "UPDATE outbox_relays SET next_try = NULL WHERE outbox = ? AND next_try IS NOT NULL";
constexpr const char* kRelayDeadline =
    "SELECT deadline FROM outbox_relays WHERE outbox = ? AND url = ?";
constexpr const char* kTally =
    "SELECT o.quorum, o.state, sum(r.state = 'accepted'), sum(r.state <> 'rejected') "
    "FROM outbox o JOIN outbox_relays r ON r.outbox = o.id WHERE o.id = ? GROUP BY o.id";
constexpr const char* kSetState = "UPDATE outbox SET state = ? WHERE id = ?";
constexpr const char* kOverdue = "SELECT id FROM outbox WHERE state = 'open' AND deadline < ?";
constexpr const char* kGiveUp =
    "UPDATE outbox_relays SET next_try = NULL WHERE next_try IS NOT NULL AND deadline < ?";
constexpr const char* kOver =
    "SELECT id FROM outbox WHERE state <> 'open' AND deadline < ? ORDER BY deadline LIMIT ?";
constexpr const char* kForgetRelays = "DELETE FROM outbox_relays WHERE outbox = ?";
constexpr const char* kForget = "DELETE FROM outbox WHERE id = ?";

constexpr const char* kGet =
    "SELECT id, event_id, coalesce(event, ''), purpose, quorum, state, signing, created, deadline "
    "FROM outbox WHERE id = ?";
constexpr const char* kFind =
    "SELECT id, event_id, coalesce(event, ''), purpose, quorum, state, signing, created, deadline "
    "FROM outbox WHERE event_id = ?";
constexpr const char* kList =
    "SELECT id, event_id, coalesce(event, ''), purpose, quorum, state, signing, created, deadline "
    "FROM outbox WHERE state = ? ORDER BY id DESC LIMIT ?";
constexpr const char* kRelays =
    "SELECT url, state, attempts, next_try, reason FROM outbox_relays WHERE outbox = ? ORDER BY "
    "url";
constexpr const char* kCount = "SELECT count(*) FROM outbox WHERE state = ?";

OutboxRow read_row(Row& r) {
  return {.id = r.take<std::int64_t>(),
          .event_id = r.take<std::optional<EventId>>(),
          .event_json = r.take<std::string>(),
          .purpose = r.take<std::string>(),
          .quorum = r.take<int>(),
          .state = r.take<OutboxState>(),
          .signing = r.take<Signing>(),
          .created = r.take<UnixTime>(),
          .deadline = r.take<UnixTime>(),
          .relays = {}};
}

OutboxRelay read_relay(Row& r) {
  return {.url = r.take<std::string>(),
          .state = r.take<RelayState>(),
          .attempts = r.take<int>(),
          .next_try = r.take<std::optional<UnixTime>>(),
          .reason = r.take<std::string>()};
}

OutboxJob read_job(Row& r) {
  return {.id = r.take<std::int64_t>(),
          .event_id = r.take<std::optional<EventId>>(),
          .event_json = r.take<std::string>(),
          .relay = r.take<std::string>(),
          .attempts = r.take<int>(),
          .state = r.take<RelayState>(),
          .signing = r.take<Signing>(),
          .signer = r.take<std::optional<PublicKey>>(),
          .signed_at = r.take<std::optional<UnixTime>>(),
          .loose = r.take<bool>()};
}

std::int64_t read_id(Row& r) {
  return r.take<std::int64_t>();
}

UnixTime read_time(Row& r) {
  return r.take<UnixTime>();
}

std::string draft_json(const nostr::Draft& draft) {
  return base::json::dump(
      {{"kind", draft.kind}, {"tags", draft.tags}, {"content", draft.content}});
}

/// Only draft_json() writes this column.
Result<nostr::Draft> read_draft(std::string_view text) {
  TRY(const base::json::Value value,
      base::json::parse(text, {.max_bytes = 1u << 20, .max_depth = 8}));
  TRY(const std::int64_t kind, base::json::get_int(value, "kind"));
  TRY(const base::json::Value tags, base::json::get_array(value, "tags"));
  nostr::Draft draft{.kind = static_cast<nostr::Kind>(kind)};
  for (const base::json::Value& tag : tags) {
    nostr::Tag& words = draft.tags.emplace_back();
    for (const base::json::Value& word : tag) {
      if (!word.is_string()) return fail(Errc::kDatabase, "a damaged draft in the outbox");
      words.push_back(word.get<std::string>());
    }
  }
  TRY(draft.content, base::json::get_string(value, "content"));
  return draft;
}

/// "" for a kind of which every event stands for itself.
std::string address_text(const OutboxDraft& draft) {
  nostr::Event event{.pubkey = draft.signer, .kind = draft.draft.kind, .tags = draft.draft.tags};
  const auto address = nostr::address_of(event);
  return address ? address->str() : "";
}

int reachable(int quorum, const std::vector<std::string>& relays) {
  return std::clamp(quorum, 1, static_cast<int>(relays.size()));
}

bool is_tried_again(RelayState state) {
  return state == RelayState::kPending || state == RelayState::kUnknown ||
         state == RelayState::kRetrying;
}

}  // namespace

// ---- in ----------------------------------------------------------------------------------------

Result<void> Outbox::check_room(const std::vector<std::string>& relays,
                                std::string_view purpose) {
  if (relays.empty())
    return fail(Errc::kInvalid, "no relay to publish to", "configure at least one relay");
  if (relays.size() > limits_.relays_per_entry)
    return fail(Errc::kLimit, fmt::format("{} relays for one event, limit is {}",
                                          relays.size(), limits_.relays_per_entry));
  TRY(const auto same, db_.one(kCountPurpose, read_id, purpose));
  if (same.value_or(0) >= limits_.open_per_purpose)
    return fail(Errc::kLimit,
                fmt::format("{} publications of \"{}\" are under way, limit is {}", *same,
                            purpose, limits_.open_per_purpose));
  TRY(const auto open, db_.one(kCount, read_id, OutboxState::kOpen));
  if (open.value_or(0) >= limits_.open)
    return fail(Errc::kLimit,
                fmt::format("{} publications are under way, limit is {}", *open, limits_.open));
  return {};
}

Result<std::int64_t> Outbox::add_relays(std::int64_t id, const std::vector<std::string>& relays,
                                        UnixTime now, UnixTime deadline) {
  std::int64_t fresh = 0;
  for (const std::string& relay : relays) {
    TRY(const auto inserted, db_.run(kAddRelay, id, relay, now, deadline));
    fresh += inserted;
  }
  return fresh;
}

Result<std::int64_t> Outbox::add(const Event& event, const std::vector<std::string>& relays,
                                 std::string_view purpose, int quorum, UnixTime now,
                                 UnixTime deadline) {
  TRY(Tx tx, Tx::begin(db_, Durability::kFull));
  TRY(check_room(relays, purpose));
  TRY(const auto added, db_.run(kAdd, event.id, nostr::to_json(event), purpose,
                                reachable(quorum, relays), now, deadline));
  TRY(const auto id, db_.one(kIdOf, read_id, event.id));
  CHECK(id.has_value());
  TRY(const std::int64_t fresh, add_relays(*id, relays, now, deadline));
  if (added == 0 && fresh > 0) {
    TRY(db_.run(kReopen, deadline, *id));
    TRY(refresh_state(*id));
  }
  FAILPOINT("outbox-before-commit");
  TRY(tx.commit());
  FAILPOINT("outbox-after-commit");
  return *id;
}

Result<std::int64_t> Outbox::add_draft(const OutboxDraft& draft,
                                       const std::vector<std::string>& relays,
                                       std::string_view purpose, int quorum, UnixTime now,
                                       UnixTime deadline) {
  TRY(Tx tx, Tx::begin(db_, Durability::kFull));
  TRY(check_room(relays, purpose));
  std::optional<std::string> address = address_text(draft);
  if (address->empty()) address.reset();
  if (address) {
    TRY(const auto older, db_.all(kOlder, read_id, *address));
    for (const std::int64_t id : older) TRY(close(id, OutboxState::kSuperseded));
  }
  TRY(db_.run(kAddDraft, purpose, reachable(quorum, relays), now, deadline,
              draft.signer, draft_json(draft.draft), address));
  const std::int64_t id = db_.last_rowid();
  TRY(add_relays(id, relays, now, deadline));
  TRY(tx.commit());
  return id;
}

// ---- due ---------------------------------------------------------------------------------------

Result<std::vector<std::string>> Outbox::live_relays(const std::set<std::string>& resting) {
  std::vector<std::string> out;
  std::string last;
  for (;;) {  // from one relay to the next in the index, however many sends each of them has
    TRY(const auto next, db_.one(
                             kNextRelay,
                             [](Row& r) { return r.take<std::optional<std::string>>(); }, last));
    if (!next || !*next) return out;
    last = **next;
    if (!resting.contains(last)) out.push_back(last);
  }
}

Result<std::vector<OutboxJob>> Outbox::list_due(UnixTime now, std::size_t per_relay,
                                                const std::set<std::string>& resting) {
  TRY(const auto relays, live_relays(resting));
  std::vector<OutboxJob> out;
  for (const std::string& relay : relays) {
    TRY(auto due, db_.all(kDue, read_job, relay, now, now, per_relay));
    std::ranges::move(due, std::back_inserter(out));
  }
  return out;
}

Result<std::optional<UnixTime>> Outbox::next_due(const std::set<std::string>& resting) {
  TRY(const auto relays, live_relays(resting));
  std::optional<UnixTime> soonest;
  for (const std::string& relay : relays) {
    TRY(const auto next, db_.one(kNextDue, read_time, relay));
    if (next && (!soonest || *next < *soonest)) soonest = *next;
  }
  return soonest;
}

// ---- signing -----------------------------------------------------------------------------------

Result<std::optional<OutboxDraft>> Outbox::draft_of(std::int64_t id) {
  struct Stored {
    PublicKey signer;
    std::string text;
  };
  TRY(const auto stored,
      db_.one(
          kDraftOf,
          [](Row& r) { return Stored{r.take<PublicKey>(), r.take<std::string>()}; }, id));
  if (!stored) return std::nullopt;
  TRY(nostr::Draft draft, read_draft(stored->text));
  return OutboxDraft{stored->signer, std::move(draft)};
}

Result<void> Outbox::set_signed(std::int64_t id, const Event& event) {
  TRY(Tx tx, Tx::begin(db_, Durability::kFull));
  TRY(const auto same, db_.one(kIdOf, read_id, event.id));
  if (same && *same != id) {
    // Said twice within a second, as by a process that is started again: one event.
    TRY(close(id, OutboxState::kSuperseded));
    return tx.commit();
  }
  TRY(const auto changed, db_.run(kSign, event.id, nostr::to_json(event), event.created_at, id,
                                  event.pubkey));
  TRY(expect_one(changed, "outbox draft"));
  FAILPOINT("outbox-signed-before-commit");
  TRY(tx.commit());
  FAILPOINT("outbox-signed-after-commit");
  return {};
}

Result<bool> Outbox::unsign(std::int64_t id) {
  TRY(const auto changed, db_.run(kUnsign, id, id));
  return changed == 1;
}

Result<void> Outbox::delay(std::int64_t id, UnixTime until) {
  TRY(db_.run(kDelay, until, id));
  return {};
}

// ---- sending -----------------------------------------------------------------------------------

Result<void> Outbox::start_try(std::int64_t id, std::string_view relay, const EventId& event,
                               UnixTime next_try, Durability durability) {
  TRY(Tx tx, Tx::begin(db_, durability));
  TRY(const auto changed, db_.run(kStartTry, next_try, id, relay, event));
  TRY(expect_one(changed, "outbox relay"));
  return tx.commit();
}

Result<OutboxState> Outbox::settle(std::int64_t id, std::string_view relay, RelayState state,
                                   std::string_view reason, UnixTime next_try) {
  TRY(Tx tx, Tx::begin(db_, Durability::kFull));
  TRY(const auto deadline, db_.one(kRelayDeadline, read_time, id, relay));
  if (!deadline) return fail(Errc::kNotFound, fmt::format("outbox row {} has no such relay", id));
  const bool again = is_tried_again(state) && next_try <= *deadline;
  TRY(db_.run(kSettle, state, reason, again, next_try, id, relay));
  if (state == RelayState::kAccepted) TRY(db_.run(kKeep, id));
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
  else if (tally->state == OutboxState::kOpen && tally->possible < tally->quorum)
    next = OutboxState::kFailed;
  if (next == tally->state) return next;
  if (next == OutboxState::kFailed) {
    TRY(close(id, next));
  } else {
    TRY(db_.run(kSetState, next, id));
  }
  return next;
}

/// Ends the entry: nothing of it is sent any more.
Result<void> Outbox::close(std::int64_t id, OutboxState state) {
  TRY(db_.run(kSetState, state, id));
  TRY(db_.run(kStop, id));
  return {};
}

// ---- out ---------------------------------------------------------------------------------------

Result<std::vector<std::int64_t>> Outbox::expire(UnixTime now) {
  TRY(Tx tx, Tx::begin(db_, Durability::kFull));
  TRY(auto overdue, db_.all(kOverdue, read_id, now));
  for (const std::int64_t id : overdue) TRY(close(id, OutboxState::kFailed));
  TRY(db_.run(kGiveUp, now));
  TRY(tx.commit());
  return overdue;
}

Result<std::int64_t> Outbox::prune(UnixTime before, std::size_t limit) {
  TRY(Tx tx, Tx::begin(db_, Durability::kNormal));
  TRY(const auto over, db_.all(kOver, read_id, before, limit));
  for (const std::int64_t id : over) {
    TRY(db_.run(kForgetRelays, id));
    TRY(db_.run(kForget, id));
  }
  TRY(tx.commit());
  return static_cast<std::int64_t>(over.size());
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
  TRY(out.superseded, count(OutboxState::kSuperseded));
  return out;
}

}  // namespace storage
