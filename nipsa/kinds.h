// The kinds of NIP-SA, NIP-SKL and NIP-AC this program reads and writes. All but the label lie in the
// addressable range.
#pragma once

#include "nostr/event/kinds.h"

namespace nipsa::kinds {

inline constexpr nostr::Kind kLabel = 1985;  // NIP-32
inline constexpr nostr::Kind kSkillManifest = 33400;
inline constexpr nostr::Kind kSkillVersion = 33401;
inline constexpr nostr::Kind kAuthChallenge = 33410;
inline constexpr nostr::Kind kAuthResponse = 33411;
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
inline constexpr nostr::Kind kCreditIntent = 39240;
inline constexpr nostr::Kind kCreditOffer = 39241;
inline constexpr nostr::Kind kCreditEnvelope = 39242;
inline constexpr nostr::Kind kCreditSpend = 39243;
inline constexpr nostr::Kind kCreditReceipt = 39244;
inline constexpr nostr::Kind kCreditDefault = 39245;
inline constexpr nostr::Kind kCreditCancel = 39246;
inline constexpr nostr::Kind kDelegation = 39260;

}  // namespace nipsa::kinds
