// The local key as a Signer: signing, encrypting, and gift wraps through the interface.
#include "nostr/signer/key_signer.h"

#include <gtest/gtest.h>

#include "nostr/base/loop.h"
#include "nostr/nips/nip17.h"
#include "nostr/signer/gift_wrap.h"
#include "tests/nostr/nips/keys_fixture.h"

namespace {

using namespace nips_test;

struct KeySignerTest : testing::Test {
  base::Loop loop;
  base::ManualClock clock{kNow};
  base::SeededRng rng{1};
  nostr::KeySigner alice{key('1'), clock, rng};
  nostr::KeySigner bob{key('2'), clock, rng};
};

TEST_F(KeySignerTest, StampsOnlyWhatHasNoTime) {
  auto event = loop.run_until_complete(alice.sign({1, {}, {}, "now"}));
  ASSERT_TRUE(event);
  EXPECT_EQ(event->created_at, kNow);
  EXPECT_EQ(event->pubkey, pub('1'));
  EXPECT_TRUE(nostr::check(*event));
  event = loop.run_until_complete(alice.sign({1, base::unix_time(5), {}, "then"}));
  EXPECT_EQ(event->created_at, base::unix_time(5));
}

TEST_F(KeySignerTest, EncryptsForThePeer) {
  const auto payload = loop.run_until_complete(alice.nip44_encrypt(pub('2'), "hello"));
  ASSERT_TRUE(payload);
  EXPECT_EQ(loop.run_until_complete(bob.nip44_decrypt(pub('1'), *payload)).value(), "hello");
  EXPECT_FALSE(loop.run_until_complete(bob.nip44_decrypt(pub('3'), *payload)));
}

TEST_F(KeySignerTest, WrapsAndUnwrapsThroughTheInterface) {
  const auto rumor = nostr::build_private_message(
      {.from = pub('1'), .to = {pub('2')}, .subject = "", .refs = {}, .text = "hi", .at = kNow});
  const auto wrap = loop.run_until_complete(nostr::wrap_with(alice, rumor, pub('2'), kNow, rng));
  ASSERT_TRUE(wrap);
  EXPECT_EQ(nostr::unwrap(*wrap, key('2')).value().event, rumor);
  const auto opened = loop.run_until_complete(nostr::unwrap_with(bob, *wrap));
  ASSERT_TRUE(opened);
  EXPECT_EQ(opened->event, rumor);
  EXPECT_EQ(opened->seal_author, pub('1'));
  EXPECT_FALSE(loop.run_until_complete(nostr::unwrap_with(alice, *wrap)));
  EXPECT_FALSE(loop.run_until_complete(nostr::wrap_with(bob, rumor, pub('2'), kNow, rng)));
}

}  // namespace
