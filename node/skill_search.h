// Skills as relays have them, for people, scripts and agents: found or shown, each with the
// decision about it.
#pragma once

#include "node/skill_evidence.h"
#include "orchestration/marketplace/skill_market.h"

namespace node {

/// An array of skill_view(), as show_skill() has them. References outlive the task. kUnavailable
/// when no relay answers.
base::Task<base::Result<base::json::Value>> search_skills(nostr::Pool& pool,
                                                          std::vector<std::string> relays,
                                                          nipsa::TrustPolicy policy,
                                                          orchestration::SkillSearch what,
                                                          base::UnixTime now);
/// skill_view() of the version that stands, with "versions". kNotFound when no relay has the skill.
base::Task<base::Result<base::json::Value>> show_skill(nostr::Pool& pool,
                                                       std::vector<std::string> relays,
                                                       nipsa::TrustPolicy policy,
                                                       nostr::Address skill, base::UnixTime now);

}  // namespace node
