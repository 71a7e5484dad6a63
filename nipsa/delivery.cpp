// Deliveries: JSON inside a rumor.
#include "nipsa/delivery.h"

#include "nostr/event/event_json.h"
#include "nostr/nips/nip44.h"

namespace nipsa {
namespace {

constexpr std::string_view kDigestTag = "nip-skl:delivery:v1";
constexpr std::size_t kMaxUrl = 1'024;
constexpr std::size_t kMaxEmbedded = 65'536;

Json blob_json(const Blob& blob) {
  return {{"url", blob.url}, {"sha256", blob.sha256.hex()}, {"size", blob.size}, {"alg", blob.alg}};
}

Result<std::optional<Blob>> read_blob(const Json& content) {
  const auto found = content.find("blob");
  if (found == content.end() || found->is_null()) return std::optional<Blob>();
  Blob out;
  const auto url = base::json::get_string(*found, "url");
  const auto size = base::json::get_int(*found, "size");
  if (!url || !size) return fail(Code::kJson, "blob needs url, sha256 and size");
  out.url = *url;
  if (!out.url.starts_with("https://") && !out.url.starts_with("http://"))
    return fail(Code::kJson, "blob.url is no web address");
  if (out.url.size() > kMaxUrl) return fail(Code::kSize, "blob.url is over 1024 bytes");
  TRY(out.sha256, parse_hash(base::json::string_or(*found, "sha256"), "blob.sha256"));
  if (*size <= 0 || static_cast<std::uint64_t>(*size) > 2 * kBodyMax)
    return fail(Code::kSize, "blob.size is out of bounds");
  out.size = static_cast<std::uint64_t>(*size);
  out.alg = base::json::string_or(*found, "alg");
  return std::optional<Blob>(std::move(out));
}

template <class T>
Result<std::optional<T>> member(const Json& content, const char* name,
                                Result<T> (*parse)(std::string_view, std::string_view)) {
  const std::string text = base::json::string_or(content, name);
  if (text.empty()) return std::optional<T>();
  TRY(const T value, parse(text, name));
  return std::optional<T>(value);
}

Result<std::optional<nostr::Address>> address_member(const Json& content, const char* name) {
  const std::string text = base::json::string_or(content, name);
  if (text.empty()) return std::optional<nostr::Address>();
  TRY(auto address, parse_coordinate(text));
  return std::optional<nostr::Address>(std::move(address));
}

Result<std::optional<nostr::Event>> read_manifest(const Json& content) {
  const auto found = content.find("manifest");
  if (found == content.end() || !found->is_object()) return std::optional<nostr::Event>();
  const std::string text = base::json::dump(*found);
  if (text.size() > kMaxEmbedded) return fail(Code::kSize, "the manifest inside is over 64 KiB");
  auto event = nostr::parse_event(text);
  if (!event) return fail(Code::kJson, "the manifest inside is no event");
  return std::optional<nostr::Event>(*std::move(event));
}

/// The tags of the older dialect stand in for what content does not say.
void fill_from_tags(const nostr::Tags& tags, Delivery& out) {
  if (!out.skill)
    if (const auto a = parse_coordinate(text_tag(tags, "a"))) out.skill = *a;
  if (out.skill_id.empty()) out.skill_id = text_tag(tags, "skill");
  if (out.content_type.empty()) out.content_type = text_tag(tags, "type");
  if (!out.content_hash)
    if (const auto hash = parse_hash(text_tag(tags, "hash"), "hash")) out.content_hash = *hash;
  if (!out.licence)
    if (const auto licence = parse_coordinate(text_tag(tags, "license"))) out.licence = *licence;
}

Result<nostr::Signature> parse_signature(std::string_view text, std::string_view what) {
  auto signature = nostr::Signature::from_hex(text);
  if (!signature) return fail(Code::kHex, std::string(what) + " is no signature");
  return *signature;
}

}  // namespace

nostr::Sha256 delivery_digest(const nostr::Address& skill, const nostr::EventId& manifest,
                              std::string_view version, const nostr::Sha256& hash,
                              const nostr::PublicKey& agent, const nostr::PublicKey& content_key) {
  nostr::Sha256Hasher lines;
  lines.update(kDigestTag);
  for (const std::string& line : {skill.str(), manifest.hex(), std::string(version), hash.hex(),
                                  agent.hex(), content_key.hex()})
    lines.update("\n").update(line);
  return lines.finish();
}

bool may_wrap_delivery(nostr::Kind kind) {
  return kind == nostr::kinds::kGiftWrap || kind == kFleetingWrap || kind == kinds::kSkillDelivery;
}

Result<nostr::Rumor> unwrap_delivery(const nostr::Event& outer, const nostr::SecretKey& self) {
  if (!may_wrap_delivery(outer.kind)) return fail(Code::kKind, "this is no wrap of a delivery");
  if (const auto ok = nostr::check(outer); !ok) return fail(Code::kSig, ok.error().detail);
  const auto opened = [&](const nostr::PublicKey& from, const std::string& payload) -> Result<std::string> {
    TRY(const auto key, nostr::nip44_conversation_key(self, from));
    return nostr::nip44_decrypt(key, payload);
  };
  const auto seal_json = opened(outer.pubkey, outer.content);
  if (!seal_json) return fail(Code::kCrypto, seal_json.error().detail);
  const auto seal = nostr::parse_seal(*seal_json);
  if (!seal) return fail(Code::kSig, seal.error().detail);
  const auto rumor_json = opened(seal->pubkey, seal->content);
  if (!rumor_json) return fail(Code::kCrypto, rumor_json.error().detail);
  auto rumor = nostr::parse_rumor(*rumor_json, seal->pubkey);
  if (!rumor)
    return fail(rumor.error().code == base::Errc::kCrypto ? Code::kSigner : Code::kJson, rumor.error().detail);
  return *std::move(rumor);
}

Result<nostr::Draft> build_delivery(const Delivery& x, UnixTime at) {
  if (!x.skill || !x.manifest || !x.manifest_id || !x.licence || !x.content_key || !x.content_hash ||
      x.payload.empty() || x.content_type.empty())
    return fail(Code::kTagMissing, "a delivery names skill, manifest, licence, key, type and hash");
  TRY(Json manifest, parse_json(nostr::to_json(*x.manifest)));
  Json content = {{"skill_address", x.skill->str()},
                  {"skill_id", x.skill->d},
                  {"manifest_event_id", x.manifest_id->hex()},
                  {"manifest", std::move(manifest)},
                  {"version", x.version},
                  {"license", x.licence->str()},
                  {"content_pubkey", x.content_key->hex()},
                  {"content", x.payload},
                  {"content_type", x.content_type},
                  {"content_hash", x.content_hash->hex()}};
  if (x.blob) content["blob"] = blob_json(*x.blob);
  if (x.signature) content["signature"] = x.signature->hex();
  nostr::Draft draft{.kind = kinds::kSkillDelivery,
                     .created_at = at,
                     .tags = {{"d", x.d},
                              {"p", x.agent.hex()},
                              {"a", x.skill->str()},
                              {"e", x.manifest_id->hex()},
                              {"type", x.content_type},
                              {"hash", x.content_hash->hex()}},
                     .content = base::json::dump(content)};
  return checked(std::move(draft));
}

Result<Delivery> parse_delivery(const nostr::UnsignedEvent& event) {
  if (event.kind != kinds::kSkillDelivery) return fail(Code::kKind, "this is no delivery");
  if (event.tags.size() > kMaxTags) return fail(Code::kSize, "over 200 tags");
  TRY(const Json content, parse_object(event.content));
  Delivery out;
  out.d = text_tag(event.tags, "d");
  TRY(out.agent, required_key(event.tags, "p"));
  TRY(out.skill, address_member(content, "skill_address"));
  out.skill_id = base::json::string_or(content, "skill_id");
  TRY(out.manifest_id, member(content, "manifest_event_id", parse_id));
  TRY(out.manifest, read_manifest(content));
  out.version = base::json::string_or(content, "version");
  TRY(out.licence, address_member(content, "license"));
  TRY(out.content_key, member(content, "content_pubkey", parse_key));
  out.payload = base::json::string_or(content, "content");
  TRY(out.blob, read_blob(content));
  out.content_type = base::json::string_or(content, "content_type");
  TRY(out.content_hash, member(content, "content_hash", parse_hash));
  TRY(out.signature, member(content, "signature", parse_signature));
  fill_from_tags(event.tags, out);
  if (!out.skill && out.skill_id.empty()) return fail(Code::kKind, "this is no delivery of a skill");
  if (out.payload.empty()) return fail(Code::kJson, "the delivery is empty");
  return out;
}

Result<Manifest> check_delivery(const Delivery& x, const nostr::PublicKey& author,
                                const Licence& licence) {
  if (x.agent != licence.agent) return fail(Code::kAuthz, "the delivery is for another agent");
  if (!x.manifest) return fail(Code::kRef, "the delivery brings no manifest");
  if (!nostr::check(*x.manifest)) return fail(Code::kHash, "the manifest inside is not signed");
  TRY(Manifest manifest, parse_manifest(*x.manifest));
  if (author != licence.provider && author != manifest.publisher)
    return fail(Code::kSigner, "the delivery is by neither the licence's provider nor the publisher");
  if (x.manifest_id != x.manifest->id) return fail(Code::kRef, "the manifest inside is another");
  if (x.skill != manifest.address()) return fail(Code::kRef, "the delivery is of another skill");
  if (x.version != manifest.version) return fail(Code::kRef, "the delivery is of another version");
  TRY(check_licence_covers(licence, *x.manifest, manifest));
  if (x.licence != licence.address()) return fail(Code::kRef, "the delivery is for another licence");
  if (!x.content_key || x.content_key != licence.content_key)
    return fail(Code::kRef, "the delivery is encrypted to another key than the licence's");
  if (x.content_hash && *x.content_hash != manifest.hash)
    return fail(Code::kHash, "the delivery declares another hash than the manifest");
  if (x.signature) {
    const nostr::Sha256 digest = delivery_digest(manifest.address(), x.manifest->id, x.version,
                                                 manifest.hash, x.agent, *x.content_key);
    if (!nostr::verify(manifest.publisher, digest, *x.signature))
      return fail(Code::kSig, "the publisher did not sign this delivery");
  }
  return manifest;
}

}  // namespace nipsa
