// Orders and bills: read as they were written, and nothing else passes for one.
#include "orchestration/marketplace/trade.h"

#include <gtest/gtest.h>

#include "nipsa/kinds.h"

namespace orchestration {
namespace {

constexpr base::UnixTime kNow = base::unix_time(1'760'000'000);

struct Scene {
  base::SeededRng rng{5};
  nostr::PublicKey buyer = nostr::SecretKey::generate(rng).public_key();
  nostr::PublicKey seller = nostr::SecretKey::generate(rng).public_key();

  base::Result<std::optional<TradeMessage>> read(std::string text) {
    nostr::UnsignedEvent rumor = build_trade_message(SkillBill{std::string(32, 'a'), "lnbc1"}, buyer, seller, kNow);
    rumor.content = std::move(text);
    return parse_trade_message(rumor);
  }
};

TEST(Trade, EveryMessageComesBack) {
  Scene s;
  const TradeMessage all[] = {
      SkillOrder{.id = std::string(32, 'a'),
                 .skill = {nipsa::kinds::kSkillManifest, s.seller, "echo"},
                 .manifest = *nostr::EventId::from_hex(std::string(64, '1')),
                 .listing = *nostr::EventId::from_hex(std::string(64, '2')),
                 .agent = s.buyer},
      SkillBill{std::string(32, 'b'), "lnbcrt1"}, SkillRefusal{std::string(32, 'c'), "sold out"}};
  for (const TradeMessage& message : all) {
    const auto back = parse_trade_message(build_trade_message(message, s.buyer, s.seller, kNow));
    ASSERT_TRUE(back && *back);
    EXPECT_EQ(**back, message);
    EXPECT_EQ(order_of(**back), order_of(message));
  }
}

TEST(Trade, TalkIsNoTrade) {
  Scene s;
  for (const char* text : {"Hello", "{\"a\":1}", "{", "[]", "{\"type\":\"skill-party\"}"}) {
    const auto read = s.read(text);
    ASSERT_TRUE(read) << text;
    EXPECT_FALSE(*read) << text;
  }
}

TEST(Trade, WhatCannotBeReadIsRefused) {
  Scene s;
  EXPECT_FALSE(s.read(R"({"type":"skill-bill","order":"abc","invoice":"lnbc1"})"));
  EXPECT_FALSE(s.read(R"({"type":"skill-bill","order":"00000000000000000000000000000000"})"));
  EXPECT_FALSE(s.read(R"({"type":"skill-order","order":"00000000000000000000000000000000"})"));
}

}  // namespace
}  // namespace orchestration
