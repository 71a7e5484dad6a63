// The coordinator's side of one signature or one shared secret: sans-IO, one session per attempt.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "frostr/frost/ecdh.h"
#include "frostr/frost/sign.h"
#include "frostr/nonce_pool.h"
#include "frostr/wire/messages.h"

namespace frostr {

/// A peer that takes part, and the nonce of its that this session uses up.
struct SessionPeer {
  ShareIndex idx;
  WireNonce nonce;
};

/// One FROST session over one 32-byte hash. Every attempt is a new session with new nonces.
class SigningSession {
 public:
  /// `content` is the JSON of the unsigned event whose id is `sighash`, absent for a blind hash.
  /// kInvalid unless we and `peers` are exactly `threshold` distinct members of the group.
  static Result<SigningSession> create(const GroupPackage& group, const SecretShare& share,
                                       NoncePool& pool, std::vector<SessionPeer> peers,
                                       const nostr::Sha256& sighash,
                                       std::optional<std::string> content,
                                       std::optional<SignReason> reason, base::UnixTime now);

  /// The request for every peer of the session.
  const SignRequest& request() const { return request_; }

  /// Takes the answer of `from`. nullopt while others are missing; the signature, verified under
  /// the group key, once all are in. kPeer when the answer does not fit the session (wrong sid,
  /// code, key, a second answer); kCrypto when the partial is wrong, naming the member. After an
  /// error the session is dead.
  Result<std::optional<nostr::Signature>> on_answer(ShareIndex from, const SignAnswer& answer);

 private:
  SigningSession(const GroupPackage& group, SignRequest request, SigningContext context,
                 SigningContext::Partial own);
  Result<void> check_answer(ShareIndex from, const SignAnswer& answer) const;

  const GroupPackage& group_;
  SignRequest request_;
  SigningContext context_;
  std::vector<SigningContext::Partial> partials_;
};

/// One threshold ECDH over one target.
class EcdhSession {
 public:
  /// kInvalid as above. Our own key share is computed here and never sent.
  static Result<EcdhSession> create(const GroupPackage& group, const SecretShare& share,
                                    std::vector<ShareIndex> peers, const EcdhTarget& target,
                                    std::optional<EcdhReason> reason);
  const EcdhPackage& request() const { return request_; }
  /// nullopt while others are missing, then the shared x. kPeer when the answer does not fit. The
  /// key shares cannot be checked here: compare with another quorum's result or a known value.
  Result<std::optional<nostr::SharedX>> on_answer(ShareIndex from, const EcdhPackage& answer);

 private:
  EcdhSession(EcdhPackage request, Point own);
  EcdhPackage request_;
  std::vector<ShareIndex> answered_;
  std::vector<Point> key_shares_;
};

}  // namespace frostr
