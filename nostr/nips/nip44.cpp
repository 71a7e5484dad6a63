// NIP-44 version 2, step by step as its "Encryption" and "Decryption" sections order them.
#include "nostr/nips/nip44.h"

#include <bit>

#include "nostr/base/declassify.h"
#include "nostr/crypto/cipher.h"
#include "nostr/crypto/hash.h"

namespace nostr {

namespace {

constexpr std::uint8_t kVersion = 2;
constexpr std::size_t kNonceSize = 32;
constexpr std::size_t kMacSize = 32;
constexpr std::size_t kHeader = 1 + kNonceSize;  // version, nonce
constexpr std::size_t kShortPrefix = 2;          // u16
constexpr std::size_t kLongPrefix = 6;           // two zero bytes, u32

std::size_t prefix_size(std::size_t length) {
  return length > kNip44MaxPlaintext ? kLongPrefix : kShortPrefix;
}

/// Bytes of the payload that holds `length` bytes of plaintext.
std::size_t payload_size(std::size_t length) {
  return kHeader + prefix_size(length) + nip44_padded_length(length) + kMacSize;
}

std::string too_large(std::size_t size, std::string_view unit, std::size_t limit) {
  return "nip-44 payload is " + std::to_string(size) + " " + std::string(unit) + ", limit is " +
         std::to_string(limit);
}

base::Result<void> check_payload(base::ByteView payload, std::size_t max_plaintext) {
  if (payload.empty()) return base::fail(base::Errc::kInvalid, "nip-44 payload is empty");
  if (payload[0] != kVersion)
    return base::fail(
        base::Errc::kUnsupported,
        "nip-44 payload has version " + std::to_string(payload[0]) + ", only 2 is known");
  if (payload.size() < kNip44MinPayload)
    return base::fail(base::Errc::kInvalid, "nip-44 payload is " + std::to_string(payload.size()) +
                                                " bytes, at least 99 are needed");
  if (payload.size() > payload_size(max_plaintext))
    return base::fail(base::Errc::kInvalid,
                      too_large(payload.size(), "bytes", payload_size(max_plaintext)));
  return {};
}

void write_prefix(std::size_t length, std::span<std::uint8_t> out) {
  for (std::size_t i = out.size(); i-- > 0; length >>= 8)
    out[i] = static_cast<std::uint8_t>(length & 0xff);
}

/// Length prefix and zero padding; both were authenticated, so what breaks here is a sender's bug.
base::Result<std::string> unpad(base::ByteView padded, std::size_t max_plaintext) {
  const auto bad = [] {
    return base::fail(base::Errc::kCrypto, "nip-44 padding does not match the plaintext length");
  };
  std::size_t length = std::size_t{padded[0]} << 8 | padded[1];
  if (length == 0) {
    for (const std::uint8_t byte : padded.subspan(kShortPrefix, 4)) length = length << 8 | byte;
    if (length <= kNip44MaxPlaintext) return bad();  // one spelling per length
  }
  if (length > max_plaintext)
    return base::fail(base::Errc::kInvalid, "nip-44 plaintext is " + std::to_string(length) +
                                                " bytes, limit is " +
                                                std::to_string(max_plaintext));
  if (padded.size() != prefix_size(length) + nip44_padded_length(length)) return bad();
  return std::string(base::as_text(padded.subspan(prefix_size(length), length)));
}

base::ByteView nonce_of(base::ByteView payload) {
  return payload.subspan(1, kNonceSize);
}

/// `payload` passed check_payload().
base::Result<std::string> open_checked(const Nip44MessageKeys& keys, base::ByteView payload,
                                       std::size_t max_plaintext) {
  const auto ciphertext = payload.subspan(kHeader, payload.size() - kHeader - kMacSize);
  const auto mac =
      hmac_sha256(keys.hmac_key.expose(), payload.subspan(1, payload.size() - 1 - kMacSize));
  // That a payload was refused is seen by whoever sent it.
  if (!base::declassified(base::constant_time_equal(mac.expose(), payload.last(kMacSize))))
    return base::fail(base::Errc::kCrypto, "nip-44 mac does not match",
                      "the message was made for another key, or changed on the way");
  base::Bytes padded(ciphertext.begin(), ciphertext.end());
  chacha20_xor(keys.chacha_key.expose(), keys.chacha_nonce.expose(), padded);
  // Readers look at what they were sent; the keys it was sealed with stay secret.
  base::declassify(padded.data(), padded.size());
  auto plaintext = unpad(padded, max_plaintext);
  base::wipe(padded);
  return plaintext;
}

/// The bytes of a base64 payload of at most `max_plaintext` bytes, checked in shape.
base::Result<base::Bytes> decode_payload(std::string_view payload, std::size_t max_plaintext) {
  CHECK(max_plaintext >= 1 && max_plaintext <= kNip44MaxLong);
  // '#' is reserved for versions that are not base64 (NIP-44 "Decryption").
  if (payload.starts_with('#'))
    return base::fail(base::Errc::kUnsupported,
                      "nip-44 payload is of a version that is not base64");
  const std::size_t max_base64 = (payload_size(max_plaintext) + 2) / 3 * 4;
  if (payload.size() > max_base64)
    return base::fail(base::Errc::kInvalid, too_large(payload.size(), "characters", max_base64));
  TRY(base::Bytes raw, base::base64_decode(payload));
  TRY(check_payload(raw, max_plaintext));
  return raw;
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

base::Result<base::Bytes> nip44_encrypt_bytes_with_nonce(const ConversationKey& key,
                                                         std::string_view plaintext,
                                                         const std::array<std::uint8_t, 32>& nonce,
                                                         Nip44Form form) {
  const std::size_t limit = form == Nip44Form::kLong ? kNip44MaxLong : kNip44MaxPlaintext;
  if (plaintext.empty() || plaintext.size() > limit)
    return base::fail(base::Errc::kInvalid,
                      "nip-44 plaintext is " + std::to_string(plaintext.size()) +
                          " bytes, allowed are 1 to " + std::to_string(limit));
  const Nip44MessageKeys keys = nip44_message_keys(key, nonce);
  const std::size_t prefix = prefix_size(plaintext.size());
  const std::size_t padded = prefix + nip44_padded_length(plaintext.size());
  // The plaintext is laid out at its final place and encrypted there: no copy of it is left behind.
  base::Bytes payload(kHeader + padded + kMacSize, 0);
  const std::span<std::uint8_t> all(payload);
  payload[0] = kVersion;
  std::copy(nonce.begin(), nonce.end(), all.subspan(1).begin());
  const auto body = all.subspan(kHeader, padded);
  write_prefix(plaintext.size(), body.first(prefix));
  const auto text = base::as_bytes(plaintext);
  std::copy(text.begin(), text.end(), body.subspan(prefix).begin());
  chacha20_xor(keys.chacha_key.expose(), keys.chacha_nonce.expose(), body);
  const auto mac = hmac_sha256(keys.hmac_key.expose(), all.subspan(1, kNonceSize + padded));
  std::copy(mac.expose().begin(), mac.expose().end(), all.last(kMacSize).begin());
  base::declassify(payload.data(), payload.size());  // goes over the wire
  return payload;
}

base::Result<base::Bytes> nip44_encrypt_bytes(const ConversationKey& key,
                                              std::string_view plaintext, base::Rng& rng,
                                              Nip44Form form) {
  return nip44_encrypt_bytes_with_nonce(key, plaintext, rng.bytes<32>(), form);
}

base::Result<std::string> nip44_decrypt_bytes(const ConversationKey& key, base::ByteView payload,
                                              std::size_t max_plaintext) {
  CHECK(max_plaintext >= 1 && max_plaintext <= kNip44MaxLong);
  TRY(check_payload(payload, max_plaintext));
  return open_checked(nip44_message_keys(key, nonce_of(payload)), payload, max_plaintext);
}

base::Result<std::string> nip44_encrypt(const ConversationKey& key, std::string_view plaintext,
                                        base::Rng& rng, Nip44Form form) {
  TRY(const base::Bytes payload, nip44_encrypt_bytes(key, plaintext, rng, form));
  return base::base64_encode(payload);
}

base::Result<std::string> nip44_encrypt_with_nonce(const ConversationKey& key,
                                                   std::string_view plaintext,
                                                   const std::array<std::uint8_t, 32>& nonce,
                                                   Nip44Form form) {
  TRY(const base::Bytes payload, nip44_encrypt_bytes_with_nonce(key, plaintext, nonce, form));
  return base::base64_encode(payload);
}

base::Result<std::string> nip44_decrypt(const ConversationKey& key, std::string_view payload,
                                        std::size_t max_plaintext) {
  TRY(const base::Bytes raw, decode_payload(payload, max_plaintext));
  return open_checked(nip44_message_keys(key, nonce_of(raw)), raw, max_plaintext);
}

base::Result<Nip44MessageKeys> nip44_keys_of(const ConversationKey& key, std::string_view payload) {
  TRY(const base::Bytes raw, decode_payload(payload, kNip44MaxLong));
  return nip44_message_keys(key, nonce_of(raw));
}

base::Result<std::string> nip44_open_with(const Nip44MessageKeys& keys, std::string_view payload,
                                          std::size_t max_plaintext) {
  TRY(const base::Bytes raw, decode_payload(payload, max_plaintext));
  return open_checked(keys, raw, max_plaintext);
}

}  // namespace nostr
