// Secrets under a password: scrypt (RFC 7914) makes the key, XChaCha20-Poly1305 seals with it.
#pragma once

#include <span>
#include <string_view>

#include "nostr/base/bytes.h"
#include "nostr/base/secret.h"

namespace nostr {

/// The costliest scrypt a stranger's text may ask for: 2^20 rounds of r = 8 take 1 GiB and seconds.
inline constexpr unsigned kMaxScryptLogN = 20;
inline constexpr std::size_t kXChaChaNonceSize = 24;
inline constexpr std::size_t kPolyTagSize = 16;  ///< bytes a sealed text is longer by

/// scrypt(password, salt, N = 2^log_n, r = 8, p = 1), 32 bytes. Needs 2^log_n KiB of memory and
/// blocks that long. kLimit for a log_n outside 1..kMaxScryptLogN, or without the memory.
base::Result<base::Secret<32>> scrypt_key(std::string_view password, base::ByteView salt,
                                          unsigned log_n);
/// `password` in Unicode normalisation form KC, so that every keyboard's spelling of it opens the
/// same lock. kInvalid when it is not UTF-8. The result is secret: the caller wipes it.
base::Result<std::string> normalize_password(std::string_view password);

/// plaintext || tag under a 32-byte key and a 24-byte nonce; `associated` is authenticated only.
base::Bytes xchacha20poly1305_seal(base::ByteView key, base::ByteView nonce,
                                   base::ByteView associated, base::ByteView plaintext);
/// Opens `sealed` into `plaintext`, which is kPolyTagSize shorter. kCrypto when the tag does not
/// fit; `plaintext` is then all zero.
base::Result<void> xchacha20poly1305_open(base::ByteView key, base::ByteView nonce,
                                          base::ByteView associated, base::ByteView sealed,
                                          std::span<std::uint8_t> plaintext);

}  // namespace nostr
