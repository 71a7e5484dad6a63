// Event kinds by name, and the storage class that NIP-01 derives from the number.
#pragma once

#include <cstdint>

namespace nostr {

using Kind = std::uint16_t;

namespace kinds {
inline constexpr Kind kMetadata = 0;             // NIP-01
inline constexpr Kind kTextNote = 1;             // NIP-01
inline constexpr Kind kFollows = 3;              // NIP-02
inline constexpr Kind kLegacyDm = 4;             // NIP-04
inline constexpr Kind kDeletion = 5;             // NIP-09
inline constexpr Kind kRepost = 6;               // NIP-18
inline constexpr Kind kReaction = 7;             // NIP-25
inline constexpr Kind kSeal = 13;                // NIP-59
inline constexpr Kind kPrivateMessage = 14;      // NIP-17
inline constexpr Kind kComment = 1111;           // NIP-22
inline constexpr Kind kGiftWrap = 1059;          // NIP-59
inline constexpr Kind kZapRequest = 9734;        // NIP-57
inline constexpr Kind kZapReceipt = 9735;        // NIP-57
inline constexpr Kind kRelayList = 10002;        // NIP-65
inline constexpr Kind kDmRelays = 10050;         // NIP-17
inline constexpr Kind kBifrost = 20000;          // FROSTR peer messages
inline constexpr Kind kClientAuth = 22242;       // NIP-42
inline constexpr Kind kNostrConnect = 24133;     // NIP-46
inline constexpr Kind kHttpAuth = 27235;         // NIP-98
inline constexpr Kind kAppData = 30078;          // NIP-78
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
