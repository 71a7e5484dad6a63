// Dealing new shares of an old key, checking them, and repair.
#include "frostr/frost/renewal.h"

#include <algorithm>

#include "nostr/base/result.h"

namespace frostr {

using base::Errc;
using base::fail;

namespace {

std::string named(ShareIndex idx) { return "member " + std::to_string(idx.value); }

Result<void> check_members(const GroupPackage& group, std::vector<ShareIndex> members,
                           std::size_t least) {
  if (members.size() < least)
    return fail(Errc::kInvalid, std::to_string(members.size()) + " members take part, at least " +
                                    std::to_string(least) + " must");
  std::ranges::sort(members);
  for (std::size_t i = 0; i < members.size(); ++i) {
    if (group.find(members[i]) == nullptr)
      return fail(Errc::kInvalid, "the group has no " + named(members[i]));
    if (i > 0 && members[i] == members[i - 1])
      return fail(Errc::kInvalid, named(members[i]) + " is listed twice");
  }
  return {};
}

std::vector<SecretScalar> random_terms(std::size_t count, base::Rng& rng) {
  std::vector<SecretScalar> out;
  while (out.size() < count) out.push_back(SecretScalar::generate(rng));
  return out;
}

// x·g(x) with a random g: nothing is added at zero.
Result<RenewalDealing> deal_zero(const RenewalPlan& plan, base::Rng& rng) {
  const std::vector<SecretScalar> g = random_terms(plan.threshold() - 1, rng);
  TRY(const VssCommitment commitment, VssCommitment::of(g));
  std::vector<MaybePoint> terms{MaybePoint{}};
  terms.insert(terms.end(), commitment.terms().begin(), commitment.terms().end());
  RenewalDealing out{VssCommitment(std::move(terms)), {}};
  for (const ShareIndex receiver : plan.receivers()) {
    TRY(SecretScalar value, evaluate(g, receiver));
    TRY(value.multiply(Scalar::from_u32(receiver.value)));
    out.shares.push_back(std::move(value));
  }
  return out;
}

Result<RenewalDealing> deal_weighted(const RenewalPlan& plan, const SecretShare& share,
                                     base::Rng& rng) {
  TRY(const Scalar weight, lagrange(share.idx, plan.dealers()));
  std::vector<SecretScalar> polynomial;
  polynomial.push_back(share.secret.clone());
  TRY(polynomial.front().multiply(weight));
  for (SecretScalar& term : random_terms(plan.threshold() - 1, rng))
    polynomial.push_back(std::move(term));
  TRY(VssCommitment commitment, VssCommitment::of(polynomial));
  RenewalDealing out{std::move(commitment), {}};
  for (const ShareIndex receiver : plan.receivers()) {
    TRY(SecretScalar value, evaluate(polynomial, receiver));
    out.shares.push_back(std::move(value));
  }
  return out;
}

// That the commitment has the plan's degree and the constant term this dealer must have.
Result<void> check_commitment(const RenewalPlan& plan, ShareIndex dealer,
                              const VssCommitment& commitment) {
  MaybePoint expected;
  if (!plan.is_refresh()) {
    TRY(const Scalar weight, lagrange(dealer, plan.dealers()));
    expected = MaybePoint(plan.group().find(dealer)->pubkey).times_vartime(weight);
  }
  if (commitment.terms().size() != plan.threshold() || commitment.secret() != expected)
    return fail(Errc::kCrypto, named(dealer) + (plan.is_refresh()
                                                    ? " does not deal a sharing of zero"
                                                    : " does not deal its own share"));
  return {};
}

Result<void> check_count(const RenewalPlan& plan, std::size_t count) {
  if (count != plan.dealers().size())
    return fail(Errc::kInvalid, "there is not one dealing for each dealer");
  return {};
}

}  // namespace

Result<RenewalPlan> RenewalPlan::refresh(GroupPackage group, std::vector<ShareIndex> dealers) {
  TRY(check_members(group, dealers, 1));
  std::vector<ShareIndex> receivers;
  for (const GroupMember& member : group.members()) receivers.push_back(member.idx);
  const std::uint32_t threshold = group.threshold();
  return RenewalPlan(true, std::move(group), std::move(dealers), threshold, std::move(receivers));
}

Result<RenewalPlan> RenewalPlan::reshare(GroupPackage group, std::vector<ShareIndex> dealers,
                                         std::uint32_t threshold,
                                         std::vector<ShareIndex> receivers) {
  TRY(check_members(group, dealers, group.threshold()));
  std::ranges::sort(receivers);
  if (threshold < 2 || threshold > receivers.size() || receivers.size() > kMaxGroupMembers)
    return fail(Errc::kInvalid, "threshold " + std::to_string(threshold) + " of " +
                                    std::to_string(receivers.size()) +
                                    " is not possible: 2 to 256 members, threshold at least 2");
  if (receivers.front().value == 0 || std::ranges::adjacent_find(receivers) != receivers.end())
    return fail(Errc::kInvalid, "a new member's index is zero or listed twice");
  return RenewalPlan(false, std::move(group), std::move(dealers), threshold, std::move(receivers));
}

Result<RenewalDealing> deal_renewal(const RenewalPlan& plan, const SecretShare& share,
                                    base::Rng& rng) {
  if (std::ranges::find(plan.dealers(), share.idx) == plan.dealers().end())
    return fail(Errc::kNotFound, named(share.idx) + " deals nothing in this renewal");
  TRY(check_share(share, plan.group()));
  return plan.is_refresh() ? deal_zero(plan, rng) : deal_weighted(plan, share, rng);
}

Result<GroupPackage> renewed_group(const RenewalPlan& plan,
                                   std::span<const VssCommitment> commitments) {
  TRY(check_count(plan, commitments.size()));
  for (std::size_t i = 0; i < commitments.size(); ++i)
    TRY(check_commitment(plan, plan.dealers()[i], commitments[i]));
  std::vector<GroupMember> members;
  for (const ShareIndex receiver : plan.receivers()) {
    MaybePoint sum = plan.is_refresh() ? MaybePoint(plan.group().find(receiver)->pubkey)
                                       : MaybePoint{};
    for (const VssCommitment& commitment : commitments)
      sum = sum + commitment.public_share(receiver);
    if (sum.is_infinity())
      return fail(Errc::kCrypto, "the new share of " + named(receiver) + " would be zero");
    members.push_back({receiver, *sum.point()});
  }
  TRY(GroupPackage group,
      GroupPackage::create(plan.group().group_pk(), plan.threshold(), std::move(members)));
  TRY(group.check_consistency());
  return group;
}

Result<SecretShare> renewed_share(const RenewalPlan& plan, ShareIndex receiver,
                                  const SecretShare* old,
                                  std::span<const VssCommitment> commitments,
                                  std::span<const SecretScalar> shares) {
  TRY(check_count(plan, shares.size()));
  TRY(const GroupPackage group, renewed_group(plan, commitments));
  for (std::size_t i = 0; i < shares.size(); ++i)
    if (!commitments[i].matches(receiver, shares[i]))
      return fail(Errc::kCrypto, "the share " + named(plan.dealers()[i]) +
                                     " sent does not fit its commitment");
  TRY(SecretScalar secret, sum_of(shares));
  if (plan.is_refresh()) {
    if (old == nullptr || old->idx != receiver)
      return fail(Errc::kInvalid, "a refresh needs the share so far");
    TRY(secret.add(old->secret));
  }
  SecretShare out{receiver, std::move(secret)};
  TRY(check_share(out, group));
  return out;
}

// --- repair ------------------------------------------------------------------------------------

Result<std::vector<SecretScalar>> split_for_repair(const GroupPackage& group,
                                                   const SecretShare& share,
                                                   std::span<const ShareIndex> helpers,
                                                   ShareIndex lost, base::Rng& rng) {
  TRY(check_members(group, {helpers.begin(), helpers.end()}, group.threshold()));
  if (group.find(lost) == nullptr || std::ranges::find(helpers, lost) != helpers.end())
    return fail(Errc::kInvalid, named(lost) + " is no member to repair, or helps itself");
  TRY(check_share(share, group));
  TRY(const Scalar weight, lagrange_at(lost.value, share.idx, helpers));
  std::vector<SecretScalar> parts = random_terms(helpers.size() - 1, rng);
  TRY(SecretScalar last, sum_of(parts));
  TRY(last.negate());
  SecretScalar weighted = share.secret.clone();
  TRY(weighted.multiply(weight));
  TRY(last.add(weighted));
  parts.push_back(std::move(last));
  return parts;
}

Result<SecretScalar> sum_of(std::span<const SecretScalar> secrets) {
  if (secrets.empty()) return fail(Errc::kInvalid, "nothing to add up");
  SecretScalar out = secrets.front().clone();
  for (const SecretScalar& secret : secrets.subspan(1)) TRY(out.add(secret));
  return out;
}

Result<SecretShare> repaired_share(const GroupPackage& group, ShareIndex lost,
                                   std::span<const SecretScalar> sums) {
  TRY(SecretScalar secret, sum_of(sums));
  SecretShare out{lost, std::move(secret)};
  if (const auto fits = check_share(out, group); !fits)
    return fail(fits.error().code, "the helpers' parts do not give the share of " + named(lost),
                "repeat it with other helpers to find out whose part is wrong");
  return out;
}

}  // namespace frostr
