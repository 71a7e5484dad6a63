// Dealing, proving and deriving the group.
#include "frostr/frost/simplpedpop.h"

#include "frostr/frost/hash.h"
#include "frostr/frost/schnorr.h"

namespace frostr::chilldkg {

using Kind = DkgFault::Kind;

namespace {

constexpr std::string_view kPopTag = "BIP DKG/pop message";

std::array<std::uint8_t, 4> pop_message(std::size_t id) {
  return be32(static_cast<std::uint32_t>(id));
}

ShareIndex index_of(std::size_t id) { return {static_cast<std::uint32_t>(id + 1)}; }

}  // namespace

DkgResult<Dealing> deal(const base::Secret<32>& seed, std::size_t threshold,
                        std::size_t participants, std::size_t self) {
  std::vector<SecretScalar> polynomial;
  for (std::size_t k = 0; k < threshold; ++k) {
    const auto bytes = secret_tagged_hash(
        "BIP DKG/vss coeffs", {seed.expose(), be32(static_cast<std::uint32_t>(k))});
    TRY(SecretScalar coefficient, SecretScalar::from_bytes(bytes.expose()));
    polynomial.push_back(std::move(coefficient));
  }
  TRY(VssCommitment commitment, VssCommitment::of(polynomial));
  const auto aux = secret_tagged_hash("BIP DKG/simplpedpop aux", {seed.expose()});
  TRY(const nostr::Signature pop,
      schnorr_sign(kPopTag, polynomial.front(), pop_message(self), aux));
  std::vector<SecretScalar> shares;
  for (std::size_t id = 0; id < participants; ++id) {
    TRY(SecretScalar share, evaluate(polynomial, index_of(id)));
    shares.push_back(std::move(share));
  }
  return Dealing{std::move(commitment), pop, std::move(shares)};
}

DkgResult<Group> derive_group(const VssCommitment& sum, std::size_t participants) {
  const auto infinity = [] {
    return std::unexpected(DkgFault(Kind::kCoordinator, "the commitments cancel each other out"));
  };
  if (sum.secret().is_infinity()) return infinity();
  const Point& untweaked = *sum.secret().point();
  TRY(const Scalar tweak,
      Scalar::from_bytes(nostr::tagged_hash("TapTweak", untweaked.x_only().view()).view()));
  std::vector<MaybePoint> terms = sum.terms();
  const auto tweaked = untweaked.plus_base_vartime(tweak);
  if (!tweaked) return infinity();
  terms.front() = MaybePoint(*tweaked);

  const VssCommitment commitment(std::move(terms));
  std::vector<Point> shares;
  for (std::size_t id = 0; id < participants; ++id) {
    const MaybePoint share = commitment.public_share(index_of(id));
    if (share.is_infinity()) return infinity();
    shares.push_back(*share.point());
  }
  return Group{*tweaked, std::move(shares), tweak};
}

DkgResult<void> check_dealings(const CoordinatorMsg1& message, const MaybePoint& own,
                               std::size_t self) {
  if (message.secrets[self] != own)
    return std::unexpected(
        DkgFault(Kind::kCoordinator, "it relayed another commitment of ours than we sent"));
  for (std::size_t id = 0; id < message.secrets.size(); ++id) {
    if (id == self) continue;
    const auto& secret = message.secrets[id].point();
    if (!secret)
      return std::unexpected(
          DkgFault(Kind::kParticipantOrCoordinator, "invalid commitment", id));
    if (!schnorr_verify(kPopTag, secret->x_only(), pop_message(id), message.pops[id]))
      return std::unexpected(
          DkgFault(Kind::kParticipantOrCoordinator, "invalid proof of possession", id));
  }
  return {};
}

}  // namespace frostr::chilldkg
