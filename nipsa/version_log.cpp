// Kind 33401: a log of versions at addresses of its own, because one slug-only address would hold one
// entry.
#include <algorithm>
#include <array>
#include <utility>

#include "nipsa/manifest.h"
#include "nostr/event/event_json.h"

namespace nipsa {
namespace {

constexpr std::array<std::string_view, 5> kChanges{"added", "changed", "fixed", "deprecated",
                                                   "security"};

/// By `a`, else by the last `d`, which is the slug in both dialects.
Result<std::string> slug_of(const nostr::Event& event) {
  for (const auto value : nostr::tag_values(event.tags, "a")) {
    const auto address = parse_coordinate(value);
    if (address && address->kind == kinds::kSkillManifest && address->pubkey == event.pubkey)
      return address->d;
  }
  const auto names = nostr::tag_values(event.tags, "d");
  if (names.empty() || names.back().empty()) return fail(Code::kTagMissing, "d");
  return std::string(names.back());
}

Result<std::optional<nostr::Event>> read_archived(const nostr::Tags& tags) {
  const auto text = nostr::tag_value(tags, "manifest_json");
  if (!text) return std::optional<nostr::Event>();
  auto event = nostr::parse_event(*text);
  if (!event || !nostr::check(*event)) return fail(Code::kRef, "manifest_json is no signed event");
  return std::optional<nostr::Event>(*std::move(event));
}

}  // namespace

std::string_view change_type_name(ChangeType type) {
  return kChanges[static_cast<std::size_t>(std::to_underlying(type))];
}

Result<ChangeType> parse_change_type(std::string_view text) {
  const auto found = std::ranges::find(kChanges, text);
  if (found == kChanges.end())
    return fail(Code::kEnum, "change_type is none of added, changed, fixed, deprecated, security");
  return static_cast<ChangeType>(found - kChanges.begin());
}

Result<nostr::Draft> build_version_entry(const nostr::Event& manifest_event, ChangeType change,
                                         std::string_view prev_version, UnixTime at,
                                         base::Rng& rng) {
  TRY(const Manifest manifest, parse_manifest(manifest_event));
  if (!prev_version.empty()) TRY(parse_semver(prev_version));
  nostr::Draft draft{.kind = kinds::kSkillVersion,
                     .created_at = at,
                     .tags = {{"d", manifest.slug + ":" + manifest.version + ":" + rng.hex(4)},
                              {"d", manifest.slug},
                              {"version", manifest.version}},
                     .content = manifest.note};
  auto& tags = draft.tags;
  if (!prev_version.empty()) tags.push_back({"prev_version", std::string(prev_version)});
  tags.push_back({"manifest_event", manifest_event.id.hex()});
  tags.push_back({"manifest_hash", manifest.hash.hex()});
  tags.push_back({"change_type", std::string(change_type_name(change))});
  tags.push_back({"a", manifest.address().str()});
  tags.push_back({"e", manifest_event.id.hex()});
  tags.push_back({"manifest_json", nostr::to_json(manifest_event)});
  return checked(std::move(draft), 2);
}

Result<VersionEntry> parse_version_entry(const nostr::Event& event) {
  TRY(check_shape(event, kinds::kSkillVersion));
  const auto& tags = event.tags;
  VersionEntry out;
  TRY(out.slug, slug_of(event));
  TRY(const auto version, required_tag(tags, "version"));
  TRY(parse_semver(version));
  out.version = version;
  out.prev_version = text_tag(tags, "prev_version");
  TRY(out.manifest, required_id(tags, "manifest_event"));
  TRY(const auto hash, required_tag(tags, "manifest_hash"));
  const auto read = parse_hash(hash, "manifest_hash");
  if (!read) return fail(Code::kHash, "manifest_hash is not 64 lower-case hex characters");
  out.hash = *read;
  TRY(const auto change, required_tag(tags, "change_type"));
  TRY(out.change, parse_change_type(change));
  TRY(out.archived, read_archived(tags));
  out.note = event.content;
  return out;
}

Result<void> check_version_entry(const VersionEntry& entry, const nostr::PublicKey& author,
                                 const nostr::Event& manifest_event, const Manifest& manifest) {
  if (author != manifest_event.pubkey)
    return fail(Code::kSigner, "the log entry is not by the publisher of its manifest");
  if (entry.manifest != manifest_event.id || entry.slug != manifest.slug ||
      entry.version != manifest.version || entry.hash != manifest.hash)
    return fail(Code::kRef, "the log entry names another manifest");
  return {};
}

Result<std::vector<VersionEntry>> order_log(std::vector<VersionEntry> entries) {
  std::vector<std::pair<Semver, VersionEntry>> sorted;
  for (VersionEntry& entry : entries) {
    TRY(Semver version, parse_semver(entry.version));
    sorted.emplace_back(std::move(version), std::move(entry));
  }
  std::ranges::sort(sorted, [](const auto& a, const auto& b) { return a.first > b.first; });
  std::vector<VersionEntry> out;
  for (auto& [version, entry] : sorted) {
    if (!out.empty() && out.back().version == entry.version) {
      if (out.back().hash != entry.hash)
        return fail(Code::kConflict, "version " + entry.version + " stands with two hashes");
      continue;
    }
    out.push_back(std::move(entry));
  }
  return out;
}

}  // namespace nipsa
