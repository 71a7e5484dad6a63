// Kinds 39210 and 39211.
#include "nipsa/tick.h"

#include <algorithm>
#include <array>

#include "nostr/nips/nip40.h"

namespace nipsa {

namespace {

constexpr std::array<std::string_view, 6> kTriggers{"heartbeat", "mention", "dm",
                                                    "zap",       "manual",  "kind"};
constexpr std::array<std::string_view, 4> kStatuses{"success", "partial", "error", "skipped"};
constexpr std::array<std::string_view, 4> kRails{"lightning", "cashu", "fedimint", "envelope"};

bool needs_event(TriggerName name) {
  return name != TriggerName::kHeartbeat && name != TriggerName::kManual;
}

Result<TriggerName> read_trigger(std::string_view text) {
  const auto it = std::ranges::find(kTriggers, text);
  if (it == kTriggers.end()) return fail(Code::kEnum, "trigger");
  return static_cast<TriggerName>(it - kTriggers.begin());
}

nostr::Tag ref_tag(std::string_view name, const nostr::EventRef& ref,
                   std::string_view marker = "") {
  nostr::Tag tag{std::string(name), ref.id.hex()};
  if (!ref.relay.empty() || !marker.empty()) tag.push_back(ref.relay);
  if (!marker.empty()) tag.emplace_back(marker);
  return tag;
}

/// Whether a runner tag, if there is one, names the author (C16).
Result<void> check_runner(const nostr::Event& event) {
  const auto runner = nostr::tag_value(event.tags, "runner");
  if (runner && *runner != event.pubkey.hex())
    return fail(Code::kSigner, "the runner tag names another key than the author");
  return {};
}

/// Whose tick it is: the `p`, or in the form of a writer whose agents claim their own ticks under a
/// `tick_id` the author (C16).
Result<nostr::PublicKey> agent_of(const nostr::Event& event) {
  const bool own_claim = nostr::tag_value(event.tags, "tick_id").has_value();
  if (own_claim && !nostr::tag_value(event.tags, "p")) return event.pubkey;
  return required_key(event.tags, "p");
}

Result<void> read_limits(const nostr::Tags& tags, TickRequest& out) {
  if (const auto text = nostr::tag_value(tags, "max_steps")) {
    TRY(const auto steps, parse_range(*text, 1, 1'000'000, "max_steps"));
    out.max_steps = static_cast<std::uint32_t>(steps);
  }
  TRY(const auto budget, control_tag(tags, "budget"));
  if (budget) {
    TRY(out.budget, parse_budget(*nostr::find_tag(tags, "budget")));
  }
  TRY(const auto threshold, control_tag(tags, "approval_threshold"));
  if (threshold) {
    TRY(out.approval_threshold, parse_sats(*threshold, "approval_threshold"));
  }
  TRY(const auto guardian, control_tag(tags, "guardian"));
  if (guardian) {
    TRY(out.guardian, parse_key(*guardian, "guardian"));
  }
  return {};
}

}  // namespace

std::string_view trigger_name(TriggerName name) {
  return kTriggers[static_cast<std::size_t>(name)];
}
std::string_view tick_status_name(TickStatus status) {
  return kStatuses[static_cast<std::size_t>(status)];
}

bool is_spendable(const Budget& budget) {
  return std::ranges::find(kRails, budget.rail) != kRails.end();
}

nostr::Tag budget_tag(std::string_view name, const Budget& budget) {
  nostr::Tag tag{std::string(name), std::to_string(budget.amount.value), budget.rail};
  if (!budget.ref.empty()) tag.push_back(budget.ref);
  return tag;
}

Result<Budget> parse_budget(const nostr::Tag& tag) {
  if (tag.size() < 2) return fail(Code::kTagMissing, "budget");
  Budget out;
  TRY(out.amount, parse_sats(tag[1], tag[0]));
  if (tag.size() > 2 && !tag[2].empty()) out.rail = tag[2];
  if (tag.size() > 3) out.ref = tag[3];
  if (out.rail == "envelope" && out.ref.empty())
    return fail(Code::kTagMissing, "envelope id of " + tag[0]);
  return out;
}

std::string slot_of_event(const nostr::EventId& id) {
  return "e:" + id.hex();
}
std::string slot_of_heartbeat(UnixTime at, std::chrono::seconds heartbeat) {
  CHECK(heartbeat.count() > 0);
  return "h:" + std::to_string(base::to_unix(at) / heartbeat.count());
}
std::string slot_of_manual(base::Rng& rng) {
  return random_d("m:", rng);
}

bool is_manual_slot(std::string_view slot) {
  return slot.starts_with("m:");
}

Result<nostr::Draft> build_tick_request(const TickRequest& request, const nostr::PublicKey& runner,
                                        UnixTime at) {
  if (needs_event(request.trigger) && !request.trigger_event)
    return fail(Code::kTagMissing, "e of the trigger");
  nostr::Draft draft{
      .kind = kinds::kTickRequest, .created_at = at, .tags = {{"d", request.d}}, .content = ""};
  auto& tags = draft.tags;
  tags.push_back({"p", request.agent.hex()});
  tags.push_back({"runner", runner.hex()});
  tags.push_back({"trigger", std::string(trigger_name(request.trigger))});
  if (request.trigger_event) tags.push_back(ref_tag("e", *request.trigger_event));
  if (!request.slot.empty()) tags.push_back({"slot", request.slot});
  if (request.max_steps) tags.push_back(number_tag("max_steps", *request.max_steps));
  if (request.budget) tags.push_back(budget_tag("budget", *request.budget));
  if (request.approval_threshold)
    tags.push_back(number_tag("approval_threshold", request.approval_threshold->value));
  if (request.guardian) tags.push_back({"guardian", request.guardian->hex()});
  if (!request.credit.empty()) tags.push_back({"credit", request.credit});
  tags.push_back(nostr::expiration_tag(request.expires.value_or(at + kEphemeralTtl)));
  return checked(std::move(draft));
}

Result<TickRequest> parse_tick_request(const nostr::Event& event) {
  TRY(check_shape(event, kinds::kTickRequest));
  TRY(check_runner(event));
  TickRequest out;
  out.d = nostr::tag_value(event.tags, "d").value_or("");
  TRY(out.agent, agent_of(event));
  TRY(const auto trigger, required_tag(event.tags, "trigger"));
  TRY(out.trigger, read_trigger(trigger));
  if (const nostr::Tag* tag = nostr::find_tag(event.tags, "e")) {
    TRY(parse_id((*tag)[1], "e"));
    out.trigger_event = nostr::parse_event_ref(*tag, 4);
  } else if (needs_event(out.trigger)) {
    return fail(Code::kTagMissing, "e of the trigger");
  }
  out.slot = nostr::tag_value(event.tags, "slot").value_or("");
  out.credit = nostr::tag_value(event.tags, "credit").value_or("");
  TRY(read_limits(event.tags, out));
  out.expires = nostr::expiration_of(event.tags);
  return out;
}

const nostr::Event* winning_claim(const std::vector<nostr::Event>& claims) {
  const auto it =
      std::ranges::min_element(claims, [](const nostr::Event& a, const nostr::Event& b) {
        return a.created_at != b.created_at ? a.created_at < b.created_at : a.id < b.id;
      });
  return it == claims.end() ? nullptr : &*it;
}

}  // namespace nipsa
