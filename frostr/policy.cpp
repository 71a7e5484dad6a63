// What kinds are by themselves, and look-ups in a policy.
#include "frostr/policy.h"

#include <algorithm>
#include <array>
#include <charconv>

#include <re2/re2.h>

#include "nipsa/credit.h"
#include "nipsa/delegation.h"
#include "nipsa/kinds.h"
#include "nipsa/state_parts.h"
#include "nostr/nips/nip34.h"

namespace frostr {
namespace {

using nostr::Kind;
namespace kinds = nostr::kinds;

using nipsa::kinds::kAuthResponse;
using nipsa::kinds::kCreditSpend;
using nipsa::kinds::kDelegation;
using nipsa::kinds::kGoals;
using nipsa::kinds::kProfile;
using nipsa::kinds::kSchedule;
using nipsa::kinds::kState;
using nipsa::kinds::kTrajectory;
constexpr Kind kArticle = 30023;
constexpr Kind kWrapEphemeral = 21059;
constexpr std::int64_t kMaxPatternBytes = 1 << 20;  // of a compiled pattern

/// Kinds that stand at an address and may be set once without asking.
bool is_first_free(Kind kind) {
  return kind == kinds::kMetadata || kind == kinds::kRelayList || kind == kinds::kDmRelays ||
         kind == kProfile || kind == kSchedule;
}

bool is_talk(Kind kind) {
  return kind == kinds::kTextNote || kind == kinds::kReaction || kind == kinds::kComment;
}

/// As the readers of credit want it, before there is a signature.
nostr::Event unsigned_shape(const nostr::UnsignedEvent& event) {
  return {.pubkey = event.pubkey,
          .created_at = event.created_at,
          .kind = event.kind,
          .tags = event.tags,
          .content = event.content};
}

std::optional<Msat> spend_of(const nostr::UnsignedEvent& event) {
  const auto spend = nipsa::parse_credit_spend(unsigned_shape(event));
  return spend ? std::optional(base::to_msat(spend->amount)) : std::nullopt;
}

/// What another agent may spend: nothing where no sum is named, for then there is no credit either.
std::optional<Msat> handed_on_by(const nostr::UnsignedEvent& event) {
  const auto delegation = nipsa::parse_delegation(unsigned_shape(event));
  if (!delegation) return std::nullopt;
  return base::to_msat(delegation->max_amount.value_or(base::Sat{}));
}

bool asks_by_default(Kind kind) {
  return is_talk(kind) || kind == kGoals || kind == kAuthResponse || kind == kinds::kDeletion ||
         kind == kinds::kRepost || kind == kinds::kZapRequest || kind == kArticle ||
         kind == kinds::kPatch;
}

}  // namespace

base::Result<Pattern> Pattern::compile(std::string_view text) {
  re2::RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(kMaxPatternBytes);
  auto compiled =
      std::make_shared<const re2::RE2>(re2::StringPiece(text.data(), text.size()), options);
  if (!compiled->ok())
    return base::fail(base::Errc::kInvalid, "no pattern: " + compiled->error());
  return Pattern(std::string(text), std::move(compiled));
}

bool Pattern::found_in(std::string_view content) const {
  return re2::RE2::PartialMatch(re2::StringPiece(content.data(), content.size()), *compiled_);
}

const Requester* Policy::requester(std::uint32_t idx) const {
  const auto it = std::ranges::find(requesters, idx, &Requester::idx);
  return it == requesters.end() ? nullptr : &*it;
}

const KindRule* Policy::kind(Kind kind) const {
  const auto it = kinds.find(kind);
  return it == kinds.end() ? nullptr : &it->second;
}

bool is_never_signed(Kind kind) {
  constexpr std::array kNever{kinds::kLegacyDm, kinds::kSeal,         kinds::kGiftWrap,
                              kWrapEphemeral,   kinds::kNostrConnect, kinds::kHttpAuth};
  return std::ranges::find(kNever, kind) != kNever.end();
}

bool is_machinery(Kind kind) {
  return kind == kState || kind == kTrajectory || kind == kinds::kClientAuth;
}

bool is_state_part(const nostr::UnsignedEvent& event) {
  if (event.kind != kinds::kAppData) return false;
  const auto d = nostr::tag_value(event.tags, "d");
  return d && d->starts_with(nipsa::kStatePartPrefix);
}

bool is_machinery(const nostr::UnsignedEvent& event) {
  return is_machinery(event.kind) || is_state_part(event);
}

bool moves_money(Kind kind) {
  return kind == kinds::kZapRequest || kind == kCreditSpend || kind == kDelegation;
}

std::optional<Msat> amount_of(const nostr::UnsignedEvent& event) {
  if (event.kind == kCreditSpend) return spend_of(event);
  if (event.kind == kDelegation) return handed_on_by(event);
  const auto amounts = nostr::tag_values(event.tags, "amount");
  if (amounts.size() != 1) return std::nullopt;
  const std::string_view text = amounts.front();
  Msat amount;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), amount.value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  if (amount.value < 0 || amount > base::kMaxMsat) return std::nullopt;
  return amount;
}

Rule built_in_rule(const Policy& policy, Kind kind, bool taken) {
  if (is_machinery(kind)) return Rule::kSign;
  if (is_first_free(kind)) return taken ? Rule::kAsk : Rule::kSign;
  if (is_talk(kind) && policy.level == Level::kAutonomous) return Rule::kSign;
  if (asks_by_default(kind)) return Rule::kAsk;
  return policy.unlisted;
}

std::string_view rule_name(Rule rule) {
  switch (rule) {
    case Rule::kSign:
      return "sign";
    case Rule::kAsk:
      return "ask";
    case Rule::kProof:
      return "proof";
    case Rule::kRefuse:
      return "refuse";
  }
  return "refuse";
}

std::string_view level_name(Level level) {
  switch (level) {
    case Level::kSupervised:
      return "supervised";
    case Level::kBounded:
      return "bounded";
    case Level::kAutonomous:
      return "autonomous";
  }
  return "supervised";
}

}  // namespace frostr
