// Listings of skills: NIP-99's tags and those of a licence.
#include "nipsa/skill_listing.h"

#include <array>

#include "nostr/nips/nip99.h"

namespace nipsa {
namespace {

constexpr std::array<std::string_view, 4> kSatoshi{"SATS", "SAT", "sats", "sat"};
constexpr std::uint64_t kMaxUses = 1'000'000'000;
constexpr std::chrono::seconds kMaxLasts{100LL * 365 * 86'400};
constexpr std::size_t kPublisherDigits = 16;
constexpr std::string_view kDesk = "desk";
constexpr std::size_t kMarkerPlace = 3;  // of `p`, key, relay, marker

Result<std::optional<std::uint64_t>> count_tag(const nostr::Tags& tags, std::string_view name,
                                               std::uint64_t high) {
  TRY(const auto text, control_tag(tags, name));
  if (!text) return std::optional<std::uint64_t>();
  TRY(const std::uint64_t value, parse_range(*text, 1, high, name));
  return std::optional(value);
}

Result<LicenceTerms> read_terms(const nostr::Tags& tags) {
  LicenceTerms out;
  TRY(const auto type, required_tag(tags, "license_type"));
  TRY(out.type, parse_licence_type(type));
  TRY(out.max_uses, count_tag(tags, "max_uses", kMaxUses));
  TRY(out.max_per_day, count_tag(tags, "max_per_day", kMaxUses));
  TRY(const auto lasts, count_tag(tags, "lasts", static_cast<std::uint64_t>(kMaxLasts.count())));
  if (lasts) out.lasts = std::chrono::seconds(static_cast<std::int64_t>(*lasts));
  return out;
}

Result<Sat> read_price(const nostr::Listing& listing) {
  if (!listing.price) return fail(Code::kTagMissing, "price");
  if (std::ranges::find(kSatoshi, listing.price->currency) == kSatoshi.end() ||
      !listing.price->per.empty())
    return fail(Code::kNum, "the price is not in satoshi, once");
  return parse_sats(listing.price->amount, "price");
}

/// The `p` that is marked as the desk; E_TAG_DUP when several are.
Result<std::optional<nostr::PublicKey>> read_desk(const nostr::Tags& tags) {
  std::optional<nostr::PublicKey> out;
  for (const nostr::Tag& tag : tags) {
    if (tag.size() <= kMarkerPlace || tag[0] != "p" || tag[kMarkerPlace] != kDesk) continue;
    if (out) return fail(Code::kTagDup, "the listing names several desks");
    const auto key = nostr::PublicKey::from_hex(tag[1]);
    if (!key) return fail(Code::kHex, "the desk of the listing is no key");
    out = *key;
  }
  return out;
}

}  // namespace

Result<void> check_terms(const LicenceTerms& terms) {
  using base::Errc;
  if (terms.type == LicenceType::kMetered && !terms.max_uses)
    return base::fail(Errc::kInvalid, "a metered licence needs a number of uses", "--uses 100");
  if (terms.type == LicenceType::kSubscription && !terms.lasts)
    return base::fail(Errc::kInvalid, "a subscription needs an end", "--lasts 30d");
  for (const auto& count : {terms.max_uses, terms.max_per_day})
    if (count && (*count == 0 || *count > kMaxUses))
      return base::fail(Errc::kInvalid, "a number of uses is out of bounds");
  if (terms.lasts && (terms.lasts->count() <= 0 || *terms.lasts > kMaxLasts))
    return base::fail(Errc::kInvalid, "a licence lasts between a second and a hundred years");
  return {};
}

Result<void> check_terms_kept(const LicenceTerms& terms, const Licence& licence) {
  const auto limits_more = [](const auto& promised, const auto& given) {
    return given && (!promised || *given < *promised);
  };
  if (licence.type != terms.type) return fail(Code::kConflict, "the licence is of another type");
  if (limits_more(terms.max_uses, licence.max_uses))
    return fail(Code::kConflict, "the licence allows fewer uses than the offer");
  if (limits_more(terms.max_per_day, licence.max_per_day))
    return fail(Code::kConflict, "the licence allows fewer uses in a day than the offer");
  const auto ends = terms.lasts ? std::optional(licence.licensed_at + *terms.lasts) : std::nullopt;
  if (limits_more(ends, licence.expires))
    return fail(Code::kConflict, "the licence ends earlier than the offer");
  return {};
}

std::string SkillListing::d() const {
  return skill.d + ":" + skill.pubkey.hex().substr(0, kPublisherDigits);
}

Result<nostr::Draft> build_skill_listing(const SkillListing& listing, UnixTime at) {
  TRY(check_terms(listing.terms));
  if (listing.version.empty() || listing.title.empty())
    return fail(Code::kTagMissing, "a listing names its skill and version");
  nostr::Draft draft = nostr::build_listing(
      {.d = listing.d(),
       .title = listing.title,
       .summary = listing.summary,
       .published_at = at,
       .price = nostr::Price{std::to_string(listing.price.value), "SATS", ""},
       .sold = listing.sold,
       .topics = {"agent-skill"}},
      at);
  auto& tags = draft.tags;
  tags.push_back({"a", listing.skill.str()});
  tags.push_back({"e", listing.manifest.hex()});
  tags.push_back({"version", listing.version});
  tags.push_back({"license_type", std::string(licence_type_name(listing.terms.type))});
  if (listing.desk && *listing.desk != listing.seller)
    tags.push_back({"p", listing.desk->hex(), "", std::string(kDesk)});
  const auto count = [&](std::string_view name, std::optional<std::uint64_t> value) {
    if (value) tags.push_back(number_tag(name, static_cast<std::int64_t>(*value)));
  };
  count("max_uses", listing.terms.max_uses);
  count("max_per_day", listing.terms.max_per_day);
  if (listing.terms.lasts) tags.push_back(number_tag("lasts", listing.terms.lasts->count()));
  return checked(std::move(draft));
}

Result<SkillListing> parse_skill_listing(const nostr::Event& event) {
  TRY(check_shape(event, nostr::kinds::kClassified));
  const auto read = nostr::parse_listing(event);
  if (!read) return fail(Code::kTagBad, read.error().detail);
  const nostr::Listing& listing = *read;
  SkillListing out;
  out.seller = event.pubkey;
  TRY(const auto a, control_tag(event.tags, "a"));
  const auto skill = a ? parse_coordinate(*a) : Result<nostr::Address>(fail(Code::kTagMissing, "a"));
  if (!skill || skill->kind != kinds::kSkillManifest)
    return fail(Code::kKind, "this listing is of no skill");
  out.skill = *skill;
  TRY(out.manifest, required_id(event.tags, "e"));
  TRY(const auto version, required_tag(event.tags, "version"));
  out.version = version;
  out.title = listing.title;
  out.summary = listing.summary;
  TRY(out.price, read_price(listing));
  TRY(out.terms, read_terms(event.tags));
  TRY(out.desk, read_desk(event.tags));
  out.sold = listing.sold;
  if (!check_terms(out.terms)) return fail(Code::kTagBad, "the terms of the listing are incomplete");
  return out;
}

}  // namespace nipsa
