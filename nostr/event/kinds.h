// Event kinds by name, and the storage class that NIP-01 derives from the number.
#pragma once

#include <cstdint>

namespace nostr {

using Kind = std::uint16_t;

namespace kinds {
inline constexpr Kind kMetadata = 0;                      // NIP-01
inline constexpr Kind kTextNote = 1;                      // NIP-01
inline constexpr Kind kFollows = 3;                       // NIP-02
inline constexpr Kind kLegacyDm = 4;                      // NIP-04
inline constexpr Kind kDeletion = 5;                      // NIP-09
inline constexpr Kind kRepost = 6;                        // NIP-18
inline constexpr Kind kReaction = 7;                      // NIP-25
inline constexpr Kind kSeal = 13;                         // NIP-59
inline constexpr Kind kPrivateMessage = 14;               // NIP-17
inline constexpr Kind kVanishRequest = 62;                // NIP-62
inline constexpr Kind kGiftWrap = 1059;                   // NIP-59
inline constexpr Kind kComment = 1111;                    // NIP-22
inline constexpr Kind kJobRequestFirst = 5000;            // NIP-90, to kJobRequestLast
inline constexpr Kind kJobRequestLast = 5999;             // NIP-90
inline constexpr Kind kJobResultFirst = 6000;             // NIP-90, to kJobResultLast
inline constexpr Kind kJobResultLast = 6999;              // NIP-90
inline constexpr Kind kJobFeedback = 7000;                // NIP-90
inline constexpr Kind kZapRequest = 9734;                 // NIP-57
inline constexpr Kind kZapReceipt = 9735;                 // NIP-57
inline constexpr Kind kMuteList = 10000;                  // NIP-51
inline constexpr Kind kPinList = 10001;                   // NIP-51
inline constexpr Kind kRelayList = 10002;                 // NIP-65
inline constexpr Kind kBookmarks = 10003;                 // NIP-51
inline constexpr Kind kCommunities = 10004;               // NIP-51
inline constexpr Kind kPublicChats = 10005;               // NIP-51
inline constexpr Kind kBlockedRelays = 10006;             // NIP-51
inline constexpr Kind kSearchRelays = 10007;              // NIP-51
inline constexpr Kind kInterests = 10015;                 // NIP-51
inline constexpr Kind kEmojiList = 10030;                 // NIP-51
inline constexpr Kind kDmRelays = 10050;                  // NIP-17
inline constexpr Kind kRelayMonitor = 10166;              // NIP-66
inline constexpr Kind kWalletInfo = 13194;                // NIP-47
inline constexpr Kind kBifrost = 20000;                   // FROSTR peer messages
inline constexpr Kind kClientAuth = 22242;                // NIP-42
inline constexpr Kind kWalletRequest = 23194;             // NIP-47
inline constexpr Kind kWalletResponse = 23195;            // NIP-47
inline constexpr Kind kWalletNotificationLegacy = 23196;  // NIP-47, encrypted with NIP-04
inline constexpr Kind kWalletNotification = 23197;        // NIP-47, encrypted with NIP-44
inline constexpr Kind kNostrConnect = 24133;              // NIP-46
inline constexpr Kind kHttpAuth = 27235;                  // NIP-98
inline constexpr Kind kFollowSet = 30000;                 // NIP-51
inline constexpr Kind kRelaySet = 30002;                  // NIP-51
inline constexpr Kind kBookmarkSet = 30003;               // NIP-51
inline constexpr Kind kCurationSet = 30004;               // NIP-51
inline constexpr Kind kInterestSet = 30015;               // NIP-51
inline constexpr Kind kEmojiSet = 30030;                  // NIP-51
inline constexpr Kind kAppData = 30078;                   // NIP-78
inline constexpr Kind kRelayDiscovery = 30166;            // NIP-66
inline constexpr Kind kClassified = 30402;                // NIP-99
inline constexpr Kind kClassifiedDraft = 30403;           // NIP-99
inline constexpr Kind kHandlerRecommendation = 31989;     // NIP-89
inline constexpr Kind kHandlerInfo = 31990;               // NIP-89
}  // namespace kinds

/// How relays keep an event (NIP-01 "Kinds").
enum class StorageClass { kRegular, kReplaceable, kEphemeral, kAddressable };

constexpr StorageClass storage_class(Kind kind) {
  if (kind == 0 || kind == 3 || (kind >= 10000 && kind < 20000)) return StorageClass::kReplaceable;
  if (kind >= 20000 && kind < 30000) return StorageClass::kEphemeral;
  if (kind >= 30000 && kind < 40000) return StorageClass::kAddressable;
  return StorageClass::kRegular;
}

}  // namespace nostr
