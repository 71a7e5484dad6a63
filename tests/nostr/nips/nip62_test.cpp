// Whom a request to vanish is for, and what it covers.
#include "nostr/nips/nip62.h"

#include <gtest/gtest.h>

#include "tests/nostr/event/samples.h"

namespace nostr {
namespace {

const std::vector<std::string> kUrls{"wss://relay.example", "ws://127.0.0.1:7777"};

VanishScope scope_of(Tags tags, Kind kind = kinds::kVanishRequest) {
  return vanish_scope(samples::note("", std::move(tags), kind), kUrls);
}

TEST(Nip62, a_request_is_for_the_relays_it_names_or_for_all) {
  EXPECT_EQ(scope_of({{"relay", "wss://relay.example"}}), VanishScope::kUs);
  EXPECT_EQ(scope_of({{"relay", "WSS://Relay.Example:443/"}}), VanishScope::kUs);
  EXPECT_EQ(scope_of({{"relay", "wss://other.example"}, {"relay", "ALL_RELAYS"}}), VanishScope::kUs);
  EXPECT_EQ(scope_of({{"relay", "wss://other.example"}}), VanishScope::kOthers);
  EXPECT_EQ(scope_of({{"relay", "all_relays"}}), VanishScope::kOthers);
  EXPECT_EQ(scope_of({{"p", "ALL_RELAYS"}}), VanishScope::kNobody);
  EXPECT_EQ(scope_of({{"relay", "ALL_RELAYS"}}, 1), VanishScope::kNobody);
}

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

TEST(Nip62, a_built_request_reads_back) {
  base::SeededRng rng(4);
  const auto scope = [&rng](const std::vector<std::string>& relays) {
    return vanish_scope(sign_event(build_vanish_request(relays, "bye", base::unix_time(5)),
                                   samples::key(1), rng), kUrls);
  };
  EXPECT_EQ(scope({}), VanishScope::kUs);
  EXPECT_EQ(scope({"wss://relay.example/"}), VanishScope::kUs);
  EXPECT_EQ(scope({"wss://elsewhere.example"}), VanishScope::kOthers);
}

}  // namespace
}  // namespace nostr
