// ThresholdSigner: a nostr::Signer whose key is whole nowhere.
//
// Each signature is a session with a quorum of co-signers, asked as frostr/quorum_call.h explains. The
// one that was asked about an approval is stayed with: a refusal is final, only silence leads to the
// next. What comes of it is a value, because needing the operator's approval is an outcome and not an
// error.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "frostr/bifrost_node.h"
#include "frostr/quorum_call.h"
#include "frostr/signing_session.h"
#include "nostr/base/histogram.h"
#include "nostr/nips/nip44.h"
#include "nostr/signer/signer.h"

namespace frostr {

/// Why a signature is wanted; travels with the request.
struct SignContext {
  std::optional<nostr::EventId> tick;     ///< the 39210 this belongs to
  std::optional<nostr::Event> request;    ///< the 39212 that asked for approval
  std::optional<nostr::Event> decision;   ///< a 39213 that approves it
  bool ask = false;                       ///< the operator must be asked even where policy would not
  std::optional<ShareIndex> member;       ///< the co-signer that was asked before
};

struct Signed {
  nostr::Event event;
};
using SignOutcome = std::variant<Signed, ApprovalRequired, Refused, Unavailable>;
using HashOutcome = std::variant<nostr::Signature, ApprovalRequired, Refused, Unavailable>;

/// Why a shared secret is wanted.
struct EcdhContext {
  std::string purpose = "self";         ///< "self" or "proven"
  std::optional<nostr::EventId> tick;
  std::vector<nostr::Event> proof;      ///< events signed by the target, or naming it
};

struct ThresholdOptions {
  std::chrono::milliseconds overall{30'000};      ///< for one signature or secret
  std::chrono::milliseconds peer_silence{2'500};  ///< then the next peer is asked
  std::chrono::milliseconds hedge_after{250};     ///< then another quorum is asked as well
  std::chrono::milliseconds cross_check{1'500};   ///< for a second quorum's opinion on a secret
  /// Members known to judge. Events go to judging members only, once any is known (these, or by
  /// their pings): a blind member would void the group's policy.
  std::vector<ShareIndex> judges;
};

/// Whether a signature would succeed now, and if not, why.
struct Readiness {
  struct Member {
    ShareIndex idx;
    bool online = false;
    bool judges = false;
    std::size_t nonces = 0;
    std::chrono::milliseconds round_trip{0};
    std::optional<nostr::PublicKey> service;
    bool apart = false;       ///< talked with under transport keys, not under shares
    std::string why_not;      ///< why it cannot be asked now; empty when it can
    std::optional<LeaseNote> lease;  ///< what it last said about ours
  };
  std::vector<Member> members;  ///< the others
  bool ready = false;
  std::string why_not;
  std::optional<base::UnixTime> lease_until;  ///< another process acts for our share until then
};

/// One group identity. App thread.
class ThresholdSigner final : public nostr::Signer {
 public:
  /// `node` outlives the signer and is started by its owner. Groups of threshold 1 are not served.
  explicit ThresholdSigner(BifrostNode& node, ThresholdOptions options = {});

  nostr::PublicKey public_key() const override;
  /// For the tick of set_tick(). kApprovalRequired ends in the digest; kDenied names who refused.
  base::Task<Result<nostr::Event>> sign(nostr::Draft draft) override;
  /// Peer = the group itself is admitted for the tick of set_tick(); anything else needs proof and
  /// so nip44_key().
  base::Task<Result<std::string>> nip44_encrypt(nostr::PublicKey peer, std::string plaintext) override;
  base::Task<Result<std::string>> nip44_decrypt(nostr::PublicKey peer, std::string payload) override;
  /// The same; its key is never kept.
  base::Task<Result<std::string>> nip04_encrypt(nostr::PublicKey peer, std::string plaintext) override;
  base::Task<Result<std::string>> nip04_decrypt(nostr::PublicKey peer, std::string payload) override;

  /// The tick that plain Signer calls belong to.
  void set_tick(std::optional<nostr::EventId> tick) { tick_ = tick; }

  /// Signs exactly `event`, whose author must be the group (kInvalid otherwise). Errors are ours;
  /// what peers say is in the outcome.
  base::Task<Result<SignOutcome>> sign_with_context(nostr::UnsignedEvent event, SignContext context);
  /// A signature over a bare hash, from peers whose policy allows that.
  base::Task<Result<HashOutcome>> sign_hash(nostr::Sha256 hash);
  /// x of the group key's shared point with `target`. kDenied when refused, kUnavailable, and kPeer
  /// when two quorums disagree.
  base::Task<Result<nostr::SharedX>> ecdh(nostr::PublicKey target, EcdhContext context);
  /// The NIP-44 key with `peer`, from memory if this claim had it before.
  base::Task<Result<nostr::ConversationKey>> nip44_key(nostr::PublicKey peer, EcdhContext context);
  /// Wipes every conversation key: at the end of a tick, and before anything untrusted runs. Keys made
  /// with a member that turns out to give wrong shares go by themselves.
  void forget();

  /// How long signatures took that came about, from the question to the signature.
  base::HistogramView sign_times() const { return sign_times_.view(); }
  Readiness readiness() const;
  /// Whether a co-signer serves another process of our member: then nothing is asked of anybody.
  bool fenced() const { return node_.lease_elsewhere().has_value(); }

 private:
  class SignTask;
  class EcdhTask;
  /// A conversation key and the members it was made with.
  struct KeptKey {
    nostr::ConversationKey key;
    std::vector<ShareIndex> quorum;
  };
  struct Secret {
    nostr::SharedX x;
    std::vector<ShareIndex> quorum;
  };

  bool judges(const Peer& peer) const;
  bool any_judges() const;
  /// Events go to members that judge, once any is known.
  bool may_judge(const Peer& peer) const;
  QuorumOptions asking(std::optional<ShareIndex> first) const;
  /// `task` is the caller's.
  base::Task<Result<HashOutcome>> sign_with_quorum(SignTask& task, std::optional<ShareIndex> first);
  base::Task<Result<Secret>> derive(nostr::PublicKey target, EcdhContext context);
  base::Task<Result<void>> cross_check(std::vector<ShareIndex> used, EcdhTarget target,
                                       EcdhReason reason, nostr::Sha256 fingerprint);
  void forget_made_with(const std::vector<ShareIndex>& members);

  BifrostNode& node_;
  ThresholdOptions options_;
  base::Histogram sign_times_{std::chrono::milliseconds(1)};
  std::optional<nostr::EventId> tick_;
  std::map<std::pair<nostr::PublicKey, std::string>, KeptKey> keys_;
  std::map<nostr::PublicKey, nostr::Sha256> fingerprints_;  ///< of secrets two quorums agreed on
};

}  // namespace frostr
