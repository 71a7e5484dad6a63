// The trust gate: whether a skill may be loaded, decided by the first row of a table that fits
// (nip-sa 5.4). Pure.
#pragma once

#include "nipsa/manifest.h"
#include "nipsa/skill_label.h"

namespace nipsa {

/// A publisher the operator trusts, or one hash of theirs only.
struct TrustPin {
  nostr::PublicKey publisher;
  std::optional<nostr::Sha256> hash;
  friend bool operator==(const TrustPin&, const TrustPin&) = default;
};

/// Whom the operator believes. Nobody is believed by default.
struct TrustPolicy {
  std::vector<nostr::PublicKey> auditors;
  std::uint32_t kill_quorum = 1;   ///< distinct auditors that block a skill
  std::uint32_t min_positive = 1;  ///< distinct auditors that make one trusted
  bool require_capabilities_verified = false;
  std::vector<TrustPin> pins;
};

/// What licence and delivery say the manifest is.
struct ExpectedSkill {
  std::optional<nostr::Address> address;
  std::optional<nostr::EventId> manifest;
  std::optional<nostr::Sha256> hash;
};

struct TrustInputs {
  nostr::Event manifest;
  ExpectedSkill expected;
  std::optional<nostr::Sha256> payload_hash;  ///< of the body, once it is there
  std::vector<nostr::Event> deletions;        ///< any kind 5 that may matter
  std::vector<nostr::Event> labels;           ///< any kind 1985 that may matter
  std::vector<nostr::Event> log;              ///< any kind 33401 that may matter
  bool unverified_delegation = false;         ///< signed by a delegate nobody vouched for
  UnixTime now;
};

enum class Trust { kBlocked, kUntrusted, kTrusted };
std::string_view trust_name(Trust trust);

/// The rows that decide, by their number in the table; 3 and 5 only warn.
enum class TrustRow {
  kManifest = 1,
  kRevoked = 2,
  kKilled = 4,
  kExpired = 6,
  kPayload = 7,
  kDelegated = 8,
  kUnverified = 9,
  kAudited = 10,
  kPinned = 11,
  kNobody = 12,
};

struct TrustDecision {
  Trust trust = Trust::kUntrusted;
  TrustRow row = TrustRow::kNobody;
  std::optional<Code> code;           ///< what a refusal is called
  std::string why;
  std::vector<std::string> warnings;  ///< deletions by others, labels by strangers
};

TrustDecision judge_trust(const TrustInputs& inputs, const TrustPolicy& policy);

}  // namespace nipsa
