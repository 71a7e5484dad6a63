// Licences written as N does, with the mirrors older readers need, and read from either.
#include "nipsa/licence.h"

#include <algorithm>
#include <array>
#include <utility>

namespace nipsa {
namespace {

constexpr std::array<std::string_view, 3> kTypes{"perpetual", "subscription", "metered"};
constexpr std::size_t kIdChars = 32;
constexpr std::uint64_t kMaxUses = 1'000'000'000;
constexpr std::string_view kActive = "active";

bool is_minted_id(std::string_view id) {
  return id.size() == kIdChars && id.find_first_not_of("0123456789abcdef") == id.npos;
}

Result<void> check_complete(const Licence& l) {
  if (!is_minted_id(l.id)) return fail(Code::kTagBad, "the licence id is not 32 hex characters");
  if (!l.skill) return fail(Code::kTagMissing, "a");
  if (l.skill->kind != kinds::kSkillManifest) return fail(Code::kRef, "a is no skill");
  if (!l.manifest) return fail(Code::kTagMissing, "e");
  if (!l.manifest_hash) return fail(Code::kTagMissing, "manifest_hash");
  if (!l.provider) return fail(Code::kTagMissing, "skill_provider");
  if (!l.content_key) return fail(Code::kTagMissing, "content_pubkey");
  if (!l.type) return fail(Code::kTagMissing, "license_type");
  if (l.licensed_at <= UnixTime{}) return fail(Code::kTagMissing, "licensed_at");
  TRY(parse_semver(l.version));
  if (l.expires && *l.expires <= l.licensed_at && !l.revoked)
    return fail(Code::kNum, "expires_at is not after licensed_at");
  if (l.type == LicenceType::kMetered && !l.max_uses) return fail(Code::kTagMissing, "max_uses");
  return {};
}

std::string content_of(const Licence& l) {
  Json content = {{"skill_id", l.skill->d},
                  {"skill_name", l.skill_name.empty() ? l.skill->d : l.skill_name},
                  {"version", l.version},
                  {"granted_at", base::to_unix(l.licensed_at)},
                  {"capabilities", l.capabilities}};
  if (l.expires) content["expires_at"] = base::to_unix(*l.expires);
  if (l.max_per_day) content["restrictions"] = {{"max_requests_per_day", *l.max_per_day}};
  return base::json::dump(content);
}

/// What says who holds it: `p`, `agent`, or both with the same key.
Result<nostr::PublicKey> agent_of(const nostr::Tags& tags) {
  TRY(const auto p, optional_key(tags, "p"));
  TRY(const auto agent, optional_key(tags, "agent"));
  if (p && agent && *p != *agent) return fail(Code::kConflict, "p and agent name two agents");
  if (!p && !agent) return fail(Code::kTagMissing, "p");
  return p ? *p : *agent;
}

void take_earlier(std::optional<UnixTime>& out, std::optional<UnixTime> other) {
  if (other && (!out || *other < *out)) out = other;
}

Result<void> read_payment(const nostr::Tags& tags, LicencePayment& out) {
  const nostr::Tag* rail = nullptr;
  for (const nostr::Tag& tag : tags) {
    if (tag.size() < 2 || tag[0] != "payment_rail") continue;
    if (rail != nullptr) return fail(Code::kTagDup, "payment_rail");
    rail = &tag;
  }
  out.hash = text_tag(tags, "payment");
  out.proof = text_tag(tags, "payment_proof");
  if (rail == nullptr) return {};
  out.rail = (*rail)[1];
  if (rail->size() > 2) out.ref = (*rail)[2];
  return {};
}

/// Content of older writers: it may only narrow what the tags say.
void read_content(std::string_view text, Licence& out) {
  if (!text.starts_with('{')) return;
  const auto content = parse_object(text);
  if (!content) return;
  // Beside an address the tag repeats the slug, and the name stands here alone.
  const std::string name = base::json::string_or(*content, "skill_name");
  if (!name.empty() && (out.skill || out.skill_name.empty())) out.skill_name = name;
  if (out.version.empty()) out.version = base::json::string_or(*content, "version");
  const auto ends = base::json::int_or(*content, "expires_at");
  if (ends > 0 && ends <= kMaxTime) take_earlier(out.expires, base::unix_time(ends));
  const auto begins = base::json::int_or(*content, "granted_at");
  if (out.licensed_at == UnixTime{} && begins > 0 && begins <= kMaxTime)
    out.licensed_at = base::unix_time(begins);
  if (const auto list = base::json::get_array(*content, "capabilities")) {
    std::vector<std::string> names;
    for (const Json& capability : *list)
      if (capability.is_string()) names.push_back(capability.get<std::string>());
    if (auto capabilities = normal_capabilities(names)) out.capabilities = *std::move(capabilities);
  }
  if (const auto limits = base::json::get_object(*content, "restrictions"))
    if (const auto number = base::json::int_or(*limits, "max_requests_per_day", -1); number >= 0)
      out.max_per_day = static_cast<std::uint64_t>(number);
}

Result<void> read_subject(const nostr::Tags& tags, Licence& out) {
  for (const auto value : nostr::tag_values(tags, "a")) {
    const auto address = parse_coordinate(value);
    if (!address || address->kind != kinds::kSkillManifest) continue;
    if (out.skill && *out.skill != *address) return fail(Code::kTagDup, "a");
    out.skill = *address;
  }
  out.skill_name = text_tag(tags, "skill");
  // Other protocols use this kind for goals.
  if (!out.skill && out.skill_name.empty()) return fail(Code::kKind, "this is no licence");
  return {};
}

}  // namespace

std::string_view licence_type_name(LicenceType type) {
  return kTypes[static_cast<std::size_t>(std::to_underlying(type))];
}

Result<LicenceType> parse_licence_type(std::string_view text) {
  const auto found = std::ranges::find(kTypes, text);
  if (found == kTypes.end())
    return fail(Code::kEnum, "license_type is none of perpetual, subscription, metered");
  return static_cast<LicenceType>(found - kTypes.begin());
}

Result<nostr::Draft> build_licence(const Licence& l, UnixTime at) {
  TRY(check_complete(l));
  nostr::Draft draft{.kind = kinds::kSkillLicence,
                     .created_at = at,
                     .tags = {{"d", l.d()}, {"p", l.agent.hex()}, {"agent", l.agent.hex()}},
                     .content = content_of(l)};
  auto& tags = draft.tags;
  tags.push_back({"a", l.skill->str()});
  tags.push_back({"e", l.manifest->hex()});
  tags.push_back({"version", l.version});
  tags.push_back({"manifest_hash", l.manifest_hash->hex()});
  tags.push_back({"skill", l.skill->d});
  tags.push_back({"skill_provider", l.provider->hex()});
  tags.push_back(time_tag("licensed_at", l.licensed_at));
  if (l.expires) {
    tags.push_back(time_tag("expires_at", *l.expires));
    tags.push_back(time_tag("expires", *l.expires));
  }
  tags.push_back({"license_type", std::string(licence_type_name(*l.type))});
  if (l.max_uses) tags.push_back(number_tag("max_uses", static_cast<std::int64_t>(*l.max_uses)));
  if (!l.payment.hash.empty()) tags.push_back({"payment", l.payment.hash});
  if (!l.payment.rail.empty()) {
    tags.push_back({"payment_rail", l.payment.rail});
    if (!l.payment.ref.empty()) tags.back().push_back(l.payment.ref);
  }
  if (!l.payment.proof.empty()) tags.push_back({"payment_proof", l.payment.proof});
  if (l.price) tags.push_back(number_tag("price_sats", l.price->value));
  tags.push_back({"content_pubkey", l.content_key->hex()});
  tags.push_back({"status", l.revoked ? "revoked" : std::string(kActive)});
  return checked(std::move(draft));
}

Result<Licence> parse_licence(const nostr::Event& event) {
  TRY(check_shape(event, kinds::kSkillLicence));
  const auto& tags = event.tags;
  Licence out;
  out.issuer = event.pubkey;
  TRY(read_subject(tags, out));
  TRY(out.agent, agent_of(tags));
  const std::string d = text_tag(tags, "d");
  const std::string tail = ":" + out.agent.hex();
  out.id = d.ends_with(tail) ? d.substr(0, d.size() - tail.size()) : d;
  TRY(out.manifest, optional_id(tags, "e"));
  TRY(const auto version, control_tag(tags, "version"));
  out.version = version.value_or("");
  TRY(out.manifest_hash, optional_hash(tags, "manifest_hash"));
  TRY(out.provider, optional_key(tags, "skill_provider"));
  TRY(const auto licensed, optional_time(tags, "licensed_at"));
  out.licensed_at = licensed.value_or(UnixTime{});
  for (const std::string_view name : {"expires_at", "expires"}) {
    TRY(const auto ends, optional_time(tags, name));
    take_earlier(out.expires, ends);
  }
  // Without a type it is one of the older dialect, whose licences last until their date.
  TRY(const auto type, control_tag(tags, "license_type"));
  if (!type) out.type = LicenceType::kPerpetual;
  else if (const auto known = parse_licence_type(*type)) out.type = *known;
  TRY(const auto uses, control_tag(tags, "max_uses"));
  if (uses) {
    TRY(out.max_uses, parse_range(*uses, 0, kMaxUses, "max_uses"));
  }
  TRY(read_payment(tags, out.payment));
  TRY(const auto price, control_tag(tags, "price_sats"));
  if (price) {
    TRY(out.price, parse_sats(*price, "price_sats"));
  }
  TRY(out.content_key, optional_key(tags, "content_pubkey"));
  TRY(const auto status, control_tag(tags, "status"));
  out.revoked = status && *status != kActive;  // an unknown word is the stricter one
  read_content(event.content, out);
  // What is metered without a meter cannot be used.
  if (out.type == LicenceType::kMetered && !out.max_uses) out.max_uses = 0;
  return out;
}

Result<void> check_licence(const Licence& l, const std::vector<nostr::PublicKey>& issuers,
                           const nostr::PublicKey& agent, UnixTime now) {
  if (std::ranges::find(issuers, l.issuer) == issuers.end())
    return fail(Code::kSigner, "the licence is by an issuer that is not trusted");
  if (l.agent != agent) return fail(Code::kAuthz, "the licence is for another agent");
  if (l.revoked) return fail(Code::kRevoked, "the licence is revoked");
  if (l.licensed_at > now + kSkewFutureControl)
    return fail(Code::kFuture, "the licence has not begun");
  if (!l.type) return fail(Code::kExpired, "the licence is of a type we do not know");
  if (l.expires && *l.expires <= now) return fail(Code::kExpired, "the licence has expired");
  return {};
}

Result<void> check_licence_covers(const Licence& l, const nostr::Event& manifest_event,
                                  const Manifest& manifest) {
  const bool same_skill = l.skill ? *l.skill == manifest.address() : l.skill_name == manifest.name;
  if (!same_skill) return fail(Code::kRef, "the licence is for another skill");
  if (l.manifest && *l.manifest != manifest_event.id)
    return fail(Code::kRef, "the licence is for another manifest of this skill");
  if (!l.version.empty() && l.version != manifest.version)
    return fail(Code::kRef, "the licence is for version " + l.version);
  if (l.manifest_hash && *l.manifest_hash != manifest.hash)
    return fail(Code::kHash, "the licence names another hash than the manifest");
  return {};
}

}  // namespace nipsa
