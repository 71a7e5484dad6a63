// The row of a slot is written before anything else happens, so a trigger is consumed once.
#include "storage/ticks.h"

#include <fmt/format.h>

#include "nostr/base/failpoint.h"
#include "nostr/event/event_json.h"

namespace storage {

namespace {

constexpr const char* kAdd =
    "INSERT INTO ticks (slot, trigger_kind, trigger_event, phase, started) VALUES "
    "(?,?,?,'planned',?) "
    "ON CONFLICT (slot) DO NOTHING";
constexpr const char* kSetClaim =
    "UPDATE ticks SET claim_id = ?, claim = ?, phase = 'claimed' WHERE slot = ? AND phase = "
    "'planned'";
constexpr const char* kMove =
    "UPDATE ticks SET phase = ?, finished = ?, note = CASE WHEN ? = '' THEN note ELSE ? END "
    "WHERE slot = ? AND phase = ?";
constexpr const char* kSetNote = "UPDATE ticks SET note = ? WHERE slot = ? AND finished IS NULL";
constexpr const char* kSetState = "UPDATE ticks SET state = ? WHERE slot = ? AND finished IS NULL";
constexpr const char* kSetResult =
    "UPDATE ticks SET result_id = ? WHERE slot = ? AND (result_id IS NULL OR result_id = ?)";
constexpr const char* kGet =
    "SELECT slot, trigger_kind, trigger_event, claim_id, claim, phase, note, state, started, "
    "finished, "
    "result_id FROM ticks WHERE slot = ?";
constexpr const char* kByClaim =
    "SELECT slot, trigger_kind, trigger_event, claim_id, claim, phase, note, state, started, "
    "finished, "
    "result_id FROM ticks WHERE claim_id = ?";
constexpr const char* kUnfinished =
    "SELECT slot, trigger_kind, trigger_event, claim_id, claim, phase, note, state, started, "
    "finished, "
    "result_id FROM ticks WHERE finished IS NULL ORDER BY started";
constexpr const char* kHistory =
    "SELECT slot, trigger_kind, trigger_event, claim_id, claim, phase, note, state, started, "
    "finished, "
    "result_id FROM ticks ORDER BY started DESC LIMIT ?";

TickRow read_tick(Row& r) {
  return {.slot = r.take<std::string>(),
          .trigger_kind = r.take<std::string>(),
          .trigger_event = r.take<std::optional<EventId>>(),
          .claim_id = r.take<std::optional<EventId>>(),
          .claim_json = r.take<std::string>(),
          .phase = r.take<TickPhase>(),
          .note = r.take<std::string>(),
          .state_json = r.take<std::string>(),
          .started = r.take<UnixTime>(),
          .finished = r.take<std::optional<UnixTime>>(),
          .result_id = r.take<std::optional<EventId>>()};
}

bool is_final(TickPhase phase) {
  return phase == TickPhase::kDone || phase == TickPhase::kLost || phase == TickPhase::kFailed;
}

}  // namespace

bool may_move(TickPhase from, TickPhase to) {
  using enum TickPhase;
  switch (from) {
    case kPlanned:
      return to == kClaimed || to == kLost || to == kFailed;
    case kClaimed:
      return to == kRunning || to == kLost || to == kFailed;
    case kRunning:
      return to == kReporting || to == kFailed;
    case kReporting:
      return to == kDone || to == kFailed;
    case kDone:
    case kLost:
    case kFailed:
      return false;
  }
  return false;
}

Result<bool> Ticks::add(std::string_view slot, std::string_view trigger_kind,
                        const std::optional<EventId>& trigger_event, UnixTime now) {
  TRY(Tx tx, Tx::begin(db_, Durability::kFull));
  TRY(const auto added, db_.run(kAdd, slot, trigger_kind, trigger_event, now));
  TRY(tx.commit());
  FAILPOINT("tick-added");
  return added == 1;
}

Result<void> Ticks::set_claim(std::string_view slot, const Event& claim) {
  TRY(Tx tx, Tx::begin(db_, Durability::kFull));
  TRY(const auto changed, db_.run(kSetClaim, claim.id, nostr::to_json(claim), slot));
  TRY(expect_one(changed, "tick"));
  TRY(tx.commit());
  FAILPOINT("tick-claimed");
  return {};
}

Result<void> Ticks::set_phase(std::string_view slot, TickPhase from, TickPhase to,
                              std::string_view note, UnixTime now) {
  if (!may_move(from, to))
    return fail(Errc::kConflict,
                fmt::format("a tick cannot go from {} to {}", name_of(from), name_of(to)));
  std::optional<UnixTime> finished;
  if (is_final(to)) finished = now;
  TRY(Tx tx, Tx::begin(db_, Durability::kFull));
  TRY(const auto changed, db_.run(kMove, to, finished, note, note, slot, from));
  TRY(expect_one(changed, "tick"));
  TRY(tx.commit());
  FAILPOINT("tick-moved");
  return {};
}

Result<void> Ticks::set_note(std::string_view slot, std::string_view note) {
  TRY(Tx tx, Tx::begin(db_, Durability::kNormal));
  TRY(const auto changed, db_.run(kSetNote, note, slot));
  TRY(expect_one(changed, "tick"));
  return tx.commit();
}

Result<void> Ticks::set_state_json(std::string_view slot, std::string_view state_json) {
  TRY(Tx tx, Tx::begin(db_, Durability::kFull));
  TRY(const auto changed, db_.run(kSetState, state_json, slot));
  TRY(expect_one(changed, "tick"));
  return tx.commit();
}

Result<void> Ticks::set_result(std::string_view slot, const EventId& result) {
  TRY(Tx tx, Tx::begin(db_, Durability::kFull));
  TRY(const auto changed, db_.run(kSetResult, result, slot, result));
  TRY(expect_one(changed, "tick result"));
  return tx.commit();
}

Result<std::optional<TickRow>> Ticks::get(std::string_view slot) {
  return db_.one(kGet, read_tick, slot);
}

Result<std::optional<TickRow>> Ticks::by_claim(const EventId& claim) {
  return db_.one(kByClaim, read_tick, claim);
}

Result<std::vector<TickRow>> Ticks::list_unfinished() {
  return db_.all(kUnfinished, read_tick);
}

Result<std::vector<TickRow>> Ticks::history(std::size_t limit) {
  return db_.all(kHistory, read_tick, limit);
}

}  // namespace storage
