// sovshare: a share under a passphrase, with the primitives NIP-49 chose for keys.
#include <algorithm>

#include "frostr/wire/credential.h"
#include "frostr/wire/payload.h"
#include "nostr/base/bech32.h"
#include "nostr/base/result.h"
#include "nostr/crypto/password.h"

namespace frostr {

using base::Bytes;
using base::Errc;
using base::fail;

namespace {

constexpr std::uint8_t kVersion = 1;
constexpr std::size_t kSaltAt = 2;
constexpr std::size_t kNonceAt = kSaltAt + 16;
constexpr std::size_t kCipherAt = kNonceAt + nostr::kXChaChaNonceSize;
constexpr std::size_t kShareBytes = 36;
constexpr std::size_t kTotal = kCipherAt + kShareBytes + nostr::kPolyTagSize;

}  // namespace

bool is_encrypted_share(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  return first != std::string_view::npos &&
         text.substr(first).starts_with(std::string(kEncryptedShareHrp) + "1");
}

Result<std::string> encrypt_share(const SecretShare& share, std::string_view passphrase,
                                  base::Rng& rng, unsigned log_n) {
  if (passphrase.empty()) return fail(Errc::kInvalid, "the passphrase is empty");
  Bytes out(kCipherAt);
  out[0] = kVersion;
  out[1] = static_cast<std::uint8_t>(std::min(log_n, 255U));
  rng.fill(std::span(out).subspan(kSaltAt, kCipherAt - kSaltAt));
  const ByteView header(out);
  TRY(const auto key, nostr::scrypt_key(passphrase, header.subspan(kSaltAt, 16), log_n));
  const SecretPayload plain = share_payload(share);
  const Bytes sealed = nostr::xchacha20poly1305_seal(key.expose(), header.subspan(kNonceAt),
                                                     header.first(kSaltAt), plain.bytes);
  out.insert(out.end(), sealed.begin(), sealed.end());
  return base::bech32_encode(kEncryptedShareHrp, out, base::Bech32Variant::kBech32m);
}

Result<SecretShare> decrypt_share(std::string_view text, std::string_view passphrase) {
  TRY(const SecretPayload package, decode_package(text, kEncryptedShareHrp));
  const ByteView in(package.bytes);
  if (in.size() != kTotal)
    return fail(Errc::kInvalid, "encrypted share is " + std::to_string(in.size()) +
                                    " bytes, expected " + std::to_string(kTotal));
  if (in[0] != kVersion)
    return fail(Errc::kUnsupported, "encrypted share is of version " + std::to_string(in[0]));
  TRY(const auto key, nostr::scrypt_key(passphrase, in.subspan(kSaltAt, 16), in[1]));
  SecretPayload plain{Bytes(kShareBytes)};
  if (!nostr::xchacha20poly1305_open(key.expose(), in.subspan(kNonceAt, nostr::kXChaChaNonceSize),
                                     in.first(kSaltAt), in.subspan(kCipherAt), plain.bytes))
    return fail(Errc::kCrypto, "the passphrase does not open the share");
  return share_from_payload(plain.bytes);
}

}  // namespace frostr
