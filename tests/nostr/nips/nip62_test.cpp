// What a request to vanish covers; whom it is for is in discovery_test.cpp.
#include "nostr/nips/nip62.h"

#include <gtest/gtest.h>

#include "tests/nostr/event/samples.h"

namespace nostr {
namespace {

TEST(Nip62, it_covers_its_authors_events_and_wraps_to_it_until_its_time) {
  const Event request = samples::note("", {{"relay", "ALL_RELAYS"}}, kinds::kVanishRequest, 1'000);
  const auto covers = [&request](Event event) { return vanishes(request, event); };
  EXPECT_TRUE(covers(samples::note("old", {}, 1, 1'000)));
  EXPECT_TRUE(covers(samples::note("deletion", {}, kinds::kDeletion, 999)));
  EXPECT_FALSE(covers(samples::note("new", {}, 1, 1'001)));
  EXPECT_FALSE(covers(request));
  Event other = samples::note("wrap", {{"p", request.pubkey.hex()}}, kinds::kGiftWrap, 900);
  other.pubkey = samples::key(5).public_key();
  EXPECT_TRUE(covers(other));
  other.kind = 1;
  EXPECT_FALSE(covers(other)) << "what others say in public stays";
}

}  // namespace
}  // namespace nostr
