// The hash functions of FROST(secp256k1, SHA-256): RFC 9591 section 6.5 over RFC 9380 section 5.
#pragma once

#include <array>
#include <string_view>

#include "frostr/frost/group.h"
#include "nostr/crypto/hash.h"

namespace frostr {

/// expand_message_xmd with SHA-256 for 48 bytes. `domain` is at most 255 bytes.
std::array<std::uint8_t, 48> expand_message(ByteView message, std::string_view domain);
/// hash_to_field for one element of the scalar field. Public inputs only: the reduction is not
/// constant time.
Scalar hash_to_field(ByteView message, std::string_view domain);

Scalar frost_h1(ByteView message);  ///< binding factors
Scalar frost_h2(ByteView message);  ///< challenge of RFC 9591 (bifrost uses BIP-340's instead)
Scalar frost_h3(ByteView message);  ///< nonces of RFC 9591
nostr::Sha256 frost_h4(ByteView message);  ///< the message
nostr::Sha256 frost_h5(ByteView message);  ///< the commitment list

}  // namespace frostr
