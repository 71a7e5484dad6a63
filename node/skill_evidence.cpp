// Asking relays about skills. Two rounds: what is said of the skill, then who took a label back.
#include "node/skill_evidence.h"

#include <fmt/format.h>

#include "nipsa/kinds.h"
#include "nostr/nips/nip19.h"

namespace node {
namespace {

using base::Errc;
using base::fail;
using base::Result;
using base::json::Value;
namespace kinds = nipsa::kinds;

constexpr std::chrono::seconds kPatience{8};
constexpr std::uint32_t kMaxLabels = 500;
constexpr std::uint32_t kMaxLog = 200;

Result<nipsa::TrustPin> pin_of(const std::string& text) {
  const auto colon = text.find(':');
  nipsa::TrustPin out;
  TRY(out.publisher, nostr::parse_public_key(text.substr(0, colon)));
  if (colon != text.npos) {
    TRY(out.hash, nostr::Sha256::from_hex(text.substr(colon + 1)));
  }
  return out;
}

void sort_in(const nostr::FetchResult& found, const nostr::Address& skill, SkillEvidence& out) {
  for (const nostr::EventPtr& event : found.events) {
    if (event->kind == kinds::kSkillManifest && nostr::address_of(*event) == skill) {
      if (!out.head || nostr::replaces(*event, *out.head)) out.head = *event;
    } else if (event->kind == kinds::kSkillVersion && event->pubkey == skill.pubkey) {
      out.log.push_back(*event);
    } else if (event->kind == kinds::kLabel) {
      out.labels.push_back(*event);
    } else if (event->kind == nostr::kinds::kDeletion) {
      out.deletions.push_back(*event);
    }
  }
}

}  // namespace

Result<SkillRules> skill_rules(const Config& config) {
  SkillRules out;
  TRY(out.issuers, keys_of(config.skills.issuers, "skills.issuers"));
  TRY(out.trust.auditors, keys_of(config.skills.auditors, "skills.auditors"));
  out.trust.kill_quorum = config.skills.kill_quorum;
  out.trust.min_positive = config.skills.min_positive;
  for (const std::string& text : config.skills.pins) {
    auto pin = pin_of(text);
    if (!pin) return std::unexpected(base::in_context("skills.pins", std::move(pin).error()));
    out.trust.pins.push_back(*pin);
  }
  TRY(out.capabilities, nipsa::normal_capabilities(config.skills.capabilities));
  return out;
}

base::Task<Result<SkillEvidence>> find_evidence(nostr::Pool& pool, std::vector<std::string> relays,
                                                nostr::Address skill,
                                                std::optional<nostr::EventId> version) {
  nostr::Filters filters;
  filters.push_back({.authors = {skill.pubkey},
                     .kinds = {kinds::kSkillManifest},
                     .tags = {{'d', {skill.d}}}});
  // Stores differ in which of an entry's two `d` they look at; those of the draft have no `a`.
  for (const auto& [name, value] : {std::pair{'a', skill.str()}, std::pair{'d', skill.d}})
    filters.push_back({.authors = {skill.pubkey},
                       .kinds = {kinds::kSkillVersion},
                       .tags = {{name, {value}}},
                       .limit = kMaxLog});
  filters.push_back({.authors = {skill.pubkey}, .kinds = {nostr::kinds::kDeletion}, .limit = kMaxLabels});
  filters.push_back({.kinds = {kinds::kLabel}, .tags = {{'a', {skill.str()}}}, .limit = kMaxLabels});
  filters.push_back(
      {.kinds = {kinds::kLabel}, .tags = {{'p', {skill.pubkey.hex()}}}, .limit = kMaxLabels});
  if (version)
    filters.push_back({.kinds = {kinds::kLabel, nostr::kinds::kDeletion},
                       .tags = {{'e', {version->hex()}}},
                       .limit = kMaxLabels});
  const nostr::FetchResult found = co_await pool.fetch(relays, std::move(filters), kPatience);
  if (found.complete.empty()) co_return fail(Errc::kUnavailable, "no relay says what is known of the skill");
  SkillEvidence out;
  sort_in(found, skill, out);
  // Labels that name a version only, when the version was not known before; and what took labels back.
  nostr::Filters more;
  if (!version && out.head)
    more.push_back({.kinds = {kinds::kLabel, nostr::kinds::kDeletion},
                    .tags = {{'e', {out.head->id.hex()}}},
                    .limit = kMaxLabels});
  std::vector<std::string> ids;
  for (const nostr::Event& label : out.labels) ids.push_back(label.id.hex());
  if (!ids.empty())
    more.push_back({.kinds = {nostr::kinds::kDeletion}, .tags = {{'e', ids}}, .limit = kMaxLabels});
  if (!more.empty())
    sort_in(co_await pool.fetch(std::move(relays), std::move(more), kPatience), skill, out);
  co_return out;
}

nipsa::TrustDecision judge_skill(const nostr::Event& manifest, const SkillEvidence& evidence,
                                 const nipsa::TrustPolicy& policy, nipsa::ExpectedSkill expected,
                                 base::UnixTime now) {
  nipsa::TrustInputs inputs{.manifest = manifest, .now = now};
  inputs.expected = std::move(expected);
  inputs.labels = evidence.labels;
  inputs.deletions = evidence.deletions;
  inputs.log = evidence.log;
  return nipsa::judge_trust(inputs, policy);
}

bool passes_gate(const nipsa::TrustDecision& decision, bool untrusted) {
  return decision.trust == nipsa::Trust::kTrusted ||
         (untrusted && decision.trust == nipsa::Trust::kUntrusted);
}

std::string doubt_text(const nipsa::TrustDecision& decision) {
  return fmt::format("{}: {}", nipsa::trust_name(decision.trust), decision.why);
}

Value skill_view(const nostr::Event& event, const nipsa::TrustDecision& decision) {
  Value out = {{"manifest", event.id.hex()},
               {"publisher", event.pubkey.hex()},
               {"trust", nipsa::trust_name(decision.trust)},
               {"row", static_cast<int>(decision.row)},
               {"why", decision.why},
               {"warnings", decision.warnings}};
  if (decision.code) out["code"] = nipsa::code_name(*decision.code);
  if (const auto manifest = nipsa::parse_manifest(event)) {
    out["skill"] = manifest->address().str();
    out["name"] = manifest->name;
    out["version"] = manifest->version;
    out["description"] = manifest->description;
    out["hash"] = manifest->hash.hex();
    out["capabilities"] = manifest->capabilities;
    out["expires_at"] = base::to_unix(manifest->expires);
    out["note"] = manifest->note;
  }
  return out;
}

}  // namespace node
