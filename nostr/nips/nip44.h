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

inline constexpr std::size_t kNip44MaxPlaintext = 65'535;  ///< bytes
inline constexpr std::size_t kNip44MinPayload = 99;        ///< bytes, before base64
inline constexpr std::size_t kNip44MaxPayload = 65'603;    ///< bytes, before base64
/// The longest plaintext with the six-byte length prefix that is written and, unless a caller says
/// otherwise, read. The NIP allows 2^32 - 1; an event that could carry it nobody takes.
inline constexpr std::size_t kNip44MaxLong = 1'048'576;

/// Which lengths may be written. A length of 65536 and more has a prefix that readers older than
/// 2026 do not know, and nothing tells a sender whom that concerns: so only those write it who know
/// their reader.
enum class Nip44Form {
  kClassic,  ///< up to kNip44MaxPlaintext
  kLong,     ///< up to kNip44MaxLong
};

/// kCrypto when `peer` is not on the curve. Source: NIP-44 "Encryption" step 1.
base::Result<ConversationKey> nip44_conversation_key(const SecretKey& self, const PublicKey& peer);
/// The same from a shared x that was made elsewhere, e.g. by threshold ECDH.
ConversationKey nip44_conversation_key_from_x(const SharedX& shared_x);

/// Encrypts `plaintext` (at least 1 byte, at most as `form` says) under a fresh nonce. Result:
/// padded base64. Errors: kInvalid naming the length. Constant time in the key. Any thread.
base::Result<std::string> nip44_encrypt(const ConversationKey& key, std::string_view plaintext,
                                        base::Rng& rng, Nip44Form form = Nip44Form::kClassic);
/// With a given 32-byte nonce: public vectors only, because a nonce used twice tells the plaintext.
base::Result<std::string> nip44_encrypt_with_nonce(const ConversationKey& key,
                                                   std::string_view plaintext,
                                                   const std::array<std::uint8_t, 32>& nonce,
                                                   Nip44Form form = Nip44Form::kClassic);
/// Opens a base64 payload of either form that holds at most `max_plaintext` bytes (≤
/// kNip44MaxLong). Errors: kUnsupported (another version), kInvalid (length, base64), kCrypto (MAC
/// or padding). The MAC is compared in constant time before anything is decrypted.
base::Result<std::string> nip44_decrypt(const ConversationKey& key, std::string_view payload,
                                        std::size_t max_plaintext = kNip44MaxLong);

/// The raw payload (version || nonce || ciphertext || mac), for carriers with their own text form.
base::Result<base::Bytes> nip44_encrypt_bytes(const ConversationKey& key,
                                              std::string_view plaintext, base::Rng& rng,
                                              Nip44Form form = Nip44Form::kClassic);
base::Result<base::Bytes> nip44_encrypt_bytes_with_nonce(const ConversationKey& key,
                                                         std::string_view plaintext,
                                                         const std::array<std::uint8_t, 32>& nonce,
                                                         Nip44Form form = Nip44Form::kClassic);
base::Result<std::string> nip44_decrypt_bytes(const ConversationKey& key, base::ByteView payload,
                                              std::size_t max_plaintext = kNip44MaxLong);

/// Length of the zero-padded plaintext, without its length prefix. `length` ≥ 1.
std::size_t nip44_padded_length(std::size_t length);

/// The keys of one message.
struct Nip44MessageKeys {
  base::Secret<32> chacha_key;
  base::Secret<12> chacha_nonce;
  base::Secret<32> hmac_key;
};
Nip44MessageKeys nip44_message_keys(const ConversationKey& key, base::ByteView nonce);

/// The keys of the one message `payload` (base64), for whoever has to show it to a third party:
/// they open it and nothing else of the conversation. Errors as for nip44_decrypt().
base::Result<Nip44MessageKeys> nip44_keys_of(const ConversationKey& key, std::string_view payload);
/// Opens a base64 payload with the keys of this message alone. The MAC vouches for the ciphertext
/// and the MAC key, not for the stream key: whoever reveals the keys could reveal a stream key that
/// gives other bytes. So the plaintext counts only if it holds something long that its author must
/// have put there, such as the author's own public key in a rumor.
base::Result<std::string> nip44_open_with(const Nip44MessageKeys& keys, std::string_view payload,
                                          std::size_t max_plaintext = kNip44MaxLong);

}  // namespace nostr
