// Scopes of credit and of delegations.
#include "nipsa/scope.h"

#include <algorithm>
#include <array>
#include <utility>

#include "nipsa/kinds.h"
#include "nipsa/semver.h"
#include "nostr/crypto/hash.h"
#include "nostr/nips/nip90.h"

namespace nipsa {
namespace {

constexpr std::array<std::string_view, 3> kTypes{"nip90", "l402", "skill"};

/// Takes the hash of the constraints off the end of a skill's id, where the two travel as one text.
Result<void> split_constraints(Scope& scope) {
  const auto colon = scope.id.rfind(':');
  if (colon == std::string::npos) return {};
  const std::string_view tail = std::string_view(scope.id).substr(colon + 1);
  if (tail.size() != 64) return {};  // a version is never that long
  TRY(scope.constraints, parse_hash(tail, "constraints of the scope"));
  scope.id.resize(colon);
  return {};
}

Result<Scope> parse_scope(const nostr::Tag& tag) {
  const auto type = std::ranges::find(kTypes, tag[1]);
  if (type == kTypes.end()) return fail(Code::kEnum, "scope is none of nip90, l402, skill");
  Scope out{.type = static_cast<ScopeType>(type - kTypes.begin()),
            .id = tag.size() > 2 ? tag[2] : "",
            .constraints = {}};
  if (out.type == ScopeType::kSkill) {
    TRY(split_constraints(out));
  }
  TRY(check_scope(out));
  return out;
}

}  // namespace

std::string_view scope_type_name(ScopeType type) {
  return kTypes[static_cast<std::size_t>(std::to_underlying(type))];
}

Result<SkillVersion> skill_of(const Scope& scope) {
  if (scope.type != ScopeType::kSkill) return fail(Code::kKind, "the scope is no skill");
  const auto colon = scope.id.rfind(':');
  if (colon == std::string::npos) return fail(Code::kRef, "the scope names no version");
  TRY(auto skill, parse_coordinate(std::string_view(scope.id).substr(0, colon)));
  if (skill.kind != kinds::kSkillManifest || skill.d.empty())
    return fail(Code::kRef, "the scope is not 33400:publisher:slug:version");
  std::string version = scope.id.substr(colon + 1);
  if (!parse_semver(version)) return fail(Code::kRef, "the scope names no version");
  return SkillVersion{std::move(skill), std::move(version)};
}

nostr::Tag scope_tag(const Scope& scope) {
  nostr::Tag tag{"scope", std::string(scope_type_name(scope.type)), scope.id};
  if (scope.constraints) tag[2] += ":" + scope.constraints->hex();
  return tag;
}

Result<Scope> required_scope(const nostr::Tags& tags) {
  std::optional<Scope> out;
  for (const nostr::Tag& tag : tags) {
    if (tag.size() < 2 || tag[0] != "scope") continue;
    TRY(auto scope, parse_scope(tag));
    if (out && *out != scope) return fail(Code::kTagDup, "scope is given twice");
    out = std::move(scope);
  }
  if (!out) return fail(Code::kTagMissing, "scope");
  return *std::move(out);
}

Result<void> check_scope(const Scope& scope) {
  if (scope.id.empty()) return fail(Code::kTagBad, "scope names nothing");
  if (scope.id.size() > kMaxScopeId) return fail(Code::kSize, "scope is over 1024 bytes");
  if (scope.type != ScopeType::kSkill && scope.constraints)
    return fail(Code::kTagBad, "only a skill's scope has constraints");
  if (scope.type == ScopeType::kSkill) {
    TRY(skill_of(scope));
  }
  return {};
}

Result<Scope> scope_of_job(const nostr::UnsignedEvent& request) {
  if (!nostr::is_job_request(request.kind)) return fail(Code::kKind, "this is no job request");
  Json tags = Json::array();
  for (const nostr::Tag& tag : request.tags)
    if (!tag.empty() && tag[0] != "relays") tags.push_back(tag);
  const auto text = base::json::canonical(
      {{"kind", request.kind}, {"tags", std::move(tags)}, {"content", request.content}});
  if (!text) return fail(Code::kJson, text.error().detail);
  return Scope{.type = ScopeType::kNip90, .id = nostr::sha256(*text).hex(), .constraints = {}};
}

nostr::Sha256 scope_hash(const Scope& scope) {
  std::string text(scope_type_name(scope.type));
  text += "|" + scope.id + "|";
  if (scope.constraints) text += scope.constraints->hex();
  return nostr::sha256(text);
}

}  // namespace nipsa
