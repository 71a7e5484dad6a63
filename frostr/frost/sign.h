// One FROST signature: nonces, session values, partial signatures, aggregation.
// RFC 9591 sections 4 and 5; what differs between the schemes in use is the suite (suite.h).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "frostr/frost/group.h"
#include "frostr/frost/shares.h"
#include "frostr/frost/suite.h"
#include "nostr/base/rng.h"
#include "nostr/crypto/keys.h"

namespace frostr {

/// The public half of a nonce pair.
struct NonceCommitment {
  Point hiding;   ///< D, bifrost "hidden_pn"
  Point binding;  ///< E, bifrost "binder_pn"
  /// 66 bytes, hiding first (BIP-445 "pubnonce").
  static Result<NonceCommitment> from_bytes(ByteView bytes);
  friend bool operator==(const NonceCommitment&, const NonceCommitment&) = default;
};

/// The sum of all signers' commitments; either half may be infinity.
struct AggregateNonce {
  MaybePoint hiding;
  MaybePoint binding;
  /// 66 bytes (BIP-445 "aggnonce"); kCrypto when a half is neither a point nor zero.
  static Result<AggregateNonce> from_bytes(ByteView bytes);
  static AggregateNonce sum(std::span<const NonceCommitment> commitments);
  std::array<std::uint8_t, 66> bytes() const;
  friend bool operator==(const AggregateNonce&, const AggregateNonce&) = default;
};

/// Two secret nonces that sign at most once: the type cannot be copied, sign_partial() takes it by
/// rvalue, and a pair that was moved from refuses. Never written anywhere.
class NoncePair {
 public:
  /// Fresh and independent of each other. The randomness is hedged with the share (HMAC under it),
  /// so a broken generator alone does not reveal the nonce; nothing public derives it.
  static NoncePair generate(const SecretShare& share, base::Rng& rng);
  /// Of scalars that were derived elsewhere: a suite's own derivation (bip445.h) and test vectors.
  /// They must be secret, independent and never used before.
  static Result<NoncePair> from_scalars(SecretScalar hiding, SecretScalar binding);

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

/// t·G added to a key. An x-only tweak first takes the key's even-Y representative (BIP-341), a
/// plain one the key as it is (BIP-32).
struct Tweak {
  enum class Mode { kXOnly, kPlain };
  Scalar value;
  Mode mode = Mode::kXOnly;
};

/// The key that is signed for: the group key with tweaks applied in order.
class KeyContext {
 public:
  /// No tweaks.
  explicit KeyContext(const Point& group_pk) : key_(group_pk) {}
  /// kCrypto when a tweak leads to infinity.
  static Result<KeyContext> tweaked(const Point& group_pk, std::span<const Tweak> tweaks);

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
  /// 256 signers, a zero or repeated idx; kCrypto when the group nonce is infinity. Messages are
  /// 32-byte hashes on Nostr but any length is computed.
  static Result<SigningContext> create(KeyContext key, ByteView message, std::vector<Signer> signers,
                                       const Suite& suite = kBifrost);
  /// What a signer knows in an aggregating suite (BIP-445): who signs, and the sum of the nonces.
  /// Partials are then verified against a commitment given with them.
  static Result<SigningContext> create_aggregated(KeyContext key, ByteView message,
                                                  std::vector<ShareIndex> signers,
                                                  const AggregateNonce& nonce,
                                                  const Suite& suite = kBip445);

  /// z_i. Consumes the nonces whatever happens. kNotFound when the share is not in the session,
  /// kConflict when the nonces were used before or are not those the session lists for us.
  Result<Scalar> sign_partial(NoncePair&& nonces, const SecretShare& share) const;

  /// Checks a partial signature against the full point z·G, not only its x. kCrypto names the
  /// member; kNotFound when `idx` is not in the session.
  Result<void> verify_partial(ShareIndex idx, const Point& pubkey, const Scalar& partial) const;
  /// The same where the session does not hold that member's commitment.
  Result<void> verify_partial(ShareIndex idx, const NonceCommitment& nonce, const Point& pubkey,
                              const Scalar& partial) const;

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
  struct BoundNonce {
    NonceCommitment commitment;
    Point point;  ///< D + rho·E
  };
  struct Member {
    ShareIndex idx;
    Scalar binding_factor;  ///< rho, one for all in an aggregating suite
    Scalar lagrange;
    std::optional<BoundNonce> nonce;  ///< absent when only the aggregate is known
  };
  const std::vector<Member>& members() const { return members_; }
  const Member* find(ShareIndex idx) const;

 private:
  SigningContext(KeyContext key, ByteView message, std::vector<Member> members, const Point& nonce,
                 const Suite& suite);
  Result<void> check_partial(const Member& member, const Point& bound_nonce, const Point& pubkey,
                             const Scalar& partial) const;
  bool flips_nonce() const;  ///< g = -1
  bool flips_share() const;  ///< parity · state = -1
  KeyContext key_;
  base::Bytes message_;
  std::vector<Member> members_;
  Point group_nonce_;
  Scalar challenge_;
  Suite suite_;
};

/// The BIP-340 signature the partials add up to, unchecked (BIP-445 PartialSigAgg); kInvalid when one
/// is missing or repeated. Callers want aggregate(). Not for kRfc9591 sessions.
Result<nostr::Signature> assemble(const SigningContext& context,
                                  std::span<const SigningContext::Partial> partials);
/// Adds up and checks the final signature with BIP-340; kCrypto when it does not verify, and then
/// the detail names the members whose partial is wrong. Not for kRfc9591 sessions.
Result<nostr::Signature> aggregate(const SigningContext& context, const GroupPackage& group,
                                   std::span<const SigningContext::Partial> partials);
/// The members whose partial does not verify: whom to blame and exclude.
std::vector<ShareIndex> find_culprits(const SigningContext& context, const GroupPackage& group,
                                      std::span<const SigningContext::Partial> partials);

}  // namespace frostr
