// Kinds 33400 and 33401: what a skill is, and the log of its versions (nip-sa 3.14, 5).
#pragma once

#include "nipsa/capabilities.h"
#include "nipsa/kinds.h"
#include "nipsa/reading.h"
#include "nipsa/semver.h"
#include "nipsa/skill_hash.h"

namespace nipsa {

struct Manifest {
  nostr::PublicKey publisher;  ///< who signs (SKILLPK)
  std::string slug;
  std::string name;
  std::string version;  ///< strict semver
  std::string description;
  nostr::Sha256 hash;
  bool bundle = false;  ///< the hash is one of a folder
  Capabilities capabilities;
  UnixTime expires;
  std::optional<nostr::PublicKey> author;  ///< who delivers (PROV), where it is another key
  std::string author_relay;
  std::optional<nostr::EventId> previous;  ///< the manifest this one replaces
  std::vector<std::string> topics;         ///< beside "agent-skill"
  bool discoverable = true;                ///< carries `t` agent-skill
  std::string stated_scope;                ///< "" when it states none
  std::string note;                        ///< what changed; never the skill

  nostr::Address address() const { return {kinds::kSkillManifest, publisher, slug}; }
  /// "33400:KEY:SLUG:VERSION".
  std::string scope() const { return address().str() + ":" + version; }
  /// False when it claims to be another skill or version than its own tags say (E_CONFLICT).
  bool agrees() const { return stated_scope.empty() || stated_scope == scope(); }
  /// Who delivers it.
  nostr::PublicKey provider() const { return author.value_or(publisher); }
  friend bool operator==(const Manifest&, const Manifest&) = default;
};

/// `[a-z0-9][a-z0-9._-]{0,63}`: the only slugs we mint.
bool is_slug(std::string_view text);

/// The hash is worked out from `files`, whatever `manifest` says. Errors: E_TAG_MISSING, E_TAG_BAD,
/// E_NUM (expiry), E_HASH, E_REF (no SKILL.md).
Result<nostr::Draft> build_manifest(const Manifest& manifest, const std::vector<SkillFile>& files,
                                    UnixTime at);
/// Errors: E_KIND, E_SIZE, E_TAG_*, E_HASH (its form), E_NUM (expiry).
Result<Manifest> parse_manifest(const nostr::Event& event);

enum class ChangeType { kAdded, kChanged, kFixed, kDeprecated, kSecurity };
std::string_view change_type_name(ChangeType type);
/// Lower case only; E_ENUM.
Result<ChangeType> parse_change_type(std::string_view text);

/// One line of a skill's log.
struct VersionEntry {
  std::string slug;
  std::string version;
  std::string prev_version;  ///< "" for the first
  nostr::EventId manifest;
  nostr::Sha256 hash;
  ChangeType change = ChangeType::kAdded;
  std::optional<nostr::Event> archived;  ///< the manifest itself
  std::string note;
};

/// The entry of `manifest_event`, which is archived inside. E_SIZE when that does not fit.
Result<nostr::Draft> build_version_entry(const nostr::Event& manifest_event, ChangeType change,
                                         std::string_view prev_version, UnixTime at,
                                         base::Rng& rng);
/// Reads entries that name their skill by `a`, by a second `d` or, as the draft does, by `d` alone.
Result<VersionEntry> parse_version_entry(const nostr::Event& event);
/// Whether `entry` by `author` is one of `manifest`: E_REF for another skill, version or hash, E_SIGNER
/// for another author.
Result<void> check_version_entry(const VersionEntry& entry, const nostr::PublicKey& author,
                                 const nostr::Event& manifest_event, const Manifest& manifest);
/// The versions of one log, newest first. E_CONFLICT when a version stands with two hashes.
Result<std::vector<VersionEntry>> order_log(std::vector<VersionEntry> entries);

}  // namespace nipsa
