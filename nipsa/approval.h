// Kinds 39212 and 39213: asking for an approval and deciding on it (nip-sa 3.7).
#pragma once

#include <span>

#include "nipsa/digest.h"
#include "nipsa/kinds.h"
#include "nipsa/reading.h"
#include "nipsa/tick.h"

namespace nipsa {

struct ApprovalRequest {
  std::string d;                            ///< random_d("apr-", rng)
  nostr::PublicKey guardian;                ///< first `p`: the asker's service key
  std::vector<nostr::PublicKey> operators;  ///< further `p`
  std::optional<nostr::EventId> tick;       ///< the 39210; always written
  std::optional<nostr::PublicKey> agent;
  std::string action;                       ///< class, e.g. "publish"
  std::optional<Budget> budget_requested;   ///< > 0 sats
  std::optional<Sat> approval_threshold;
  std::string scope_type;
  std::string scope_id;
  std::string credit;
  std::optional<nostr::Sha256> action_hash;
  std::string reason;  ///< ≤ 500 characters, one line
  UnixTime expires;    ///< within 24 h of created_at
  std::string content; ///< "" or NIP-44 to the guardian
  friend bool operator==(const ApprovalRequest&, const ApprovalRequest&) = default;
};

/// The requester signs it. Strict: tick, action_hash and a sane expiry are required.
Result<nostr::Draft> build_approval_request(const ApprovalRequest& request, UnixTime at);
/// Errors as listed in error.h; E_NUM for an expiry out of range, E_SIZE for a long reason.
Result<ApprovalRequest> parse_approval_request(const nostr::Event& event);

enum class Decision { kApproved, kDenied };
std::string_view decision_name(Decision decision);

/// A signal the decision rests on.
struct Evidence {
  nostr::EventId id;
  nostr::Kind kind = 0;
  std::string relay;
  friend bool operator==(const Evidence&, const Evidence&) = default;
};

struct ApprovalDecision {
  nostr::EventId request;                     ///< the 39212
  std::optional<nostr::EventId> tick;
  std::optional<nostr::PublicKey> requester;  ///< `p`: who asked
  Decision decision = Decision::kDenied;
  std::optional<nostr::PublicKey> agent;
  std::string action;
  std::optional<nostr::Sha256> action_hash;
  std::string reason;
  std::optional<UnixTime> expires;
  std::vector<Evidence> evidence;
  friend bool operator==(const ApprovalDecision&, const ApprovalDecision&) = default;
};

Result<nostr::Draft> build_approval_decision(const ApprovalDecision& decision, UnixTime at);
/// Synonyms (approve, deny, rejected) are read; any other decision is E_ENUM. The request is the
/// `d` when that is one of the `e` tags, else the first `e`.
Result<ApprovalDecision> parse_approval_decision(const nostr::Event& event);

/// Whether `decision` decides `request` at `now`: author among `deciders` (E_AUTHZ), right ids and
/// digest (E_REF, E_HASH), dated no more than kSkewPast before the request (E_STALE) and not in the
/// future (E_FUTURE), within both expiries (E_EXPIRED). Signatures were checked before.
Result<void> check_decision(const nostr::Event& decision_event, const ApprovalDecision& decision,
                            const nostr::Event& request_event, const ApprovalRequest& request,
                            std::span<const nostr::PublicKey> deciders, UnixTime now);

/// A guardian will not ask (ours): a 39213 whose `decision` is "not-asked". Readers that know only
/// the two decisions see none, which is what it is: nobody was asked and nobody said no.
struct QuestionRefusal {
  nostr::EventId request;                     ///< the 39212
  std::optional<nostr::PublicKey> requester;  ///< `p`: who asked
  std::string reason;                         ///< a stable word, then perhaps ": " and more
  friend bool operator==(const QuestionRefusal&, const QuestionRefusal&) = default;
};

Result<nostr::Draft> build_question_refusal(const QuestionRefusal& refusal, UnixTime at);
/// E_ENUM when the event is an ordinary decision.
Result<QuestionRefusal> parse_question_refusal(const nostr::Event& event);

}  // namespace nipsa
