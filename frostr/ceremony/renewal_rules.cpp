// Dealing, checking and adding up, for refresh, reshare and repair.
#include "frostr/ceremony/renewal_rules.h"

#include <algorithm>

#include "nostr/base/result.h"

namespace frostr {

using base::Errc;
using base::fail;
using Kind = Invitation::Kind;

namespace {

std::string named(ShareIndex idx) { return "member " + std::to_string(idx.value); }

Result<std::vector<VssCommitment>> polynomials(std::span<const base::Bytes> commitments) {
  std::vector<VssCommitment> out;
  for (const base::Bytes& bytes : commitments) {
    TRY(VssCommitment one, VssCommitment::from_bytes(bytes));
    out.push_back(std::move(one));
  }
  return out;
}

}  // namespace

Result<RenewalRules> RenewalRules::create(Invitation invitation) {
  if (!invitation.group) return fail(Errc::kInvalid, "a renewal needs a group");
  RenewalRules out(std::move(invitation));
  const Invitation& in = out.invitation_;
  std::vector<ShareIndex> receivers;
  for (std::size_t i = 0; i < in.parties.size(); ++i) {
    if (in.parties[i].holds) out.dealers_.push_back(i);
    if (!in.parties[i].receives) continue;
    receivers.push_back(*in.parties[i].receives);
    out.lost_ = i;
  }
  if (in.kind == Kind::kRefresh) {
    TRY(out.plan_, RenewalPlan::refresh(*in.group, out.holders()));
  } else if (in.kind == Kind::kReshare) {
    TRY(out.plan_, RenewalPlan::reshare(*in.group, out.holders(), in.threshold, std::move(receivers)));
  }
  return out;
}

std::vector<ShareIndex> RenewalRules::holders() const {
  std::vector<ShareIndex> out;
  for (std::size_t i = 0; i < dealers_.size(); ++i) out.push_back(holder(i));
  return out;
}

bool RenewalRules::deals(std::size_t party) const {
  return invitation_.parties[party].holds.has_value();
}

bool RenewalRules::is_dealt_to(std::size_t party) const {
  return is_repair() ? deals(party) : invitation_.parties[party].receives.has_value();
}

Result<DealtRenewal> RenewalRules::deal(const SecretShare& share, base::Rng& rng) const {
  DealtRenewal out;
  if (is_repair()) {
    const ShareIndex lost = *invitation_.parties[lost_].receives;
    TRY(std::vector<SecretScalar> parts,
        split_for_repair(*invitation_.group, share, holders(), lost, rng));
    for (std::size_t i = 0; i < parts.size(); ++i) {
      TRY(const Point point, Point::base_times(parts[i]));
      out.commitment.insert(out.commitment.end(), point.view().begin(), point.view().end());
      out.shares.emplace(dealers_[i], std::move(parts[i]));
    }
    return out;
  }
  TRY(RenewalDealing dealing, deal_renewal(*plan_, share, rng));
  out.commitment = dealing.commitment.bytes();
  for (std::size_t party = 0; party < invitation_.parties.size(); ++party) {
    const auto idx = invitation_.parties[party].receives;
    if (!idx) continue;
    const auto at = std::ranges::find(plan_->receivers(), *idx) - plan_->receivers().begin();
    out.shares.emplace(party, std::move(dealing.shares[static_cast<std::size_t>(at)]));
  }
  return out;
}

Result<GroupPackage> RenewalRules::group(std::span<const base::Bytes> commitments) const {
  if (is_repair()) {
    TRY(parts(commitments));
    return *invitation_.group;
  }
  TRY(const auto terms, polynomials(commitments));
  return renewed_group(*plan_, terms);
}

Result<SecretShare> RenewalRules::new_share(std::size_t party, const SecretShare* old,
                                            std::span<const base::Bytes> commitments,
                                            std::span<const SecretScalar> shares) const {
  TRY(const auto terms, polynomials(commitments));
  return renewed_share(*plan_, *invitation_.parties[party].receives, old, terms, shares);
}

// Every helper's commitments, once they add up to its weighted share.
Result<std::vector<std::vector<MaybePoint>>> RenewalRules::parts(
    std::span<const base::Bytes> commitments) const {
  const std::vector<ShareIndex> helpers = holders();
  const ShareIndex lost = *invitation_.parties[lost_].receives;
  std::vector<std::vector<MaybePoint>> out;
  for (std::size_t i = 0; i < dealers_.size(); ++i) {
    TRY(const VssCommitment points, VssCommitment::from_bytes(commitments[i]));
    TRY(const Scalar weight, lagrange_at(lost.value, helpers[i], helpers));
    const MaybePoint weighted =
        MaybePoint(invitation_.group->find(helpers[i])->pubkey).times_vartime(weight);
    if (points.terms().size() != helpers.size() || MaybePoint::sum(points.terms()) != weighted)
      return fail(Errc::kCrypto, named(helpers[i]) + " does not deal its own share");
    out.push_back(points.terms());
  }
  return out;
}

Result<SecretScalar> RenewalRules::sum_parts(std::size_t helper,
                                             std::span<const base::Bytes> commitments,
                                             std::span<const SecretScalar> received) const {
  TRY(const auto committed, parts(commitments));
  const auto column = static_cast<std::size_t>(std::ranges::find(dealers_, helper) - dealers_.begin());
  for (std::size_t i = 0; i < dealers_.size(); ++i) {
    TRY(const Point point, Point::base_times(received[i]));
    if (MaybePoint(point) != committed[i][column])
      return fail(Errc::kCrypto, "the part " + named(holder(i)) + " sent does not fit its commitment");
  }
  return sum_of(received);
}

Result<SecretShare> RenewalRules::repaired(std::span<const base::Bytes> commitments,
                                           std::span<const SecretScalar> sums) const {
  TRY(const auto committed, parts(commitments));
  for (std::size_t column = 0; column < dealers_.size(); ++column) {
    MaybePoint expected;
    for (const auto& row : committed) expected = expected + row[column];
    TRY(const Point point, Point::base_times(sums[column]));
    if (MaybePoint(point) != expected)
      return fail(Errc::kCrypto, "the sum " + named(holder(column)) + " sent does not fit the commitments");
  }
  return repaired_share(*invitation_.group, *invitation_.parties[lost_].receives, sums);
}

}  // namespace frostr
