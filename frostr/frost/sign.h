// One FROST signature: nonces, session values, partial signatures, aggregation.
// RFC 9591 sections 4 and 5, with BIP-340's challenge and parity rules as bifrost 2.0.2 has them;
// the plain RFC 9591 suite shares the code.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "frostr/frost/group.h"
#include "frostr/frost/shares.h"
#include "nostr/base/rng.h"
#include "nostr/crypto/keys.h"

namespace frostr {

/// The public half of a nonce pair.
struct NonceCommitment {
  Point hiding;   ///< D, bifrost "hidden_pn"
  Point binding;  ///< E, bifrost "binder_pn"
  friend bool operator==(const NonceCommitment&, const NonceCommitment&) = default;
};

/// Two secret nonces that sign at most once: the type cannot be copied, sign_partial() takes it by
/// rvalue, and a pair that was moved from refuses. Never written anywhere.
class NoncePair {
 public:
  /// Fresh and independent of each other. The randomness is hedged with the share (HMAC under it),
  /// so a broken generator alone does not reveal the nonce; nothing public derives it.
  static NoncePair generate(const SecretShare& share, base::Rng& rng);
  /// Given nonces, for checking public test vectors. Never call this in the program.
  static Result<NoncePair> for_test_vectors(SecretScalar hiding, SecretScalar binding);

  NoncePair(NoncePair&&) = default;
  NoncePair& operator=(NoncePair&&) = default;
  NoncePair(const NoncePair&) = delete;
  NoncePair& operator=(const NoncePair&) = delete;

  const NonceCommitment& commitment() const { return commitment_; }

 private:
  friend class SigningContext;
  NoncePair(SecretScalar hiding, SecretScalar binding, NonceCommitment commitment)
      : hiding_(std::move(hiding)), binding_(std::move(binding)), commitment_(commitment) {}
  SecretScalar hiding_;
  SecretScalar binding_;
  NonceCommitment commitment_;
};

/// Which signature scheme the partial signatures add up to.
enum class Suite {
  kBip340,   ///< 64-byte Schnorr signatures under the x of the key: Nostr, bifrost
  kRfc9591,  ///< FROST(secp256k1, SHA-256) as in the RFC; no tweaks
};

/// The key that is signed for: the group key with x-only tweaks applied in order.
class KeyContext {
 public:
  /// No tweaks.
  explicit KeyContext(const Point& group_pk) : key_(group_pk) {}
  /// P ← ±P + t·G for each tweak, with P's even-Y representative. kCrypto at infinity.
  static Result<KeyContext> tweaked(const Point& group_pk, std::span<const Scalar> tweaks);

  const Point& key() const { return key_; }               ///< Q, true parity
  bool negated() const { return negated_; }               ///< sign collected over the tweaks
  const Scalar& tweak_sum() const { return tweak_sum_; }  ///< "tacc"

 private:
  Point key_;
  bool negated_ = false;
  Scalar tweak_sum_;
};

/// One member's commitment inside a session.
struct Signer {
  ShareIndex idx;
  NonceCommitment nonce;
};

/// Everything public that the signers of one message share: binding factors, group nonce,
/// challenge and Lagrange coefficients.
class SigningContext {
 public:
  /// `signers` may come in any order; they are sorted by idx. kInvalid for an empty list, more than
  /// 256 signers, a zero or repeated idx; kCrypto when the group nonce is infinity. kBip340 messages are 32-byte hashes on Nostr but any length is computed.
  static Result<SigningContext> create(KeyContext key, ByteView message, std::vector<Signer> signers,
                                       Suite suite = Suite::kBip340);

  /// z_i. Consumes the nonces whatever happens. kNotFound when the share is not in the session,
  /// kConflict when the nonces were used before or are not those the session lists for us.
  Result<Scalar> sign_partial(NoncePair&& nonces, const SecretShare& share) const;

  /// Checks a partial signature against the full point z·G, not only its x. kCrypto names the
  /// member; kNotFound when `idx` is not in the session.
  Result<void> verify_partial(ShareIndex idx, const Point& pubkey, const Scalar& partial) const;

  /// Sum of one partial per signer plus the tweak term; kInvalid when one is missing or repeated.
  /// Unchecked: callers want aggregate().
  struct Partial {
    ShareIndex idx;
    Scalar z;
  };
  Result<Scalar> combine(std::span<const Partial> partials) const;

  const KeyContext& key() const { return key_; }
  const Point& group_nonce() const { return group_nonce_; }
  const Scalar& challenge() const { return challenge_; }
  ByteView message() const { return message_; }
  /// Signers sorted by idx, with the values computed for each.
  struct Member {
    ShareIndex idx;
    NonceCommitment nonce;
    Scalar binding_factor;
    Scalar lagrange;
    Point bound_nonce;  ///< D + rho·E
  };
  const std::vector<Member>& members() const { return members_; }
  const Member* find(ShareIndex idx) const;

 private:
  SigningContext(KeyContext key, base::Bytes message, std::vector<Member> members, Point nonce,
                 Scalar challenge, Suite suite);
  bool flips_nonce() const;  ///< g = -1
  bool flips_share() const;  ///< parity · state = -1
  KeyContext key_;
  base::Bytes message_;
  std::vector<Member> members_;
  Point group_nonce_;
  Scalar challenge_;
  Suite suite_;
};

/// Adds up and checks the final signature with BIP-340; kCrypto when it does not verify, and then
/// the detail names the members whose partial is wrong. kBip340 sessions only.
Result<nostr::Signature> aggregate(const SigningContext& context, const GroupPackage& group,
                                   std::span<const SigningContext::Partial> partials);
/// The members whose partial does not verify: whom to blame and exclude.
std::vector<ShareIndex> find_culprits(const SigningContext& context, const GroupPackage& group,
                                      std::span<const SigningContext::Partial> partials);

}  // namespace frostr
