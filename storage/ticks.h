// Ticks: one row per slot, so that a trigger is consumed once and a killed tick is found again.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/events.h"

namespace storage {

/// Legal moves: planned → claimed lost failed; claimed → running lost failed;
/// running → reporting failed; reporting → done failed. done, lost and failed are final.
enum class TickPhase { kPlanned, kClaimed, kRunning, kReporting, kDone, kLost, kFailed };

template <>
struct EnumText<TickPhase> {
  static constexpr std::array<std::string_view, 7> kNames{
      "planned", "claimed", "running", "reporting", "done", "lost", "failed"};
};

struct TickRow {
  std::string slot;          ///< "e:<id>", "h:<n>", "m:<hex>"
  std::string trigger_kind;  ///< "mention", "dm", "heartbeat", "zap", "manual", …
  std::optional<EventId> trigger_event;
  std::optional<EventId> claim_id;  ///< the 39210
  std::string claim_json;
  TickPhase phase = TickPhase::kPlanned;
  std::string note;                  ///< how far it is or why it failed, for a person
  std::string state_json;            ///< the agent state this tick opened, plain, for its resumption
  UnixTime started;
  std::optional<UnixTime> finished;
  std::optional<EventId> result_id;  ///< the 39211
};

/// App thread. Changes are kFull.
class Ticks {
 public:
  explicit Ticks(Db& db) : db_(db) {}

  /// Opens a planned tick; false when the slot exists: its trigger is consumed already.
  Result<bool> add(std::string_view slot, std::string_view trigger_kind,
                   const std::optional<EventId>& trigger_event, UnixTime now);
  /// planned → claimed with the signed claim, before it is published.
  Result<void> set_claim(std::string_view slot, const Event& claim);
  /// Moves the phase; kConflict when it is not in `from` or the move is not legal.
  Result<void> set_phase(std::string_view slot, TickPhase from, TickPhase to, std::string_view note,
                         UnixTime now);
  /// Any non-final row: what it knows besides its phase.
  Result<void> set_note(std::string_view slot, std::string_view note);
  Result<void> set_state_json(std::string_view slot, std::string_view state_json);
  /// The 39211 of this tick, before it is published; once.
  Result<void> set_result(std::string_view slot, const EventId& result);

  Result<std::optional<TickRow>> get(std::string_view slot);
  Result<std::optional<TickRow>> by_claim(const EventId& claim);
  /// Rows that are not final, oldest first: what a restart resumes.
  Result<std::vector<TickRow>> list_unfinished();
  /// Newest first.
  Result<std::vector<TickRow>> history(std::size_t limit = 100);

 private:
  Db& db_;
};

bool may_move(TickPhase from, TickPhase to);

}  // namespace storage
