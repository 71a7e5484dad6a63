// One row per tool call with an effect; states move by conditional UPDATE only.
#include "storage/actions.h"

#include <fmt/format.h>

#include "nostr/base/failpoint.h"
#include "nostr/event/event_json.h"

namespace storage {

namespace {

constexpr const char* kAdd =
    "INSERT INTO actions (tick, call_id, digest, action_class, draft, state, created, changed) "
    "VALUES (?,?,?,?,?,'proposed',?,?) ON CONFLICT (tick, call_id) DO NOTHING";
constexpr const char* kStamp =
    "UPDATE actions SET event_id = ?, event = ?, changed = ? "
    "WHERE tick = ? AND call_id = ? AND event_id IS NULL";
constexpr const char* kRestamp =
    "UPDATE actions SET event_id = ?, event = ?, changed = ? "
    "WHERE tick = ? AND call_id = ? AND event_id = ? AND state = 'proposed' AND question IS NULL";
constexpr const char* kSetQuestion =
    "UPDATE actions SET question = ?, changed = ? WHERE tick = ? AND call_id = ?";
constexpr const char* kSetDecision =
    "UPDATE actions SET decision = ?, changed = ? WHERE tick = ? AND call_id = ?";
constexpr const char* kSign =
    "UPDATE actions SET event_id = ?, event = ?, state = 'signed', changed = ? "
    "WHERE tick = ? AND call_id = ? AND state IN ('proposed','approved') "
    "AND (event_id IS NULL OR event_id = ?)";
constexpr const char* kMove =
    "UPDATE actions SET state = ?, result = CASE WHEN ? = '' THEN result ELSE ? END, changed = ? "
    "WHERE tick = ? AND call_id = ? AND state = ?";
constexpr const char* kGet =
    "SELECT tick, call_id, digest, action_class, draft, event_id, event, question, decision, "
    "state, "
    "result, created, changed FROM actions WHERE tick = ? AND call_id = ?";
constexpr const char* kByQuestion =
    "SELECT tick, call_id, digest, action_class, draft, event_id, event, question, decision, "
    "state, "
    "result, created, changed FROM actions WHERE question = ?";
constexpr const char* kByEvent =
    "SELECT tick, call_id, digest, action_class, draft, event_id, event, question, decision, "
    "state, "
    "result, created, changed FROM actions WHERE event_id = ?";
constexpr const char* kList =
    "SELECT tick, call_id, digest, action_class, draft, event_id, event, question, decision, "
    "state, "
    "result, created, changed FROM actions WHERE tick = ? ORDER BY seq";
constexpr const char* kUnfinished =
    "SELECT tick, call_id, digest, action_class, draft, event_id, event, question, decision, "
    "state, "
    "result, created, changed FROM actions "
    "WHERE state IN ('proposed','asked','approved','signed','published') ORDER BY seq";

// The longer condition is what the index is for.
constexpr const char* kAsking =
    "SELECT DISTINCT tick FROM actions "
    "WHERE state IN ('proposed','asked','approved','signed','published') AND state = 'asked'";

ActionRow read_action(Row& r) {
  return {.tick = r.take<std::string>(),
          .call_id = r.take<std::string>(),
          .digest = r.take<nostr::Sha256>(),
          .action_class = r.take<std::string>(),
          .draft_json = r.take<std::string>(),
          .event_id = r.take<std::optional<EventId>>(),
          .event_json = r.take<std::string>(),
          .question = r.take<std::optional<EventId>>(),
          .decision = r.take<std::optional<EventId>>(),
          .state = r.take<ActionState>(),
          .result = r.take<std::string>(),
          .created = r.take<UnixTime>(),
          .changed = r.take<UnixTime>()};
}

}  // namespace

bool may_move(ActionState from, ActionState to) {
  using enum ActionState;
  const bool refused = to == kRefused || to == kFailed;
  switch (from) {
    case kProposed:
      return to == kAsked || to == kApproved || to == kSigned || to == kDone || to == kDenied ||
             refused;
    case kAsked:
      return to == kApproved || to == kDenied || to == kExpired || to == kWithdrawn ||
             to == kUndeliverable || refused;
    case kApproved:
      return to == kSigned || to == kDone || to == kDenied || to == kExpired || refused;
    case kSigned:
      return to == kPublished || to == kDone || to == kFailed;
    case kPublished:
      return to == kDone || to == kFailed;
    case kDone:
    case kDenied:
    case kExpired:
    case kWithdrawn:
    case kUndeliverable:
    case kRefused:
    case kFailed:
      return false;
  }
  return false;
}

Result<ActionRow> Actions::add(const ActionRow& a) {
  TRY(Tx tx, Tx::begin(db_, Durability::kFull));
  TRY(db_.run(kAdd, a.tick, a.call_id, a.digest, a.action_class, a.draft_json, a.created,
              a.created));
  TRY(auto standing, get(a.tick, a.call_id));
  CHECK(standing.has_value());
  if (standing->digest != a.digest)
    return fail(Errc::kConflict,
                fmt::format("call {} was proposed with another action", a.call_id));
  TRY(tx.commit());
  FAILPOINT("action-added");
  return *std::move(standing);
}

Result<void> Actions::set_stamped(std::string_view tick, std::string_view call_id,
                                  const EventId& id, std::string_view unsigned_json, UnixTime now) {
  TRY(Tx tx, Tx::begin(db_, Durability::kFull));
  TRY(const auto changed, db_.run(kStamp, id, unsigned_json, now, tick, call_id));
  if (changed == 0) {
    TRY(const auto standing, get(tick, call_id));
    if (!standing || standing->event_id != id)
      return fail(Errc::kConflict, fmt::format("call {} is stamped as another event", call_id));
  }
  TRY(tx.commit());
  FAILPOINT("action-stamped");
  return {};
}

Result<void> Actions::restamp(std::string_view tick, std::string_view call_id, const EventId& before,
                              const EventId& id, std::string_view unsigned_json, UnixTime now) {
  TRY(Tx tx, Tx::begin(db_, Durability::kFull));
  TRY(const auto changed, db_.run(kRestamp, id, unsigned_json, now, tick, call_id, before));
  TRY(expect_one(changed, "action to stamp anew"));
  return tx.commit();
}

Result<void> Actions::set_question(std::string_view tick, std::string_view call_id,
                                   const EventId& question, UnixTime now) {
  TRY(Tx tx, Tx::begin(db_, Durability::kFull));
  TRY(const auto changed, db_.run(kSetQuestion, question, now, tick, call_id));
  TRY(expect_one(changed, "action"));
  return tx.commit();
}

Result<void> Actions::set_decision(std::string_view tick, std::string_view call_id,
                                   const EventId& decision, UnixTime now) {
  TRY(Tx tx, Tx::begin(db_, Durability::kFull));
  TRY(const auto changed, db_.run(kSetDecision, decision, now, tick, call_id));
  TRY(expect_one(changed, "action"));
  return tx.commit();
}

Result<void> Actions::set_signed(std::string_view tick, std::string_view call_id,
                                 const Event& event, UnixTime now) {
  TRY(Tx tx, Tx::begin(db_, Durability::kFull));
  TRY(const auto changed,
      db_.run(kSign, event.id, nostr::to_json(event), now, tick, call_id, event.id));
  TRY(expect_one(changed, "action to sign"));
  TRY(tx.commit());
  FAILPOINT("action-signed");
  return {};
}

Result<void> Actions::set_state(std::string_view tick, std::string_view call_id, ActionState from,
                                ActionState to, std::string_view result, UnixTime now) {
  if (!may_move(from, to))
    return fail(Errc::kConflict,
                fmt::format("an action cannot go from {} to {}", name_of(from), name_of(to)));
  TRY(Tx tx, Tx::begin(db_, Durability::kFull));
  TRY(const auto changed, db_.run(kMove, to, result, result, now, tick, call_id, from));
  TRY(expect_one(changed, "action"));
  TRY(tx.commit());
  FAILPOINT("action-moved");
  return {};
}

Result<std::optional<ActionRow>> Actions::get(std::string_view tick, std::string_view call_id) {
  return db_.one(kGet, read_action, tick, call_id);
}

Result<std::optional<ActionRow>> Actions::by_question(const EventId& question) {
  return db_.one(kByQuestion, read_action, question);
}

Result<std::optional<ActionRow>> Actions::by_event(const EventId& event) {
  return db_.one(kByEvent, read_action, event);
}

Result<std::vector<ActionRow>> Actions::list(std::string_view tick) {
  return db_.all(kList, read_action, tick);
}

Result<std::vector<ActionRow>> Actions::list_unfinished() {
  return db_.all(kUnfinished, read_action);
}

Result<std::vector<std::string>> Actions::list_asking() {
  return db_.all(kAsking, [](Row& r) { return r.take<std::string>(); });
}

}  // namespace storage
