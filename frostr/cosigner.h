// The co-signer: answers the requests of other members. Sans-IO: a decrypted request, its author and
// the time go in, the text of a reply comes out; what must survive is in the database by then.
//
// It knows three verdicts: sign, refuse, ask. A refusal or a question is a reject with the words of
// frostr/reject.h, and the nonce code the request named is void from then on. A partial signature
// leaves only after its nonce was wiped from the pool and its code, the event it signed, the
// approval it used up and an audit row were committed in one transaction.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <variant>

#include "frostr/audit_trail.h"
#include "frostr/facts.h"
#include "frostr/lease.h"
#include "frostr/nonce_pool.h"
#include "frostr/own_mode.h"
#include "frostr/peers.h"
#include "frostr/wire/envelope.h"
#include "frostr/wire/messages.h"
#include "storage/nonces.h"

namespace frostr {

struct CosignerOptions {
  std::optional<nostr::PublicKey> service;  ///< our own key: asks the operator, issues licences
  bool judges = true;                       ///< told to peers; false for a node that only requests
  base::seconds stamp_window{300};          ///< session stamps around now
  std::size_t max_remembered = 512;         ///< replies kept for repeated requests
};

/// The responder of one share. App thread.
class Cosigner {
 public:
  /// References outlive the co-signer; `approvals` may be null.
  Cosigner(storage::Db& db, const GroupPackage& group, const SecretShare& share, NoncePool& nonces,
           PeerBook& peers, base::Rng& rng, Policy policy, ApprovalBook* approvals,
           CosignerOptions options);

  /// Whether a stale view of the relays may still be refreshed before a refusal is final.
  enum class Look { kFirst, kFinal };
  /// Send this back, encrypted to the author.
  struct Reply {
    std::string text;
  };
  /// Fetch these from the relays into the event store, then hand the request in again as kFinal.
  struct Refresh {
    nostr::Filters filters;
  };
  /// No reply: a repetition of a request that is still being worked on.
  struct Silence {};
  using Outcome = std::variant<Reply, Refresh, Silence>;

  /// Answers a request of member `from` (ourselves only for echo).
  Outcome handle(ShareIndex from, const RpcRequest& request, base::UnixTime now, Look look);

  /// The member whose configured runner is `runner`, if any.
  std::optional<ShareIndex> requester_of(const nostr::PublicKey& runner) const;

  /// What ties nonces to this process and keeps them with those it knows; outlives the co-signer.
  /// Without it there is bifrost's wire only.
  void set_own_mode(OwnMode* own) { own_ = own; }
  void set_policy(Policy policy) { policy_ = std::move(policy); }
  const Policy& policy() const { return policy_; }
  /// Until true, sign and ecdh are answered with retry: the view of the relays is not there yet.
  void set_ready(bool ready) { ready_ = ready; }
  /// Asked before every sign and ecdh: why everything stands still, if it does. They are refused then.
  void set_pause(std::function<std::optional<std::string>()> pause) { pause_ = std::move(pause); }
  /// New with each life of this process.
  std::string boot() const { return notes().boot; }
  /// Adds to a ping or its answer what our members tell each other beside it; `fresh` are the nonces
  /// it carries.
  void add_notes(ShareIndex peer, std::span<const WireNonce> fresh, base::json::Value& body,
                 std::optional<LeaseNote> lease = std::nullopt);
  /// Takes that from a ping of `from` or its answer, and the nonces beside it.
  Result<void> take_notes(ShareIndex from, const base::json::Value& body,
                          std::span<const WireNonce> nonces, base::UnixTime now);
  /// Keeps nonces that `from` issued to us, unless it signs its batches and has not signed this one.
  void take_nonces(ShareIndex from, std::span<const WireNonce> nonces,
                   const std::optional<nostr::Signature>& batch);
  /// Drops every nonce, ours and theirs, because this process may not be what it seems.
  Result<void> doubt(std::string_view why, base::UnixTime now);
  /// Nonces for a ping to `peer`, if it may ask us and runs low.
  Result<std::vector<WireNonce>> nonces_for(ShareIndex peer, std::optional<std::size_t> held,
                                            base::UnixTime now);
  /// Records what was seen of `from` outside its requests: a message that is not what it claims, an
  /// answer that does not hold. Nothing depends on the row, so a failure is only logged.
  void report(ShareIndex from, std::string_view kind, std::string_view verdict, std::string_view reason,
              base::UnixTime now);
  FactSource& facts() { return facts_; }
  AuditTrail& audit() { return audit_; }
  /// Who acts for which member. An operator's change goes through revoke_lease(), which is audited.
  LeaseDesk& leases() { return leases_; }
  Result<storage::LeaseRow> revoke_lease(std::uint32_t member, base::seconds bar, base::UnixTime now);
  /// Forgets replay marks and counts that play no part any more; call now and then.
  Result<void> keep_house(base::UnixTime now);

 private:
  /// What a method came to: data to accept with, words to reject with, or a wish to look again.
  struct Answer {
    std::optional<base::json::Value> data;
    std::string reject;
    std::optional<nostr::Filters> refresh;
  };
  struct SignCall;

  Answer answer(ShareIndex from, const RpcRequest& request, base::UnixTime now, Look look);
  Answer on_ping(ShareIndex from, const RpcRequest& rpc, base::UnixTime now);
  Answer on_onboard(ShareIndex from, const RpcRequest& rpc, base::UnixTime now);
  Answer on_sign(ShareIndex from, const RpcRequest& rpc, base::UnixTime now, Look look);
  Answer on_ecdh(ShareIndex from, const RpcRequest& rpc, base::UnixTime now, Look look);

  std::optional<std::string> check_session(ShareIndex from, const SignRequest& request,
                                           base::UnixTime now) const;
  std::optional<std::string> check_members(ShareIndex from, const std::vector<ShareIndex>& members) const;
  Result<SignCall> read_event(const SignRequest& request) const;
  Answer judge_and_sign(ShareIndex from, const Requester& requester, const LeaseFact& lease,
                        const SignRequest& request, base::UnixTime now, Look look);
  Result<void> judge_call(const Requester& requester, const LeaseFact& lease,
                          const SignRequest& request, base::UnixTime now, SignCall& call);
  Result<base::json::Value> spend_and_sign(ShareIndex from, const SignRequest& request,
                                           const SignCall& call, base::UnixTime now);
  std::optional<LeaseClaim> lease_claim(ShareIndex from, const Requester& requester,
                                        const RpcRequest& rpc, base::UnixTime now) const;
  Result<LeaseFact> use_lease(ShareIndex from, const Requester& requester, const RpcRequest& rpc,
                              base::UnixTime now);
  Result<void> audit(ShareIndex from, std::string_view kind, std::string_view verdict,
                     std::string_view reason, std::optional<nostr::Sha256> digest,
                     std::optional<nostr::EventId> event, base::UnixTime now);
  const WireNonce* our_nonce(const SignRequest& request) const;
  PeerNotes notes() const;

  storage::Db& db_;
  const GroupPackage& group_;
  const SecretShare& share_;
  NoncePool& nonces_;
  PeerBook& peers_;
  Policy policy_;
  CosignerOptions options_;
  OwnMode* own_ = nullptr;
  std::string boot_;  ///< where there is no own mode
  FactSource facts_;
  AuditTrail audit_;
  LeaseDesk leases_;
  storage::ReplayCache replays_;
  bool ready_ = true;
  std::function<std::optional<std::string>()> pause_;

  /// Replies already given, by (member, request id), oldest first in `order_`.
  using CallKey = std::pair<ShareIndex, std::string>;
  std::map<CallKey, std::string> remembered_;
  std::deque<CallKey> order_;
};

/// A verdict with every rule that led to it.
struct Explained {
  Verdict verdict;
  Trace trace;
};
/// What a co-signer with these facts would say to `event` under `policy` if the process that holds
/// the lease of member `requester` asked now, without touching anything: the same judge() as for a
/// request. kDenied for a member that is no requester.
Result<Explained> explain(FactSource& facts, const Policy& policy, const nostr::UnsignedEvent& event,
                          ShareIndex requester, const SignReason& reason, base::UnixTime now);

}  // namespace frostr
