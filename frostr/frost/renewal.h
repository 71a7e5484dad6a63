// New shares of the same key. Dealers each share out a polynomial whose constant term everybody can
// check: zero for a refresh, their weighted share for a reshare. The group key never changes and is
// never whole; shares of before and after do not combine, so what was stolen before is worthless
// once every honest member has destroyed its old share.
// Sources: Herzberg et al. 1995 (refresh), Desmedt and Jajodia 1997 (reshare).
#pragma once

#include <span>
#include <vector>

#include "frostr/frost/vss.h"

namespace frostr {

/// What is going to change, agreed on by all.
class RenewalPlan {
 public:
  /// Same members, same threshold. One honest dealer is enough for the new shares to be fresh.
  /// kInvalid when a dealer is no member or listed twice, or there is none.
  static Result<RenewalPlan> refresh(GroupPackage group, std::vector<ShareIndex> dealers);
  /// Another threshold or roster. `dealers` are at least `threshold` old members.
  static Result<RenewalPlan> reshare(GroupPackage group, std::vector<ShareIndex> dealers,
                                     std::uint32_t threshold, std::vector<ShareIndex> receivers);

  bool is_refresh() const { return refresh_; }
  const GroupPackage& group() const { return group_; }
  const std::vector<ShareIndex>& dealers() const { return dealers_; }
  std::uint32_t threshold() const { return threshold_; }                  ///< the new one
  const std::vector<ShareIndex>& receivers() const { return receivers_; }

 private:
  RenewalPlan(bool refresh, GroupPackage group, std::vector<ShareIndex> dealers,
              std::uint32_t threshold, std::vector<ShareIndex> receivers)
      : refresh_(refresh),
        group_(std::move(group)),
        dealers_(std::move(dealers)),
        threshold_(threshold),
        receivers_(std::move(receivers)) {}
  bool refresh_;
  GroupPackage group_;
  std::vector<ShareIndex> dealers_;
  std::uint32_t threshold_;
  std::vector<ShareIndex> receivers_;
};

/// One dealer's part: the commitment is for all, each share for one receiver alone.
struct RenewalDealing {
  VssCommitment commitment;
  std::vector<SecretScalar> shares;  ///< in the order of the plan's receivers
};
/// kNotFound when `share` is no dealer's, kCrypto when it is not the group's.
Result<RenewalDealing> deal_renewal(const RenewalPlan& plan, const SecretShare& share,
                                    base::Rng& rng);

/// The new public group from one commitment per dealer, in the plan's order. kCrypto names a dealer
/// whose commitment is not to what it should be.
Result<GroupPackage> renewed_group(const RenewalPlan& plan,
                                   std::span<const VssCommitment> commitments);
/// The receiver's new share from what the dealers sent it, in the plan's order. `old` is the share
/// so far: needed for a refresh only. kCrypto names a dealer whose share is not on its polynomial.
Result<SecretShare> renewed_share(const RenewalPlan& plan, ShareIndex receiver,
                                  const SecretShare* old,
                                  std::span<const VssCommitment> commitments,
                                  std::span<const SecretScalar> shares);

/// Repair of a member's lost share by `helpers`, at least threshold of the others, none of whom
/// learns it: each splits its weighted share into one random part per helper, each helper sums the
/// parts it was sent, the member sums the sums. Source: enrolment of Laing and Stinson 2018.
Result<std::vector<SecretScalar>> split_for_repair(const GroupPackage& group,
                                                   const SecretShare& share,
                                                   std::span<const ShareIndex> helpers,
                                                   ShareIndex lost, base::Rng& rng);
/// Sum of at least one secret; kCrypto when it is zero.
Result<SecretScalar> sum_of(std::span<const SecretScalar> secrets);
/// kCrypto when the helpers' sums do not give the share of `lost`: one of them is wrong, and since
/// the parts are secret nobody can say which.
Result<SecretShare> repaired_share(const GroupPackage& group, ShareIndex lost,
                                   std::span<const SecretScalar> sums);

}  // namespace frostr
