// Offers of skills: what is written is read again, and what a seller could not mean is refused.
#include "nipsa/skill_listing.h"

#include "tests/nipsa/skill_fixture.h"

namespace nipsa_test {
namespace {

nipsa::SkillListing offer() {
  return {.seller = market().public_key(),
          .skill = echo().address(),
          .manifest = echo_event().id,
          .version = "1.0.0",
          .title = "Echo",
          .summary = "Says hello",
          .price = {2500},
          .terms = {.type = nipsa::LicenceType::kMetered,
                    .max_uses = 5,
                    .max_per_day = 2,
                    .lasts = std::chrono::hours(24)}};
}
nostr::Event listing_event() { return sign(nipsa::build_skill_listing(offer(), kNow).value(), market()); }
nostr::Event with_tag(const std::string& name, const std::string& value) {
  nostr::Event event = listing_event();
  for (nostr::Tag& tag : event.tags)
    if (tag[0] == name) tag[1] = value;
  return sign({.kind = event.kind, .created_at = event.created_at, .tags = event.tags, .content = ""}, market());
}

TEST(SkillListing, ComesBackAsItWasWritten) {
  EXPECT_EQ(nipsa::parse_skill_listing(listing_event()).value(), offer());
}

TEST(SkillListing, APriceIsWholeSatoshiPaidOnceAndFreeIsSaid) {
  const auto priced = [](const std::function<void(nostr::Tags&)>& change) {
    nostr::Event event = listing_event();
    change(event.tags);
    return nipsa::parse_skill_listing(
        sign({.kind = event.kind, .created_at = event.created_at, .tags = event.tags, .content = ""}, market()));
  };
  const auto each_price = [&](const std::function<void(nostr::Tag&)>& change) {
    return priced([&](nostr::Tags& tags) {
      for (nostr::Tag& tag : tags)
        if (tag[0] == "price") change(tag);
    });
  };
  EXPECT_TRUE(each_price([](nostr::Tag&) {}));
  EXPECT_TRUE(each_price([](nostr::Tag& tag) { tag[1] = "0"; }));
  EXPECT_FALSE(each_price([](nostr::Tag& tag) { tag[1] = "1.5"; }));
  EXPECT_FALSE(each_price([](nostr::Tag& tag) { tag.push_back("month"); }));
  EXPECT_FALSE(each_price([](nostr::Tag& tag) { tag[2] = "USD"; }));
  EXPECT_FALSE(priced([](nostr::Tags& tags) {
    std::erase_if(tags, [](const nostr::Tag& tag) { return tag[0] == "price"; });
  })) << "what costs nothing says so";
}

TEST(SkillListing, MayNameADeskThatTradesForItsSeller) {
  EXPECT_EQ(offer().trader(), offer().seller);
  nipsa::SkillListing traded = offer();
  traded.desk = pub('7');
  const nostr::Event event = sign(nipsa::build_skill_listing(traded, kNow).value(), market());
  const auto changed = [&](const std::function<void(nostr::Tags&)>& change) {
    nostr::Tags tags = event.tags;
    change(tags);
    return nipsa::parse_skill_listing(
        sign({.kind = event.kind, .created_at = event.created_at, .tags = tags, .content = ""}, market()));
  };
  EXPECT_EQ(nipsa::parse_skill_listing(event).value(), traded);
  EXPECT_EQ(nipsa::parse_skill_listing(event)->trader(), pub('7'));
  EXPECT_EQ(changed([](nostr::Tags& tags) { tags.push_back({"p", pub('8').hex()}); })->trader(), pub('7'))
      << "who is only mentioned trades for nobody";
  EXPECT_EQ(nipsa::code_of(changed([](nostr::Tags& tags) { tags.push_back({"p", pub('8').hex(), "", "desk"}); }).error()),
            nipsa::Code::kTagDup);
  EXPECT_EQ(nipsa::code_of(changed([](nostr::Tags& tags) {
                             for (nostr::Tag& tag : tags)
                               if (tag[0] == "p") tag[1] = "nobody";
                           }).error()),
            nipsa::Code::kHex);
}

TEST(SkillListing, OfAnythingElseItIsNone) {
  EXPECT_EQ(nipsa::code_of(nipsa::parse_skill_listing(with_tag("a", "30023:" + pub('4').hex() + ":x")).error()),
            nipsa::Code::kKind);
  EXPECT_FALSE(nipsa::parse_skill_listing(with_tag("license_type", "forever")));
  EXPECT_FALSE(nipsa::parse_skill_listing(with_tag("max_uses", "0")));
}

TEST(SkillListing, TermsThatPromiseNothingCannotBeOffered) {
  EXPECT_FALSE(nipsa::check_terms({.type = nipsa::LicenceType::kMetered}));
  EXPECT_FALSE(nipsa::check_terms({.type = nipsa::LicenceType::kSubscription}));
  EXPECT_TRUE(nipsa::check_terms({}));
}

TEST(SkillListing, ALicenceIsHeldAgainstTheTermsItWasPaidFor) {
  nipsa::Licence licence = echo_licence();
  licence.type = nipsa::LicenceType::kMetered;
  licence.max_uses = 5;
  licence.max_per_day = 2;
  licence.licensed_at = kNow;
  licence.expires = kNow + std::chrono::hours(24);
  EXPECT_TRUE(nipsa::check_terms_kept(offer().terms, licence));
  licence.max_uses = 4;
  EXPECT_FALSE(nipsa::check_terms_kept(offer().terms, licence));
  licence.max_uses = 6;
  EXPECT_TRUE(nipsa::check_terms_kept(offer().terms, licence)) << "more is no breach";
  licence.expires = kNow + std::chrono::hours(23);
  EXPECT_FALSE(nipsa::check_terms_kept(offer().terms, licence));
}

}  // namespace
}  // namespace nipsa_test
