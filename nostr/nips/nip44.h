// NIP-44 version 2: padded, authenticated encryption between two keys.
#pragma once

#include <string>
#include <string_view>

#include "nostr/base/bytes.h"
#include "nostr/base/rng.h"
#include "nostr/crypto/keys.h"

namespace nostr {

/// The static key two identities share; secret, the same in both directions.
using ConversationKey = base::Secret<32>;

inline constexpr std::size_t kNip44MaxPlaintext = 65'535;   ///< bytes
inline constexpr std::size_t kNip44MinPayload = 99;         ///< bytes, before base64
inline constexpr std::size_t kNip44MaxPayload = 65'603;     ///< bytes, before base64

/// kCrypto when `peer` is not on the curve. Source: NIP-44 "Encryption" step 1.
base::Result<ConversationKey> nip44_conversation_key(const SecretKey& self, const PublicKey& peer);
/// The same from a shared x that was made elsewhere, e.g. by threshold ECDH.
ConversationKey nip44_conversation_key_from_x(const SharedX& shared_x);

/// Encrypts `plaintext` (1..65535 bytes) under a fresh nonce. Result: padded base64.
/// Errors: kInvalid naming the length. Constant time in the key. Any thread.
base::Result<std::string> nip44_encrypt(const ConversationKey& key, std::string_view plaintext,
                                        base::Rng& rng);
/// With a given 32-byte nonce: public vectors only, because a nonce used twice tells the plaintext.
base::Result<std::string> nip44_encrypt_with_nonce(const ConversationKey& key, std::string_view plaintext,
                                                   const std::array<std::uint8_t, 32>& nonce);
/// Opens a base64 payload. Errors: kUnsupported (another version), kInvalid (length, base64),
/// kCrypto (MAC or padding). The MAC is compared in constant time before anything is decrypted.
base::Result<std::string> nip44_decrypt(const ConversationKey& key, std::string_view payload);

/// The raw payload (version || nonce || ciphertext || mac), for carriers with their own text form.
base::Result<base::Bytes> nip44_encrypt_bytes(const ConversationKey& key, std::string_view plaintext,
                                              base::Rng& rng);
base::Result<base::Bytes> nip44_encrypt_bytes_with_nonce(const ConversationKey& key,
                                                         std::string_view plaintext,
                                                         const std::array<std::uint8_t, 32>& nonce);
base::Result<std::string> nip44_decrypt_bytes(const ConversationKey& key, base::ByteView payload);

/// Length of the zero-padded plaintext, without its two-byte length prefix. `length` ≥ 1.
std::size_t nip44_padded_length(std::size_t length);

/// The keys of one message; declared for the public vectors.
struct Nip44MessageKeys {
  base::Secret<32> chacha_key;
  base::Secret<12> chacha_nonce;
  base::Secret<32> hmac_key;
};
Nip44MessageKeys nip44_message_keys(const ConversationKey& key, base::ByteView nonce);

}  // namespace nostr
