// EncPedPop: the shares of SimplPedPop, each hidden under a pad that only dealer and receiver know,
// so that any channel will carry them. Pads add up like shares, so the coordinator can sum the
// ciphertexts without learning anything. Source: ChillDKG draft "EncPedPop".
#pragma once

#include <span>
#include <vector>

#include "frostr/frost/dkg_fault.h"
#include "frostr/frost/group.h"

namespace frostr {

/// The parties' long-term keys and what a pad is bound to.
struct PadContext {
  std::span<const Point> keys;  ///< every receiver's, in order
  base::Bytes binding;          ///< hashed into every pad: parameters of the session
};

/// The dealer's pad for each receiver; `self` is its own position, where the pad comes from the key
/// itself rather than from an ECDH. `ephemeral` is fresh for every dealing.
DkgResult<std::vector<SecretScalar>> sender_pads(const SecretScalar& ephemeral,
                                                 const SecretScalar& own_key, std::size_t self,
                                                 const PadContext& context);
/// The same pads as the receiver `self` computes them, one for each dealer's 33-byte public nonce;
/// kParticipantOrCoordinator names a dealer whose nonce is no point.
DkgResult<std::vector<SecretScalar>> receiver_pads(const SecretScalar& own_key, std::size_t self,
                                                   std::span<const base::Bytes> pubnonces,
                                                   const PadContext& context);

/// share + pad: safe to show.
Result<Scalar> encrypt_share(const SecretScalar& share, const SecretScalar& pad);
/// ciphertext - the sum of the pads.
Result<SecretScalar> decrypt_share(const Scalar& ciphertext, std::span<const SecretScalar> pads);

}  // namespace frostr
