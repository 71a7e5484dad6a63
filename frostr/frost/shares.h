// Shares of a group key: dealing, the public group description, and checks between the two.
// Source: RFC 9591 appendix C (trusted dealer); identifiers and gid as bifrost 2.0.2 has them.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "frostr/frost/group.h"
#include "nostr/crypto/hash.h"

namespace frostr {

/// The x coordinate at which a member's share is taken, ≥ 1.
struct ShareIndex {
  std::uint32_t value = 0;
  friend auto operator<=>(const ShareIndex&, const ShareIndex&) = default;
};

/// SHA-256 over key, threshold and members: names a group on the wire (bifrost "gid").
using GroupId = base::FixedBytes<struct GroupIdTag, 32>;

inline constexpr std::size_t kMaxGroupMembers = 256;

struct GroupMember {
  ShareIndex idx;
  Point pubkey;  ///< share·G

  /// The member's Nostr identity in bifrost: the x of its share.
  nostr::PublicKey identity() const { return pubkey.x_only(); }
  friend bool operator==(const GroupMember&, const GroupMember&) = default;
};

/// The public description of a group, known to every member. Always valid by construction:
/// 2 ≤ threshold ≤ members ≤ 256 (a threshold of 1 would give the whole key to everybody), by distinct non-zero idx, distinct identities.
class GroupPackage {
 public:
  /// Sorts `members`; kInvalid names the rule that is broken. Cheap: does not check that the
  /// points lie on one polynomial, see check_consistency().
  static Result<GroupPackage> create(Point group_pk, std::uint32_t threshold,
                                     std::vector<GroupMember> members);

  const Point& group_pk() const { return group_pk_; }
  std::uint32_t threshold() const { return threshold_; }
  const std::vector<GroupMember>& members() const { return members_; }
  /// The Nostr identity of the group.
  nostr::PublicKey identity() const { return group_pk_.x_only(); }
  const GroupId& id() const { return id_; }

  /// The member with this idx or identity, or nullptr.
  const GroupMember* find(ShareIndex idx) const;
  const GroupMember* find(const nostr::PublicKey& identity) const;

  /// That any threshold members give group_pk: every member lies on the polynomial of the first
  /// `threshold` ones, whose value at 0 is group_pk. kCrypto names the member that does not fit.
  /// Do this once, when a package is imported.
  Result<void> check_consistency() const;

  friend bool operator==(const GroupPackage&, const GroupPackage&) = default;

 private:
  GroupPackage(Point group_pk, std::uint32_t threshold, std::vector<GroupMember> members);
  Point group_pk_;
  std::uint32_t threshold_;
  std::vector<GroupMember> members_;
  GroupId id_;
};

/// One member's secret.
struct SecretShare {
  ShareIndex idx;
  SecretScalar secret;

  SecretShare clone() const { return {idx, secret.clone()}; }
  /// The share as a Nostr key: bifrost members speak under it.
  Result<nostr::SecretKey> transport_key() const;
};

/// That the share belongs to the group; kNotFound when there is no such idx, kCrypto when the
/// member's public key is not share·G.
Result<void> check_share(const SecretShare& share, const GroupPackage& group);

/// What a dealer hands out.
struct Dealt {
  GroupPackage group;
  std::vector<SecretShare> shares;  ///< idx 1..members in order
};

/// Splits a key (a fresh one when `key` is empty) so that `threshold` of `members` shares sign.
/// kInvalid unless 2 ≤ threshold ≤ members ≤ 256.
Result<Dealt> deal(base::Rng& rng, std::uint32_t threshold = 2, std::uint32_t members = 3,
                   std::optional<SecretScalar> key = std::nullopt);
/// The same with the polynomial given, constant term (the key) first: for vectors and for dealers
/// that derive their coefficients. Share i is f(i).
Result<Dealt> deal_polynomial(std::span<const SecretScalar> coefficients, std::uint32_t members);

/// Lagrange coefficient of `idx` at `x` over the distinct indices of `set`, which hold `idx`.
/// kInvalid when a rule is broken or an index is zero.
Result<Scalar> lagrange_at(std::uint32_t x, ShareIndex idx, std::span<const ShareIndex> set);
/// At zero: what signing and ECDH use.
inline Result<Scalar> lagrange(ShareIndex idx, std::span<const ShareIndex> set) {
  return lagrange_at(0, idx, set);
}

/// The whole key, for leaving FROST only: whoever calls this has undone what the shares are for. The
/// shares are checked against `group`, and the key against its identity. kInvalid for fewer than
/// threshold different shares.
Result<SecretScalar> recombine(std::span<const SecretShare> shares, const GroupPackage& group);

}  // namespace frostr
