// What an operator reads in answer to an order, and which switch it worked.
#include "node/orders.h"

#include <gtest/gtest.h>

#include "node/pause.h"
#include "nostr/base/rng.h"
#include "storage/schema.h"

namespace node {
namespace {

using base::json::Value;
using orchestration::Order;

const auto kNow = base::unix_time(1'760'000'000);

class OrdersTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = std::filesystem::temp_directory_path() / "sovereign-orders-XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    place.home = Home::locate(pattern);
    ASSERT_TRUE(place.home.ensure().has_value());
    auto opened = storage::open_database(place.home.database().string());
    ASSERT_TRUE(opened.has_value());
    db = *std::move(opened);
    place.grants = db.get();
  }
  void TearDown() override { std::filesystem::remove_all(place.home.config_dir); }

  base::Result<std::string> tell(const char* words) {
    return carry_out(place, *orchestration::read_order(words), by, kNow);
  }

  base::SystemRng rng;
  nostr::PublicKey by = nostr::SecretKey::generate(rng).public_key();
  std::unique_ptr<storage::Db> db;
  OrderPlace place;
};

TEST_F(OrdersTest, PauseAndResumeWorkTheSameSwitchAsTheCommands) {
  const PauseSwitch pause(place.home);
  ASSERT_TRUE(tell("pause: two\x1b[2Jlines").has_value());
  EXPECT_TRUE(pause.reason()->starts_with("by npub1"));
  EXPECT_EQ(pause.reason()->find('\x1b'), std::string::npos);
  ASSERT_TRUE(tell("resume").has_value());
  ASSERT_TRUE(tell("resume").has_value());
  EXPECT_FALSE(pause.reason());
  ASSERT_TRUE(tell("stop all").has_value());
  EXPECT_TRUE(pause.reason());
}

TEST_F(OrdersTest, GrantsAreListedAndTakenBack) {
  EXPECT_EQ(*tell("grants"), "nothing is allowed in advance");
  storage::Grants grants(*db);
  const auto row = grants.add({.agent = "*", .tool = "bash", .pattern = "cargo test **",
                               .expires = kNow + std::chrono::hours(1)}, kNow);
  ASSERT_TRUE(row.has_value());
  EXPECT_NE(tell("grants")->find("bash cargo test **"), std::string::npos);
  EXPECT_EQ(*tell("revoke 1"), "grant 1 (bash cargo test **) is revoked");
  EXPECT_FALSE(grants.list(1)->front().stands(kNow));
  EXPECT_EQ(tell("revoke 2").error().code, base::Errc::kNotFound);
}

TEST_F(OrdersTest, WhatIsNotKeptHereIsNotMadeUp) {
  place.grants = nullptr;
  EXPECT_EQ(tell("grants").error().code, base::Errc::kUnsupported);
  EXPECT_EQ(tell("budget").error().code, base::Errc::kUnsupported);
}

TEST(OrderMessages, StatusAndBudgetAreAFewLines) {
  const Value status = {{"role", "node"},
                        {"paused", ""},
                        {"ready", true},
                        {"tasks", Value::array()},
                        {"relays", {{{"connected", true}}, {{"connected", false}}}},
                        {"cosigners", {{{"online", true}}}},
                        {"pending", Value::array()},
                        {"budget", {{"day_spent_msat", 1'500}, {"day_limit_msat", 10'000'000}}}};
  EXPECT_EQ(status_message(status),
            "idle\nrelays: 1 of 2 connected\nco-signers: 1 of 1 online\nquestions open: 0\n"
            "spent today: 1500 msat of 10000 sat");
  const Value budget = {{"spent_today_msat", 2'000},
                        {"reserved_msat", 0},
                        {"limits", {{{"limit", "node per day"}, {"msat", 10'000}, {"left_msat", 8'000}},
                                    {{"limit", "task per hour"}, {"msat", nullptr}}}},
                        {"open_payments", {Value::object()}}};
  EXPECT_EQ(budget_message(budget),
            "spent today: 2 sat, reserved: 0 sat\nnode per day: 10 sat, left 8 sat\n"
            "payments under way: 1");
}

}  // namespace
}  // namespace node
