// FROST signing for BIP-340 as BIP-445 has it (draft of bitcoin/bips pull request 2070): the parts
// that go beyond the common structure of sign.h, with suite kBip445.
//
// A signer's identifier here is a ShareIndex, which is the BIP's id + 1: the same polynomial point,
// so the shares of a bifrost group sign here unchanged.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "frostr/frost/sign.h"

namespace frostr {

/// Who signs out of which group. Source: BIP-445 "Signers Context".
struct Bip445Signers {
  struct Member {
    ShareIndex idx;
    Point pubshare;
  };
  std::uint32_t participants = 0;  ///< n
  std::uint32_t threshold = 0;     ///< t; 1 is allowed
  std::vector<Member> members;     ///< t to n of them, any order
  Point group_pk;                  ///< what the public shares interpolate to
};

/// ValidateSignersCtx: sizes, ids in 1..n without repetition (kInvalid), and that the public shares
/// add up to the group key (kCrypto). The session functions below do this themselves.
Result<void> check_signers(const Bip445Signers& signers);

/// Everything but `random` is optional defence in depth against a bad generator.
struct Bip445NonceInput {
  const base::Secret<32>& random;
  const SecretShare* share = nullptr;
  std::optional<Point> pubshare;
  std::optional<nostr::PublicKey> key;
  std::optional<ByteView> message;
  ByteView extra = {};
};

/// NonceGen. kCrypto with probability 2^-127.
Result<NoncePair> bip445_nonces(const Bip445NonceInput& input);

/// A signer's session. kInvalid and kCrypto as check_signers().
Result<SigningContext> bip445_session(const Bip445Signers& signers, KeyContext key,
                                      ByteView message, const AggregateNonce& nonce);
/// A coordinator's session, which can also verify partials. `nonces` in the order of the members.
Result<SigningContext> bip445_session(const Bip445Signers& signers, KeyContext key,
                                      ByteView message, std::span<const NonceCommitment> nonces);

/// Sign: the partial signature, verified before it is let go. kNotFound when the share is not in the
/// session, kCrypto when its public share is not the one listed. Consumes the nonces in any case.
Result<Scalar> bip445_sign(const SigningContext& session, const Bip445Signers& signers,
                           NoncePair&& nonces, const SecretShare& share);

/// What the last signer sends, who derives its nonces from everything it signs and keeps no state.
struct Bip445Deterministic {
  NonceCommitment nonce;
  Scalar partial;
};

/// DeterministicSign. `others` is the sum of the other signers' nonces, both halves finite; absent
/// only for a lone signer. `random` may be absent, which differs from 32 zero bytes.
Result<Bip445Deterministic> bip445_sign_deterministic(const Bip445Signers& signers,
                                                      const SecretShare& share,
                                                      const std::optional<NonceCommitment>& others,
                                                      KeyContext key, ByteView message,
                                                      const base::Secret<32>* random);

}  // namespace frostr
