// The judgement about shared secrets: whose key may be opened with the group's, and on what proof.
#include <algorithm>

#include <fmt/format.h>

#include "frostr/judgement.h"

namespace frostr {
namespace {

bool contains(const std::vector<nostr::PublicKey>& keys, const nostr::PublicKey& key) {
  return std::ranges::find(keys, key) != keys.end();
}

bool names(const nostr::Event& event, const nostr::PublicKey& key) {
  return std::ranges::any_of(nostr::tag_values(event.tags, "p"),
                             [&](std::string_view p) { return p == key.hex(); });
}

EcdhVerdict refuse(std::string reason) { return {std::nullopt, std::move(reason)}; }

EcdhVerdict grant(EcdhGrant why) { return {why, {}}; }

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

EcdhVerdict judge_self(const Policy& policy, const EcdhFacts& facts) {
  if (!policy.ecdh.self) return refuse("self-not-allowed");
  if (!facts.claim) return refuse("no-live-claim: opening the state needs a tick");
  return grant(EcdhGrant::kSelf);
}

EcdhVerdict judge_licence(const KnownLicence& licence, const EcdhFacts& facts) {
  if (licence.state == LicenceState::kRevoked) return refuse("licence-revoked");
  if (licence.state == LicenceState::kExhausted) return refuse("licence-exhausted");
  if (licence.state == LicenceState::kRateLimited) return refuse("licence-rate-limited");
  if (licence.state != LicenceState::kLive) return refuse("licence-expired");
  if (!facts.claim) return refuse("no-live-claim: opening a licensed skill needs a tick");
  return grant(EcdhGrant::kLicence);
}

EcdhVerdict judge_message(const Policy& policy, const EcdhFacts& facts) {
  if (!policy.ecdh.messages) return refuse("messages-not-allowed");
  if (facts.messages_last_hour >= policy.ecdh.max_messages_per_hour)
    return refuse(
        fmt::format("rate-limited: {} messages an hour", policy.ecdh.max_messages_per_hour));
  if (!facts.claim) return refuse("no-live-claim: opening a message needs a tick");
  return grant(EcdhGrant::kMessage);
}

}  // namespace

std::string_view grant_name(EcdhGrant why) {
  switch (why) {
    case EcdhGrant::kNamed:
      return "named in the policy";
    case EcdhGrant::kSelf:
      return "self";
    case EcdhGrant::kLicence:
      return "licence";
    case EcdhGrant::kMessage:
      return "message";
  }
  return "";
}

EcdhVerdict judge_ecdh(const Policy& policy, const nostr::PublicKey& target,
                       const EcdhFacts& facts) {
  if (auto refusal = lease_refusal(facts.requester, facts.lease)) return refuse(*std::move(refusal));
  // A member's key as target would hand out the transport secret between two members.
  if (contains(facts.members, target)) return refuse("member-key: a share is never a target");
  if (facts.granted_last_hour >= policy.ecdh.max_per_hour)
    return refuse(fmt::format("rate-limited: {} secrets an hour", policy.ecdh.max_per_hour));
  if (contains(policy.ecdh.targets, target)) return grant(EcdhGrant::kNamed);
  if (target == facts.group) return judge_self(policy, facts);
  const auto licence = std::ranges::find_if(facts.licences, [&](const KnownLicence& known) {
    return names_content_key(known.event, target);
  });
  if (licence != facts.licences.end()) return judge_licence(*licence, facts);
  if (!message_proves(facts, target)) return refuse("target-not-proven");
  return judge_message(policy, facts);
}

}  // namespace frostr
