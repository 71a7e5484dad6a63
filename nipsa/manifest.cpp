// Manifests written strictly and read liberally.
#include "nipsa/manifest.h"

#include <algorithm>

namespace nipsa {
namespace {

constexpr std::string_view kTopic = "agent-skill";
constexpr std::size_t kMaxText = 1'024;   // name, description
constexpr std::size_t kMaxTopics = 32;

Result<std::string> needed(const nostr::Tags& tags, std::string_view name) {
  TRY(const auto value, required_tag(tags, name));
  if (value.empty()) return fail(Code::kTagMissing, name);
  if (value.size() > kMaxText) return fail(Code::kSize, std::string(name) + " is over 1024 bytes");
  return std::string(value);
}

/// A hash of a wrong form says the wrong hash, so it is E_HASH and not E_HEX.
Result<nostr::Sha256> needed_hash(const nostr::Tags& tags) {
  TRY(const auto text, required_tag(tags, "manifest_hash"));
  const auto hash = parse_hash(text, "manifest_hash");
  if (!hash) return fail(Code::kHash, "manifest_hash is not 64 lower-case hex characters");
  return *hash;
}

Result<void> check_texts(const Manifest& m) {
  if (!is_slug(m.slug)) return fail(Code::kTagBad, "d is not [a-z0-9][a-z0-9._-]{0,63}");
  for (const auto& [name, text] : {std::pair{"name", &m.name}, {"description", &m.description}}) {
    if (text->empty()) return fail(Code::kTagMissing, name);
    if (text->size() > kMaxText) return fail(Code::kSize, std::string(name) + " is over 1024 bytes");
  }
  TRY(parse_semver(m.version));
  return {};
}

Result<void> read_topics(const nostr::Tags& tags, Manifest& out) {
  out.discoverable = false;
  for (const auto value : nostr::tag_values(tags, "t")) {
    if (value == kTopic) out.discoverable = true;
    else if (out.topics.size() < kMaxTopics) out.topics.emplace_back(value);
  }
  return {};
}

Result<void> read_author(const nostr::Tags& tags, Manifest& out) {
  const nostr::Tag* tag = nostr::find_tag(tags, "p");
  if (tag == nullptr) return {};
  TRY(out.author, parse_key((*tag)[1], "p"));
  if (tag->size() > 2) out.author_relay = (*tag)[2];
  return {};
}

}  // namespace

bool is_slug(std::string_view text) {
  constexpr std::string_view kRest = "abcdefghijklmnopqrstuvwxyz0123456789._-";
  return !text.empty() && text.size() <= 64 && kRest.substr(0, 36).find(text[0]) != kRest.npos &&
         text.find_first_not_of(kRest) == text.npos;
}

Result<nostr::Draft> build_manifest(const Manifest& m, const std::vector<SkillFile>& files,
                                    UnixTime at) {
  TRY(check_texts(m));
  TRY(const nostr::Sha256 hash, skill_hash(files));
  if (m.expires <= at || base::to_unix(m.expires) > kMaxTime)
    return fail(Code::kNum, "expiry is not after created_at");
  TRY(const Capabilities capabilities, normal_capabilities(m.capabilities));
  nostr::Draft draft{
      .kind = kinds::kSkillManifest, .created_at = at, .tags = {{"d", m.slug}}, .content = m.note};
  auto& tags = draft.tags;
  tags.push_back({"name", m.name});
  tags.push_back({"version", m.version});
  tags.push_back({"description", m.description});
  tags.push_back({"manifest_hash", hash.hex()});
  if (is_bundle(files)) tags.push_back({"bundle", "v1"});
  for (const auto& name : capabilities) tags.push_back({"capability", name});
  if (capabilities.empty()) tags.push_back({"capability", "none"});
  tags.push_back(time_tag("expiry", m.expires));
  tags.push_back({"t", std::string(kTopic)});
  for (const auto& topic : m.topics) tags.push_back({"t", topic});
  if (m.author) tags.push_back({"p", m.author->hex(), m.author_relay});
  tags.push_back({"skill_scope_id", m.scope()});
  if (m.previous) tags.push_back({"v", m.previous->hex()});
  return checked(std::move(draft));
}

Result<Manifest> parse_manifest(const nostr::Event& event) {
  TRY(check_shape(event, kinds::kSkillManifest));
  const auto& tags = event.tags;
  Manifest out;
  out.publisher = event.pubkey;
  TRY(out.slug, needed(tags, "d"));
  if (out.slug.size() > kMaxD) return fail(Code::kSize, "d is over 255 bytes");
  TRY(out.name, needed(tags, "name"));
  TRY(out.version, needed(tags, "version"));
  TRY(parse_semver(out.version));
  TRY(out.description, needed(tags, "description"));
  TRY(out.hash, needed_hash(tags));
  out.bundle = text_tag(tags, "bundle") == "v1";
  std::vector<std::string> names;
  for (const auto value : nostr::tag_values(tags, "capability")) names.emplace_back(value);
  TRY(out.capabilities, normal_capabilities(names));
  TRY(const auto expiry, required_tag(tags, "expiry"));
  TRY(out.expires, parse_time(expiry, "expiry"));
  if (out.expires <= event.created_at) return fail(Code::kNum, "expiry is not after created_at");
  TRY(read_author(tags, out));
  TRY(read_topics(tags, out));
  TRY(out.previous, optional_id(tags, "v"));
  out.stated_scope = text_tag(tags, "skill_scope_id");
  out.note = event.content;
  return out;
}

}  // namespace nipsa
