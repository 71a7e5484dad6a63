// What a co-signer is willing to sign: the policy as values, and the judgement as a pure function.
//
// The co-signer sees the whole unsigned event, so the judgement is about the event and not about a
// hash. Everything the judgement depends on besides policy and event is a Fact, collected by the
// caller from what the co-signer itself follows; nothing the requester merely claims counts.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "nostr/base/clock.h"
#include "nostr/crypto/hash.h"
#include "nostr/event/event.h"

namespace frostr {

using base::UnixTime;

/// What a rule of the policy says about an event it matches.
enum class Rule { kSign, kAsk, kRefuse };

/// How much the agent may do unasked. The node can only be stricter.
enum class Level {
  kSupervised,  ///< no `[kinds.N] verdict = "sign"` for anything that is said to the world
  kBounded,     ///< what is said to the world asks, unless its kind's rule says sign
  kAutonomous,  ///< notes, reactions and comments (1, 7, 1111) need no asking
};

/// `[kinds.N]`: one kind's exception from the built-in rules.
struct KindRule {
  std::optional<Rule> verdict;     ///< absent: the built-in rule of that kind
  std::uint32_t max_per_hour = 0;  ///< signatures of this kind; 0 = only the policy's own limit
  std::size_t max_bytes = 0;       ///< of the unsigned event's JSON; 0 = kMaxEventBytes
};

/// `[[requesters]]`: a member that may ask, and the node that runs on its share.
struct Requester {
  std::uint32_t idx = 0;                      ///< the member's index in the group
  std::optional<nostr::PublicKey> runner;     ///< whose claims (39210) count; none: no claim counts
  bool blind = false;                         ///< may ask for signatures on bare hashes
};

/// `[ecdh]`: which shared secrets the co-signer helps to compute.
struct EcdhPolicy {
  bool self = true;                         ///< the group key itself, against a live claim
  bool messages = false;                    ///< keys that signed a gift wrap or seal to the group
  std::uint32_t max_per_hour = 240;
  std::vector<nostr::PublicKey> issuers;    ///< whose licences (39220) name content keys
  std::vector<nostr::PublicKey> targets;    ///< keys the operator allows by name, without a claim
};

/// The policy file, checked. A value, so that a changed file simply replaces it.
struct Policy {
  std::vector<nostr::PublicKey> operators;       ///< whose word decides
  std::uint32_t quorum = 1;                      ///< how many of them must say yes
  base::seconds approval_ttl{900};
  std::vector<nostr::PublicKey> decisions_from;  ///< other co-signers whose 39213 counts
  Level level = Level::kBounded;
  Rule unlisted = Rule::kRefuse;                 ///< kinds without a built-in or own rule
  std::uint32_t max_per_hour = 1200;             ///< signatures of any kind
  std::vector<Requester> requesters;
  std::map<nostr::Kind, KindRule> kinds;
  EcdhPolicy ecdh;
  std::vector<std::string> follow_relays;        ///< where heads and claims are read
  std::vector<std::string> auth_relays;          ///< for which 22242 is signed

  /// The requester rule of member `idx`, or nullptr.
  const Requester* requester(std::uint32_t idx) const;
};

/// Nothing larger is signed or opened: the request must fit one NIP-44 message as hex.
inline constexpr std::size_t kMaxEventBytes = 19'000;
/// What a person is asked to read at most.
inline constexpr std::size_t kMaxRenderedChars = 4'000;
/// Window of created_at around now for events nobody approved.
inline constexpr base::seconds kStampPast{300};
inline constexpr base::seconds kStampFuture{60};
/// A claim lives this long, or until its latest question expired plus kClaimGrace.
inline constexpr base::seconds kClaimLife{600};
inline constexpr base::seconds kClaimGrace{60};

/// Kinds the group never signs: messages, seals, wraps, bunker and HTTP credentials.
bool is_never_signed(nostr::Kind kind);

/// A tick's claim (39210) by the requester's runner, found by the co-signer itself and verified.
struct Claim {
  nostr::EventId id;
  nostr::PublicKey runner;
  UnixTime created_at;
  UnixTime lives_until;  ///< inclusive
};

/// What the operator said about this digest so far.
enum class OperatorWord { kNone, kApproved, kDenied };

/// What the co-signer knows about the event it is asked to sign.
struct SignFacts {
  UnixTime now;
  nostr::PublicKey group;                          ///< the only author it signs for
  std::optional<nostr::PublicKey> runner;          ///< of the requester
  std::optional<nostr::Event> head;                ///< what stands at the event's address
  bool address_taken = false;                      ///< it does, or we signed for it before
  std::optional<Claim> claim;                      ///< the claim the context names, if it is one
  std::optional<nostr::EventId> state_of_claim;    ///< the 39201 already signed for that claim
  OperatorWord word = OperatorWord::kNone;
  std::optional<nostr::EventId> bound;             ///< the event that consumed that approval
  bool signed_before = false;                      ///< a partial for exactly this id has left
  std::size_t rendered_chars = 0;                  ///< length of the question a person would read
  std::uint32_t signed_last_hour = 0;              ///< all kinds
  std::uint32_t kind_last_hour = 0;                ///< this kind
  bool ask_wanted = false;                         ///< the node is stricter and wants the question
};

/// The co-signer's answer before any nonce is touched.
struct Verdict {
  enum class Outcome { kSign, kAsk, kRefuse };
  Outcome outcome = Outcome::kRefuse;
  /// Refusals: a stable word, then optionally ": " and what it is about.
  std::string reason{};
  bool by_approval = false;  ///< it signs because the operator said yes
  nostr::Sha256 digest{};  ///< nipsa::event_digest of the event, for every outcome

  bool signs() const { return outcome == Outcome::kSign; }
};

/// Judges `event`. `json_bytes` is the size of the JSON the requester sent. Pure.
///
/// Words of refusal: wrong-author, never-signed, kind-not-allowed, too-large-to-cosign,
/// too-long-to-show, rate-limited, created-at-out-of-window, not-newer-than-head, stale-prev,
/// no-live-claim, state-already-signed, malformed, relay-not-allowed, denied, already-consumed.
Verdict judge(const Policy& policy, const nostr::UnsignedEvent& event, std::size_t json_bytes,
              const SignFacts& facts);

/// The `reason` of a refusal whose cause may be that the co-signer has not yet seen an event which
/// stands on the relays: worth one look before the refusal is final.
bool may_be_stale_view(std::string_view reason);

/// What the co-signer knows about a request for a shared secret.
struct EcdhFacts {
  UnixTime now;
  nostr::PublicKey group;
  std::vector<nostr::PublicKey> members;       ///< x-only share keys
  std::optional<Claim> claim;
  std::vector<nostr::Event> proof;             ///< attached events, ids and signatures checked
  std::vector<nostr::PublicKey> own_issuers;   ///< the co-signer's service key
  std::uint32_t granted_last_hour = 0;
};

/// nullopt when the co-signer helps with `target`; else the reason. Words: rate-limited,
/// target-not-proven, no-live-claim, member-key, self-not-allowed, messages-not-allowed,
/// licence-expired.
std::optional<std::string> judge_ecdh(const Policy& policy, const nostr::PublicKey& target,
                                      const EcdhFacts& facts);

std::string_view rule_name(Rule rule);
std::string_view level_name(Level level);

}  // namespace frostr
