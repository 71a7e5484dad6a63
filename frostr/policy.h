// The policy of a co-signer as values: what policy.toml says, checked. How it is applied is in
// judgement.h.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "frostr/quiet_hours.h"
#include "nostr/base/clock.h"
#include "nostr/base/money.h"
#include "nostr/base/result.h"
#include "nostr/event/event.h"

namespace re2 {
class RE2;
}

namespace frostr {

using base::Msat;
using base::UnixTime;

/// What a rule says about an event it matches, from lax to strict.
enum class Rule {
  kSign,    ///< unasked
  kAsk,     ///< after the operator's yes, in any form a client can send
  kProof,   ///< after a yes that an operator signed: a 39213 with the action's digest
  kRefuse,
};

/// How much the agent may do unasked. The node can only be stricter.
enum class Level {
  kSupervised,  ///< no `[kinds.N] verdict = "sign"` for anything that is said to the world
  kBounded,     ///< what is said to the world asks, unless its kind's rule says sign
  kAutonomous,  ///< notes, reactions and comments (1, 7, 1111) need no asking
};

/// A regular expression (RE2) over an event's content. Cheap to copy.
class Pattern {
 public:
  /// kInvalid with RE2's words when `text` is no pattern or costs more memory than kMaxPatternBytes.
  static base::Result<Pattern> compile(std::string_view text);
  bool found_in(std::string_view content) const;
  const std::string& text() const { return text_; }

 private:
  Pattern(std::string text, std::shared_ptr<const re2::RE2> compiled)
      : text_(std::move(text)), compiled_(std::move(compiled)) {}
  std::string text_;
  std::shared_ptr<const re2::RE2> compiled_;
};

/// `[kinds.N]`: one kind's exception from the built-in rules. 0 is "no limit of its own".
struct KindRule {
  std::optional<Rule> verdict;               ///< absent: the built-in rule of that kind
  std::uint32_t max_per_hour = 0;            ///< signatures of this kind
  std::uint32_t max_per_day = 0;
  std::size_t max_bytes = 0;                 ///< of the unsigned event's JSON, below kMaxEventBytes
  std::size_t max_chars = 0;                 ///< of the content, in characters
  std::optional<std::vector<std::string>> tags;  ///< the only tag names it may have
  std::vector<std::string> forbidden_tags;
  std::vector<Pattern> content_needs;        ///< each must be found in the content
  std::vector<Pattern> content_never;        ///< none may be found
  std::string licence;                       ///< "33400:KEY:NAME": only under a live licence for it
};

/// `[[requesters]]`: a member that may ask, and the node that runs on its share.
struct Requester {
  std::uint32_t idx = 0;                      ///< the member's index in the group
  std::optional<nostr::PublicKey> runner;     ///< whose claims (39210) count; none: no claim counts
  bool blind = false;                         ///< may ask for signatures on bare hashes
  bool needs_lease = false;                   ///< only a process that proves it is the runner's is served
  std::optional<std::vector<nostr::Kind>> kinds;  ///< the only kinds it may ask for
  std::uint32_t max_per_hour = 0;             ///< signatures; 0 = only the policy's own limit
};

/// `[spending]`: amounts of events that move money (moves_money()), over an hour and a day that end now.
struct SpendingLimits {
  std::optional<Msat> per_event;
  std::optional<Msat> per_hour;
  std::optional<Msat> per_day;
  std::optional<Msat> ask_above;  ///< a single amount above this is asked for, whatever the kind's rule

  bool any() const { return per_event || per_hour || per_day || ask_above; }
  bool capped() const { return per_event && per_day; }
};

/// `[quiet]`: when nobody is to be disturbed and nothing is to be said.
struct QuietRule {
  QuietHours hours;
  Rule verdict = Rule::kRefuse;  ///< kAsk or kRefuse
};

/// `[ecdh]`: which shared secrets the co-signer helps to compute.
struct EcdhPolicy {
  bool self = true;                         ///< the group key itself, against a live claim
  bool messages = false;                    ///< keys that signed a gift wrap or seal to the group
  std::uint32_t max_per_hour = 240;
  std::uint32_t max_messages_per_hour = 30;  ///< of those, strangers' messages
  std::vector<nostr::PublicKey> issuers;    ///< whose licences (39220) name content keys
  std::vector<nostr::PublicKey> targets;    ///< keys the operator allows by name, without a claim
};

/// How operators are asked, and which of their answers is enough for what.
struct AskingRule {
  std::int64_t reaction_max = 5'000;  ///< sats that a reaction or a public word may allow at most
  base::seconds hold{5};              ///< between a yes that moves money and the decision
  bool public_mentions = false;       ///< also mention the operators for all to see
  std::vector<std::string> signers;   ///< files with the bunker:// texts of their signer apps
};

/// The policy file, checked. A value, so that a changed file simply replaces it.
struct Policy {
  std::vector<nostr::PublicKey> operators;       ///< whose word decides
  std::uint32_t quorum = 1;                      ///< how many of them must say yes
  base::seconds approval_ttl{900};
  std::vector<nostr::PublicKey> decisions_from;  ///< other co-signers whose 39213 counts
  AskingRule asking;
  Level level = Level::kBounded;
  Rule unlisted = Rule::kRefuse;                 ///< kinds without a built-in or own rule
  std::uint32_t max_per_hour = 1200;             ///< signatures of any kind
  base::seconds lease_ttl{120};                  ///< how long a silent holder keeps others out
  std::vector<Requester> requesters;
  std::map<nostr::Kind, KindRule> kinds;
  std::vector<Pattern> content_never;            ///< in no content that is said to the world
  SpendingLimits spending;
  std::optional<QuietRule> quiet;
  EcdhPolicy ecdh;
  std::vector<std::string> follow_relays;        ///< where heads and claims are read
  std::vector<std::string> auth_relays;          ///< for which 22242 is signed
  bool publish_anchors = true;                   ///< of the audit log, on the relays

  /// The requester rule of member `idx`, or nullptr.
  const Requester* requester(std::uint32_t idx) const;
  /// The rule of `kind`, or nullptr.
  const KindRule* kind(nostr::Kind kind) const;
};

/// Nothing larger is signed or opened: the request must fit one NIP-44 message as hex.
inline constexpr std::size_t kMaxEventBytes = 19'000;
/// What a person is asked to read at most.
inline constexpr std::size_t kMaxRenderedChars = 4'000;
/// Parts of the state that are signed for one claim: as many as a state has, and as many again for
/// a second try.
inline constexpr std::uint32_t kMaxPartsPerClaim = 32;
/// Window of created_at around now for events nobody approved.
inline constexpr base::seconds kStampPast{300};
inline constexpr base::seconds kStampFuture{60};
/// A claim lives this long, or until its latest question expired plus kClaimGrace.
inline constexpr base::seconds kClaimLife{600};
inline constexpr base::seconds kClaimGrace{60};
/// Repeated partials for events signed before, of one member in an hour: more is a flood, not a retry.
inline constexpr std::uint32_t kMaxRepeats = 600;

/// Kinds the group never signs: messages, seals, wraps, bunker and HTTP credentials.
bool is_never_signed(nostr::Kind kind);
/// State, trajectory heads and AUTH: what keeps the agent going, with checks of its own shape.
bool is_machinery(nostr::Kind kind);
/// Of those kinds, or a part of the state.
bool is_machinery(const nostr::UnsignedEvent& event);
/// Claims to be what of the agent's state did not fit into one event: application data (30078) at
/// an address "nip-sa/state/…". Of that kind nothing else is machinery (nip-sa 3.2).
bool is_state_part(const nostr::UnsignedEvent& event);
/// Kinds whose event moves money when it is used: zap requests, spends from a credit (39243) and what
/// another agent may spend (39260).
bool moves_money(nostr::Kind kind);
/// What `event` moves, at most kMaxMsat: the `amount` of a zap request in millisats (NIP-57), the spend
/// or the sum of the others in sats; nullopt when it names none that can be read, or several.
std::optional<Msat> amount_of(const nostr::UnsignedEvent& event);
/// The rule of `kind` before any [kinds.N]; `taken`: an event stands at its address already.
Rule built_in_rule(const Policy& policy, nostr::Kind kind, bool taken);

std::string_view rule_name(Rule rule);
std::string_view level_name(Level level);

}  // namespace frostr
