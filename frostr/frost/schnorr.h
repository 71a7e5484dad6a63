// BIP-340 over messages of any length, with the tags of its hashes as an argument: ChillDKG proves
// possession of a coefficient with signatures that no wallet would take for its own.
#pragma once

#include <string_view>

#include "frostr/frost/group.h"
#include "nostr/crypto/keys.h"

namespace frostr {

/// The tag prefix of ordinary BIP-340 signatures.
inline constexpr std::string_view kBip340Tag = "BIP0340";

/// Constant time in the key. `aux` is fresh randomness, or a secret where the result must be
/// repeatable. kCrypto with negligible probability.
Result<nostr::Signature> schnorr_sign(std::string_view tag_prefix, const SecretScalar& key,
                                      ByteView message, const base::Secret<32>& aux);
bool schnorr_verify(std::string_view tag_prefix, const nostr::PublicKey& key, ByteView message,
                    const nostr::Signature& signature);

}  // namespace frostr
