// The judgement about shared secrets: whose key may be opened with the group's, and on what proof.
#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "frostr/policy.h"

namespace frostr {
namespace {

constexpr nostr::Kind kLicence = 39220;

bool contains(const std::vector<nostr::PublicKey>& keys, const nostr::PublicKey& key) {
  return std::ranges::find(keys, key) != keys.end();
}

bool names(const nostr::Event& event, const nostr::PublicKey& key) {
  return std::ranges::any_of(nostr::tag_values(event.tags, "p"),
                             [&](std::string_view p) { return p == key.hex(); });
}

std::optional<std::int64_t> number_tag(const nostr::Event& event, std::string_view name) {
  const auto text = nostr::tag_value(event.tags, name);
  if (!text) return std::nullopt;
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
  if (error != std::errc() || end != text->data() + text->size()) return std::nullopt;
  return value;
}

/// A licence by an issuer we trust, for this agent, that names `target` as its one-time key.
bool licence_names(const Policy& policy, const EcdhFacts& facts, const nostr::Event& event,
                   const nostr::PublicKey& target) {
  const bool trusted =
      contains(policy.ecdh.issuers, event.pubkey) || contains(facts.own_issuers, event.pubkey);
  return event.kind == kLicence && trusted && names(event, facts.group) &&
         nostr::tag_value(event.tags, "content_pubkey") == target.hex();
}

bool licence_live(const nostr::Event& event, UnixTime now) {
  if (const auto status = nostr::tag_value(event.tags, "status"); status && *status != "active")
    return false;
  if (!nostr::tag_value(event.tags, "expires_at")) return true;
  const auto expires = number_tag(event, "expires_at");
  return expires && base::unix_time(*expires) > now;
}

/// Whether `target` signed a wrap to the group, or a seal that travels with such a wrap.
bool message_proves(const EcdhFacts& facts, const nostr::PublicKey& target) {
  const auto wrap = std::ranges::find_if(facts.proof, [&](const nostr::Event& event) {
    return event.kind == nostr::kinds::kGiftWrap && names(event, facts.group);
  });
  if (wrap == facts.proof.end()) return false;
  return std::ranges::any_of(facts.proof, [&](const nostr::Event& event) {
    const bool opens = event.kind == nostr::kinds::kSeal ||
                       (event.kind == nostr::kinds::kGiftWrap && names(event, facts.group));
    return opens && event.pubkey == target;
  });
}

}  // namespace

std::optional<std::string> judge_ecdh(const Policy& policy, const nostr::PublicKey& target,
                                      const EcdhFacts& facts) {
  // A member's key as target would hand out the transport secret between two members.
  if (contains(facts.members, target)) return "member-key: a share is never a target";
  if (facts.granted_last_hour >= policy.ecdh.max_per_hour)
    return fmt::format("rate-limited: {} secrets an hour", policy.ecdh.max_per_hour);
  if (contains(policy.ecdh.targets, target)) return std::nullopt;
  if (target == facts.group) {
    if (!policy.ecdh.self) return "self-not-allowed";
    if (!facts.claim) return "no-live-claim: opening the state needs a tick";
    return std::nullopt;
  }
  const auto licence = std::ranges::find_if(facts.proof, [&](const nostr::Event& event) {
    return licence_names(policy, facts, event, target);
  });
  if (licence != facts.proof.end()) {
    if (!licence_live(*licence, facts.now)) return "licence-expired";
    if (!facts.claim) return "no-live-claim: opening a licensed skill needs a tick";
    return std::nullopt;
  }
  if (!message_proves(facts, target)) return "target-not-proven";
  if (!policy.ecdh.messages) return "messages-not-allowed";
  if (!facts.claim) return "no-live-claim: opening a message needs a tick";
  return std::nullopt;
}

}  // namespace frostr
