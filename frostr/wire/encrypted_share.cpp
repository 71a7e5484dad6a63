// sovshare: a share under a passphrase, with the primitives NIP-49 chose for keys.
#include <sodium.h>

#include <algorithm>

#include "frostr/wire/credential.h"
#include "frostr/wire/payload.h"
#include "nostr/base/bech32.h"
#include "nostr/base/result.h"

namespace frostr {

using base::Bytes;
using base::Errc;
using base::fail;

namespace {

constexpr std::uint8_t kVersion = 1;
constexpr unsigned kMaxLogN = 20;  // 1 GiB of scrypt memory
constexpr std::size_t kSaltAt = 2;
constexpr std::size_t kNonceAt = kSaltAt + 16;
constexpr std::size_t kCipherAt = kNonceAt + crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;
constexpr std::size_t kShareBytes = 36;
constexpr std::size_t kTotal =
    kCipherAt + kShareBytes + crypto_aead_xchacha20poly1305_ietf_ABYTES;

Result<base::Secret<32>> derive_key(std::string_view passphrase, ByteView salt, unsigned log_n) {
  if (log_n < 1 || log_n > kMaxLogN)
    return fail(Errc::kLimit, "scrypt log_n is " + std::to_string(log_n) + ", limit is " +
                                  std::to_string(kMaxLogN));
  CHECK(sodium_init() >= 0);
  base::Secret<32> key;
  const ByteView secret = base::as_bytes(passphrase);
  if (crypto_pwhash_scryptsalsa208sha256_ll(secret.data(), secret.size(), salt.data(), salt.size(),
                                            std::uint64_t{1} << log_n, 8, 1,
                                            key.expose_mutable().data(), 32) != 0)
    return fail(Errc::kLimit, "not enough memory for scrypt with log_n " + std::to_string(log_n));
  return key;
}

}  // namespace

bool is_encrypted_share(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  return first != std::string_view::npos &&
         text.substr(first).starts_with(std::string(kEncryptedShareHrp) + "1");
}

Result<std::string> encrypt_share(const SecretShare& share, std::string_view passphrase,
                                  base::Rng& rng, unsigned log_n) {
  if (passphrase.empty()) return fail(Errc::kInvalid, "the passphrase is empty");
  Bytes out(kTotal);
  out[0] = kVersion;
  out[1] = static_cast<std::uint8_t>(std::min(log_n, 255U));
  rng.fill(std::span(out).subspan(kSaltAt, kCipherAt - kSaltAt));
  TRY(const auto key, derive_key(passphrase, std::span(out).subspan(kSaltAt, 16), log_n));
  const SecretPayload plain = share_payload(share);
  CHECK(crypto_aead_xchacha20poly1305_ietf_encrypt(&out[kCipherAt], nullptr, plain.bytes.data(),
                                                   plain.bytes.size(), out.data(), kSaltAt, nullptr,
                                                   &out[kNonceAt], key.expose().data()) == 0);
  return base::bech32_encode(kEncryptedShareHrp, out, base::Bech32Variant::kBech32m);
}

Result<SecretShare> decrypt_share(std::string_view text, std::string_view passphrase) {
  TRY(const SecretPayload package, decode_package(text, kEncryptedShareHrp));
  const Bytes& in = package.bytes;
  if (in.size() != kTotal)
    return fail(Errc::kInvalid, "encrypted share is " + std::to_string(in.size()) +
                                    " bytes, expected " + std::to_string(kTotal));
  if (in[0] != kVersion)
    return fail(Errc::kUnsupported, "encrypted share is of version " + std::to_string(in[0]));
  TRY(const auto key, derive_key(passphrase, std::span(in).subspan(kSaltAt, 16), in[1]));
  SecretPayload plain{Bytes(kShareBytes)};
  if (crypto_aead_xchacha20poly1305_ietf_decrypt(
          plain.bytes.data(), nullptr, nullptr, &in[kCipherAt], in.size() - kCipherAt, in.data(),
          kSaltAt, &in[kNonceAt], key.expose().data()) != 0)
    return fail(Errc::kCrypto, "the passphrase does not open the share");
  return share_from_payload(plain.bytes);
}

}  // namespace frostr
