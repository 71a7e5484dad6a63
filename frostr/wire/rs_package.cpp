// Envelope {version, password_encoding, iterations, iv_bytes, salt_hex, cipher_text}: AES-256-GCM with
// a 24-byte IV under PBKDF2 of SHA-256(passphrase); cipher_text is iv || ciphertext || tag.
#include "frostr/wire/rs_package.h"

#include <algorithm>
#include <array>
#include <string>

#include "frostr/wire/payload.h"
#include "nostr/base/json.h"
#include "nostr/crypto/cipher.h"
#include "nostr/crypto/hash.h"

namespace frostr {

using base::Bytes;
using base::Errc;
using base::fail;
namespace json = base::json;

namespace {

constexpr std::array<std::string_view, 3> kPrefixes{"bfshare", "bfonboard", "bfprofile"};
constexpr std::string_view kProfile = "bfprofile";
constexpr std::size_t kProfileIdChars = 64;  // in front of a profile's envelope
constexpr int kIterations = 600'000;
constexpr std::size_t kIvBytes = 24;
constexpr std::size_t kSaltBytes = 16;

/// Which of the three `text` says it is; empty for none.
std::string_view prefix_of(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return {};
  for (const std::string_view prefix : kPrefixes)
    if (text.substr(first).starts_with(std::string(prefix) + "1")) return prefix;
  return {};
}

Result<std::string> envelope_of(std::string_view text) {
  const std::string_view prefix = prefix_of(text);
  if (prefix.empty()) return fail(Errc::kInvalid, "text is no bifrost package with a share");
  TRY(const SecretPayload payload, decode_package(text, prefix));
  std::string_view inside = base::as_text(payload.bytes);
  if (prefix == kProfile) inside.remove_prefix(std::min(kProfileIdChars, inside.size()));
  if (!inside.starts_with('{'))
    return fail(Errc::kInvalid, std::string(prefix) + " package holds no envelope");
  return std::string(inside);
}

Result<void> check_parameters(const json::Value& envelope) {
  if (json::int_or(envelope, "version") != 1 ||
      json::string_or(envelope, "password_encoding") != "sha256" ||
      json::int_or(envelope, "iterations") != kIterations ||
      json::int_or(envelope, "iv_bytes") != static_cast<std::int64_t>(kIvBytes))
    return fail(Errc::kUnsupported, "package is protected in another way than bifrost-rs 0.5 does it");
  return {};
}

Result<SecretPayload> decrypt(const json::Value& envelope, std::string_view passphrase) {
  TRY(check_parameters(envelope));
  TRY(const Bytes salt, base::hex_decode(json::string_or(envelope, "salt_hex")));
  TRY(const Bytes sealed, base::base64url_decode(json::string_or(envelope, "cipher_text")));
  if (salt.size() != kSaltBytes || sealed.size() < kIvBytes)
    return fail(Errc::kInvalid, "package envelope is cut");
  const nostr::Sha256 password = nostr::sha256(passphrase);
  const auto key = nostr::pbkdf2_sha256(password.view(), salt, kIterations);
  const base::ByteView bytes(sealed);
  auto plain =
      nostr::aes256_gcm_decrypt(key.expose(), bytes.first(kIvBytes), bytes.subspan(kIvBytes));
  if (!plain) return fail(Errc::kCrypto, "the passphrase does not open the package");
  return SecretPayload(*std::move(plain));
}

/// The 64 digits of the share: in front of the query of a share, a member of a profile's device.
Result<SecretScalar> share_in(std::string_view prefix, const SecretPayload& plain) {
  std::string text(base::as_text(plain.bytes));
  struct Wiped {
    std::string& text;
    ~Wiped() { base::wipe(text); }
  } wiped{text};
  if (prefix != kProfile)
    return SecretScalar::from_hex(std::string_view(text).substr(0, text.find('?')));
  TRY(json::Value profile, json::parse(text));
  TRY(json::Value device, json::get_object(profile, "device"));
  TRY(std::string digits, json::get_string(device, "share_secret"));
  Wiped also{digits};
  return SecretScalar::from_hex(digits);
}

}  // namespace

bool is_rs_package(std::string_view text) {
  return envelope_of(text).has_value();
}

Result<SecretShare> open_rs_package(std::string_view text, std::string_view passphrase,
                                    const GroupPackage& group) {
  TRY(const std::string inside, envelope_of(text));
  TRY(const json::Value envelope, json::parse(inside));
  TRY(const SecretPayload plain, decrypt(envelope, passphrase));
  TRY(SecretScalar secret, share_in(prefix_of(text), plain));
  TRY(const Point pubkey, Point::base_times(secret));
  const auto member = std::ranges::find(group.members(), pubkey, &GroupMember::pubkey);
  if (member == group.members().end())
    return fail(Errc::kNotFound, "the group has no member with this share",
                "the package belongs to another group");
  return SecretShare{member->idx, std::move(secret)};
}

}  // namespace frostr
