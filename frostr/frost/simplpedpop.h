// SimplPedPop, the core of ChillDKG: every participant deals a polynomial of its own and proves that
// it knows the secret it commits to; the group key is the sum of the secrets.
// Source: ChillDKG draft "SimplPedPop".
#pragma once

#include <vector>

#include "frostr/frost/chilldkg_messages.h"

namespace frostr::chilldkg {

/// What one participant deals, all of it from a 32-byte seed.
struct Dealing {
  VssCommitment commitment;
  nostr::Signature pop;
  std::vector<SecretScalar> shares;  ///< one for each participant, our own included
};

/// `self` is the position from 0 and enters the proof, so that nobody can pass it off as theirs.
DkgResult<Dealing> deal(const base::Secret<32>& seed, std::size_t threshold,
                        std::size_t participants, std::size_t self);

/// The group's side of a finished dealing. The key is tweaked so that no participant can have hidden
/// a Taproot script path in it (BIP-341); the same scalar goes onto every share. Harmless for Nostr.
struct Group {
  Point threshold_key;
  std::vector<Point> public_shares;
  Scalar tweak;
};
/// kCoordinator when a key or public share would be infinity, which honest dealings never give.
DkgResult<Group> derive_group(const VssCommitment& sum, std::size_t participants);

/// Checks what the coordinator relayed: our own commitment first, then the others' proofs.
DkgResult<void> check_dealings(const CoordinatorMsg1& message, const MaybePoint& own,
                               std::size_t self);

}  // namespace frostr::chilldkg
