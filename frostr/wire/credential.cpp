// Plain packages: fixed layouts behind a bech32m checksum.
#include "frostr/wire/credential.h"

#include <algorithm>

#include "frostr/wire/payload.h"
#include "nostr/base/bech32.h"
#include "nostr/base/result.h"

namespace frostr {

using base::Bech32Variant;
using base::Bytes;
using base::Errc;
using base::fail;

namespace {

constexpr std::size_t kMemberBytes = 37;         // idx 4, pubkey 33
constexpr std::size_t kLegacyMemberBytes = 103;  // and two nonce points
constexpr std::size_t kShareBytes = 36;          // idx 4, secret 32
constexpr std::size_t kLegacyShareBytes = 100;   // and two secret nonces
constexpr std::size_t kMaxRelays = 100;
constexpr std::size_t kMaxRelayBytes = 512;

constexpr std::string_view kLegacyWarning =
    "this is a bifrost 1.x package: its fixed nonces let members recover the key once it has "
    "signed; "
    "treat the key as known to every member and to everyone who held the group package";

void append(Bytes& out, ByteView bytes) {
  out.insert(out.end(), bytes.begin(), bytes.end());
}

void append_be(Bytes& out, std::uint32_t value, unsigned bytes) {
  while (bytes-- > 0) out.push_back(static_cast<std::uint8_t>(value >> (8 * bytes)));
}

std::uint32_t read_be(ByteView bytes) {
  std::uint32_t out = 0;
  for (const std::uint8_t byte : bytes) out = out << 8 | byte;
  return out;
}

Result<GroupPackage> read_group(ByteView payload, std::size_t member_bytes) {
  TRY(const Point group_pk, Point::from_bytes(payload.first(33)));
  const std::uint32_t threshold = read_be(payload.subspan(33, 4));
  std::vector<GroupMember> members;
  for (ByteView rest = payload.subspan(37); !rest.empty(); rest = rest.subspan(member_bytes)) {
    TRY(const Point pubkey, Point::from_bytes(rest.subspan(4, 33)));
    members.push_back({ShareIndex{read_be(rest.first(4))}, pubkey});
  }
  TRY(GroupPackage group, GroupPackage::create(group_pk, threshold, std::move(members)));
  TRY(group.check_consistency());
  return group;
}

// 37 entries of the old form are as long as 103 of the new one; only one of the readings is a
// group.
Result<GroupCredential> read_either_group(ByteView payload) {
  const std::size_t rest = payload.size() - 37;
  if (rest / kMemberBytes > kMaxGroupMembers && rest / kLegacyMemberBytes > kMaxGroupMembers)
    return fail(Errc::kInvalid,
                "group package has more than " + std::to_string(kMaxGroupMembers) + " members");
  auto current =
      rest % kMemberBytes == 0
          ? read_group(payload, kMemberBytes)
          : Result<GroupPackage>(fail(Errc::kInvalid, "group package has a wrong length"));
  if (current) return GroupCredential{*std::move(current), {}};
  if (rest % kLegacyMemberBytes == 0) {
    auto legacy = read_group(payload, kLegacyMemberBytes);
    if (legacy) return GroupCredential{*std::move(legacy), std::string(kLegacyWarning)};
    if (rest % kMemberBytes != 0) return std::unexpected(std::move(legacy).error());
  }
  return std::unexpected(std::move(current).error());
}

void append_share(Bytes& out, const SecretShare& share) {
  append_be(out, share.idx.value, 4);
  append(out, share.secret.expose());
}

Result<SecretShare> read_share(ByteView payload) {
  const ShareIndex idx{read_be(payload.first(4))};
  if (idx.value == 0) return fail(Errc::kInvalid, "share index is zero");
  TRY(SecretScalar secret, SecretScalar::from_bytes(payload.subspan<4, 32>()));
  return SecretShare{idx, std::move(secret)};
}

Result<std::vector<std::string>> read_relays(ByteView rest) {
  const std::size_t count = read_be(rest.first(2));
  rest = rest.subspan(2);
  if (count > kMaxRelays)
    return fail(Errc::kInvalid, "onboarding package lists " + std::to_string(count) +
                                    " relays, limit is " + std::to_string(kMaxRelays));
  std::vector<std::string> out;
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t size = rest.size() < 2 ? 0 : read_be(rest.first(2));
    if (rest.size() < 2 || size > rest.size() - 2 || size > kMaxRelayBytes)
      return fail(Errc::kInvalid, "onboarding package has a cut or over-long relay");
    out.emplace_back(base::as_text(rest.subspan(2, size)));
    rest = rest.subspan(2 + size);
  }
  if (!rest.empty()) return fail(Errc::kInvalid, "onboarding package has trailing bytes");
  return out;
}

}  // namespace

// --- SecretText --------------------------------------------------------------------------------

SecretText::SecretText(SecretText&& other) noexcept : text_(other.text_) {
  base::wipe(other.text_);
}

SecretText& SecretText::operator=(SecretText&& other) noexcept {
  if (this != &other) {
    base::wipe(text_);
    text_ = other.text_;
    base::wipe(other.text_);
  }
  return *this;
}

SecretText::~SecretText() {
  base::wipe(text_);
}

// --- payloads ----------------------------------------------------------------------------------

SecretPayload::~SecretPayload() {
  base::wipe(bytes);
}

Result<SecretPayload> decode_package(std::string_view text, std::string_view hrp) {
  constexpr std::string_view kSpace = " \t\r\n";
  const std::size_t first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return fail(Errc::kInvalid, "package is empty");
  text = text.substr(first, text.find_last_not_of(kSpace) - first + 1);
  auto decoded = base::bech32_decode(text, kMaxPackageChars);
  if (!decoded) return std::unexpected(base::in_context(hrp, std::move(decoded).error()));
  SecretPayload payload(std::move(decoded->data));
  if (decoded->variant != Bech32Variant::kBech32m)
    return fail(Errc::kInvalid,
                std::string(hrp) + " package has a bech32 checksum, expected bech32m");
  if (decoded->hrp != hrp) {
    const bool encrypted = decoded->hrp == kEncryptedShareHrp;
    return fail(Errc::kInvalid, "package is not a " + std::string(hrp),
                encrypted ? "it is an encrypted share: give its passphrase file" : "");
  }
  return payload;
}

SecretPayload share_payload(const SecretShare& share) {
  Bytes out;
  out.reserve(kShareBytes);
  append_share(out, share);
  return SecretPayload(std::move(out));
}

Result<SecretShare> share_from_payload(ByteView payload) {
  if (payload.size() != kShareBytes)
    return fail(Errc::kInvalid, "share payload is " + std::to_string(payload.size()) + " bytes");
  return read_share(payload);
}

// --- packages ----------------------------------------------------------------------------------

std::string encode_group(const GroupPackage& group) {
  Bytes payload;
  append(payload, group.group_pk().view());
  append_be(payload, group.threshold(), 4);
  for (const GroupMember& member : group.members()) {
    append_be(payload, member.idx.value, 4);
    append(payload, member.pubkey.view());
  }
  return base::bech32_encode("bfgroup", payload, Bech32Variant::kBech32m);
}

Result<GroupCredential> decode_group(std::string_view text) {
  TRY(const SecretPayload payload, decode_package(text, "bfgroup"));
  if (payload.bytes.size() < 37 + kMemberBytes) return fail(Errc::kInvalid, "group package is cut");
  return read_either_group(payload.bytes);
}

SecretText encode_share(const SecretShare& share) {
  return SecretText(
      base::bech32_encode("bfshare", share_payload(share).bytes, Bech32Variant::kBech32m));
}

Result<ShareCredential> decode_share(std::string_view text) {
  TRY(const SecretPayload payload, decode_package(text, "bfshare"));
  const ByteView bytes(payload.bytes);
  const bool legacy = bytes.size() == kLegacyShareBytes;
  if (!legacy && bytes.size() != kShareBytes)
    return fail(Errc::kInvalid,
                "share package is " + std::to_string(bytes.size()) + " bytes, expected 36 or 100");
  TRY(SecretShare share, read_share(bytes));
  return ShareCredential{std::move(share), legacy ? std::string(kLegacyWarning) : std::string()};
}

Result<SecretText> encode_onboard(const OnboardCredential& onboard) {
  if (onboard.relays.size() > kMaxRelays)
    return fail(Errc::kInvalid, "more than " + std::to_string(kMaxRelays) + " relays");
  std::size_t size = kShareBytes + 34;
  for (const std::string& relay : onboard.relays) {
    if (relay.size() > kMaxRelayBytes)
      return fail(Errc::kInvalid,
                  "relay is longer than " + std::to_string(kMaxRelayBytes) + " bytes");
    size += 2 + relay.size();
  }
  Bytes out;
  out.reserve(size);  // no reallocation may leave a copy of the share behind
  append_share(out, onboard.share);
  append(out, onboard.peer.view());
  append_be(out, static_cast<std::uint32_t>(onboard.relays.size()), 2);
  for (const std::string& relay : onboard.relays) {
    append_be(out, static_cast<std::uint32_t>(relay.size()), 2);
    append(out, base::as_bytes(relay));
  }
  const SecretPayload payload(std::move(out));
  return SecretText(base::bech32_encode("bfonboard", payload.bytes, Bech32Variant::kBech32m));
}

Result<OnboardCredential> decode_onboard(std::string_view text) {
  TRY(const SecretPayload payload, decode_package(text, "bfonboard"));
  const ByteView bytes(payload.bytes);
  if (bytes.size() < kShareBytes + 34) return fail(Errc::kInvalid, "onboarding package is cut");
  TRY(SecretShare share, read_share(bytes));
  TRY(const auto peer, nostr::PublicKey::from_bytes(bytes.subspan(kShareBytes, 32)));
  TRY(std::vector<std::string> relays, read_relays(bytes.subspan(kShareBytes + 32)));
  return OnboardCredential{std::move(share), peer, std::move(relays)};
}

}  // namespace frostr
