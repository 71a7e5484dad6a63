// NIP-04: the legacy encrypted DM (AES-256-CBC, unauthenticated). Read and answered, never preferred.
#pragma once

#include <string>
#include <string_view>

#include "nostr/base/rng.h"
#include "nostr/crypto/keys.h"

namespace nostr {

/// `<base64 ciphertext>?iv=<base64 iv>`. The AES key is the shared x itself.
std::string nip04_encrypt(const SharedX& shared_x, std::string_view plaintext, base::Rng& rng);
/// kInvalid on a malformed payload or one over 128 KiB, kCrypto on bad padding. The result may be any
/// bytes: nothing but the event's signature vouches for them.
base::Result<std::string> nip04_decrypt(const SharedX& shared_x, std::string_view payload);

}  // namespace nostr
