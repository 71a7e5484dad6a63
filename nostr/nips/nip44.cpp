// NIP-44 version 2, step by step as its "Encryption" and "Decryption" sections order them.
#include "nostr/nips/nip44.h"

#include <bit>

#include "nostr/crypto/cipher.h"
#include "nostr/crypto/hash.h"

namespace nostr {

namespace {

constexpr std::uint8_t kVersion = 2;
constexpr std::size_t kNonceSize = 32;
constexpr std::size_t kMacSize = 32;
constexpr std::size_t kHeader = 1 + kNonceSize;  // version, nonce
constexpr std::size_t kMaxBase64 = (kNip44MaxPayload + 2) / 3 * 4;

base::Result<void> check_payload(base::ByteView payload) {
  if (payload.empty()) return base::fail(base::Errc::kInvalid, "nip-44 payload is empty");
  if (payload[0] != kVersion)
    return base::fail(
        base::Errc::kUnsupported,
        "nip-44 payload has version " + std::to_string(payload[0]) + ", only 2 is known");
  if (payload.size() < kNip44MinPayload || payload.size() > kNip44MaxPayload)
    return base::fail(base::Errc::kInvalid, "nip-44 payload is " + std::to_string(payload.size()) +
                                                " bytes, allowed are 99 to 65603");
  return {};
}

/// Length prefix and zero padding; both were authenticated, so what breaks here is a sender's bug.
base::Result<std::string> unpad(base::ByteView padded) {
  const std::size_t length = std::size_t{padded[0]} << 8 | padded[1];
  if (length == 0 || padded.size() != 2 + nip44_padded_length(length))
    return base::fail(base::Errc::kCrypto, "nip-44 padding does not match the plaintext length");
  return std::string(base::as_text(padded.subspan(2, length)));
}

}  // namespace

base::Result<ConversationKey> nip44_conversation_key(const SecretKey& self, const PublicKey& peer) {
  TRY(const SharedX shared, ecdh(self, peer));
  return nip44_conversation_key_from_x(shared);
}

ConversationKey nip44_conversation_key_from_x(const SharedX& shared_x) {
  return hkdf_extract(base::as_bytes("nip44-v2"), shared_x.expose());
}

std::size_t nip44_padded_length(std::size_t length) {
  if (length <= 32) return 32;
  const std::size_t next_power = std::bit_ceil(length);
  const std::size_t chunk = next_power <= 256 ? 32 : next_power / 8;
  return (length + chunk - 1) / chunk * chunk;
}

Nip44MessageKeys nip44_message_keys(const ConversationKey& key, base::ByteView nonce) {
  base::Secret<76> stream;
  hkdf_expand(key.expose(), nonce, stream.expose_mutable());
  const auto bytes = stream.expose();
  return {base::Secret<32>(bytes.subspan<0, 32>()), base::Secret<12>(bytes.subspan<32, 12>()),
          base::Secret<32>(bytes.subspan<44, 32>())};
}

base::Result<base::Bytes> nip44_encrypt_bytes_with_nonce(
    const ConversationKey& key, std::string_view plaintext,
    const std::array<std::uint8_t, 32>& nonce) {
  if (plaintext.empty() || plaintext.size() > kNip44MaxPlaintext)
    return base::fail(base::Errc::kInvalid, "nip-44 plaintext is " +
                                                std::to_string(plaintext.size()) +
                                                " bytes, allowed are 1 to 65535");
  const Nip44MessageKeys keys = nip44_message_keys(key, nonce);
  const std::size_t padded = 2 + nip44_padded_length(plaintext.size());
  // The plaintext is laid out at its final place and encrypted there: no copy of it is left behind.
  base::Bytes payload(kHeader + padded + kMacSize, 0);
  const std::span<std::uint8_t> all(payload);
  payload[0] = kVersion;
  std::copy(nonce.begin(), nonce.end(), all.subspan(1).begin());
  const auto body = all.subspan(kHeader, padded);
  body[0] = static_cast<std::uint8_t>(plaintext.size() >> 8);
  body[1] = static_cast<std::uint8_t>(plaintext.size() & 0xff);
  const auto text = base::as_bytes(plaintext);
  std::copy(text.begin(), text.end(), body.subspan(2).begin());
  chacha20_xor(keys.chacha_key.expose(), keys.chacha_nonce.expose(), body);
  const auto mac = hmac_sha256(keys.hmac_key.expose(), all.subspan(1, kNonceSize + padded));
  std::copy(mac.expose().begin(), mac.expose().end(), all.last(kMacSize).begin());
  return payload;
}

base::Result<base::Bytes> nip44_encrypt_bytes(const ConversationKey& key,
                                              std::string_view plaintext, base::Rng& rng) {
  return nip44_encrypt_bytes_with_nonce(key, plaintext, rng.bytes<32>());
}

base::Result<std::string> nip44_decrypt_bytes(const ConversationKey& key, base::ByteView payload) {
  TRY(check_payload(payload));
  const auto nonce = payload.subspan(1, kNonceSize);
  const auto ciphertext = payload.subspan(kHeader, payload.size() - kHeader - kMacSize);
  const Nip44MessageKeys keys = nip44_message_keys(key, nonce);
  const auto mac =
      hmac_sha256(keys.hmac_key.expose(), payload.subspan(1, payload.size() - 1 - kMacSize));
  if (!base::constant_time_equal(mac.expose(), payload.last(kMacSize)))
    return base::fail(base::Errc::kCrypto, "nip-44 mac does not match",
                      "the message was made for another key, or changed on the way");
  base::Bytes padded(ciphertext.begin(), ciphertext.end());
  chacha20_xor(keys.chacha_key.expose(), keys.chacha_nonce.expose(), padded);
  auto plaintext = unpad(padded);
  base::wipe(padded);
  return plaintext;
}

base::Result<std::string> nip44_encrypt(const ConversationKey& key, std::string_view plaintext,
                                        base::Rng& rng) {
  TRY(const base::Bytes payload, nip44_encrypt_bytes(key, plaintext, rng));
  return base::base64_encode(payload);
}

base::Result<std::string> nip44_encrypt_with_nonce(const ConversationKey& key,
                                                   std::string_view plaintext,
                                                   const std::array<std::uint8_t, 32>& nonce) {
  TRY(const base::Bytes payload, nip44_encrypt_bytes_with_nonce(key, plaintext, nonce));
  return base::base64_encode(payload);
}

base::Result<std::string> nip44_decrypt(const ConversationKey& key, std::string_view payload) {
  // '#' is reserved for versions that are not base64 (NIP-44 "Decryption").
  if (payload.starts_with('#'))
    return base::fail(base::Errc::kUnsupported,
                      "nip-44 payload is of a version that is not base64");
  if (payload.size() > kMaxBase64)
    return base::fail(base::Errc::kInvalid, "nip-44 payload is " + std::to_string(payload.size()) +
                                                " characters, limit is " +
                                                std::to_string(kMaxBase64));
  TRY(const base::Bytes raw, base::base64_decode(payload));
  return nip44_decrypt_bytes(key, raw);
}

}  // namespace nostr
