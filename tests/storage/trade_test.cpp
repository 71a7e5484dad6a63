// Purchases and sales: one of a skill at a time, and no way back from money.
#include "storage/purchases.h"
#include "storage/sales.h"
#include "tests/storage/fixture.h"

namespace storage {
namespace {

using testing::errc_of;
using testing::make_event;
using testing::must;
using testing::named;
using testing::StorageTest;
using testing::unix_time;

constexpr UnixTime kNow = unix_time(1'000'000);

PurchaseRow wish(const std::string& id, const std::string& skill = "33400:k:echo") {
  return {.id = id,
          .skill = skill,
          .slug = "echo",
          .version = "1.0.0",
          .seller = named<PublicKey>("shop"),
          .listing = make_event("shop", 30402, 1, {{"d", "echo"}}),
          .manifest = named<EventId>("m"),
          .price = Msat{5'000},
          .created = kNow};
}

class PurchasesTest : public StorageTest {
 protected:
  Purchases purchases_{*db_};
};

TEST_F(PurchasesTest, AWishGivenTwiceIsOne) {
  EXPECT_EQ(must(purchases_.add(wish("a"))).id, "a");
  EXPECT_EQ(must(purchases_.add(wish("b"))).id, "a") << "that of this skill is under way";
  EXPECT_EQ(must(purchases_.add(wish("c", "33400:k:other"))).id, "c");
  must(purchases_.move("a", PurchaseState::kFailed, "sold out", kNow));
  EXPECT_EQ(must(purchases_.add(wish("d"))).id, "d") << "after it is over there may be another";
  EXPECT_EQ(must(purchases_.list_open()).size(), 2U);
  EXPECT_EQ(must(purchases_.list(10)).size(), 3U);
}

TEST_F(PurchasesTest, ACallOfAnAgentIsOnePurchaseAndIsFoundByIt) {
  PurchaseRow called = wish("a");
  called.agent = "Scout";
  called.tick = "mention:1";
  called.call_id = "1.1";
  called.reason = "to answer well";
  must(purchases_.add(called));
  const auto found = must(purchases_.of_call("mention:1", "1.1"));
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->id, "a");
  EXPECT_EQ(found->reason, "to answer well");
  EXPECT_FALSE(must(purchases_.of_call("mention:1", "1.2")).has_value());
  called.id = "b";
  called.skill = "33400:k:other";
  EXPECT_FALSE(purchases_.add(called).has_value()) << "a call wishes once";
  EXPECT_FALSE(must(purchases_.get("b")).has_value());
  // The operator's own orders have no call, and any number of them may stand beside each other.
  must(purchases_.add(wish("c", "33400:k:third")));
  must(purchases_.add(wish("d", "33400:k:fourth")));
  EXPECT_FALSE(must(purchases_.of_call("", "")).has_value());
}

TEST_F(PurchasesTest, WhatWasPaidForEndsDoneAndNowhereElse) {
  must(purchases_.add(wish("a")));
  EXPECT_EQ(errc_of(purchases_.move("a", PurchaseState::kPaid, "", kNow)), Errc::kConflict);
  must(purchases_.move("a", PurchaseState::kOrdered, "", kNow));
  EXPECT_EQ(errc_of(purchases_.move("a", PurchaseState::kRefused, "", kNow)), Errc::kConflict);
  must(purchases_.set_billed("a", "lnbc1", named<nostr::Sha256>("h"), kNow));
  EXPECT_EQ(errc_of(purchases_.set_billed("a", "lnbc2", named<nostr::Sha256>("i"), kNow)), Errc::kConflict)
      << "one bill";
  must(purchases_.move("a", PurchaseState::kPaid, "", kNow));
  EXPECT_EQ(errc_of(purchases_.move("a", PurchaseState::kFailed, "", kNow)), Errc::kConflict);
  must(purchases_.note("a", "no delivery yet", kNow));
  const PurchaseRow row = *must(purchases_.get("a"));
  EXPECT_EQ(row.state, PurchaseState::kPaid);
  EXPECT_EQ(row.invoice, "lnbc1");
  EXPECT_EQ(row.payment_hash, named<nostr::Sha256>("h"));
  EXPECT_EQ(row.detail, "no delivery yet");
  EXPECT_EQ(row.listing, wish("a").listing);
  must(purchases_.move("a", PurchaseState::kDone, "", kNow));
  EXPECT_TRUE(must(purchases_.list_open()).empty());
}

class SalesTest : public StorageTest {
 protected:
  Sales sales_{*db_};
  SaleRow order(const std::string& id) {
    return {.id = id,
            .buyer = named<PublicKey>("buyer"),
            .agent = named<PublicKey>("agent"),
            .skill = "s",
            .listing = make_event("shop", 30402, 1, {{"d", "echo"}}),
            .price = Msat{5'000},
            .created = kNow};
  }
};

TEST_F(SalesTest, AnOrderIsTakenOnceAndBilledOnce) {
  EXPECT_TRUE(must(sales_.take(order("a"))));
  EXPECT_FALSE(must(sales_.take(order("a"))));
  EXPECT_EQ(must(sales_.count_since(named<PublicKey>("buyer"), kNow)), 1);
  must(sales_.set_billed("a", "lnbc1", named<nostr::Sha256>("h"), kNow));
  EXPECT_EQ(errc_of(sales_.set_billed("a", "lnbc2", named<nostr::Sha256>("i"), kNow)), Errc::kConflict);
  must(sales_.move("a", SaleState::kPaid, "", kNow));
  EXPECT_EQ(errc_of(sales_.move("a", SaleState::kFailed, "", kNow)), Errc::kConflict) << "a licence is owed";
  must(sales_.move("a", SaleState::kDone, "", kNow));
  EXPECT_EQ(must(sales_.get("a"))->payment_hash, named<nostr::Sha256>("h"));
  EXPECT_TRUE(must(sales_.list_open()).empty());
}

TEST_F(SalesTest, AnOfferIsReplaced) {
  const Event first = make_event("shop", 30402, 1, {{"d", "echo"}});
  const Event second = make_event("shop", 30402, 2, {{"d", "echo"}});
  must(sales_.put_offer({.skill = "s", .slug = "echo", .folder = "/a", .listing = first, .changed = kNow}));
  must(sales_.put_offer({.skill = "s", .slug = "echo", .folder = "/b", .listing = second, .sold = true, .changed = kNow}));
  const OfferRow row = *must(sales_.offer("s"));
  EXPECT_EQ(row.folder, "/b");
  EXPECT_TRUE(row.sold);
  EXPECT_EQ(row.listing, second);
  EXPECT_EQ(must(sales_.offers(5)).size(), 1U);
}

}  // namespace
}  // namespace storage
