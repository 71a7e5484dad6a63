// Dealing by Shamir's scheme, and checking shares and groups against each other.
#include "frostr/frost/shares.h"

#include <algorithm>
#include <set>

#include "frostr/frost/hash.h"
#include "frostr/frost/vss.h"
#include "nostr/base/result.h"

namespace frostr {

using base::Errc;
using base::fail;

namespace {

std::string named(ShareIndex idx) {
  return "member " + std::to_string(idx.value);
}

GroupId compute_gid(const Point& group_pk, std::uint32_t threshold,
                    const std::vector<GroupMember>& members) {
  nostr::Sha256Hasher hasher;
  hasher.update(group_pk.view());
  hasher.update(be32(threshold));
  for (const GroupMember& member : members) hasher.update(member.pubkey.view());
  return GroupId(hasher.finish().array());
}

Result<void> check_sizes(std::size_t threshold, std::size_t members) {
  if (members > kMaxGroupMembers)
    return fail(Errc::kInvalid, "group has " + std::to_string(members) + " members, limit is " +
                                    std::to_string(kMaxGroupMembers));
  if (threshold < 2)
    return fail(Errc::kInvalid, "threshold is " + std::to_string(threshold) + ", minimum is 2",
                "with a threshold of 1 every member holds the whole key");
  if (threshold > members)
    return fail(Errc::kInvalid, "threshold " + std::to_string(threshold) + " exceeds the " +
                                    std::to_string(members) + " members");
  return {};
}

// The value at `x` of the polynomial in the exponent through `basis`.
Result<Point> interpolate(std::uint32_t x, std::span<const GroupMember> basis,
                          std::span<const ShareIndex> indices) {
  std::vector<Point> terms;
  terms.reserve(basis.size());
  for (const GroupMember& member : basis) {
    TRY(const Scalar weight, lagrange_at(x, member.idx, indices));
    TRY(Point term, member.pubkey.times_vartime(weight));
    terms.push_back(term);
  }
  return Point::sum(terms);
}

}  // namespace

// --- GroupPackage ------------------------------------------------------------------------------

GroupPackage::GroupPackage(Point group_pk, std::uint32_t threshold,
                           std::vector<GroupMember> members)
    : group_pk_(group_pk),
      threshold_(threshold),
      members_(std::move(members)),
      id_(compute_gid(group_pk_, threshold_, members_)) {}

Result<GroupPackage> GroupPackage::create(Point group_pk, std::uint32_t threshold,
                                          std::vector<GroupMember> members) {
  TRY(check_sizes(threshold, members.size()));
  std::ranges::sort(members, {}, &GroupMember::idx);
  std::set<nostr::PublicKey> identities;
  for (std::size_t i = 0; i < members.size(); ++i) {
    if (members[i].idx.value == 0) return fail(Errc::kInvalid, "member index is zero");
    if (i > 0 && members[i].idx == members[i - 1].idx)
      return fail(Errc::kInvalid, named(members[i].idx) + " is listed twice");
    if (!identities.insert(members[i].identity()).second)
      return fail(Errc::kInvalid, named(members[i].idx) + " has the key of another member");
  }
  return GroupPackage(group_pk, threshold, std::move(members));
}

const GroupMember* GroupPackage::find(ShareIndex idx) const {
  const auto it = std::ranges::lower_bound(members_, idx, {}, &GroupMember::idx);
  return it != members_.end() && it->idx == idx ? &*it : nullptr;
}

const GroupMember* GroupPackage::find(const nostr::PublicKey& identity) const {
  const auto it = std::ranges::find(members_, identity, &GroupMember::identity);
  return it != members_.end() ? &*it : nullptr;
}

Result<void> GroupPackage::check_consistency() const {
  const auto basis = std::span(members_).first(threshold_);
  std::vector<ShareIndex> indices;
  for (const GroupMember& member : basis) indices.push_back(member.idx);

  TRY(const Point key, interpolate(0, basis, indices));
  if (key != group_pk_)
    return fail(Errc::kCrypto, "the first " + std::to_string(threshold_) +
                                   " members do not add up to the group key");
  for (const GroupMember& member : std::span(members_).subspan(threshold_)) {
    TRY(const Point expected, interpolate(member.idx.value, basis, indices));
    if (expected != member.pubkey)
      return fail(Errc::kCrypto, named(member.idx) + " does not lie on the group's polynomial");
  }
  return {};
}

// --- shares ------------------------------------------------------------------------------------

Result<nostr::SecretKey> SecretShare::transport_key() const {
  return nostr::SecretKey::from_bytes(secret.expose());
}

Result<void> check_share(const SecretShare& share, const GroupPackage& group) {
  const GroupMember* member = group.find(share.idx);
  if (member == nullptr)
    return fail(Errc::kNotFound, "the group has no " + named(share.idx),
                "share and group file belong to different groups");
  TRY(const Point pubkey, Point::base_times(share.secret));
  if (pubkey != member->pubkey)
    return fail(Errc::kCrypto, "the share is not that of " + named(share.idx),
                "share and group file belong to different groups");
  return {};
}

Result<Dealt> deal(base::Rng& rng, std::uint32_t threshold, std::uint32_t members,
                   std::optional<SecretScalar> key) {
  TRY(check_sizes(threshold, members));
  std::vector<SecretScalar> coefficients;
  coefficients.push_back(key ? std::move(*key) : SecretScalar::generate(rng));
  while (coefficients.size() < threshold) coefficients.push_back(SecretScalar::generate(rng));
  return deal_polynomial(coefficients, members);
}

Result<Dealt> deal_polynomial(std::span<const SecretScalar> coefficients, std::uint32_t members) {
  TRY(check_sizes(coefficients.size(), members));
  TRY(const Point group_pk, Point::base_times(coefficients.front()));
  std::vector<SecretShare> shares;
  std::vector<GroupMember> public_shares;
  for (std::uint32_t i = 1; i <= members; ++i) {
    const ShareIndex idx{i};
    TRY(SecretScalar secret, evaluate(coefficients, idx));
    TRY(const Point pubkey, Point::base_times(secret));
    shares.push_back(SecretShare{idx, std::move(secret)});
    public_shares.push_back(GroupMember{idx, pubkey});
  }
  TRY(GroupPackage group,
      GroupPackage::create(group_pk, static_cast<std::uint32_t>(coefficients.size()),
                           std::move(public_shares)));
  return Dealt{std::move(group), std::move(shares)};
}

// --- Lagrange ----------------------------------------------------------------------------------

Result<Scalar> lagrange_at(std::uint32_t x, ShareIndex idx, std::span<const ShareIndex> set) {
  if (set.size() > kMaxGroupMembers)
    return fail(Errc::kInvalid, "quorum has " + std::to_string(set.size()) + " members, limit is " +
                                    std::to_string(kMaxGroupMembers));
  std::size_t own = 0;
  const Scalar at = Scalar::from_u32(x);
  const Scalar self = Scalar::from_u32(idx.value);
  Scalar numerator = Scalar::from_u32(1);
  Scalar denominator = numerator;
  for (const ShareIndex other : set) {
    if (other.value == 0) return fail(Errc::kInvalid, "member index is zero");
    if (other == idx) {
      ++own;
      continue;
    }
    numerator = numerator * (Scalar::from_u32(other.value) - at);
    denominator = denominator * (Scalar::from_u32(other.value) - self);
  }
  if (own != 1)
    return fail(Errc::kInvalid,
                named(idx) + (own == 0 ? " is not in the quorum" : " is listed twice"));
  for (std::size_t i = 0; i < set.size(); ++i)
    for (std::size_t k = i + 1; k < set.size(); ++k)
      if (set[i] == set[k]) return fail(Errc::kInvalid, named(set[i]) + " is listed twice");
  TRY(const Scalar inverse, denominator.inverted());
  return numerator * inverse;
}

Result<SecretScalar> recombine(std::span<const SecretShare> shares, const GroupPackage& group) {
  std::vector<ShareIndex> set;
  std::vector<SecretShare> used;
  for (const SecretShare& share : shares) {
    TRY(check_share(share, group));
    if (std::ranges::find(set, share.idx) != set.end() || set.size() == group.threshold()) continue;
    set.push_back(share.idx);
    used.push_back(share.clone());
  }
  if (set.size() < group.threshold())
    return base::fail(base::Errc::kInvalid, "the key needs " + std::to_string(group.threshold()) +
                                                " different shares, these are " +
                                                std::to_string(set.size()));
  std::optional<SecretScalar> key;
  for (SecretShare& share : used) {
    TRY(const Scalar factor, lagrange(share.idx, set));
    TRY(share.secret.multiply(factor));
    if (key) {
      TRY(key->add(share.secret));
    } else {
      key = std::move(share.secret);
    }
  }
  TRY(const Point point, Point::base_times(*key));
  if (point != group.group_pk())
    return base::fail(base::Errc::kCrypto, "the shares do not give the key of the group");
  return *std::move(key);
}

}  // namespace frostr
