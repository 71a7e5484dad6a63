// The kinds of NIP-SA this program reads and writes. All lie in the addressable range.
#pragma once

#include "nostr/event/kinds.h"

namespace nipsa::kinds {

inline constexpr nostr::Kind kProfile = 39200;
inline constexpr nostr::Kind kState = 39201;
inline constexpr nostr::Kind kSchedule = 39202;
inline constexpr nostr::Kind kGoals = 39203;
inline constexpr nostr::Kind kTickRequest = 39210;
inline constexpr nostr::Kind kTickResult = 39211;
inline constexpr nostr::Kind kApprovalRequest = 39212;
inline constexpr nostr::Kind kApprovalDecision = 39213;
inline constexpr nostr::Kind kTrajectory = 39230;
inline constexpr nostr::Kind kTrajectoryEvent = 39231;

}  // namespace nipsa::kinds
