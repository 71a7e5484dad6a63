// What the codecs of credit share.
#include "nipsa/credit_reading.h"

#include <algorithm>

namespace nipsa::credit {
namespace {

constexpr std::size_t kMaxRailName = 64;
constexpr std::size_t kMaxRailRef = 1'024;
constexpr std::int64_t kSchema = 1;
constexpr std::string_view kManifestMarker = "manifest";

/// The manifest: what is marked so, else, for a skill, the first `e` without a marker (C48).
Result<std::optional<nostr::EventId>> read_manifest(const nostr::Tags& tags, const Scope& scope) {
  TRY(auto marked, marked_event(tags, {kManifestMarker}));
  if (marked || scope.type != ScopeType::kSkill) return marked;
  return marked_event(tags, {""});
}

Result<bool> names_skill(const nostr::Tags& tags, const Scope& scope) {
  if (scope.type != ScopeType::kSkill) return false;
  TRY(const auto named, skill_of(scope));
  bool found = false;
  for (const auto value : nostr::tag_values(tags, "a")) {
    const auto address = parse_coordinate(value);
    if (!address || address->kind != kinds::kSkillManifest) continue;
    if (*address != named.skill) return fail(Code::kConflict, "a is not the skill of the scope");
    found = true;
  }
  return found;
}

}  // namespace

Result<Purpose> read_purpose(const nostr::Tags& tags, Detail detail) {
  Purpose out;
  TRY(out.scope, required_scope(tags));
  TRY(const bool addressed, names_skill(tags, out.scope));
  TRY(out.manifest, read_manifest(tags, out.scope));
  if (detail == Detail::kWhole && out.scope.type == ScopeType::kSkill && !addressed)
    return fail(Code::kTagMissing, "a of the skill");
  TRY(check_purpose(out, detail));
  return out;
}

Result<void> check_purpose(const Purpose& purpose, Detail detail) {
  TRY(check_scope(purpose.scope));
  if (purpose.scope.type != ScopeType::kSkill || detail == Detail::kAsGiven) return {};
  if (!purpose.scope.constraints)
    return fail(Code::kHash, "the scope of a skill lacks the hash of its constraints");
  if (!purpose.manifest) return fail(Code::kTagMissing, "e of the manifest");
  return {};
}

void write_purpose(const Purpose& purpose, nostr::Tags& tags) {
  tags.push_back(scope_tag(purpose.scope));
  if (const auto named = skill_of(purpose.scope)) tags.push_back({"a", named->skill.str()});
  if (purpose.manifest)
    tags.push_back({"e", purpose.manifest->hex(), "", std::string(kManifestMarker)});
}

Result<std::optional<nostr::EventId>> marked_event(
    const nostr::Tags& tags, std::initializer_list<std::string_view> markers) {
  for (const nostr::Tag& tag : tags) {
    if (tag.size() < 2 || tag[0] != "e") continue;
    const std::string_view marker = tag.size() > 3 ? std::string_view(tag[3]) : "";
    if (std::ranges::find(markers, marker) == markers.end()) continue;
    TRY(const auto id, parse_id(tag[1], "e"));
    return id;
  }
  return std::nullopt;
}

Result<void> check_positive(Sat amount, std::string_view what) {
  if (amount.value <= 0 || amount.value > kMaxSats)
    return fail(Code::kNum, std::string(what) + " is not an amount above zero");
  return {};
}

Result<Sat> positive_sats(const nostr::Tags& tags, std::string_view name) {
  TRY(const auto text, required_tag(tags, name));
  TRY(const Sat amount, parse_sats(text, name));
  TRY(check_positive(amount, name));
  return amount;
}

Result<Sat> sats_member(const Json& content, std::string_view name) {
  const auto it = content.find(name);
  if (it == content.end() || !it->is_number_integer())
    return fail(Code::kJson, std::string(name) + " is not an integer");
  const bool high = it->is_number_unsigned()
                        ? it->get<std::uint64_t>() > static_cast<std::uint64_t>(kMaxSats)
                        : it->get<std::int64_t>() < 0;
  if (high) return fail(Code::kNum, std::string(name) + " is out of range");
  return Sat{it->get<std::int64_t>()};
}

Result<Sat> positive_member(const Json& content, std::string_view name) {
  TRY(const Sat amount, sats_member(content, name));
  TRY(check_positive(amount, name));
  return amount;
}

Result<Json> read_content(std::string_view text) {
  TRY(Json content, parse_object(text));
  const auto schema = content.find("schema");
  if (schema == content.end()) return content;
  if (!schema->is_number_integer()) return fail(Code::kJson, "schema is not an integer");
  if (*schema != kSchema) return fail(Code::kVersion, "the schema is not 1");
  return content;
}

Result<void> check_text(std::string_view text, std::string_view what) {
  if (characters(text) > kMaxCreditText)
    return fail(Code::kSize, std::string(what) + " is over 500 characters");
  return {};
}

Result<std::string> text_member(const Json& content, std::string_view name) {
  std::string text = base::json::string_or(content, name);
  TRY(check_text(text, name));
  return text;
}

Result<std::optional<Fee>> fee_member(const Json& content) {
  std::optional<Fee> out;
  if (const auto text = base::json::get_string(content, "fee")) {
    TRY(out, parse_fee(*text));
  }
  if (!content.contains("fee_bps")) return out;
  TRY(const Sat bps, sats_member(content, "fee_bps"));
  if (bps.value > kMaxFeeBps) return fail(Code::kNum, "fee_bps is over 10000");
  const Fee rate{.bps = static_cast<std::uint32_t>(bps.value), .flat = {}};
  // Beside a sum writers put 0 of these.
  if (out && out->bps != rate.bps)
    return fail(Code::kConflict, "fee and fee_bps are two fees");
  return out ? out : rate;
}

Result<Rail> read_rail(const nostr::Tags& tags, std::string_view name) {
  const nostr::Tag* tag = nostr::find_tag(tags, name);
  if (tag == nullptr) return Rail{};
  Rail out{.name = (*tag)[1], .ref = tag->size() > 2 ? (*tag)[2] : ""};
  TRY(check_rail(out, name));
  return out;
}

void write_rail(std::string_view name, const Rail& rail, nostr::Tags& tags) {
  if (rail.name.empty()) return;
  tags.push_back({std::string(name), rail.name});
  if (!rail.ref.empty()) tags.back().push_back(rail.ref);
}

Result<void> check_rail(const Rail& rail, std::string_view name) {
  if (rail.name.size() > kMaxRailName || rail.ref.size() > kMaxRailRef)
    return fail(Code::kSize, std::string(name) + " is too long");
  return {};
}

Result<void> check_envelope_id(std::string_view id) {
  if (id.empty()) return fail(Code::kTagBad, "the envelope has no id");
  if (id.size() > kMaxEnvelopeId) return fail(Code::kSize, "the envelope's id is over 128 bytes");
  return {};
}

Result<std::string> read_envelope_id(const nostr::Tags& tags) {
  TRY(const auto id, required_tag(tags, "credit"));
  TRY(check_envelope_id(id));
  return std::string(id);
}

Result<void> check_issuer_is_author(const nostr::Event& event) {
  TRY(const auto issuer, optional_key(event.tags, "issuer"));
  if (issuer && *issuer != event.pubkey)
    return fail(Code::kSigner, "the issuer tag names another key than the author");
  return {};
}

Result<void> check_status(const nostr::Tags& tags, std::string_view word) {
  TRY(const auto status, control_tag(tags, "status"));
  if (status && *status != word) return fail(Code::kEnum, "status is not " + std::string(word));
  return {};
}

Result<void> check_coordinate(const nostr::Tags& tags, const nostr::PublicKey& issuer,
                              std::string_view envelope) {
  for (const auto value : nostr::tag_values(tags, "a")) {
    const auto address = parse_coordinate(value);
    if (!address || address->kind != kinds::kCreditEnvelope) continue;
    if (address->pubkey != issuer || address->d != envelope)
      return fail(Code::kConflict, "a names another envelope than issuer and credit");
  }
  return {};
}

nostr::Tag coordinate_tag(const nostr::PublicKey& issuer, std::string_view envelope) {
  return {"a", nostr::Address{kinds::kCreditEnvelope, issuer, std::string(envelope)}.str()};
}

}  // namespace nipsa::credit
