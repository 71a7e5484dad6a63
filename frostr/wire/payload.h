// What the plain and the encrypted share texts have in common.
#pragma once

#include <string_view>
#include <utility>

#include "frostr/frost/shares.h"
#include "nostr/base/bytes.h"

namespace frostr {

inline constexpr std::string_view kEncryptedShareHrp = "sovshare";
/// Room for a 1.x group of kMaxGroupMembers.
inline constexpr std::size_t kMaxPackageChars = 45'000;

/// Decoded bytes that may hold a secret, wiped at the end.
struct SecretPayload {
  explicit SecretPayload(base::Bytes data) : bytes(std::move(data)) {}
  SecretPayload(SecretPayload&&) = default;
  SecretPayload(const SecretPayload&) = delete;
  SecretPayload& operator=(SecretPayload&&) = delete;
  SecretPayload& operator=(const SecretPayload&) = delete;
  ~SecretPayload();
  base::Bytes bytes;
};

/// The payload of a bech32m text with exactly this prefix; surrounding white space is ignored.
Result<SecretPayload> decode_package(std::string_view text, std::string_view hrp);

/// The bfshare payload: idx 4 || secret 32.
SecretPayload share_payload(const SecretShare& share);
Result<SecretShare> share_from_payload(ByteView payload);

}  // namespace frostr
