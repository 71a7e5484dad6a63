// What is dealt in a renewal of shares and what comes of it, for all three kinds. Pure.
//
// Refresh and reshare deal polynomials (frost/renewal.h). In a repair each helper deals its weighted share
// in one part per helper and commits to every part, so that a wrong part or sum has a name.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <vector>

#include "frostr/ceremony/invitation.h"
#include "frostr/frost/renewal.h"

namespace frostr {

/// One dealer's part. Parties are named by their position in the invitation.
struct DealtRenewal {
  base::Bytes commitment;
  std::map<std::size_t, SecretScalar> shares;
};

/// The new state of a party: `share` is empty for who holds none afterwards, or keeps its own.
struct Renewed {
  GroupPackage group;
  std::optional<SecretShare> share;
};

class RenewalRules {
 public:
  /// kInvalid when the invitation is to a key generation or the plan is impossible.
  static Result<RenewalRules> create(Invitation invitation);

  const Invitation& invitation() const { return invitation_; }
  bool is_repair() const { return !plan_; }
  const std::vector<std::size_t>& dealers() const { return dealers_; }
  bool deals(std::size_t party) const;
  /// Whether dealers send `party` a share or part.
  bool is_dealt_to(std::size_t party) const;
  /// Who lost its share; of a repair only.
  std::size_t lost() const { return lost_; }

  /// Everything random comes from `rng`: the same stream gives the same dealing.
  Result<DealtRenewal> deal(const SecretShare& share, base::Rng& rng) const;
  /// The group afterwards. `commitments` in the order of dealers(). kCrypto names a member whose
  /// commitment is not to what it should be.
  Result<GroupPackage> group(std::span<const base::Bytes> commitments) const;
  /// A receiver's new share of a refresh or reshare; `old` for a refresh. kCrypto names the culprit.
  Result<SecretShare> new_share(std::size_t party, const SecretShare* old,
                                std::span<const base::Bytes> commitments,
                                std::span<const SecretScalar> shares) const;
  /// A helper's parts added up, once each fits its commitment. kCrypto names the culprit.
  Result<SecretScalar> sum_parts(std::size_t helper, std::span<const base::Bytes> commitments,
                                 std::span<const SecretScalar> parts) const;
  /// The lost share, once each helper's sum fits the commitments. kCrypto names the culprit.
  Result<SecretShare> repaired(std::span<const base::Bytes> commitments,
                               std::span<const SecretScalar> sums) const;

 private:
  explicit RenewalRules(Invitation invitation) : invitation_(std::move(invitation)) {}
  Result<std::vector<std::vector<MaybePoint>>> parts(std::span<const base::Bytes> commitments) const;
  ShareIndex holder(std::size_t dealer) const { return *invitation_.parties[dealers_[dealer]].holds; }
  std::vector<ShareIndex> holders() const;

  Invitation invitation_;
  std::vector<std::size_t> dealers_;
  std::size_t lost_ = 0;
  std::optional<RenewalPlan> plan_;  ///< none in a repair
};

}  // namespace frostr
