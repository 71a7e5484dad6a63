// Kind 39260.
#include "nipsa/delegation.h"

#include <algorithm>
#include <set>

#include "nostr/nips/nip09.h"

namespace nipsa {
namespace {

constexpr std::size_t kMaxCredit = 128;

Result<void> check_whole(const Delegation& d, UnixTime created_at) {
  TRY(check_scope(d.scope));
  if (d.expires <= created_at || d.expires > created_at + kDelegationTtlMax)
    return fail(Code::kNum, "exp is not within 30 days after created_at");
  if (d.credit.size() > kMaxCredit) return fail(Code::kSize, "credit is over 128 bytes");
  if (!d.credit.empty() && !d.max_amount) return fail(Code::kTagMissing, "max_amount");
  if (d.max_amount && (d.max_amount->value <= 0 || d.max_amount->value > kMaxSats))
    return fail(Code::kNum, "max_amount is not an amount above zero");
  if (d.task.size() > kMaxDelegationTask) return fail(Code::kSize, "the task is over 16384 bytes");
  return {};
}

/// The `a` of a skill, where there is one, must be the scope's.
Result<void> check_address(const nostr::Tags& tags, const Scope& scope) {
  const auto skill = skill_of(scope);
  for (const auto value : nostr::tag_values(tags, "a")) {
    const auto address = parse_coordinate(value);
    if (!address || address->kind != kinds::kSkillManifest) continue;
    if (!skill || skill->skill != *address)
      return fail(Code::kConflict, "a is not the skill of the scope");
  }
  return {};
}

Result<Capabilities> read_capabilities(const nostr::Tags& tags) {
  std::vector<std::string> names;
  for (const auto value : nostr::tag_values(tags, "capability")) names.emplace_back(value);
  return normal_capabilities(names);
}

Result<void> check_link(const GivenDelegation& parent, const GivenDelegation& child) {
  const Delegation& above = parent.delegation;
  const Delegation& below = child.delegation;
  if (child.event.pubkey != above.delegate)
    return fail(Code::kSigner, "the delegation is not by the delegate of the one above");
  if (below.parent != parent.event.id)
    return fail(Code::kRef, "the delegation is not given under the one above");
  if (below.expires > above.expires)
    return fail(Code::kAuthz, "the delegation ends after the one above");
  if (!missing_capabilities(below.capabilities, above.capabilities).empty())
    return fail(Code::kAuthz, "the delegation gives a capability that was not given");
  if (below.max_amount && (!above.max_amount || *below.max_amount > *above.max_amount))
    return fail(Code::kAuthz, "the delegation gives a sum that was not given");
  return {};
}

}  // namespace

Result<nostr::Draft> build_delegation(const Delegation& d, UnixTime at) {
  TRY(check_whole(d, at));
  TRY(const auto capabilities, normal_capabilities(d.capabilities));
  nostr::Draft draft{.kind = kinds::kDelegation,
                     .created_at = at,
                     .tags = {{"d", d.d}, {"p", d.delegate.hex()}},
                     .content = d.task};
  auto& tags = draft.tags;
  if (!d.relay.empty()) tags.back().push_back(d.relay);
  if (const auto skill = skill_of(d.scope)) tags.push_back({"a", skill->skill.str()});
  tags.push_back(scope_tag(d.scope));
  if (!d.credit.empty()) tags.push_back({"credit", d.credit});
  if (d.max_amount) tags.push_back(number_tag("max_amount", d.max_amount->value));
  for (const std::string& name : capabilities) tags.push_back({"capability", name});
  if (d.parent_session) tags.push_back({"parent_session", d.parent_session->hex()});
  if (d.guardian_approval)
    tags.push_back({"guardian_approval_ref", d.guardian_approval->hex()});
  if (d.parent) tags.push_back({"delegation", d.parent->hex()});
  tags.push_back(time_tag("exp", d.expires));
  return checked(std::move(draft));
}

Result<Delegation> parse_delegation(const nostr::Event& event) {
  TRY(check_shape(event, kinds::kDelegation));
  const auto& tags = event.tags;
  Delegation out;
  out.d = text_tag(tags, "d");
  TRY(out.delegate, required_key(tags, "p"));
  if (const nostr::Tag* p = nostr::find_tag(tags, "p"); p->size() > 2) out.relay = (*p)[2];
  TRY(out.scope, required_scope(tags));
  TRY(check_address(tags, out.scope));
  TRY(const auto credit, control_tag(tags, "credit"));
  out.credit = credit.value_or("");
  TRY(const auto sum, control_tag(tags, "max_amount"));
  if (sum) {
    TRY(out.max_amount, parse_sats(*sum, "max_amount"));
  }
  TRY(out.capabilities, read_capabilities(tags));
  TRY(out.parent_session, optional_id(tags, "parent_session"));
  TRY(out.guardian_approval, optional_id(tags, "guardian_approval_ref"));
  TRY(out.parent, optional_id(tags, "delegation"));
  TRY(const auto exp, required_tag(tags, "exp"));
  TRY(out.expires, parse_time(exp, "exp"));
  out.task = event.content;
  TRY(check_whole(out, event.created_at));
  return out;
}

Result<void> check_delegation(const GivenDelegation& given, const nostr::PublicKey& me,
                              std::span<const nostr::Event> deletions, UnixTime now) {
  if (given.delegation.delegate != me) return fail(Code::kAuthz, "the delegation is to another key");
  if (now >= given.delegation.expires) return fail(Code::kExpired, "the delegation has expired");
  const bool taken_back = std::ranges::any_of(
      deletions, [&](const nostr::Event& one) { return nostr::deletes(one, given.event); });
  if (taken_back) return fail(Code::kRevoked, "the delegation was taken back");
  return {};
}

Result<void> check_delegated_skill(const Delegation& delegation, const Manifest& manifest, bool proved,
                                   UnixTime now) {
  TRY(const auto skill, skill_of(delegation.scope));
  if (skill.skill != manifest.address() || skill.version != manifest.version)
    return fail(Code::kRef, "the delegation is for another skill or version");
  if (manifest.expires <= now) return fail(Code::kExpired, "the manifest has expired");
  const bool own = manifest.publisher == delegation.delegate || manifest.provider() == delegation.delegate;
  if (!own && !proved) return fail(Code::kSigner, "the skill is not the delegate's");
  if (const auto missing = missing_capabilities(delegation.capabilities, manifest.capabilities);
      !missing.empty())
    return fail(Code::kAuthz, "the manifest does not name " + capabilities_text(missing));
  return {};
}

Result<void> check_delegated_money(const Delegation& delegation, Sat remaining,
                                   std::optional<Sat> approval_threshold) {
  const Sat sum = delegation.max_amount.value_or(Sat{});
  if (sum > remaining) return fail(Code::kBudget, "the delegation is above what the credit has left");
  const bool gated = approval_threshold && sum >= *approval_threshold && sum.value > 0;
  if (gated && !delegation.guardian_approval)
    return fail(Code::kAuthz, "the delegation needs the guardian's approval");
  return {};
}

Result<void> check_delegation_chain(std::span<const GivenDelegation> chain) {
  if (chain.size() > kMaxDelegationDepth)
    return fail(Code::kAuthz, "delegations are over three deep");
  if (!chain.empty() && chain[0].delegation.parent)
    return fail(Code::kRef, "the first delegation has one above it");
  for (std::size_t i = 1; i < chain.size(); ++i) TRY(check_link(chain[i - 1], chain[i]));
  return {};
}

Result<void> check_children(const GivenDelegation& parent, std::span<const GivenDelegation> children) {
  const std::int64_t limit = parent.delegation.max_amount.value_or(Sat{}).value;
  std::set<nostr::EventId> counted;
  std::int64_t left = limit;
  for (const GivenDelegation& child : children) {
    TRY(check_link(parent, child));
    if (!counted.insert(child.event.id).second) continue;
    left -= child.delegation.max_amount.value_or(Sat{}).value;
    if (left < 0) return fail(Code::kBudget, "what is given on is above what was given");
  }
  return {};
}

}  // namespace nipsa
