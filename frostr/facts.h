// Where the facts of a judgement come from: the co-signer's own copy of what stands on the relays,
// its record of what it signed, and the approval desk.
#pragma once

#include <optional>
#include <string_view>

#include "frostr/approval_book.h"
#include "frostr/frost/shares.h"
#include "frostr/judgement.h"
#include "frostr/wire/messages.h"
#include "nostr/event/filter.h"
#include "storage/cosign_log.h"
#include "storage/events.h"
#include "storage/licence_uses.h"

namespace frostr {

/// A word of the operator with the approval it consumes and what consumed it already.
struct OperatorFact {
  OperatorWord word = OperatorWord::kNone;
  std::optional<nostr::EventId> approval;
  std::optional<nostr::EventId> bound;
  bool from_desk = false;
  bool is_signed = false;  ///< by the operators themselves
};

/// Collects facts. App thread, synchronous: what is not stored here does not count.
class FactSource {
 public:
  /// `approvals` may be null (no desk: nothing is ever approved here). References outlive this.
  FactSource(storage::Db& db, const GroupPackage& group, std::optional<nostr::PublicKey> service,
             ApprovalBook* approvals);

  /// The live claim with this id: a 39210 for the group by `runner`, dated no more than a minute
  /// ahead, at most kClaimLife old or with a question that has not expired for kClaimGrace.
  Result<std::optional<Claim>> live_claim(std::string_view id_hex,
                                          const std::optional<nostr::PublicKey>& runner, UnixTime now);

  struct Sign {
    SignFacts facts;
    OperatorFact operator_fact;
  };
  Result<Sign> for_sign(const Policy& policy, const nostr::UnsignedEvent& event,
                        const Requester& requester, const LeaseFact& lease,
                        const SignReason& reason, UnixTime now);
  /// What counts for a signature on a bare hash.
  Result<SignFacts> for_blind(const Requester& requester, const LeaseFact& lease, UnixTime now);
  Result<EcdhFacts> for_ecdh(const Policy& policy, const Requester& requester,
                             const LeaseFact& lease, const EcdhReason& reason, UnixTime now);

  /// Records a partial for `event`; call inside the Tx that spends the nonce, whose `session` makes
  /// a repetition count once. kConflict when the approval or the tick is bound to another event.
  Result<void> record_partial(const nostr::UnsignedEvent& event, const nostr::EventId& id,
                              const Sign& known, const Verdict& verdict, std::string_view session,
                              UnixTime now);
  /// Counts a signature on a bare hash.
  Result<void> record_blind(const nostr::EventId& hash, const Requester& requester, UnixTime now);
  /// Call inside the Tx of the grant: for a licence it counts the use, once for each tick.
  Result<void> record_ecdh(const EcdhFacts& known, const EcdhReason& reason,
                           const nostr::PublicKey& target, EcdhGrant grant, UnixTime now);

  /// Forgets what no judgement looks at any more.
  Result<void> forget_old(UnixTime now);

  /// What to look for on the relays when the view may be stale: the claim and the event's address.
  nostr::Filters refresh_filters(const Policy& policy, const nostr::UnsignedEvent* event,
                                 std::string_view tick) const;
  /// What to follow all the time: the group's own heads, the runners' claims and questions, and
  /// licences for the group by trusted issuers.
  nostr::Filters followed(const Policy& policy, UnixTime now) const;

  storage::EventDb& events() { return events_; }

 private:
  Result<OperatorFact> operator_fact(const Policy& policy, const nostr::Sha256& digest,
                                     const SignReason& reason, UnixTime now);
  Result<void> count(const Policy& policy, const nostr::UnsignedEvent& event,
                     const nostr::EventId& id, UnixTime now, SignFacts& facts);
  bool trusts_issuer(const Policy& policy, const nostr::PublicKey& key) const;
  Result<LicenceState> licence_for(const Policy& policy, std::string_view skill, UnixTime now);
  Result<LicenceState> licence_now(const nostr::Event& licence, std::string_view tick, UnixTime now);

  const GroupPackage& group_;
  std::optional<nostr::PublicKey> service_;
  ApprovalBook* approvals_;
  storage::EventDb events_;
  storage::CosignLog log_;
  storage::LicenceUses uses_;
};

}  // namespace frostr
