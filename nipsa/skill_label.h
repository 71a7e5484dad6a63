// Kind 1985 in the namespace skill-security: what auditors say of skills. And kind 5, by which a
// publisher takes one back (nip-sa 3.14, 5.4).
#pragma once

#include "nipsa/kinds.h"
#include "nipsa/manifest.h"
#include "nipsa/reading.h"

namespace nipsa {

struct SkillLabel {
  std::vector<std::string> values;  ///< lower case, only those of our namespace
  std::optional<nostr::EventId> manifest;   ///< `e`
  std::optional<nostr::Sha256> hash;        ///< `x`
  std::optional<nostr::Address> skill;      ///< `a`
  std::optional<nostr::PublicKey> publisher;///< `p`
  std::string tier;  ///< assurance_tier as written
  std::string text;
};

/// malicious-confirmed, prompt-injection, credential-exfil, capability-violation.
bool is_kill_label(std::string_view value);
/// audit-passed, scan-clean, capabilities-verified, delivery-hash-verified.
bool is_positive_label(std::string_view value);
inline constexpr std::string_view kCapabilitiesVerified = "capabilities-verified";

/// A label bound to this very manifest and its hash.
Result<nostr::Draft> build_skill_label(const nostr::Event& manifest_event,
                                       const std::vector<std::string>& values, std::string text,
                                       UnixTime at);
/// E_KIND for a label of another namespace, E_TAG_MISSING without a target, E_AMBIGUOUS when it names
/// several skills.
Result<SkillLabel> parse_skill_label(const nostr::Event& event);

/// The publisher's own withdrawal of every version in `manifests`, and of the address.
Result<nostr::Draft> build_skill_revocation(const std::vector<nostr::Event>& manifests,
                                            std::string_view reason, std::string text, UnixTime at);

}  // namespace nipsa
