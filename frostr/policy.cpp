// The judgement: built-in rules by kind, the policy file's exceptions, then decision and rates.
#include "frostr/policy.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "nipsa/digest.h"
#include "nipsa/kinds.h"
#include "nostr/base/json.h"
#include "nostr/nips/nip65.h"

namespace frostr {
namespace {

using nostr::Kind;
namespace kinds = nostr::kinds;

using nipsa::kinds::kGoals;
using nipsa::kinds::kProfile;
using nipsa::kinds::kSchedule;
using nipsa::kinds::kState;
using nipsa::kinds::kTrajectory;
constexpr Kind kArticle = 30023;
constexpr Kind kWrapEphemeral = 21059;
constexpr base::seconds kApprovedPast{86'400 + 300};  // the longest approval plus the usual window
constexpr std::size_t kMaxSessionContent = 2'048;

using Refusal = std::optional<std::string>;

/// Kinds that stand at an address and may be set once without asking.
bool is_first_free(Kind kind) {
  return kind == kinds::kMetadata || kind == kinds::kRelayList || kind == kinds::kDmRelays ||
         kind == kProfile || kind == kSchedule;
}

bool is_machinery(Kind kind) {
  return kind == kState || kind == kTrajectory || kind == kinds::kClientAuth;
}

bool is_talk(Kind kind) {
  return kind == kinds::kTextNote || kind == kinds::kReaction || kind == kinds::kComment;
}

bool asks_by_default(Kind kind) {
  return is_talk(kind) || kind == kGoals || kind == kinds::kDeletion || kind == kinds::kRepost ||
         kind == kinds::kZapRequest || kind == kArticle;
}

const KindRule* own_rule(const Policy& policy, Kind kind) {
  const auto it = policy.kinds.find(kind);
  return it == policy.kinds.end() ? nullptr : &it->second;
}

Rule built_in_rule(const Policy& policy, Kind kind, const SignFacts& facts) {
  if (is_machinery(kind)) return Rule::kSign;
  if (is_first_free(kind)) return facts.address_taken ? Rule::kAsk : Rule::kSign;
  if (is_talk(kind) && policy.level == Level::kAutonomous) return Rule::kSign;
  if (asks_by_default(kind)) return Rule::kAsk;
  return policy.unlisted;
}

/// The rule after the file's exception, the level and the node's own wish, each of which is only
/// allowed to move it in its direction.
Rule rule_for(const Policy& policy, Kind kind, const SignFacts& facts) {
  Rule rule = built_in_rule(policy, kind, facts);
  const KindRule* own = own_rule(policy, kind);
  if (own != nullptr && own->verdict) {
    if (*own->verdict != Rule::kSign) return *own->verdict;
    rule = policy.level == Level::kSupervised && !is_machinery(kind) ? Rule::kAsk : Rule::kSign;
  }
  if (rule == Rule::kSign && facts.ask_wanted && !is_machinery(kind)) return Rule::kAsk;
  return rule;
}

Refusal too_large(const Policy& policy, Kind kind, std::size_t bytes) {
  std::size_t limit = kMaxEventBytes;
  if (const KindRule* own = own_rule(policy, kind); own != nullptr && own->max_bytes != 0)
    limit = std::min(limit, own->max_bytes);
  if (bytes <= limit) return std::nullopt;
  return fmt::format("too-large-to-cosign: {} bytes, limit {}", bytes, limit);
}

Refusal over_rate(const Policy& policy, Kind kind, const SignFacts& facts) {
  if (facts.signed_last_hour >= policy.max_per_hour)
    return fmt::format("rate-limited: {} signatures an hour", policy.max_per_hour);
  const KindRule* own = own_rule(policy, kind);
  if (own != nullptr && own->max_per_hour != 0 && facts.kind_last_hour >= own->max_per_hour)
    return fmt::format("rate-limited: {} of kind {} an hour", own->max_per_hour, kind);
  return std::nullopt;
}

Refusal out_of_window(const nostr::UnsignedEvent& event, UnixTime now, base::seconds past) {
  if (event.created_at >= now - past && event.created_at <= now + kStampFuture) return std::nullopt;
  return fmt::format("created-at-out-of-window: {} at {}", base::to_unix(event.created_at),
                     base::to_unix(now));
}

Refusal behind_head(const nostr::UnsignedEvent& event, const SignFacts& facts) {
  if (!facts.head || event.created_at > facts.head->created_at) return std::nullopt;
  return fmt::format("not-newer-than-head: head is at {}", base::to_unix(facts.head->created_at));
}

Refusal check_state(const nostr::UnsignedEvent& event, const SignFacts& facts,
                    const nostr::EventId& id) {
  if (nostr::tag_value(event.tags, "d") != "state") return "malformed: d is not state";
  const auto encrypted = std::ranges::any_of(
      event.tags, [](const nostr::Tag& tag) { return tag.front() == "encrypted"; });
  if (!encrypted) return "malformed: state is not marked encrypted";
  if (!facts.claim) return "no-live-claim: state needs the tick it belongs to";
  if (facts.state_of_claim && *facts.state_of_claim != id)
    return "state-already-signed: once per tick";
  const auto prev = nostr::tag_value(event.tags, "prev");
  if (!facts.head) return prev ? Refusal("stale-prev: no state stands yet") : std::nullopt;
  if (!prev || *prev != facts.head->id.hex()) return "stale-prev: head is " + facts.head->id.hex();
  return std::nullopt;
}

bool is_hex(std::string_view text, std::size_t size) {
  return text.size() == size && std::ranges::all_of(text, [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

bool is_number(std::string_view text) {
  return !text.empty() && text.size() <= 12 &&
         std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

bool is_plain_word(std::string_view text, std::size_t limit) {
  return !text.empty() && text.size() <= limit && std::ranges::all_of(text, [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           std::string_view("._:/@+-").find(c) != std::string_view::npos;
  });
}

/// One tag of a trajectory head, none of which may carry free text.
bool session_tag_ok(const nostr::Tag& tag, const SignFacts& facts) {
  const std::string& name = tag.front();
  const std::string_view value = tag.size() > 1 ? std::string_view(tag[1]) : std::string_view();
  if (name == "trajectory_hash") {
    return tag.size() == 4 && is_hex(value, 64) && tag[2] == "chain-v1" && is_number(tag[3]);
  }
  if (name == "p")
    return tag.size() <= 3 && is_hex(value, 64) && (tag.size() < 3 || is_plain_word(tag[2], 255));
  if (tag.size() != 2) return false;
  if (name == "d") return value.starts_with("sess-") && is_hex(value.substr(5), 32);
  if (name == "model") return is_plain_word(value, 128);
  if (name == "started_at" || name == "ended_at") return is_number(value);
  if (name == "tick" || name == "first") return is_hex(value, 64);
  if (name == "visibility") return value == "public" || value == "private";
  if (name == "writer") return facts.runner && value == facts.runner->hex();
  if (name == "h") return is_plain_word(value, 128);
  if (name == "repo") return is_plain_word(value, 255);
  if (name == "sha") return is_hex(value, 40) || is_hex(value, 64);
  return false;
}

bool session_member_ok(const std::string& key, const base::json::Value& value) {
  if (key == "session_id" || key == "model")
    return value.is_string() && is_plain_word(value.get_ref<const std::string&>(), 128);
  if (key == "trajectory_hash")
    return value.is_string() && is_hex(value.get_ref<const std::string&>(), 64);
  if (key == "started_at" || key == "ended_at" || key == "total_events")
    return value.is_number_unsigned() ||
           (value.is_number_integer() && value.get<std::int64_t>() >= 0);
  return false;
}

Refusal check_session(const nostr::UnsignedEvent& event, const SignFacts& facts) {
  std::vector<std::string_view> seen;
  for (const nostr::Tag& tag : event.tags) {
    if (tag.empty() || !session_tag_ok(tag, facts))
      return "malformed: session head tag " +
             (tag.empty() ? std::string("(empty)") : tag.front().substr(0, 32));
    if (tag.front() == "p") continue;
    if (std::ranges::find(seen, tag.front()) != seen.end())
      return "malformed: session head tag " + tag.front() + " twice";
    seen.push_back(tag.front());
  }
  for (const std::string_view needed : {"d", "model", "started_at", "writer"})
    if (std::ranges::find(seen, needed) == seen.end())
      return fmt::format("malformed: session head without {}", needed);
  if (!event.content.empty()) {
    if (event.content.size() > kMaxSessionContent)
      return "malformed: session head content too long";
    const auto content = base::json::parse(event.content);
    if (!content || !content->is_object())
      return "malformed: session head content is not an object";
    for (const auto& [key, value] : content->items())
      if (!session_member_ok(key, value))
        return "malformed: session head member " + key.substr(0, 32);
  }
  if (!facts.head) return std::nullopt;
  // A closed session keeps the hash it was closed with.
  const auto closed = nostr::tag_value(facts.head->tags, "trajectory_hash");
  if (closed && nostr::tag_value(event.tags, "trajectory_hash") != closed)
    return "malformed: session is closed with another hash";
  return std::nullopt;
}

Refusal check_auth(const Policy& policy, const nostr::UnsignedEvent& event, UnixTime now) {
  if (auto refusal = out_of_window(event, now, kStampFuture)) return refusal;
  if (event.tags.size() != 2 || !event.content.empty()) return "malformed: not a plain AUTH event";
  const auto relay = nostr::tag_value(event.tags, "relay");
  const auto challenge = nostr::tag_value(event.tags, "challenge");
  if (!relay || !challenge || challenge->size() > 512)
    return "malformed: AUTH without relay or challenge";
  const std::string url = nostr::normalize_relay_url(*relay);
  if (std::ranges::find(policy.auth_relays, url) == policy.auth_relays.end())
    return "relay-not-allowed: not named in [relays] auth";
  return std::nullopt;
}

/// Shape and place of kinds that have rules of their own.
Refusal check_machinery(const Policy& policy, const nostr::UnsignedEvent& event,
                        const SignFacts& facts, const nostr::EventId& id) {
  if (event.kind == kState) return check_state(event, facts, id);
  if (event.kind == kTrajectory) return check_session(event, facts);
  if (event.kind == kinds::kClientAuth) return check_auth(policy, event, facts.now);
  if (event.kind == kProfile && nostr::tag_value(event.tags, "d") != "profile")
    return "malformed: d is not profile";
  if (event.kind == kSchedule) {
    const auto d = nostr::tag_value(event.tags, "d");
    if (d != "schedule" && d != "triggers") return "malformed: d is not schedule or triggers";
  }
  return std::nullopt;
}

Verdict refuse(Verdict verdict, std::string reason) {
  verdict.outcome = Verdict::Outcome::kRefuse;
  verdict.reason = std::move(reason);
  return verdict;
}

Verdict sign(Verdict verdict) {
  verdict.outcome = Verdict::Outcome::kSign;
  return verdict;
}

/// The part that concerns what the operator said.
Verdict judge_asked(Verdict verdict, const nostr::UnsignedEvent& event, const SignFacts& facts,
                    const nostr::EventId& id) {
  if (facts.word == OperatorWord::kDenied) return refuse(verdict, "denied: the operator said no");
  if (facts.word == OperatorWord::kApproved) {
    if (facts.bound && *facts.bound != id)
      return refuse(verdict, "already-consumed: by event " + facts.bound->hex());
    if (auto refusal = out_of_window(event, facts.now, kApprovedPast))
      return refuse(verdict, *std::move(refusal));
    verdict.by_approval = true;
    return sign(verdict);
  }
  if (facts.rendered_chars > kMaxRenderedChars)
    return refuse(verdict, fmt::format("too-long-to-show: {} characters, limit {}",
                                       facts.rendered_chars, kMaxRenderedChars));
  if (event.created_at > facts.now + kStampFuture)
    return refuse(verdict, "created-at-out-of-window: in the future");
  verdict.outcome = Verdict::Outcome::kAsk;
  return verdict;
}

}  // namespace

const Requester* Policy::requester(std::uint32_t idx) const {
  const auto it = std::ranges::find(requesters, idx, &Requester::idx);
  return it == requesters.end() ? nullptr : &*it;
}

bool is_never_signed(Kind kind) {
  constexpr std::array kNever{kinds::kLegacyDm, kinds::kSeal,         kinds::kGiftWrap,
                              kWrapEphemeral,   kinds::kNostrConnect, kinds::kHttpAuth};
  return std::ranges::find(kNever, kind) != kNever.end();
}

Verdict judge(const Policy& policy, const nostr::UnsignedEvent& event, std::size_t json_bytes,
              const SignFacts& facts) {
  Verdict verdict{.digest = nipsa::event_digest(event)};
  if (event.pubkey != facts.group) return refuse(verdict, "wrong-author: not the group key");
  if (is_never_signed(event.kind))
    return refuse(verdict, fmt::format("never-signed: kind {}", event.kind));
  if (auto refusal = too_large(policy, event.kind, json_bytes))
    return refuse(verdict, *std::move(refusal));
  const Rule rule = rule_for(policy, event.kind, facts);
  if (rule == Rule::kRefuse)
    return refuse(verdict, fmt::format("kind-not-allowed: kind {}", event.kind));
  if (auto refusal = over_rate(policy, event.kind, facts))
    return refuse(verdict, *std::move(refusal));
  if (facts.signed_before) {
    // The same id again adds nothing to what already left; only a denial since then stops it.
    if (rule == Rule::kAsk && facts.word == OperatorWord::kDenied)
      return refuse(verdict, "denied: the operator said no");
    return sign(verdict);
  }
  const nostr::EventId id = nostr::compute_id(event);
  if (auto refusal = check_machinery(policy, event, facts, id))
    return refuse(verdict, *std::move(refusal));
  if (auto refusal = behind_head(event, facts)) return refuse(verdict, *std::move(refusal));
  if (rule == Rule::kAsk) return judge_asked(verdict, event, facts, id);
  if (auto refusal = out_of_window(event, facts.now, kStampPast))
    return refuse(verdict, *std::move(refusal));
  return sign(verdict);
}

bool may_be_stale_view(std::string_view reason) {
  return reason.starts_with("no-live-claim") || reason.starts_with("stale-prev");
}

std::string_view rule_name(Rule rule) {
  switch (rule) {
    case Rule::kSign:
      return "sign";
    case Rule::kAsk:
      return "ask";
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
