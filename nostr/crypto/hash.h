// SHA-256 and what is built on it: tagged hashes (BIP-340), HMAC, HKDF (RFC 5869).
#pragma once

#include <memory>
#include <string_view>

#include "nostr/base/fixed_bytes.h"
#include "nostr/base/secret.h"

namespace nostr {

using Sha256 = base::FixedBytes<struct Sha256Tag, 32>;

/// SHA-256 of `data`. HOT: uses a fetched digest and a per-thread context.
Sha256 sha256(base::ByteView data);
inline Sha256 sha256(std::string_view text) { return sha256(base::as_bytes(text)); }

/// Streaming SHA-256 for data that is not in one piece.
class Sha256Hasher {
 public:
  Sha256Hasher();
  ~Sha256Hasher();
  Sha256Hasher(const Sha256Hasher&) = delete;
  Sha256Hasher& operator=(const Sha256Hasher&) = delete;
  Sha256Hasher& update(base::ByteView data);
  Sha256Hasher& update(std::string_view text) { return update(base::as_bytes(text)); }
  /// The digest; the hasher starts afresh.
  Sha256 finish();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// SHA256(SHA256(tag) || SHA256(tag) || data). Source: BIP-340 "Default Signing".
Sha256 tagged_hash(std::string_view tag, base::ByteView data);

/// HMAC-SHA256. The result of keyed hashing may be secret, so it is one.
base::Secret<32> hmac_sha256(base::ByteView key, base::ByteView data);
/// HKDF-extract with SHA-256.
base::Secret<32> hkdf_extract(base::ByteView salt, base::ByteView input_key);
/// HKDF-expand with SHA-256 into `out` (at most 255*32 bytes).
void hkdf_expand(base::ByteView pseudo_random_key, base::ByteView info, std::span<std::uint8_t> out);

}  // namespace nostr
