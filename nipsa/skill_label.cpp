// Labels read so that nobody speaks for more than they name.
#include "nipsa/skill_label.h"

#include <algorithm>
#include <array>

#include "nipsa/label.h"
#include "nostr/nips/nip09.h"

namespace nipsa {
namespace {

constexpr std::string_view kNamespace = "skill-security";

constexpr std::array<std::string_view, 4> kKill{"malicious-confirmed", "prompt-injection",
                                                "credential-exfil", "capability-violation"};
constexpr std::array<std::string_view, 4> kPositive{"audit-passed", "scan-clean",
                                                    kCapabilitiesVerified,
                                                    "delivery-hash-verified"};

/// The one value of `name` that `parse` reads; E_AMBIGUOUS for two.
template <class T>
Result<std::optional<T>> only_target(const nostr::Tags& tags, std::string_view name,
                                     Result<T> (*parse)(std::string_view, std::string_view)) {
  std::optional<T> out;
  for (const auto value : nostr::tag_values(tags, name)) {
    const auto read = parse(value, name);
    if (!read) continue;
    if (out && *out != *read) return fail(Code::kAmbiguous, "the label names several skills");
    out = *read;
  }
  return out;
}

Result<nostr::Address> parse_skill(std::string_view text, std::string_view) {
  TRY(auto address, parse_coordinate(text));
  if (address.kind != kinds::kSkillManifest) return fail(Code::kRef, "a is no skill");
  return address;
}

}  // namespace

bool is_kill_label(std::string_view value) {
  return std::ranges::find(kKill, value) != kKill.end();
}
bool is_positive_label(std::string_view value) {
  return std::ranges::find(kPositive, value) != kPositive.end();
}

Result<nostr::Draft> build_skill_label(const nostr::Event& manifest_event,
                                       const std::vector<std::string>& values, std::string text,
                                       UnixTime at) {
  TRY(const Manifest manifest, parse_manifest(manifest_event));
  if (values.empty()) return fail(Code::kTagMissing, "l");
  nostr::Draft draft{.kind = kinds::kLabel,
                     .created_at = at,
                     .tags = {{"L", std::string(kNamespace)}},
                     .content = std::move(text)};
  for (const std::string& value : values) {
    if (!is_kill_label(value) && !is_positive_label(value))
      return fail(Code::kEnum, "\"" + value + "\" is no label of skills");
    draft.tags.push_back({"l", value, std::string(kNamespace)});
  }
  draft.tags.push_back({"e", manifest_event.id.hex()});
  draft.tags.push_back({"a", manifest.address().str()});
  draft.tags.push_back({"x", manifest.hash.hex()});
  return draft;
}

Result<SkillLabel> parse_skill_label(const nostr::Event& event) {
  TRY(check_shape(event, kinds::kLabel));
  SkillLabel out;
  out.values = label_values(event.tags, kNamespace);
  if (out.values.empty()) return fail(Code::kKind, "the label is of another namespace");
  TRY(out.manifest, only_target(event.tags, "e", parse_id));
  TRY(out.hash, only_target(event.tags, "x", parse_hash));
  TRY(out.skill, only_target(event.tags, "a", parse_skill));
  TRY(out.publisher, only_target(event.tags, "p", parse_key));
  if (!out.manifest && !out.hash && !out.skill && !out.publisher)
    return fail(Code::kTagMissing, "a, e, x or p");
  out.tier = text_tag(event.tags, "assurance_tier");
  out.text = event.content;
  return out;
}

Result<nostr::Draft> build_skill_revocation(const std::vector<nostr::Event>& manifests,
                                            std::string_view reason, std::string text,
                                            UnixTime at) {
  if (manifests.empty()) return fail(Code::kTagMissing, "e");
  for (const nostr::Event& manifest : manifests) TRY(check_shape(manifest, kinds::kSkillManifest));
  nostr::Draft draft = nostr::build_deletion(manifests, std::move(text), at);
  if (!reason.empty()) draft.tags.push_back({"reason", std::string(reason)});
  return draft;
}

}  // namespace nipsa
