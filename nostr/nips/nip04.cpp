// NIP-04: AES-256-CBC under the bare shared x.
#include "nostr/nips/nip04.h"

#include "nostr/crypto/cipher.h"

namespace nostr {

namespace {
constexpr std::string_view kIvMark = "?iv=";
constexpr std::size_t kMaxPayload = 128 * 1024;
}  // namespace

std::string nip04_encrypt(const SharedX& shared_x, std::string_view plaintext, base::Rng& rng) {
  const auto iv = rng.bytes<16>();
  const auto ciphertext = aes256_cbc_encrypt(shared_x.expose(), iv, base::as_bytes(plaintext));
  return base::base64_encode(ciphertext) + std::string(kIvMark) + base::base64_encode(iv);
}

base::Result<std::string> nip04_decrypt(const SharedX& shared_x, std::string_view payload) {
  if (payload.size() > kMaxPayload)
    return base::fail(base::Errc::kInvalid, "nip-04 payload is " + std::to_string(payload.size()) +
                                                " characters, limit is " +
                                                std::to_string(kMaxPayload));
  const auto mark = payload.find(kIvMark);
  if (mark == std::string_view::npos)
    return base::fail(base::Errc::kInvalid, "nip-04 payload has no ?iv=");
  TRY(const base::Bytes ciphertext, base::base64_decode(payload.substr(0, mark)));
  TRY(const base::Bytes iv, base::base64_decode(payload.substr(mark + kIvMark.size())));
  if (iv.size() != 16)
    return base::fail(base::Errc::kInvalid,
                      "nip-04 iv is " + std::to_string(iv.size()) + " bytes, 16 are needed");
  TRY(base::Bytes plain, aes256_cbc_decrypt(shared_x.expose(), iv, ciphertext));
  std::string text(base::as_text(plain));
  base::wipe(plain);
  return text;
}

}  // namespace nostr
