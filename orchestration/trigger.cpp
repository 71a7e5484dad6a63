// Triggers as JSON: the form in which a session keeps what woke it.
#include "orchestration/trigger.h"

#include "nostr/event/event_json.h"
#include "orchestration/names.h"

namespace orchestration {
namespace {

constexpr Name<TriggerKind> kKinds[] = {
    {TriggerKind::kMention, "mention"},       {TriggerKind::kDm, "dm"},
    {TriggerKind::kHeartbeat, "heartbeat"},   {TriggerKind::kManual, "manual"},
    {TriggerKind::kDelegation, "delegation"}, {TriggerKind::kJob, "job"},
    {TriggerKind::kTask, "task"}};
constexpr Name<Trust> kTrusts[] = {
    {Trust::kOperator, "operator"}, {Trust::kKnown, "known"}, {Trust::kStranger, "stranger"}};

}  // namespace

std::string_view trigger_kind_name(TriggerKind kind) { return name_in(kKinds, kind); }
base::Result<TriggerKind> parse_trigger_kind(std::string_view name) {
  return value_in(kKinds, name, "trigger");
}
std::string_view trust_name(Trust trust) { return name_in(kTrusts, trust); }
base::Result<Trust> parse_trust(std::string_view name) { return value_in(kTrusts, name, "trust"); }

base::json::Value to_json(const Trigger& trigger) {
  base::json::Value out = {{"kind", trigger_kind_name(trigger.kind)},
                           {"tick", trigger.tick},
                           {"tick_request", trigger.tick_request.hex()},
                           {"relay", trigger.relay},
                           {"trust", trust_name(trigger.trust)}};
  if (trigger.task.empty() && !trigger.brief.empty()) out["brief"] = trigger.brief;
  // As text: the event's exact bytes survive, whatever a JSON library does to numbers and escapes.
  if (!trigger.task.empty())
    out["task"] = {{"id", trigger.task}, {"session", trigger.session}, {"brief", trigger.brief}};
  if (trigger.event) out["event"] = nostr::to_json(*trigger.event);
  return out;
}

base::Result<Trigger> parse_trigger(const base::json::Value& value) {
  Trigger out;
  TRY(const std::string kind, base::json::get_string(value, "kind"));
  TRY(out.kind, parse_trigger_kind(kind));
  TRY(out.tick, base::json::get_string(value, "tick"));
  TRY(const std::string request, base::json::get_string(value, "tick_request"));
  TRY(out.tick_request, nostr::EventId::from_hex(request));
  TRY(const std::string trust, base::json::get_string(value, "trust"));
  TRY(out.trust, parse_trust(trust));
  out.relay = base::json::string_or(value, "relay");
  out.brief = base::json::string_or(value, "brief");
  if (const auto task = base::json::get_object(value, "task")) {
    out.task = base::json::string_or(*task, "id");
    out.session = base::json::string_or(*task, "session");
    out.brief = base::json::string_or(*task, "brief");
  }
  const std::string event = base::json::string_or(value, "event");
  if (!event.empty()) {
    TRY(out.event, nostr::parse_event(event));
  }
  return out;
}

}  // namespace orchestration
