// What credit and delegations are for: a job, a paid resource or one version of a skill (nip-sa 4.8).
#pragma once

#include "nipsa/reading.h"

namespace nipsa {

enum class ScopeType { kNip90, kL402, kSkill };
/// "nip90", "l402", "skill".
std::string_view scope_type_name(ScopeType type);

inline constexpr std::size_t kMaxScopeId = 1'024;  ///< bytes

struct Scope {
  ScopeType type = ScopeType::kNip90;
  std::string id;  ///< job hash, resource, or 33400:<publisher>:<slug>:<version>
  std::optional<nostr::Sha256> constraints;  ///< skill only; credit demands it, a delegation does not
  friend bool operator==(const Scope&, const Scope&) = default;
};

/// The skill a scope names.
struct SkillVersion {
  nostr::Address skill;
  std::string version;
  friend bool operator==(const SkillVersion&, const SkillVersion&) = default;
};

/// E_KIND for a scope that is no skill, E_REF for an id that names no version of one.
Result<SkillVersion> skill_of(const Scope& scope);

nostr::Tag scope_tag(const Scope& scope);
/// The `scope` of an event: E_TAG_MISSING without one, E_TAG_DUP for two that differ, E_ENUM for a type
/// we do not know (what it would admit cannot be judged), E_TAG_BAD for an empty id, E_SIZE, E_REF.
Result<Scope> required_scope(const nostr::Tags& tags);
/// E_REF and so on for a scope a strict writer would not write.
Result<void> check_scope(const Scope& scope);

/// The scope of a NIP-90 job: SHA-256 of the RFC 8785 form of its kind, content and tags but `relays`, so
/// that whoever sees the request can tell which credit it is for. E_KIND for no job request, E_JSON for
/// text that is not UTF-8.
Result<Scope> scope_of_job(const nostr::UnsignedEvent& request);

/// SHA-256 of `type|id|constraints`, the last empty where there are none.
nostr::Sha256 scope_hash(const Scope& scope);

}  // namespace nipsa
