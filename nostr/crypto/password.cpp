// scrypt and XChaCha20-Poly1305 from libsodium, whose scrypt is the faster one here; NFKC from
// utf8proc.
#include "nostr/crypto/password.h"

#include <cstdlib>
#include <memory>

#include <sodium.h>
#include <utf8proc.h>

namespace nostr {

static_assert(kXChaChaNonceSize == crypto_aead_xchacha20poly1305_ietf_NPUBBYTES);
static_assert(kPolyTagSize == crypto_aead_xchacha20poly1305_ietf_ABYTES);

base::Result<base::Secret<32>> scrypt_key(std::string_view password, base::ByteView salt,
                                          unsigned log_n) {
  if (log_n < 1 || log_n > kMaxScryptLogN)
    return base::fail(base::Errc::kLimit, "scrypt log_n is " + std::to_string(log_n) +
                                              ", allowed are 1 to " +
                                              std::to_string(kMaxScryptLogN));
  CHECK(sodium_init() >= 0);
  base::Secret<32> key;
  const base::ByteView secret = base::as_bytes(password);
  if (crypto_pwhash_scryptsalsa208sha256_ll(secret.data(), secret.size(), salt.data(), salt.size(),
                                            std::uint64_t{1} << log_n, 8, 1,
                                            key.expose_mutable().data(), 32) != 0)
    return base::fail(base::Errc::kLimit,
                      "not enough memory for scrypt with log_n " + std::to_string(log_n));
  return key;
}

base::Result<std::string> normalize_password(std::string_view password) {
  utf8proc_uint8_t* mapped = nullptr;
  constexpr auto kNfkc =
      static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_COMPAT);
  const utf8proc_ssize_t length =
      utf8proc_map(base::as_bytes(password).data(), static_cast<utf8proc_ssize_t>(password.size()),
                   &mapped, kNfkc);
  const std::unique_ptr<utf8proc_uint8_t, decltype(&std::free)> owner(mapped, &std::free);
  if (length < 0) return base::fail(base::Errc::kInvalid, "the password is not valid UTF-8");
  const std::span bytes(mapped, static_cast<std::size_t>(length));
  std::string out(base::as_text(bytes));
  base::wipe(bytes);
  return out;
}

base::Bytes xchacha20poly1305_seal(base::ByteView key, base::ByteView nonce,
                                   base::ByteView associated, base::ByteView plaintext) {
  CHECK(key.size() == 32 && nonce.size() == kXChaChaNonceSize);
  base::Bytes sealed(plaintext.size() + kPolyTagSize);
  CHECK(crypto_aead_xchacha20poly1305_ietf_encrypt(
            sealed.data(), nullptr, plaintext.data(), plaintext.size(), associated.data(),
            associated.size(), nullptr, nonce.data(), key.data()) == 0);
  return sealed;
}

base::Result<void> xchacha20poly1305_open(base::ByteView key, base::ByteView nonce,
                                          base::ByteView associated, base::ByteView sealed,
                                          std::span<std::uint8_t> plaintext) {
  CHECK(key.size() == 32 && nonce.size() == kXChaChaNonceSize);
  CHECK(sealed.size() == plaintext.size() + kPolyTagSize);
  if (crypto_aead_xchacha20poly1305_ietf_decrypt(plaintext.data(), nullptr, nullptr, sealed.data(),
                                                 sealed.size(), associated.data(),
                                                 associated.size(), nonce.data(), key.data()) == 0)
    return {};
  base::wipe(plaintext);
  return base::fail(base::Errc::kCrypto, "the sealed text does not open with this key");
}

}  // namespace nostr
