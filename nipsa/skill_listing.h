// What a licence costs: a NIP-99 listing (30402) of its seller, whose `a` is the skill (nip-sa 1.2).
//
// The seller signs it and issues the licence: one key stands behind price, invoice and right.
#pragma once

#include "nipsa/licence.h"
#include "nipsa/manifest.h"
#include "nipsa/reading.h"

namespace nipsa {

/// What a licence allows and for how long.
struct LicenceTerms {
  LicenceType type = LicenceType::kPerpetual;
  std::optional<std::uint64_t> max_uses;
  std::optional<std::uint64_t> max_per_day;
  std::optional<std::chrono::seconds> lasts;
  friend bool operator==(const LicenceTerms&, const LicenceTerms&) = default;
};
/// kInvalid: metered without a number of uses, a subscription without an end, anything out of bounds.
Result<void> check_terms(const LicenceTerms& terms);
/// Whether `licence` allows at least what `terms` promise: E_CONFLICT says what is less.
Result<void> check_terms_kept(const LicenceTerms& terms, const Licence& licence);

struct SkillListing {
  nostr::PublicKey seller;
  nostr::Address skill;      ///< 33400
  nostr::EventId manifest;   ///< the version that is sold
  std::string version;
  std::string title;
  std::string summary;
  Sat price;                 ///< 0: given away
  LicenceTerms terms;
  bool sold = false;         ///< not for sale any more
  /// Who trades for the seller — takes orders, bills, delivers — where that is another key: a group signs
  /// what it offers and licenses, and no private messages.
  std::optional<nostr::PublicKey> desk;
  friend bool operator==(const SkillListing&, const SkillListing&) = default;

  /// To whom orders go.
  nostr::PublicKey trader() const { return desk.value_or(seller); }
  /// The `d` of its address: two publishers may have a skill of one name.
  std::string d() const;
};

/// Strict: version, title and terms are checked. The seller signs it.
Result<nostr::Draft> build_skill_listing(const SkillListing& listing, UnixTime at);
/// E_KIND for a listing of something else, E_NUM for a price that is no whole number of satoshi,
/// E_TAG_* and E_ENUM for the rest.
Result<SkillListing> parse_skill_listing(const nostr::Event& event);

}  // namespace nipsa
