// The judgement: policy, event and facts in, sign or ask or refuse out. Pure.
//
// The co-signer sees the whole unsigned event, so the judgement is about the event and not about a
// hash. Everything it depends on besides policy and event is a fact, collected by the caller from
// what the co-signer itself follows; nothing the requester merely claims counts. Whoever wants to
// know why gets a trace from the same code that decides.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "frostr/licence.h"
#include "frostr/policy.h"
#include "nostr/crypto/hash.h"

namespace frostr {

/// One rule that was consulted.
struct Step {
  std::string rule;    ///< "kind", "kinds.1.max_bytes", "spending.day", …
  std::string value;   ///< what it was compared with what
  std::string result;  ///< "pass", "sign", "ask", "proof" or the refusal
};
/// In the order in which they were consulted; the last one is the verdict.
using Trace = std::vector<Step>;

/// A tick's claim (39210) by the requester's runner, found by the co-signer itself and verified.
struct Claim {
  nostr::EventId id;
  nostr::PublicKey runner;
  UnixTime created_at;
  UnixTime lives_until;  ///< inclusive
};

/// What the operator said about this digest so far.
enum class OperatorWord { kNone, kApproved, kDenied };

/// Whether the process that asks may act for its member now.
struct LeaseFact {
  enum class State {
    kNone,     ///< nobody holds the member's lease, and this process does not ask for it
    kHeld,     ///< by the process that asks
    kByOther,  ///< by another one, until `until`
  };
  State state = State::kNone;
  UnixTime until;
};

/// What the co-signer knows about the event it is asked to sign.
struct SignFacts {
  UnixTime now;
  nostr::PublicKey group;                          ///< the only author it signs for
  Requester requester;                             ///< its rule in the policy
  LeaseFact lease;
  std::optional<nostr::Event> head;                ///< what stands at the event's address
  bool address_taken = false;                      ///< it does, or we signed for it before
  std::optional<Claim> claim;                      ///< the claim the context names, if it is one
  std::optional<nostr::EventId> state_of_claim;    ///< the 39201 already signed for that claim
  std::uint32_t parts_of_claim = 0;                ///< parts of a state already signed for it
  OperatorWord word = OperatorWord::kNone;
  bool word_is_signed = false;                     ///< operators said it in 39213s of their own
  std::optional<nostr::EventId> bound;             ///< the event that consumed that approval
  bool signed_before = false;                      ///< a partial for exactly this id has left
  std::size_t rendered_chars = 0;                  ///< length of the question a person would read
  LicenceState licence = LicenceState::kNone;      ///< for the skill the kind's rule names
  bool ask_wanted = false;                         ///< the node is stricter and wants the question
  // Counts without the event that is judged:
  std::uint32_t signed_last_hour = 0;              ///< all kinds, all requesters
  std::uint32_t requester_last_hour = 0;
  std::uint32_t kind_last_hour = 0;                ///< this kind
  std::uint32_t kind_last_day = 0;
  std::uint32_t repeats_last_hour = 0;             ///< by this member, of events signed before
  Msat spent_last_hour;
  Msat spent_last_day;
};

/// The co-signer's answer before any nonce is touched.
struct Verdict {
  enum class Outcome { kSign, kAsk, kRefuse };
  Outcome outcome = Outcome::kRefuse;
  /// Refusals: a stable word, then optionally ": " and what it is about.
  std::string reason{};
  bool by_approval = false;  ///< it signs because the operator said yes
  bool needs_proof = false;  ///< it asks, and only a signed yes will do
  nostr::Sha256 digest{};    ///< nipsa::event_digest of the event, for every outcome

  bool signs() const { return outcome == Outcome::kSign; }
};

/// Judges `event`. `json_bytes` is the size of the JSON the requester sent. `trace`, when given, is
/// filled with every rule that was consulted.
///
/// Words of refusal: kind-not-for-requester, lease-held, lease-needed, wrong-author, never-signed,
/// kind-not-allowed, quiet-hours, too-large-to-cosign, content-too-long, tag-not-allowed,
/// content-not-allowed, no-live-licence, amount-unknown, amount-over-limit, spending-limit,
/// rate-limited, too-long-to-show, created-at-out-of-window, not-newer-than-head, stale-prev,
/// no-live-claim, state-already-signed, parts-already-signed, malformed, relay-not-allowed, denied,
/// proof-required, already-consumed.
Verdict judge(const Policy& policy, const nostr::UnsignedEvent& event, std::size_t json_bytes,
              const SignFacts& facts, Trace* trace = nullptr);

/// Judges a request for a signature on a bare hash, of which only requester, lease and rates count.
/// Words: blind, lease-held, lease-needed, rate-limited.
Verdict judge_blind(const Policy& policy, const nostr::Sha256& hash, const SignFacts& facts);

/// The `reason` of a refusal whose cause may be that the co-signer has not yet seen an event which
/// stands on the relays: worth one look before the refusal is final.
bool may_be_stale_view(std::string_view reason);

/// A licence that a request brought along, by an issuer the policy trusts.
struct KnownLicence {
  nostr::Event event;
  LicenceState state = LicenceState::kNone;
};

/// What the co-signer knows about a request for a shared secret.
struct EcdhFacts {
  UnixTime now;
  nostr::PublicKey group;
  Requester requester;
  LeaseFact lease;
  std::vector<nostr::PublicKey> members;  ///< x-only share keys
  std::optional<Claim> claim;
  std::vector<nostr::Event> proof;        ///< attached events, ids and signatures checked
  std::vector<KnownLicence> licences;     ///< those of them that are licences we may trust
  std::uint32_t granted_last_hour = 0;
  std::uint32_t messages_last_hour = 0;
};

/// Why a secret is given.
enum class EcdhGrant { kNamed, kSelf, kLicence, kMessage };
std::string_view grant_name(EcdhGrant grant);

struct EcdhVerdict {
  std::optional<EcdhGrant> grant;  ///< nullopt: refused
  std::string reason;              ///< of a refusal

  bool grants() const { return grant.has_value(); }
};

/// Whether the co-signer helps with `target`. Words: lease-held, lease-needed, rate-limited,
/// target-not-proven, no-live-claim, member-key, self-not-allowed, messages-not-allowed,
/// licence-expired, licence-revoked, licence-exhausted, licence-rate-limited.
EcdhVerdict judge_ecdh(const Policy& policy, const nostr::PublicKey& target, const EcdhFacts& facts);

/// Whether the process that asks for `requester` is the one that may act, in the words of judge().
std::optional<std::string> lease_refusal(const Requester& requester, const LeaseFact& lease);

}  // namespace frostr
