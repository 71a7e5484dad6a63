// Hashing for FROST: the five hashes of RFC 9591 section 6.5 over RFC 9380 section 5, and tagged
// hashes whose input and output are secret.
#pragma once

#include <array>
#include <initializer_list>
#include <string_view>

#include "frostr/frost/group.h"
#include "nostr/crypto/hash.h"

namespace frostr {

/// expand_message_xmd with SHA-256 for 48 bytes. `domain` is at most 255 bytes.
std::array<std::uint8_t, 48> expand_message(ByteView message, std::string_view domain);
/// hash_to_field for one element of the scalar field. Public inputs only: the reduction is not
/// constant time.
Scalar hash_to_field(ByteView message, std::string_view domain);

/// H1 to H5 of a ciphersuite, told apart from those of another by the context string.
struct FrostHash {
  std::string_view context;

  Scalar h1(ByteView message) const;  ///< binding factors
  Scalar h2(ByteView message) const;  ///< challenge of RFC 9591 (BIP-340 suites use that one's)
  Scalar h3(ByteView message) const;  ///< nonces of RFC 9591
  nostr::Sha256 h4(ByteView message) const;  ///< the message
  nostr::Sha256 h5(ByteView message) const;  ///< the commitment list
};

/// tagged_hash (BIP-340) of the concatenated parts, for inputs with secrets in them.
base::Secret<32> secret_tagged_hash(std::string_view tag, std::initializer_list<ByteView> parts);

/// `value` in four bytes, big endian.
std::array<std::uint8_t, 4> be32(std::uint32_t value);

}  // namespace frostr
