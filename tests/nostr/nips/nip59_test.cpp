// Gift wraps: the round trip of NIP-17 through NIP-59, and every forgery that must fail.
#include "nostr/nips/nip59.h"

#include <gtest/gtest.h>

#include "nostr/base/json.h"
#include "nostr/event/event_json.h"
#include "nostr/nips/nip17.h"
#include "nostr/nips/nip44.h"
#include "tests/nostr/nips/keys_fixture.h"

namespace {

using namespace nips_test;

nostr::UnsignedEvent rumor_by(char author) {
  return nostr::build_private_message({.from = pub(author),
                                       .to = {pub('2')},
                                       .subject = "Scout approvals",
                                       .refs = {},
                                       .text = "yes K7QF-2M9X",
                                       .at = kNow});
}

std::string seal_text(const nostr::SecretKey& from, const std::string& text) {
  base::SeededRng rng(3);
  const auto shared = nostr::nip44_conversation_key(from, pub('2')).value();
  return nostr::nip44_encrypt(shared, text, rng).value();
}
/// A wrap whose content is `inner`, made by a key of the attacker's choice.
nostr::Event wrap_of(const std::string& inner) {
  return signed_by(key('9'), nostr::kinds::kGiftWrap, {{"p", pub('2').hex()}},
                   seal_text(key('9'), inner));
}

TEST(Nip59, RoundTripHidesSenderAndTime) {
  base::SeededRng rng(1);
  const auto rumor = rumor_by('1');
  const auto wrap = nostr::wrap_rumor(rumor, key('1'), pub('2'), kNow, rng);
  ASSERT_TRUE(wrap);
  EXPECT_TRUE(nostr::check(*wrap));
  EXPECT_EQ(wrap->kind, nostr::kinds::kGiftWrap);
  EXPECT_NE(wrap->pubkey, pub('1'));
  EXPECT_EQ(nostr::tag_value(wrap->tags, "p"), pub('2').hex());
  EXPECT_EQ(wrap->tags.size(), 1u);
  const auto opened = nostr::unwrap(*wrap, key('2'));
  ASSERT_TRUE(opened) << opened.error().detail;
  EXPECT_EQ(opened->event, rumor);
  EXPECT_EQ(opened->id, nostr::compute_id(rumor));
  EXPECT_EQ(opened->seal_author, pub('1'));
  const auto message = nostr::parse_private_message(opened->event);
  ASSERT_TRUE(message);
  EXPECT_EQ(message->text, "yes K7QF-2M9X");
  EXPECT_EQ(message->subject, "Scout approvals");
  EXPECT_EQ(message->to, std::vector{pub('2')});
}

TEST(Nip59, DatesLieWithinTwoDaysBefore) {
  base::SeededRng rng(1);
  for (int i = 0; i < 50; ++i) {
    const auto wrap = nostr::wrap_rumor(rumor_by('1'), key('1'), pub('2'), kNow, rng).value();
    EXPECT_LE(wrap.created_at, kNow);
    EXPECT_GE(wrap.created_at, kNow - nostr::kWrapBackdate);
  }
}

TEST(Nip59, OnlyTheRecipientOpensIt) {
  base::SeededRng rng(1);
  const auto wrap = nostr::wrap_rumor(rumor_by('1'), key('1'), pub('2'), kNow, rng).value();
  EXPECT_EQ(nostr::unwrap(wrap, key('3')).error().code, base::Errc::kCrypto);
}

TEST(Nip59, SenderCannotSealForAnother) {
  base::SeededRng rng(1);
  EXPECT_EQ(nostr::wrap_rumor(rumor_by('1'), key('3'), pub('2'), kNow, rng).error().code,
            base::Errc::kInvalid);
}

TEST(Nip59, HostileWrapsAreRefused) {
  const auto honest_seal = signed_by(key('1'), nostr::kinds::kSeal, {},
                                     seal_text(key('1'), nostr::to_json(rumor_by('1'))));
  auto forged_seal = honest_seal;  // the stranger's words under the operator's name
  forged_seal.content = seal_text(key('3'), nostr::to_json(rumor_by('1')));
  auto renamed_seal = signed_by(key('3'), nostr::kinds::kSeal, {}, seal_text(key('3'), "{}"));
  renamed_seal.pubkey = pub('1');
  const auto other_author = signed_by(key('3'), nostr::kinds::kSeal, {},
                                      seal_text(key('3'), nostr::to_json(rumor_by('1'))));
  const auto not_a_seal = signed_by(key('1'), 1, {}, "hi");
  const auto garbage_seal = signed_by(key('1'), nostr::kinds::kSeal, {}, "AAAA");
  const auto empty_rumor = signed_by(key('1'), nostr::kinds::kSeal, {}, seal_text(key('1'), "[]"));
  auto bad_sig = wrap_of(nostr::to_json(honest_seal));
  bad_sig.created_at += std::chrono::seconds(1);
  auto other_kind = signed_by(key('9'), 1, {}, seal_text(key('9'), nostr::to_json(honest_seal)));

  ASSERT_TRUE(nostr::unwrap(wrap_of(nostr::to_json(honest_seal)), key('2')));
  const struct {
    const char* name;
    nostr::Event wrap;
  } cases[] = {
      {"seal with another content than was signed", wrap_of(nostr::to_json(forged_seal))},
      {"seal with another author than signed it", wrap_of(nostr::to_json(renamed_seal))},
      {"rumor by another author than the seal", wrap_of(nostr::to_json(other_author))},
      {"note in place of a seal", wrap_of(nostr::to_json(not_a_seal))},
      {"seal with garbage inside", wrap_of(nostr::to_json(garbage_seal))},
      {"rumor that is no event", wrap_of(nostr::to_json(empty_rumor))},
      {"text in place of a seal", wrap_of("hello")},
      {"wrap changed after signing", bad_sig},
      {"wrap of another kind", other_kind},
      {"wrap with garbage inside", signed_by(key('9'), nostr::kinds::kGiftWrap, {}, "garbage")},
  };
  for (const auto& c : cases) EXPECT_FALSE(nostr::unwrap(c.wrap, key('2'))) << c.name;
}

TEST(Nip59, AForgedInnerIdIsReplacedAndAnInnerSignatureIgnored) {
  const auto rumor = rumor_by('1');
  for (const char* forged :
       {"0000000000000000000000000000000000000000000000000000000000000000", ""}) {
    auto json = base::json::parse(nostr::to_json(rumor)).value();
    json["id"] = forged;
    json["sig"] = forged;
    const auto seal = signed_by(key('1'), nostr::kinds::kSeal, {{"x", "tolerated"}},
                                seal_text(key('1'), json.dump()));
    const auto opened = nostr::unwrap(wrap_of(nostr::to_json(seal)), key('2'));
    ASSERT_TRUE(opened) << opened.error().detail;
    EXPECT_EQ(opened->event, rumor);
    EXPECT_EQ(opened->id, nostr::compute_id(rumor));
  }
}

TEST(Nip59, TooLongARumorIsRefused) {
  base::SeededRng rng(1);
  auto rumor = rumor_by('1');
  rumor.content = std::string(70'000, 'x');
  EXPECT_EQ(nostr::wrap_rumor(rumor, key('1'), pub('2'), kNow, rng).error().code,
            base::Errc::kInvalid);
}

}  // namespace
