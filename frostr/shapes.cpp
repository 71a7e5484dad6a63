// Shapes of the events that are signed without anybody reading them: nothing in them may be free to
// say something to the world.
#include "frostr/shapes.h"

#include <algorithm>

#include <fmt/format.h>

#include "nipsa/auth.h"
#include "nipsa/kinds.h"
#include "nipsa/state_parts.h"
#include "nostr/base/bytes.h"
#include "nostr/base/json.h"
#include "nostr/nips/nip40.h"
#include "nostr/nips/nip44.h"
#include "nostr/nips/nip65.h"

namespace frostr {
namespace {

namespace kinds = nostr::kinds;
using nipsa::kinds::kProfile;
using nipsa::kinds::kSchedule;
using nipsa::kinds::kState;
using nipsa::kinds::kTrajectory;
constexpr std::size_t kMaxSessionContent = 2'048;

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

/// Whether `text` is a NIP-44 payload as far as anybody without the key can tell: base64 of
/// something that begins with the version and is as long as the shortest one at least.
bool looks_sealed(std::string_view text) {
  const auto bytes = base::base64_decode(text);
  return bytes && bytes->size() >= nostr::kNip44MinPayload && bytes->front() == 2;
}

/// Nothing but an address and ciphertext: a part says nothing to the world.
Refusal check_state_part(const nostr::UnsignedEvent& event, const SignFacts& facts) {
  const auto part = nipsa::parse_state_part({.pubkey = event.pubkey,
                                             .created_at = event.created_at,
                                             .kind = event.kind,
                                             .tags = event.tags,
                                             .content = event.content});
  if (!part) return "malformed: " + part.error().detail;
  if (event.tags.size() != 2 || event.tags[0].size() != 2 ||
      event.tags[1] != nostr::Tag{"encrypted"})
    return "malformed: a part of the state has the tags d and encrypted";
  if (!looks_sealed(event.content)) return "malformed: a part of the state is not sealed";
  if (!facts.claim) return "no-live-claim: a part of the state needs the tick it belongs to";
  if (facts.parts_of_claim >= kMaxPartsPerClaim)
    return fmt::format("parts-already-signed: {} for this tick", kMaxPartsPerClaim);
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
  if (name == "writer") return facts.requester.runner && value == facts.requester.runner->hex();
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

/// A proof that the group's key is held, for whoever asked: it must have no room to say anything
/// else, and be worth nothing in a quarter of an hour.
Refusal check_proof(const nostr::UnsignedEvent& event, UnixTime now) {
  if (!event.content.empty()) return "malformed: a proof has no content";
  std::vector<std::string_view> seen;
  for (const nostr::Tag& tag : event.tags) {
    const std::string_view name = tag.empty() ? std::string_view() : std::string_view(tag.front());
    const std::string_view value = tag.size() > 1 ? std::string_view(tag[1]) : std::string_view();
    const bool hex = name == "d" || name == "p" || name == "nonce" || name == "e";
    const bool hint = name == "e" && tag.size() == 3 && is_plain_word(tag[2], 255);
    const bool known = hex ? is_hex(value, 64) && (tag.size() == 2 || hint)
                           : name == "expiration" && tag.size() == 2 && is_number(value);
    if (!known || std::ranges::find(seen, name) != seen.end())
      return fmt::format("malformed: proof tag {}", name.substr(0, 32));
    seen.push_back(name);
  }
  if (seen.size() != 5) return "malformed: a proof has the tags d, e, p, nonce and expiration";
  if (nostr::tag_value(event.tags, "d") != nostr::tag_value(event.tags, "e"))
    return "malformed: d is not the challenge";
  const auto expires = nostr::expiration_of(event.tags);
  if (!expires || *expires <= now || *expires > now + nipsa::kChallengeTtlMax + kStampPast)
    return "malformed: a proof expires with its challenge, within minutes";
  return std::nullopt;
}

}  // namespace

Refusal out_of_window(const nostr::UnsignedEvent& event, UnixTime now, base::seconds past) {
  if (event.created_at >= now - past && event.created_at <= now + kStampFuture) return std::nullopt;
  return fmt::format("created-at-out-of-window: {} at {}", base::to_unix(event.created_at),
                     base::to_unix(now));
}

Refusal check_shape(const Policy& policy, const nostr::UnsignedEvent& event,
                    const SignFacts& facts, const nostr::EventId& id) {
  if (event.kind == kState) return check_state(event, facts, id);
  if (is_state_part(event)) return check_state_part(event, facts);
  if (event.kind == kTrajectory) return check_session(event, facts);
  if (event.kind == nipsa::kinds::kAuthResponse) return check_proof(event, facts.now);
  if (event.kind == kinds::kClientAuth) return check_auth(policy, event, facts.now);
  if (event.kind == kProfile && nostr::tag_value(event.tags, "d") != "profile")
    return "malformed: d is not profile";
  if (event.kind == kSchedule) {
    const auto d = nostr::tag_value(event.tags, "d");
    if (d != "schedule" && d != "triggers") return "malformed: d is not schedule or triggers";
  }
  return std::nullopt;
}

}  // namespace frostr
