// Sealing and opening the body of a licence.
#include "orchestration/marketplace/handover.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "nipsa/error.h"
#include "nostr/crypto/cipher.h"

namespace orchestration {
namespace {

using base::Errc;
using base::fail;
using base::Result;

nipsa::Licence licence_of(const nipsa::Manifest& manifest, const nostr::Event& event,
                          const LicenceGrant& grant, base::UnixTime now) {
  const nipsa::LicenceTerms& terms = grant.terms;
  nipsa::Licence out;
  out.agent = grant.agent;
  out.skill = manifest.address();
  out.skill_name = manifest.name;
  out.manifest = event.id;
  out.version = manifest.version;
  out.manifest_hash = manifest.hash;
  out.licensed_at = now;
  if (terms.lasts) out.expires = now + *terms.lasts;
  out.type = terms.type;
  out.max_uses = terms.max_uses;
  out.max_per_day = terms.max_per_day;
  out.capabilities = manifest.capabilities;
  if (grant.payment_hash) out.payment.hash = grant.payment_hash->hex();
  out.price = grant.price;
  return out;
}

constexpr std::string_view kBlobAlg = "aes-256-gcm";
constexpr std::size_t kBlobKey = 32;
constexpr std::size_t kBlobNonce = 12;

/// A long body, encrypted with a key of its own; what the delivery carries instead is that key.
struct SealedBody {
  nipsa::Blob blob;
  base::Bytes ciphertext;
  std::string key_json;
};

SealedBody seal_body(std::string_view body, const std::string& blobs_at, base::Rng& rng) {
  std::array<std::uint8_t, kBlobKey> key{};
  std::array<std::uint8_t, kBlobNonce> nonce{};
  rng.fill(key);
  rng.fill(nonce);
  SealedBody out;
  out.ciphertext = nostr::aes256_gcm_encrypt(key, nonce, base::as_bytes(body));
  out.blob.sha256 = nostr::sha256(out.ciphertext);
  out.blob.size = out.ciphertext.size();
  out.blob.alg = kBlobAlg;
  out.blob.url = blobs_at + (blobs_at.ends_with('/') ? "" : "/") + out.blob.sha256.hex();
  out.key_json = base::json::dump({{"key", base::hex_encode(key)}, {"nonce", base::hex_encode(nonce)}});
  base::wipe(key);
  return out;
}

/// The body of a blob, with the key that the delivery carries.
Result<std::string> open_body(const nipsa::Blob& blob, std::string_view key_json, base::ByteView bytes) {
  if (blob.alg != kBlobAlg)
    return fail(Errc::kUnsupported, "the body is encrypted in a way this program does not know");
  TRY(check_blob(blob, bytes));
  TRY(const auto keys, nipsa::parse_object(key_json));
  auto key = base::hex_decode(base::json::string_or(keys, "key"));
  const auto nonce = base::hex_decode(base::json::string_or(keys, "nonce"));
  if (!key || key->size() != kBlobKey || !nonce || nonce->size() != kBlobNonce)
    return nipsa::fail(nipsa::Code::kCrypto, "the delivery carries no key for its body");
  auto body = nostr::aes256_gcm_decrypt(*key, *nonce, bytes);
  base::wipe(*key);
  if (!body) return std::unexpected(std::move(body).error());
  std::string out(base::as_text(*body));
  base::wipe(*body);
  return out;
}

}  // namespace

Result<Handover> hand_over(const SkillPackage& package, const nostr::Event& manifest_event,
                           const LicenceGrant& grant, const nostr::PublicKey& issuer,
                           const nostr::SecretKey& provider, base::UnixTime now, base::Rng& rng) {
  TRY(nipsa::check_terms(grant.terms));
  TRY(const nipsa::Manifest manifest, nipsa::parse_manifest(manifest_event));
  const nostr::PublicKey& agent = grant.agent;
  if (package.hash != manifest.hash)
    return fail(Errc::kConflict, "the folder is not what was published any more",
                "publish it again as a new version");
  std::string body = pack(package);
  if (body.size() > nipsa::kInlineMax && grant.blobs_at.empty())
    return fail(Errc::kLimit,
                fmt::format("the skill is {} bytes; {} fit into a delivery", body.size(),
                            nipsa::kInlineMax),
                "say where longer ones lie: --blobs-at URL");
  std::optional<SealedBody> sealed;
  if (body.size() > nipsa::kInlineMax) {
    sealed = seal_body(body, grant.blobs_at, rng);
    base::wipe(body);
    body = sealed->key_json;
  }
  const nostr::SecretKey content = nostr::SecretKey::generate(rng);
  TRY(const nostr::ConversationKey key, nostr::nip44_conversation_key(content, agent));
  TRY(std::string payload, nostr::nip44_encrypt(key, body, rng));
  base::wipe(body);

  Handover out;
  out.licence = licence_of(manifest, manifest_event, grant, now);
  out.licence.id = grant.id.empty() ? rng.hex(16) : grant.id;
  out.licence.issuer = issuer;
  out.licence.provider = provider.public_key();
  out.licence.content_key = content.public_key();
  TRY(out.licence_draft, nipsa::build_licence(out.licence, now));

  nipsa::Delivery delivery;
  delivery.d = rng.hex(16);
  delivery.agent = agent;
  delivery.skill = manifest.address();
  delivery.manifest_id = manifest_event.id;
  delivery.manifest = manifest_event;
  delivery.version = manifest.version;
  delivery.licence = out.licence.address();
  delivery.content_key = content.public_key();
  delivery.payload = std::move(payload);
  delivery.content_type = package.content_type();
  delivery.content_hash = manifest.hash;
  if (provider.public_key() == manifest.publisher)
    delivery.signature = provider.sign(
        nipsa::delivery_digest(manifest.address(), manifest_event.id, manifest.version,
                               manifest.hash, agent, content.public_key()),
        rng);
  if (sealed) {
    delivery.blob = sealed->blob;
    out.blob = std::move(sealed->ciphertext);
  }
  TRY(out.delivery, nipsa::build_delivery(delivery, now));
  return out;
}

Result<nostr::Draft> revoked_licence(const nostr::Event& licence, base::UnixTime now) {
  TRY(nipsa::Licence read, nipsa::parse_licence(licence));
  TRY(const base::UnixTime at, nipsa::next_created_at(now, licence.created_at));
  read.revoked = true;
  read.expires = std::min(read.expires.value_or(at), at);
  return nipsa::build_licence(read, at);
}

Result<void> check_blob(const nipsa::Blob& blob, base::ByteView bytes) {
  if (bytes.size() != blob.size)
    return nipsa::fail(nipsa::Code::kSize, "what lies at the delivery's address is of another size");
  if (nostr::sha256(bytes) != blob.sha256)
    return nipsa::fail(nipsa::Code::kHash, "what lies at the delivery's address is something else");
  return {};
}

Result<SkillPackage> open_delivery(const nipsa::Delivery& delivery, const nipsa::Manifest& manifest,
                                   const nostr::ConversationKey& key, base::ByteView blob) {
  TRY(std::string body, nostr::nip44_decrypt(key, delivery.payload));
  if (delivery.blob) {
    auto opened = open_body(*delivery.blob, body, blob);
    base::wipe(body);
    if (!opened) return std::unexpected(std::move(opened).error());
    body = *std::move(opened);
  }
  auto package = unpack(body, delivery.content_type);
  base::wipe(body);
  if (!package) return std::unexpected(std::move(package).error());
  if (package->hash != manifest.hash)
    return nipsa::fail(nipsa::Code::kHash, "the body is not the one the manifest names");
  return package;
}

}  // namespace orchestration
