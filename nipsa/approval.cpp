// Kinds 39212 and 39213.
#include "nipsa/approval.h"

#include <algorithm>

namespace nipsa {

namespace {

constexpr std::size_t kMaxReason = 500;
constexpr std::string_view kNotAsked = "not-asked";

Result<void> check_reason(std::string_view reason) {
  if (const auto length = characters(reason); length > kMaxReason)
    return fail(Code::kSize, "reason is " + std::to_string(length) + " characters, limit is 500");
  return {};
}

Result<void> check_expiry(UnixTime created_at, UnixTime expires) {
  if (expires <= created_at || expires > created_at + kApprovalTtlMax)
    return fail(Code::kNum, "exp is not within 24 hours after created_at");
  return {};
}

Result<std::optional<nostr::Sha256>> read_hash(const nostr::Tags& tags) {
  TRY(const auto text, control_tag(tags, "action_hash"));
  if (!text) return std::nullopt;
  TRY(const auto hash, parse_hash(*text, "action_hash"));
  return hash;
}

Result<std::optional<nostr::PublicKey>> read_key(const nostr::Tags& tags, std::string_view name) {
  TRY(const auto text, control_tag(tags, name));
  if (!text) return std::nullopt;
  TRY(const auto key, parse_key(*text, name));
  return key;
}

std::string text_of(const nostr::Tags& tags, std::string_view name) {
  return std::string(nostr::tag_value(tags, name).value_or(""));
}

Result<void> read_money(const nostr::Tags& tags, ApprovalRequest& out) {
  TRY(const auto budget, control_tag(tags, "budget_requested"));
  if (budget) {
    TRY(out.budget_requested, parse_budget(*nostr::find_tag(tags, "budget_requested")));
    if (out.budget_requested->amount.value == 0) return fail(Code::kNum, "budget_requested is 0");
  }
  TRY(const auto threshold, control_tag(tags, "approval_threshold"));
  if (threshold) {
    TRY(out.approval_threshold, parse_sats(*threshold, "approval_threshold"));
  }
  return {};
}

Result<Decision> read_decision(std::string_view text) {
  std::string lower(text.substr(0, 16));
  for (char& c : lower)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  if (lower == "approved" || lower == "approve") return Decision::kApproved;
  if (lower == "denied" || lower == "deny" || lower == "rejected") return Decision::kDenied;
  return fail(Code::kEnum, "decision is neither approved nor denied");
}

/// The `d` names the request when an `e` does so too; writers without `d` put it first.
Result<void> read_targets(const nostr::Tags& tags, ApprovalDecision& out) {
  std::vector<nostr::EventId> ids;
  for (const auto value : nostr::tag_values(tags, "e")) {
    TRY(const auto id, parse_id(value, "e"));
    ids.push_back(id);
  }
  if (ids.empty()) return fail(Code::kTagMissing, "e");
  const auto d = nostr::tag_value(tags, "d").value_or("");
  const auto named = std::ranges::find_if(ids, [&](const auto& id) { return id.hex() == d; });
  out.request = named == ids.end() ? ids[0] : *named;
  for (const auto& id : ids)
    if (id != out.request && !out.tick) out.tick = id;
  return {};
}

void read_evidence(const nostr::Tags& tags, std::vector<Evidence>& out) {
  for (const nostr::Tag& tag : tags) {
    if (tag.size() < 3 || tag[0] != "evidence") continue;
    const auto id = nostr::EventId::from_hex(tag[1]);
    const auto kind = parse_range(tag[2], 0, 65'535, "evidence");
    if (id && kind)
      out.push_back({*id, static_cast<nostr::Kind>(*kind), tag.size() > 3 ? tag[3] : ""});
  }
}

}  // namespace

std::string_view decision_name(Decision decision) {
  return decision == Decision::kApproved ? "approved" : "denied";
}

Result<nostr::Draft> build_approval_request(const ApprovalRequest& r, UnixTime at) {
  if (!r.tick) return fail(Code::kTagMissing, "e of the tick");
  if (!r.action_hash) return fail(Code::kTagMissing, "action_hash");
  TRY(check_expiry(at, r.expires));
  TRY(check_reason(r.reason));
  if (r.reason.find_first_of("\r\n") != std::string::npos)
    return fail(Code::kTagBad, "reason is more than a line");
  if (r.budget_requested && r.budget_requested->amount.value <= 0)
    return fail(Code::kNum, "budget_requested is not positive");
  nostr::Draft draft{.kind = kinds::kApprovalRequest,
                     .created_at = at,
                     .tags = {{"d", r.d}},
                     .content = r.content};
  auto& tags = draft.tags;
  tags.push_back({"p", r.guardian.hex()});
  for (const auto& key : r.operators) tags.push_back({"p", key.hex()});
  tags.push_back({"e", r.tick->hex()});
  if (r.agent) tags.push_back({"agent", r.agent->hex()});
  if (!r.action.empty()) tags.push_back({"action", r.action});
  if (r.budget_requested) tags.push_back(budget_tag("budget_requested", *r.budget_requested));
  if (r.approval_threshold)
    tags.push_back(number_tag("approval_threshold", r.approval_threshold->value));
  if (!r.scope_type.empty()) tags.push_back({"scope", r.scope_type, r.scope_id});
  if (!r.credit.empty()) tags.push_back({"credit", r.credit});
  tags.push_back({"action_hash", r.action_hash->hex()});
  if (!r.reason.empty()) tags.push_back({"reason", r.reason});
  tags.push_back(time_tag("exp", r.expires));
  return checked(std::move(draft));
}

Result<ApprovalRequest> parse_approval_request(const nostr::Event& event) {
  TRY(check_shape(event, kinds::kApprovalRequest));
  const auto& tags = event.tags;
  ApprovalRequest out;
  out.d = text_of(tags, "d");
  TRY(auto people, all_keys(tags, "p"));
  if (people.empty()) return fail(Code::kTagMissing, "p");
  out.guardian = people[0];
  out.operators.assign(people.begin() + 1, people.end());
  TRY(out.tick, required_id(tags, "e"));
  TRY(out.agent, read_key(tags, "agent"));
  out.action = text_of(tags, "action");
  TRY(read_money(tags, out));
  if (const nostr::Tag* scope = nostr::find_tag(tags, "scope")) {
    out.scope_type = (*scope)[1];
    if (scope->size() > 2) out.scope_id = (*scope)[2];
  }
  out.credit = text_of(tags, "credit");
  TRY(out.action_hash, read_hash(tags));
  out.reason = text_of(tags, "reason");
  TRY(check_reason(out.reason));
  TRY(const auto exp, required_tag(tags, "exp"));
  TRY(out.expires, parse_time(exp, "exp"));
  TRY(check_expiry(event.created_at, out.expires));
  out.content = event.content;
  return out;
}

Result<nostr::Draft> build_approval_decision(const ApprovalDecision& d, UnixTime at) {
  TRY(check_reason(d.reason));
  const std::string request = d.request.hex();
  nostr::Draft draft{
      .kind = kinds::kApprovalDecision, .created_at = at, .tags = {{"d", request}}, .content = ""};
  auto& tags = draft.tags;
  if (d.requester) tags.push_back({"p", d.requester->hex()});
  tags.push_back({"e", request});
  if (d.tick) tags.push_back({"e", d.tick->hex()});
  tags.push_back({"decision", std::string(decision_name(d.decision))});
  if (d.agent) tags.push_back({"agent", d.agent->hex()});
  if (!d.action.empty()) tags.push_back({"action", d.action});
  if (d.action_hash) tags.push_back({"action_hash", d.action_hash->hex()});
  if (!d.reason.empty()) tags.push_back({"reason", d.reason});
  if (d.expires) tags.push_back(time_tag("exp", *d.expires));
  for (const auto& e : d.evidence)
    tags.push_back({"evidence", e.id.hex(), std::to_string(e.kind), e.relay});
  return checked(std::move(draft));
}

Result<ApprovalDecision> parse_approval_decision(const nostr::Event& event) {
  TRY(check_shape(event, kinds::kApprovalDecision));
  const auto& tags = event.tags;
  ApprovalDecision out;
  TRY(read_targets(tags, out));
  TRY(const auto decision, required_tag(tags, "decision"));
  TRY(out.decision, read_decision(decision));
  TRY(out.agent, read_key(tags, "agent"));
  TRY(out.action_hash, read_hash(tags));
  if (const auto p = nostr::tag_value(tags, "p")) {
    TRY(out.requester, parse_key(*p, "p"));
  }
  out.action = text_of(tags, "action");
  out.reason = text_of(tags, "reason");
  TRY(check_reason(out.reason));
  TRY(const auto exp, control_tag(tags, "exp"));
  if (exp) {
    TRY(out.expires, parse_time(*exp, "exp"));
  }
  read_evidence(tags, out.evidence);
  return out;
}

Result<nostr::Draft> build_question_refusal(const QuestionRefusal& refusal, UnixTime at) {
  TRY(check_reason(refusal.reason));
  const std::string request = refusal.request.hex();
  nostr::Draft draft{
      .kind = kinds::kApprovalDecision, .created_at = at, .tags = {{"d", request}}, .content = ""};
  if (refusal.requester) draft.tags.push_back({"p", refusal.requester->hex()});
  draft.tags.push_back({"e", request});
  draft.tags.push_back({"decision", std::string(kNotAsked)});
  if (!refusal.reason.empty()) draft.tags.push_back({"reason", refusal.reason});
  return checked(std::move(draft));
}

Result<QuestionRefusal> parse_question_refusal(const nostr::Event& event) {
  TRY(check_shape(event, kinds::kApprovalDecision));
  ApprovalDecision targets;
  TRY(read_targets(event.tags, targets));
  TRY(const auto decision, required_tag(event.tags, "decision"));
  if (decision != kNotAsked) return fail(Code::kEnum, "decision is not not-asked");
  QuestionRefusal out{.request = targets.request, .requester = {}, .reason = {}};
  if (const auto p = nostr::tag_value(event.tags, "p")) {
    TRY(out.requester, parse_key(*p, "p"));
  }
  out.reason = text_of(event.tags, "reason");
  TRY(check_reason(out.reason));
  return out;
}

Result<void> check_decision(const nostr::Event& decision_event, const ApprovalDecision& decision,
                            const nostr::Event& request_event, const ApprovalRequest& request,
                            std::span<const nostr::PublicKey> deciders, UnixTime now) {
  if (std::ranges::find(deciders, decision_event.pubkey) == deciders.end())
    return fail(Code::kAuthz, "the decision is by a key that may not decide");
  if (decision.request != request_event.id)
    return fail(Code::kRef, "the decision is for another request");
  if (decision.tick && decision.tick != request.tick)
    return fail(Code::kRef, "the decision is for another tick");
  if (decision.requester && *decision.requester != request_event.pubkey)
    return fail(Code::kRef, "the decision answers another requester");
  if (decision.agent && request.agent && *decision.agent != *request.agent)
    return fail(Code::kRef, "the decision is for another agent");
  if (decision.action_hash && decision.action_hash != request.action_hash)
    return fail(Code::kHash, "the decision is for another action");
  if (decision_event.created_at < request_event.created_at - kSkewPast)
    return fail(Code::kStale, "the decision is older than the request");
  if (decision_event.created_at > now + kSkewFutureControl)
    return fail(Code::kFuture, "the decision is dated in the future");
  if (now > request.expires || (decision.expires && now > *decision.expires))
    return fail(Code::kExpired, "the decision came after the expiry");
  return {};
}

}  // namespace nipsa
