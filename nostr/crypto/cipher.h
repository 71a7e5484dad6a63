// Symmetric ciphers the NIPs and peers name, and keys from passwords, over OpenSSL.
#pragma once

#include <span>

#include "nostr/base/bytes.h"
#include "nostr/base/secret.h"

namespace nostr {

/// XORs the ChaCha20 key stream (RFC 8439, counter 0) into `data` in place. key 32, nonce 12 bytes.
void chacha20_xor(base::ByteView key, base::ByteView nonce, std::span<std::uint8_t> data);

/// AES-256-CBC with PKCS#7 padding. key 32, iv 16 bytes.
base::Bytes aes256_cbc_encrypt(base::ByteView key, base::ByteView iv, base::ByteView plaintext);
/// kCrypto on a bad length or padding.
base::Result<base::Bytes> aes256_cbc_decrypt(base::ByteView key, base::ByteView iv,
                                             base::ByteView ciphertext);

/// AES-256-GCM without associated data; the result ends in the 16-byte tag. key 32, iv 1 to 64 bytes. One
/// key seals one plaintext per iv.
base::Bytes aes256_gcm_encrypt(base::ByteView key, base::ByteView iv, base::ByteView plaintext);
/// `sealed` ends in the tag, as above. kCrypto when the tag does not fit, also for what is shorter than one.
base::Result<base::Bytes> aes256_gcm_decrypt(base::ByteView key, base::ByteView iv,
                                             base::ByteView sealed);

/// PBKDF2 with HMAC-SHA256 (RFC 8018), 32 bytes. Slow on purpose.
base::Secret<32> pbkdf2_sha256(base::ByteView password, base::ByteView salt, int iterations);

}  // namespace nostr
