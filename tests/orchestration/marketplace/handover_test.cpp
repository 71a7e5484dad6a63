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

  base::Result<Handover> hand() {
    return hand_over(package, manifest, agent.public_key(),
                     {.type = nipsa::LicenceType::kMetered, .max_uses = 3}, seller, kNow, rng);
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

TEST(Handover, AnotherBodyThanTheManifestsIsRefusedOnBothSides) {
  Scene s;
  const auto other =
      check_package({{"SKILL.md", "---\nname: echo\ndescription: x\n---\nMalware\n"}}).value();
  const auto refused = hand_over(other, s.manifest, s.agent.public_key(), {}, s.seller, kNow, s.rng);
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

TEST(Handover, TheInlineLimit) {
  Scene s;
  const std::string front = "---\nname: echo\ndescription: x\n---\n";
  const auto with_size = [&](std::size_t size) {
    s.package = check_package({{"SKILL.md", front + std::string(size - front.size(), 'x')}}).value();
    nipsa::Manifest m = nipsa::parse_manifest(s.manifest).value();
    s.manifest = nostr::sign_event(nipsa::build_manifest(m, s.package.files, kNow).value(), s.seller, s.rng);
    return s.hand();
  };
  EXPECT_TRUE(with_size(16'384));
  EXPECT_EQ(with_size(16'385).error().code, base::Errc::kLimit);
}

}  // namespace
}  // namespace orchestration
