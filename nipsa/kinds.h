// The kinds of NIP-SA and NIP-SKL this program reads and writes. All but the label lie in the
// addressable range.
#pragma once

#include "nostr/event/kinds.h"

namespace nipsa::kinds {

inline constexpr nostr::Kind kLabel = 1985;  // NIP-32
inline constexpr nostr::Kind kSkillManifest = 33400;
inline constexpr nostr::Kind kSkillVersion = 33401;
inline constexpr nostr::Kind kProfile = 39200;
inline constexpr nostr::Kind kState = 39201;
inline constexpr nostr::Kind kSchedule = 39202;
inline constexpr nostr::Kind kGoals = 39203;
inline constexpr nostr::Kind kTickRequest = 39210;
inline constexpr nostr::Kind kTickResult = 39211;
inline constexpr nostr::Kind kApprovalRequest = 39212;
inline constexpr nostr::Kind kApprovalDecision = 39213;
inline constexpr nostr::Kind kSkillLicence = 39220;
inline constexpr nostr::Kind kSkillDelivery = 39221;
inline constexpr nostr::Kind kTrajectory = 39230;
inline constexpr nostr::Kind kTrajectoryEvent = 39231;

}  // namespace nipsa::kinds
