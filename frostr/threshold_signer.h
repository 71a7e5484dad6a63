// ThresholdSigner: a nostr::Signer whose key is whole nowhere.
//
// Each signature is a session with a quorum of co-signers. The one that was asked is stayed with: a
// refusal is final, only silence leads to the next. What comes of it is a value, because needing the
// operator's approval is an outcome and not an error.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "frostr/bifrost_node.h"
#include "frostr/signing_session.h"
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
/// The operator has to approve first; nothing was spent.
struct ApprovalRequired {
  nostr::Sha256 digest;
  ShareIndex member;                        ///< who wants to ask: name it in SignContext::member next time
  std::optional<nostr::PublicKey> service;  ///< its key, the first `p` of the 39212
};
struct Refused {
  ShareIndex member;
  std::string reason;  ///< a peer's text: escape before showing
};
struct Unavailable {
  std::string why;
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
  std::chrono::milliseconds peer_silence{3'000};  ///< then the next peer is asked
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
  /// Wipes every conversation key: at the end of a tick, and before anything untrusted runs.
  void forget();

  Readiness readiness() const;
  /// Whether a co-signer serves another process of our member: then nothing is asked of anybody.
  bool fenced() const { return node_.lease_elsewhere().has_value(); }

 private:
  struct Stopped;
  struct Work;
  using Attempt = std::variant<nostr::Signature, ApprovalRequired, Refused, Unavailable, Stopped>;

  std::vector<ShareIndex> candidates(std::optional<ShareIndex> first, bool judging) const;
  bool judges(const Peer& peer) const;
  bool any_judges() const;
  std::chrono::milliseconds wait_limit(std::chrono::steady_clock::time_point deadline) const;
  base::Task<Result<HashOutcome>> sign_with_quorum(Work work);
  base::Task<Result<void>> stock_up(ShareIndex peer);
  base::Task<Result<Attempt>> attempt(std::vector<ShareIndex> peers, Work work,
                                      std::chrono::steady_clock::time_point deadline);
  /// nullopt when `peer` did its part and others are still missing. `session` is the caller's.
  base::Task<std::optional<Attempt>> ask_member(ShareIndex peer, SigningSession& session,
                                                std::string params, std::chrono::milliseconds limit);
  base::Task<Result<nostr::SharedX>> ecdh_with(std::vector<ShareIndex> peers, EcdhTarget target,
                                               EcdhReason reason, std::chrono::milliseconds limit);
  base::Task<Result<void>> cross_check(std::vector<ShareIndex> used, EcdhTarget target,
                                       EcdhReason reason, nostr::Sha256 fingerprint);

  BifrostNode& node_;
  ThresholdOptions options_;
  std::optional<nostr::EventId> tick_;
  std::map<std::pair<nostr::PublicKey, std::string>, nostr::ConversationKey> keys_;
  std::map<nostr::PublicKey, nostr::Sha256> fingerprints_;  ///< of secrets two quorums agreed on
};

}  // namespace frostr
