// Actions: what a tick wants to do to the world, from proposal to result, once each.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "nostr/crypto/hash.h"
#include "storage/events.h"

namespace storage {

/// Legal moves, in the order an action lives:
///   proposed → asked approved signed done denied refused failed
///   asked    → approved denied expired withdrawn undeliverable refused failed
///   approved → signed done denied expired refused failed
///   signed   → published failed, or done when the event is handed to whoever asked for it
///   published→ done failed
/// The rest (denied expired withdrawn undeliverable refused done failed) is final.
enum class ActionState {
  kProposed, kAsked, kApproved, kSigned, kPublished, kDone,
  kDenied, kExpired, kWithdrawn, kUndeliverable, kRefused, kFailed
};

template <>
struct EnumText<ActionState> {
  static constexpr std::array<std::string_view, 12> kNames{
      "proposed", "asked", "approved", "signed", "published", "done",
      "denied", "expired", "withdrawn", "undeliverable", "refused", "failed"};
};

struct ActionRow {
  std::string tick;     ///< slot
  std::string call_id;  ///< of the tool call; unique within the tick
  nostr::Sha256 digest;
  std::string action_class;
  std::string draft_json;                 ///< the unsigned event or the local action
  std::optional<EventId> event_id;        ///< of the stamped event
  std::string event_json;                 ///< stamped and unsigned, later signed
  std::optional<EventId> question;        ///< the 39212
  std::optional<EventId> decision;        ///< the 39213
  ActionState state = ActionState::kProposed;
  std::string result;                     ///< what the model is told
  UnixTime created;
  UnixTime changed;
};

bool may_move(ActionState from, ActionState to);

/// App thread. Changes are kFull.
class Actions {
 public:
  explicit Actions(Db& db) : db_(db) {}

  /// Opens an action as proposed; returns the row that stands: this one, or the earlier one of the
  /// same (tick, call id). kConflict when that has another digest.
  Result<ActionRow> add(const ActionRow& action);
  /// Commits the stamped event before the first request that could sign it. Once: a second, other
  /// event id is kConflict; the same one is fine.
  Result<void> set_stamped(std::string_view tick, std::string_view call_id, const EventId& id,
                           std::string_view unsigned_json, UnixTime now);
  /// Stamps it anew after the co-signers refused the old stamp's time. kConflict unless it is still
  /// proposed, nobody was asked about it and `before` is what stands.
  Result<void> restamp(std::string_view tick, std::string_view call_id, const EventId& before,
                       const EventId& id, std::string_view unsigned_json, UnixTime now);
  Result<void> set_question(std::string_view tick, std::string_view call_id, const EventId& question,
                            UnixTime now);
  Result<void> set_decision(std::string_view tick, std::string_view call_id, const EventId& decision,
                            UnixTime now);
  /// Puts the signature to the stamped event and moves to signed (from proposed or approved).
  /// kConflict when another event was stamped.
  Result<void> set_signed(std::string_view tick, std::string_view call_id, const Event& event,
                          UnixTime now);
  /// Moves the state; kConflict when it is not in `from` or the move is not legal. An empty result
  /// keeps what stands.
  Result<void> set_state(std::string_view tick, std::string_view call_id, ActionState from,
                         ActionState to, std::string_view result, UnixTime now);

  Result<std::optional<ActionRow>> get(std::string_view tick, std::string_view call_id);
  Result<std::optional<ActionRow>> by_question(const EventId& question);
  Result<std::optional<ActionRow>> by_event(const EventId& event);
  /// All of a tick in order of creation.
  Result<std::vector<ActionRow>> list(std::string_view tick);
  /// Every action that is not final, oldest first.
  Result<std::vector<ActionRow>> list_unfinished();
  /// The ticks that wait for a person's answer, each once.
  Result<std::vector<std::string>> list_asking();

 private:
  Db& db_;
};

}  // namespace storage
