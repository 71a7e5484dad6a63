// What relays say about a skill: its manifest, its log, who labelled it, who took what back.
#pragma once

#include "nipsa/trust.h"
#include "node/config.h"
#include "nostr/base/json.h"
#include "nostr/client/pool.h"

namespace node {

/// Whom the configuration trusts about skills. kInvalid names the entry that is no key.
struct SkillRules {
  std::vector<nostr::PublicKey> issuers;
  nipsa::TrustPolicy trust;
  nipsa::Capabilities capabilities;  ///< the most a skill may be granted
};
base::Result<SkillRules> skill_rules(const Config& config);

struct SkillEvidence {
  std::optional<nostr::Event> head;     ///< the manifest that stands at the address now
  std::vector<nostr::Event> log;        ///< 33401 of the publisher
  std::vector<nostr::Event> labels;
  std::vector<nostr::Event> deletions;  ///< by anybody who matters
};
/// References outlive the task. kUnavailable when no relay answers: what is not known must not pass for
/// "nobody warned".
base::Task<base::Result<SkillEvidence>> find_evidence(nostr::Pool& pool,
                                                      std::vector<std::string> relays,
                                                      nostr::Address skill,
                                                      std::optional<nostr::EventId> version);
/// The gate for `manifest`, which need not be the head, with that evidence.
nipsa::TrustDecision judge_skill(const nostr::Event& manifest, const SkillEvidence& evidence,
                                 const nipsa::TrustPolicy& policy, nipsa::ExpectedSkill expected,
                                 base::UnixTime now);

/// Whether a skill may be opened or bought; `untrusted`: the operator lets one pass that nobody vouches for,
/// and what is blocked stays so.
bool passes_gate(const nipsa::TrustDecision& decision, bool untrusted);
/// "untrusted: nobody you trust vouches for it": why it did not pass.
std::string doubt_text(const nipsa::TrustDecision& decision);

/// A manifest and the decision about it, for people and scripts.
base::json::Value skill_view(const nostr::Event& manifest, const nipsa::TrustDecision& decision);

}  // namespace node
