// A payload of any bytes is opened or refused; any plaintext comes back, and only whole.
#include "nostr/nips/nip44.h"

namespace {

nostr::ConversationKey fixed_key() {
  std::array<std::uint8_t, 32> bytes;
  bytes.fill(0x11);
  return nostr::ConversationKey(bytes);
}

/// A payload whose MAC is right, so that what lies behind it is reached: padding and length.
base::Bytes authenticated(base::ByteView nonce, base::ByteView ciphertext) {
  const auto keys = nostr::nip44_message_keys(fixed_key(), nonce);
  base::Bytes payload{2};
  payload.insert(payload.end(), nonce.begin(), nonce.end());
  payload.insert(payload.end(), ciphertext.begin(), ciphertext.end());
  const auto mac = nostr::hmac_sha256(keys.hmac_key.expose(), base::ByteView(payload).subspan(1));
  payload.insert(payload.end(), mac.expose().begin(), mac.expose().end());
  return payload;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const base::ByteView bytes(data, size);
  const auto key = fixed_key();
  static_cast<void>(nostr::nip44_decrypt(key, base::as_text(bytes)));
  static_cast<void>(nostr::nip44_decrypt_bytes(key, bytes));
  if (size > 32) {
    const auto payload = authenticated(bytes.first(32), bytes.subspan(32));
    if (const auto opened = nostr::nip44_decrypt_bytes(key, payload))
      CHECK(nostr::nip44_decrypt(key, base::base64_encode(payload)).value() == *opened);
  }
  base::SeededRng rng(size);
  const auto plain = base::as_text(bytes);
  const auto sealed = nostr::nip44_encrypt(key, plain, rng, nostr::Nip44Form::kLong);
  CHECK(sealed.has_value() == (size >= 1 && size <= nostr::kNip44MaxLong));
  if (sealed) CHECK(nostr::nip44_decrypt(key, *sealed).value() == plain);
  return 0;
}
