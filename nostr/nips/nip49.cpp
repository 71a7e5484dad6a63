// NIP-49: version || log_n || salt || nonce || handling || XChaCha20-Poly1305(key).
#include "nostr/nips/nip49.h"

#include <algorithm>

#include "nostr/base/bech32.h"

namespace nostr {

namespace {

constexpr std::string_view kHrp = "ncryptsec";
constexpr std::uint8_t kVersion = 2;
constexpr std::size_t kSaltAt = 2;
constexpr std::size_t kNonceAt = kSaltAt + 16;
constexpr std::size_t kHandlingAt = kNonceAt + kXChaChaNonceSize;
constexpr std::size_t kSealedAt = kHandlingAt + 1;
constexpr std::size_t kTotal = kSealedAt + 32 + kPolyTagSize;
static_assert(kTotal == 91);
constexpr std::size_t kMaxChars = 200;  // 162 are needed

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

base::Result<base::Bytes> unpack(std::string_view text) {
  TRY(base::Bech32 decoded, base::bech32_decode(trimmed(text), kMaxChars));
  if (decoded.hrp != kHrp || decoded.variant != base::Bech32Variant::kBech32)
    return base::fail(base::Errc::kInvalid, "not an encrypted key", "expected ncryptsec1…");
  if (decoded.data.empty() || decoded.data[0] != kVersion)
    return base::fail(base::Errc::kUnsupported, "ncryptsec is of a version other than 2");
  if (decoded.data.size() != kTotal)
    return base::fail(base::Errc::kInvalid, "ncryptsec holds " +
                                                std::to_string(decoded.data.size()) +
                                                " bytes, expected " + std::to_string(kTotal));
  if (decoded.data[kHandlingAt] > static_cast<std::uint8_t>(KeyHandling::kUntracked))
    return base::fail(base::Errc::kInvalid, "ncryptsec has an unknown key security byte");
  return std::move(decoded.data);
}

KeyHandling handling_of(base::ByteView in) {
  return static_cast<KeyHandling>(in[kHandlingAt]);
}

base::Result<base::Secret<32>> derive(std::string_view password, base::ByteView in) {
  TRY(std::string normal, normalize_password(password));
  auto key = scrypt_key(normal, in.subspan(kSaltAt, 16), in[1]);
  base::wipe(normal);
  return key;
}

}  // namespace

bool is_ncryptsec(std::string_view text) {
  const auto body = trimmed(text);
  return body.starts_with("ncryptsec1") || body.starts_with("NCRYPTSEC1");
}

base::Result<NcryptsecHeader> read_ncryptsec_header(std::string_view text) {
  TRY(const base::Bytes in, unpack(text));
  return NcryptsecHeader{in[1], handling_of(in)};
}

base::Result<std::string> nip49_encrypt(const SecretKey& key, std::string_view password,
                                        KeyHandling handling, base::Rng& rng, unsigned log_n) {
  if (password.empty()) return base::fail(base::Errc::kInvalid, "the password is empty");
  base::Bytes out(kSealedAt);
  out[0] = kVersion;
  out[1] = static_cast<std::uint8_t>(std::min(log_n, 255U));
  rng.fill(std::span(out).subspan(kSaltAt, kHandlingAt - kSaltAt));
  out[kHandlingAt] = static_cast<std::uint8_t>(handling);
  TRY(const auto symmetric, derive(password, out));
  const base::ByteView header(out);
  const base::Bytes sealed =
      xchacha20poly1305_seal(symmetric.expose(), header.subspan(kNonceAt, kXChaChaNonceSize),
                             header.subspan(kHandlingAt, 1), key.expose());
  out.insert(out.end(), sealed.begin(), sealed.end());
  return base::bech32_encode(kHrp, out, base::Bech32Variant::kBech32);
}

base::Result<DecryptedKey> nip49_decrypt(std::string_view text, std::string_view password) {
  TRY(const base::Bytes bytes, unpack(text));
  const base::ByteView in(bytes);
  TRY(const auto symmetric, derive(password, in));
  base::Secret<32> plain;
  if (!xchacha20poly1305_open(symmetric.expose(), in.subspan(kNonceAt, kXChaChaNonceSize),
                              in.subspan(kHandlingAt, 1), in.subspan(kSealedAt),
                              plain.expose_mutable()))
    return base::fail(base::Errc::kCrypto, "the password does not open the key");
  TRY(SecretKey key, SecretKey::from_bytes(plain.expose()));
  return DecryptedKey{std::move(key), handling_of(in)};
}

}  // namespace nostr
