// Symmetric ciphers the NIPs name, over OpenSSL.
#pragma once

#include <span>

#include "nostr/base/bytes.h"

namespace nostr {

/// XORs the ChaCha20 key stream (RFC 8439, counter 0) into `data` in place. key 32, nonce 12 bytes.
void chacha20_xor(base::ByteView key, base::ByteView nonce, std::span<std::uint8_t> data);

/// AES-256-CBC with PKCS#7 padding. key 32, iv 16 bytes.
base::Bytes aes256_cbc_encrypt(base::ByteView key, base::ByteView iv, base::ByteView plaintext);
/// kCrypto on a bad length or padding.
base::Result<base::Bytes> aes256_cbc_decrypt(base::ByteView key, base::ByteView iv,
                                             base::ByteView ciphertext);

}  // namespace nostr
