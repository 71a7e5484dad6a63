// Trigger: why a session starts — somebody's event, or the clock — as plain, storable data.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "nostr/base/json.h"
#include "nostr/event/event.h"

namespace orchestration {

enum class TriggerKind { kMention, kDm, kHeartbeat, kManual, kDelegation, kJob, kTask };

/// "mention", "dm", "heartbeat", "manual", "delegation", "job", "task": the words of playbooks; 39210 has
/// its own.
std::string_view trigger_kind_name(TriggerKind kind);
base::Result<TriggerKind> parse_trigger_kind(std::string_view name);

/// How far the author of foreign text may be believed. Nobody but the operator is ever obeyed.
enum class Trust { kOperator, kKnown, kStranger };
std::string_view trust_name(Trust trust);
base::Result<Trust> parse_trust(std::string_view name);

/// What woke the agent. `event` is the mention, or the opened rumor of a DM (then its signature is
/// zero: the seal vouched for it), or the 39260, or a job request (NIP-90) with its inputs opened and
/// written out as its content; absent for a heartbeat, and for what the operator
/// typed on this machine.
struct Trigger {
  TriggerKind kind = TriggerKind::kHeartbeat;
  std::string tick;             ///< slot of the tick, unique for ever: names its acts
  nostr::EventId tick_request;  ///< the 39210
  std::optional<nostr::Event> event;
  std::string relay;            ///< where it was seen, for relay hints; may be empty
  Trust trust = Trust::kStranger;
  // kTask: the session works for another one, in the same tick.
  std::string task;     ///< id, "bg_…"
  std::string session;  ///< the session that is to do it
  std::string brief;    ///< what its first message says; kManual: what the operator wants done
};

/// A trigger as the JSON kept with its session, and back; kInvalid names the member.
base::json::Value to_json(const Trigger& trigger);
base::Result<Trigger> parse_trigger(const base::json::Value& value);

}  // namespace orchestration
