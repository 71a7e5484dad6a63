// A skill changes hands: opened by the group's secret and nothing else.
#include "orchestration/marketplace/handover.h"

#include <gtest/gtest.h>

#include "nipsa/error.h"

namespace orchestration {
namespace {

constexpr base::UnixTime kNow = base::unix_time(1'760'000'000);

struct Scene {
  base::SeededRng rng{3};
  nostr::SecretKey seller = nostr::SecretKey::generate(rng);
  nostr::SecretKey agent = nostr::SecretKey::generate(rng);  // whole here: frostr tests the shares
  SkillPackage package =
      check_package({{"SKILL.md", "---\nname: echo\ndescription: x\n---\nThe secret recipe\n"}}).value();
  nostr::Event manifest = [&] {
    nipsa::Manifest m;
    m.publisher = seller.public_key();
    m.slug = m.name = "echo";
    m.version = "1.0.0";
    m.description = "x";
    m.expires = kNow + std::chrono::hours(1);
    return nostr::sign_event(nipsa::build_manifest(m, package.files, kNow).value(), seller, rng);
  }();

  LicenceGrant to(nipsa::LicenceTerms terms = {}) const {
    return {.agent = agent.public_key(), .terms = terms, .id = "", .payment_hash = {}, .price = {}, .blobs_at = ""};
  }
  base::Result<Handover> hand() {
    return hand_over(package, manifest, to({.type = nipsa::LicenceType::kMetered, .max_uses = 3}), seller.public_key(), seller,
                     kNow, rng);
  }
};

TEST(Handover, OnlyTheAgentsSecretOpensIt) {
  Scene s;
  const Handover given = s.hand().value();
  EXPECT_EQ(given.delivery.content.find("recipe"), std::string::npos);
  const auto delivery =
      nipsa::parse_delivery(nostr::with_author(given.delivery, s.seller.public_key())).value();
  const auto manifest =
      nipsa::check_delivery(delivery, s.seller.public_key(), given.licence).value();
  const auto key = nostr::nip44_conversation_key(s.agent, *given.licence.content_key).value();
  EXPECT_EQ(open_delivery(delivery, manifest, key)->instructions(), "The secret recipe\n");
  const auto sellers = nostr::nip44_conversation_key(s.seller, *given.licence.content_key).value();
  EXPECT_FALSE(open_delivery(delivery, manifest, sellers)) << "the one-time key is forgotten";
  const auto identity = nostr::nip44_conversation_key(s.agent, s.seller.public_key()).value();
  EXPECT_FALSE(open_delivery(delivery, manifest, identity)) << "not the seller's own key either";
}

TEST(Handover, EachLicenceHasItsOwnKey) {
  Scene s;
  EXPECT_NE(s.hand()->licence.content_key, s.hand()->licence.content_key);
}

TEST(Handover, WhoIssuesMayLeaveTheDeliveryToAnotherKey) {
  Scene s;
  const auto group = nostr::SecretKey::generate(s.rng).public_key();
  const nostr::SecretKey desk = nostr::SecretKey::generate(s.rng);
  const Handover given = hand_over(s.package, s.manifest, s.to(), group, desk, kNow, s.rng).value();
  EXPECT_EQ(given.licence.issuer, group);
  EXPECT_EQ(given.licence.provider, desk.public_key());
  const auto delivery = nipsa::parse_delivery(nostr::with_author(given.delivery, desk.public_key())).value();
  EXPECT_FALSE(delivery.signature) << "it is not the publisher, and vouches for nothing";
  EXPECT_TRUE(nipsa::check_delivery(delivery, desk.public_key(), given.licence));
  const auto stranger = nostr::SecretKey::generate(s.rng).public_key();
  EXPECT_EQ(nipsa::code_of(nipsa::check_delivery(delivery, stranger, given.licence).error()), nipsa::Code::kSigner);
}

TEST(Handover, AnotherBodyThanTheManifestsIsRefusedOnBothSides) {
  Scene s;
  const auto other =
      check_package({{"SKILL.md", "---\nname: echo\ndescription: x\n---\nMalware\n"}}).value();
  const auto refused = hand_over(other, s.manifest, s.to(), s.seller.public_key(), s.seller, kNow, s.rng);
  EXPECT_EQ(refused.error().code, base::Errc::kConflict);
  // A seller that lies: the envelope of one body around another.
  const Handover given = s.hand().value();
  auto delivery =
      nipsa::parse_delivery(nostr::with_author(given.delivery, s.seller.public_key())).value();
  const auto key = nostr::nip44_conversation_key(s.agent, *given.licence.content_key).value();
  delivery.payload = nostr::nip44_encrypt(key, pack(other), s.rng).value();
  const auto opened = open_delivery(delivery, nipsa::parse_manifest(s.manifest).value(), key);
  ASSERT_FALSE(opened);
  EXPECT_EQ(nipsa::code_of(opened.error()), nipsa::Code::kHash);
}

TEST(Handover, ARevocationReplacesTheLicence) {
  Scene s;
  const Handover given = s.hand().value();
  const auto licence = nostr::sign_event(given.licence_draft, s.seller, s.rng);
  const auto revoked = nostr::sign_event(revoked_licence(licence, kNow).value(), s.seller, s.rng);
  EXPECT_TRUE(nostr::replaces(revoked, licence)) << "even in the same second";
  EXPECT_TRUE(nipsa::parse_licence(revoked)->revoked);
  EXPECT_EQ(nipsa::parse_licence(revoked)->content_key, given.licence.content_key);
}

TEST(Handover, WhatIsLongerThanADeliveryLiesElsewhere) {
  Scene s;
  const std::string front = "---\nname: echo\ndescription: x\n---\n";
  const auto with_size = [&](std::size_t size, const std::string& blobs_at) {
    s.package = check_package({{"SKILL.md", front + std::string(size - front.size(), 'x')}}).value();
    nipsa::Manifest m = nipsa::parse_manifest(s.manifest).value();
    s.manifest = nostr::sign_event(nipsa::build_manifest(m, s.package.files, kNow).value(), s.seller, s.rng);
    LicenceGrant grant = s.to();
    grant.blobs_at = blobs_at;
    return hand_over(s.package, s.manifest, grant, s.seller.public_key(), s.seller, kNow, s.rng);
  };
  EXPECT_FALSE(with_size(16'384, "https://shop.example/blobs")->blob) << "inside, as long as it fits";
  EXPECT_EQ(with_size(16'385, "").error().code, base::Errc::kLimit);
  const Handover given = with_size(16'385, "https://shop.example/blobs").value();
  ASSERT_TRUE(given.blob);
  const auto delivery =
      nipsa::parse_delivery(nostr::with_author(given.delivery, s.seller.public_key())).value();
  ASSERT_TRUE(delivery.blob);
  EXPECT_EQ(delivery.blob->url, "https://shop.example/blobs/" + delivery.blob->sha256.hex());
  const auto manifest = nipsa::check_delivery(delivery, s.seller.public_key(), given.licence).value();
  const auto key = nostr::nip44_conversation_key(s.agent, *given.licence.content_key).value();
  EXPECT_EQ(open_delivery(delivery, manifest, key, *given.blob)->hash, s.package.hash);

  base::Bytes other = *given.blob;
  other.back() ^= 1;
  EXPECT_EQ(nipsa::code_of(check_blob(*delivery.blob, other).error()), nipsa::Code::kHash);
  EXPECT_FALSE(open_delivery(delivery, manifest, key, other));
  other.pop_back();
  EXPECT_EQ(nipsa::code_of(check_blob(*delivery.blob, other).error()), nipsa::Code::kSize);
  // A lying seller whose hash fits still cannot give another body than the manifest's.
  nipsa::Delivery forged = delivery;
  forged.blob->sha256 = nostr::sha256(other);
  forged.blob->size = other.size();
  EXPECT_FALSE(open_delivery(forged, manifest, key, other));
}

}  // namespace
}  // namespace orchestration
