// Sealing and opening the body of a licence.
#include "orchestration/marketplace/handover.h"

#include <algorithm>

#include <fmt/format.h>

#include "nipsa/error.h"

namespace orchestration {
namespace {

using base::Errc;
using base::fail;
using base::Result;

nipsa::Licence licence_of(const nipsa::Manifest& manifest, const nostr::Event& event,
                          const nostr::PublicKey& agent, const LicenceTerms& terms,
                          base::UnixTime now) {
  nipsa::Licence out;
  out.agent = agent;
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
  return out;
}

}  // namespace

Result<Handover> hand_over(const SkillPackage& package, const nostr::Event& manifest_event,
                           const nostr::PublicKey& agent, const LicenceTerms& terms,
                           const nostr::SecretKey& issuer, base::UnixTime now, base::Rng& rng) {
  TRY(const nipsa::Manifest manifest, nipsa::parse_manifest(manifest_event));
  if (package.hash != manifest.hash)
    return fail(Errc::kConflict, "the folder is not what was published any more",
                "publish it again as a new version");
  std::string body = pack(package);
  if (body.size() > nipsa::kInlineMax)
    return fail(Errc::kLimit, fmt::format("the skill is {} bytes; {} fit into a delivery",
                                          body.size(), nipsa::kInlineMax));
  const nostr::SecretKey content = nostr::SecretKey::generate(rng);
  TRY(const nostr::ConversationKey key, nostr::nip44_conversation_key(content, agent));
  TRY(std::string payload, nostr::nip44_encrypt(key, body, rng));

  Handover out;
  out.licence = licence_of(manifest, manifest_event, agent, terms, now);
  out.licence.id = rng.hex(16);
  out.licence.issuer = issuer.public_key();
  out.licence.provider = issuer.public_key();
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
  if (issuer.public_key() == manifest.publisher)
    delivery.signature = issuer.sign(
        nipsa::delivery_digest(manifest.address(), manifest_event.id, manifest.version,
                               manifest.hash, agent, content.public_key()),
        rng);
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

Result<SkillPackage> open_delivery(const nipsa::Delivery& delivery, const nipsa::Manifest& manifest,
                                   const nostr::ConversationKey& key) {
  TRY(std::string body, nostr::nip44_decrypt(key, delivery.payload));
  auto package = unpack(body, delivery.content_type);
  base::wipe(body);
  if (!package) return std::unexpected(std::move(package).error());
  if (package->hash != manifest.hash)
    return nipsa::fail(nipsa::Code::kHash, "the body is not the one the manifest names");
  return package;
}

}  // namespace orchestration
