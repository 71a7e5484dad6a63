// Hellos and batch digests: canonical bytes, signatures, JSON.
#include "frostr/wire/hello.h"

#include "nostr/base/bytes.h"

namespace frostr {

namespace json = base::json;

namespace {

constexpr std::size_t kBootChars = 16;
constexpr std::uint64_t kMaxLife = (std::uint64_t{1} << 53) - 1;  // what JSON numbers carry

void append(base::Bytes& out, base::ByteView bytes) {
  out.insert(out.end(), bytes.begin(), bytes.end());
}

void append_be(base::Bytes& out, std::uint64_t value, unsigned bytes) {
  while (bytes-- > 0) out.push_back(static_cast<std::uint8_t>(value >> (8 * bytes)));
}

// Every part has a fixed length, so no two contents share their bytes.
nostr::Sha256 hello_digest(const Hello& hello, const GroupId& group) {
  base::Bytes bytes;
  append(bytes, group.view());
  append_be(bytes, hello.member.value, 4);
  append(bytes, hello.key.view());
  append(bytes, base::as_bytes(hello.boot));
  append_be(bytes, hello.life, 8);
  return nostr::tagged_hash("sovereign/frostr/hello", bytes);
}

bool is_boot(std::string_view text) {
  return text.size() == kBootChars &&
         text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

}  // namespace

Hello make_hello(const GroupPackage& group, ShareIndex member, const nostr::SecretKey& share,
                 const nostr::SecretKey& transport, std::string boot, std::uint64_t life,
                 base::Rng& rng) {
  CHECK(is_boot(boot) && life <= kMaxLife);
  Hello hello{member, transport.public_key(), std::move(boot), life, {}, {}};
  const nostr::Sha256 digest = hello_digest(hello, group.id());
  hello.voucher = share.sign(digest, rng);
  hello.proof = transport.sign(digest, rng);
  return hello;
}

bool is_genuine(const Hello& hello, const GroupPackage& group) {
  const GroupMember* member = group.find(hello.member);
  if (member == nullptr || group.find(hello.key) != nullptr || !is_boot(hello.boot) ||
      hello.life > kMaxLife)
    return false;
  const nostr::Sha256 digest = hello_digest(hello, group.id());
  return nostr::verify(member->identity(), digest, hello.voucher) &&
         nostr::verify(hello.key, digest, hello.proof);
}

json::Value to_json(const Hello& hello) {
  return {{"v", 1},
          {"idx", hello.member.value},
          {"key", hello.key.hex()},
          {"boot", hello.boot},
          {"life", hello.life},
          {"voucher", hello.voucher.hex()},
          {"proof", hello.proof.hex()}};
}

std::optional<Hello> read_hello(const json::Value& object) {
  if (!object.is_object() || json::int_or(object, "v") != 1) return std::nullopt;
  const std::int64_t member = json::int_or(object, "idx");
  const std::int64_t life = json::int_or(object, "life", -1);
  const auto key = nostr::PublicKey::from_hex(json::string_or(object, "key"));
  const auto voucher = nostr::Signature::from_hex(json::string_or(object, "voucher"));
  const auto proof = nostr::Signature::from_hex(json::string_or(object, "proof"));
  std::string boot = json::string_or(object, "boot");
  if (member < 1 || member > UINT32_MAX || life < 0 || !key || !voucher || !proof || !is_boot(boot))
    return std::nullopt;
  return Hello{ShareIndex{static_cast<std::uint32_t>(member)},
               *key,
               std::move(boot),
               static_cast<std::uint64_t>(life),
               *voucher,
               *proof};
}

nostr::Sha256 batch_digest(const GroupId& group, ShareIndex from, ShareIndex to,
                           std::string_view boot, std::span<const WireNonce> nonces) {
  base::Bytes bytes;
  append(bytes, group.view());
  append_be(bytes, from.value, 4);
  append_be(bytes, to.value, 4);
  append_be(bytes, boot.size(), 1);
  append(bytes, base::as_bytes(boot));
  for (const WireNonce& nonce : nonces) {
    append(bytes, nonce.code.view());
    append(bytes, nonce.commitment.hiding.view());
    append(bytes, nonce.commitment.binding.view());
  }
  return nostr::tagged_hash("sovereign/frostr/nonces", bytes);
}

}  // namespace frostr
