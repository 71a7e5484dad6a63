// Money that cannot be spent twice: whatever the wallet does, whenever the process dies.
#include <sys/wait.h>
#include <unistd.h>

#include "tests/orchestration/support/money_world.h"

namespace orchestration {
namespace {

using base::Errc;
using base::Msat;
using nostr::WalletErrc;
using storage::Dimension;
using storage::PaymentRow;
using storage::PaymentState;
using storage::Per;
using testing::errc_of;
using testing::MoneyWorld;
using testing::must;
using wallet_service::Fault;

constexpr Msat kPrice{50'000};
constexpr Msat kWithFee{60'000};  // what is reserved for it

TEST(Cashier, APaymentIsProvenAndCharged) {
  MoneyWorld world;
  world.network.set_fee(Msat{2'000});
  const std::string bill = world.bill(kPrice);
  const PaymentRow row = must(world.pay("k", bill, kPrice));
  EXPECT_EQ(row.state, PaymentState::kSettled);
  EXPECT_EQ(row.fee, Msat{2'000});
  EXPECT_TRUE(nostr::is_paid_by(row.payment_hash, row.preimage.value()));
  EXPECT_EQ(world.node_today().spent, Msat{52'000});
  EXPECT_EQ(world.node_today().reserved, Msat{0});
  EXPECT_EQ(world.network.balance("shop"), kPrice);
}

TEST(Cashier, TheSameKeyPaysOnceHoweverOftenItIsAsked) {
  MoneyWorld world;
  const std::string bill = world.bill(kPrice);
  must(world.pay("k", bill, kPrice));
  EXPECT_EQ(must(world.pay("k", bill, kPrice)).state, PaymentState::kSettled);
  world.restart();
  EXPECT_EQ(must(world.pay("k", bill, kPrice)).state, PaymentState::kSettled);
  EXPECT_EQ(errc_of(world.pay("other", bill, kPrice)), Errc::kConflict);
  EXPECT_EQ(errc_of(world.pay("k", world.bill(kPrice), kPrice)), Errc::kConflict);
  EXPECT_EQ(world.service->handled("pay_invoice"), 1);
}

base::Task<void> pay_into(Cashier* cashier, std::string key,
                          std::vector<base::Result<PaymentRow>>* out) {
  auto row = co_await cashier->pay(std::move(key));
  out->push_back(std::move(row));
}

TEST(Cashier, TwoCallersOfOneKeyPayOnceAndBothLearnOfIt) {
  MoneyWorld world;
  const std::string bill = world.bill(kPrice);
  must(world.cashier->open(world.order("k", bill, kPrice)));
  std::vector<base::Result<PaymentRow>> rows;
  base::Scope scope(world.world.loop);
  scope.spawn("one", pay_into(world.cashier.get(), "k", &rows));
  scope.spawn("two", pay_into(world.cashier.get(), "k", &rows));
  world.world.until([&] { return rows.size() == 2; });
  world.run(scope.stop());
  for (const auto& row : rows) EXPECT_EQ(must(row).state, PaymentState::kSettled);
  EXPECT_EQ(world.service->handled("pay_invoice"), 1);
}

TEST(Cashier, PaymentsSideBySideNeverPassALimit) {
  MoneyWorld world(Msat{10'000'000});
  world.set_limit(Dimension::kNode, "", Per::kDay, 3 * kWithFee.value);
  std::vector<base::Result<PaymentRow>> rows;
  base::Scope scope(world.world.loop);
  for (int i = 0; i < 8; ++i) {
    const std::string key = "k" + std::to_string(i);
    must(world.cashier->open(world.order(key, world.bill(kPrice), kPrice)));
    scope.spawn("pay", pay_into(world.cashier.get(), key, &rows));
  }
  world.world.until([&] { return rows.size() == 8; });
  world.run(scope.stop());
  int refused = 0;
  for (const auto& row : rows)
    if (!row) {
      EXPECT_EQ(row.error().code, Errc::kLimit);
      ++refused;
    }
  EXPECT_EQ(refused, 5) << "three fit with their fees before any was settled";
  EXPECT_EQ(world.network.payments(), 3);
}

TEST(Cashier, EveryDimensionAndWindowHolds) {
  struct Case {
    Dimension dimension;
    std::string name;
    Per per;
  };
  const std::vector<Case> cases{
      {Dimension::kNode, "", Per::kTick},          {Dimension::kNode, "", Per::kHour},
      {Dimension::kNode, "", Per::kDay},           {Dimension::kAgent, "main", Per::kTick},
      {Dimension::kAgent, "main", Per::kHour},     {Dimension::kAgent, "*", Per::kDay},
      {Dimension::kTask, "task", Per::kTick},      {Dimension::kTask, "task", Per::kHour},
      {Dimension::kTask, "*", Per::kDay},          {Dimension::kSkill, "skill", Per::kTick},
      {Dimension::kSkill, "*", Per::kHour},        {Dimension::kSkill, "skill", Per::kDay},
      {Dimension::kCounterparty, "*", Per::kTick}, {Dimension::kCounterparty, "shop", Per::kHour},
      {Dimension::kCounterparty, "shop", Per::kDay}};
  MoneyWorld world;
  PaymentOrder order = world.order("k", world.bill(kPrice), kPrice);
  order.who = {"main", "t1", "task", "skill", "shop"};
  const PaymentRow row = must(world.cashier->open(order));
  EXPECT_TRUE(must(world.cashier->breaches(row)).empty());
  for (const Case& c : cases) {
    world.set_limit(c.dimension, c.name, c.per, kWithFee.value - 1);
    const auto breaches = must(world.cashier->breaches(row));
    EXPECT_EQ(breaches.size(), 1u) << limit_name(c.dimension, c.name, c.per);
    EXPECT_EQ(errc_of(world.run(world.cashier->pay("k"))), Errc::kLimit);
    must(storage::SpendLimits(*world.db).erase(c.dimension, c.name, c.per));
  }
  EXPECT_EQ(world.service->handled("pay_invoice"), 0);
  EXPECT_EQ(must(world.run(world.cashier->pay("k"))).state, PaymentState::kSettled);
}

TEST(Cashier, ALimitThatFillsUpIsToldOnce) {
  MoneyWorld world;
  world.set_limit(Dimension::kNode, "", Per::kDay, kPrice.value * 4);
  must(world.pay("a", world.bill(kPrice), kPrice));
  must(world.pay("b", world.bill(kPrice), kPrice));
  must(world.pay("c", world.bill(kPrice), kPrice));
  EXPECT_TRUE(world.told.empty()) << "three quarters";
  world.set_limit(Dimension::kNode, "", Per::kDay, kPrice.value * 5);
  must(world.pay("d", world.bill(kPrice), kPrice));
  ASSERT_EQ(world.told.size(), 1u);
  EXPECT_NE(world.told[0].find("node per day: 80 %"), std::string::npos) << world.told[0];
}

TEST(Cashier, ALimitIsWhatTheOperatorMayLiftForOnePayment) {
  MoneyWorld world;
  world.set_limit(Dimension::kNode, "", Per::kDay, 0);
  EXPECT_EQ(errc_of(world.pay("k", world.bill(kPrice), kPrice)), Errc::kLimit);
  EXPECT_EQ(world.row("k").state, PaymentState::kIntent) << "it waits to be asked about";
  EXPECT_EQ(must(world.run(world.cashier->pay("k", Limits::kLifted))).state,
            PaymentState::kSettled);
  EXPECT_EQ(world.node_today().spent, kPrice) << "and is counted all the same";
}

TEST(Cashier, ALimitOfItsOwnNameWinsAndTheOperatorOverTheConfiguration) {
  MoneyWorld world;
  world.configured = {{Dimension::kCounterparty, "*", Per::kDay, Msat{0}, {}}};
  world.restart();
  EXPECT_EQ(errc_of(world.pay("a", world.bill(kPrice), kPrice)), Errc::kLimit);
  world.set_limit(Dimension::kCounterparty, "shop", Per::kDay, 1'000'000);
  EXPECT_EQ(must(world.run(world.cashier->pay("a"))).state, PaymentState::kSettled);
  must(storage::SpendLimits(*world.db).erase(Dimension::kCounterparty, "shop", Per::kDay));
  must(storage::SpendLimits(*world.db)
           .set({Dimension::kCounterparty, "*", Per::kDay, std::nullopt, {}}));
  EXPECT_EQ(must(world.pay("b", world.bill(kPrice), kPrice)).state, PaymentState::kSettled);
}

TEST(Cashier, ALostAnswerIsLookedUpAndNeverPaidAgain) {
  MoneyWorld world;
  const std::string bill = world.bill(kPrice);
  world.misbehave("pay_invoice", Fault::kLoseAnswer);
  world.restart_waiting(testing::kSilence);
  must(world.cashier->open(world.order("k", bill, kPrice)));
  const PaymentRow unknown = must(world.run(world.cashier->pay("k")));
  EXPECT_EQ(unknown.state, PaymentState::kUnknown);
  world.restart_waiting(testing::kAnyAnswer);
  EXPECT_EQ(errc_of(world.pay("again", bill, kPrice)), Errc::kConflict);
  EXPECT_EQ(must(world.run(world.cashier->pay("k"))).state, PaymentState::kSettled)
      << "asked again, it looks";
  EXPECT_EQ(world.row("k").preimage.has_value(), true);
  EXPECT_EQ(world.times_paid(bill), 1);
  EXPECT_EQ(world.service->handled("pay_invoice"), 1);
}

TEST(Cashier, AWalletThatFailsAfterPayingIsNotBelieved) {
  for (const WalletErrc code :
       {WalletErrc::kPaymentFailed, WalletErrc::kInternal, WalletErrc::kOther}) {
    MoneyWorld world;
    const std::string bill = world.bill(kPrice);
    world.misbehave("pay_invoice", Fault::kFailAfter, code);
    EXPECT_EQ(must(world.pay("k", bill, kPrice)).state, PaymentState::kSettled);
    EXPECT_EQ(world.times_paid(bill), 1);
  }
}

TEST(Cashier, ARefusalGivesTheMoneyBack) {
  for (const WalletErrc code :
       {WalletErrc::kPaymentFailed, WalletErrc::kInsufficientBalance, WalletErrc::kQuotaExceeded,
        WalletErrc::kRestricted, WalletErrc::kUnauthorized, WalletErrc::kRateLimited}) {
    MoneyWorld world;
    const std::string bill = world.bill(kPrice);
    world.misbehave("pay_invoice", Fault::kRefuse, code);
    const PaymentRow row = must(world.pay("k", bill, kPrice));
    EXPECT_EQ(row.state, PaymentState::kFailed);
    EXPECT_NE(row.detail.find(nostr::wallet_errc_name(code)), std::string::npos);
    EXPECT_EQ(world.node_today().reserved, Msat{0});
    EXPECT_EQ(must(world.pay("second", bill, kPrice)).state, PaymentState::kSettled)
        << "certainly unpaid: a new intent may pay it";
  }
}

TEST(Cashier, AWalletWithTooLittleInItPaysNothingAndTheAttemptIsOnRecord) {
  MoneyWorld world(kPrice - Msat{1});
  const PaymentRow row = must(world.pay("k", world.bill(kPrice), kPrice));
  EXPECT_EQ(row.state, PaymentState::kFailed);
  EXPECT_NE(row.detail.find("INSUFFICIENT_BALANCE"), std::string::npos) << row.detail;
  EXPECT_EQ(world.network.payments(), 0);
  EXPECT_EQ(world.network.balance("ours"), kPrice - Msat{1});
  EXPECT_EQ(world.node_today().spent, Msat{0});
  EXPECT_EQ(world.node_today().reserved, Msat{0});
  const auto listed = must(world.cashier->list(10));
  ASSERT_EQ(listed.size(), 1u);
  EXPECT_EQ(listed[0].state, PaymentState::kFailed);
}

// What a fee may be at most is reserved with the amount: a limit without room for it refuses, and what the wallet
// did not charge is free again.
TEST(Cashier, TheFeeAllowedIsReservedAndOnlyTheFeeChargedIsSpent) {
  MoneyWorld world;
  PaymentOrder order = world.order("k", world.bill(kPrice), kPrice);
  order.max_fee = Msat{2'000};
  must(world.cashier->open(order));
  world.set_limit(Dimension::kNode, "", Per::kDay, kPrice.value + 1'999);
  EXPECT_EQ(errc_of(world.run(world.cashier->pay("k"))), Errc::kLimit);
  EXPECT_EQ(world.network.payments(), 0);
  world.set_limit(Dimension::kNode, "", Per::kDay, kPrice.value + 2'000);
  const PaymentRow paid = must(world.run(world.cashier->pay("k")));
  EXPECT_EQ(paid.state, PaymentState::kSettled);
  EXPECT_LE(paid.fee, Msat{2'000});
  EXPECT_EQ(world.node_today().spent, kPrice + paid.fee);
  EXPECT_EQ(world.node_today().reserved, Msat{0});
}

TEST(Cashier, ARefusalThatSaysNothingCertainStaysUnknown) {
  MoneyWorld world;
  const std::string bill = world.bill(kPrice, std::chrono::seconds{120});
  world.misbehave("pay_invoice", Fault::kRefuse, WalletErrc::kInternal);
  EXPECT_EQ(must(world.pay("k", bill, kPrice)).state, PaymentState::kUnknown);
  EXPECT_EQ(world.node_today().reserved, kWithFee);
  world.world.clock.advance(std::chrono::seconds{130});
  world.run(world.cashier->sweep());
  EXPECT_EQ(world.row("k").state, PaymentState::kUnknown) << "clocks may differ";
  world.world.clock.advance(std::chrono::seconds{300});
  world.run(world.cashier->sweep());
  EXPECT_EQ(world.row("k").state, PaymentState::kFailed) << "nobody can pay it any more";
  EXPECT_EQ(world.node_today().reserved, Msat{0});
}

TEST(Cashier, AWalletThatCannotBeAskedLeavesItUnknownForEver) {
  MoneyWorld world(Msat{1'000'000}, {.methods = {"pay_invoice"}, .notify = false});
  world.misbehave("pay_invoice", Fault::kLoseAnswer);
  world.restart_waiting(testing::kSilence);
  EXPECT_EQ(must(world.pay("k", world.bill(kPrice), kPrice)).state, PaymentState::kUnknown);
  world.world.clock.advance(std::chrono::hours{48});
  world.run(world.cashier->sweep());
  EXPECT_EQ(world.row("k").state, PaymentState::kUnknown) << "never guessed";
}

TEST(Cashier, AWrongPreimageProvesNothing) {
  MoneyWorld world;
  world.misbehave("pay_invoice", Fault::kWrongPreimage);
  const PaymentRow row = must(world.pay("k", world.bill(kPrice), kPrice));
  EXPECT_EQ(row.state, PaymentState::kSettled) << "the look-up shows the right one";
  EXPECT_TRUE(nostr::is_paid_by(row.payment_hash, row.preimage.value()));
}

TEST(Cashier, AWalletThatNeverShowsAProofIsBelievedAboutItsMoneyOnly) {
  MoneyWorld world(Msat{1'000'000}, {.notify = false});
  world.misbehave("pay_invoice", Fault::kWrongPreimage);
  world.misbehave("lookup_invoice", Fault::kWrongPreimage);
  const PaymentRow unproven = must(world.pay("l", world.bill(kPrice), kPrice));
  EXPECT_EQ(unproven.state, PaymentState::kSettled) << "the money is gone, says the wallet";
  EXPECT_FALSE(unproven.preimage.has_value()) << "but nobody was shown a receipt";
}

TEST(Cashier, AWalletThatShowsNoPreimageIsAskedForIt) {
  MoneyWorld world;
  world.misbehave("pay_invoice", Fault::kNoPreimage);
  EXPECT_TRUE(must(world.pay("k", world.bill(kPrice), kPrice)).preimage.has_value());
}

TEST(Cashier, TwoAnswersOrAContradictionChangeNothing) {
  MoneyWorld world;
  for (const Fault fault : {Fault::kDuplicate, Fault::kContradict, Fault::kStranger}) {
    world.misbehave("pay_invoice", fault);
    const std::string key = "k" + std::to_string(static_cast<int>(fault));
    EXPECT_EQ(must(world.pay(key, world.bill(kPrice), kPrice)).state, PaymentState::kSettled);
    world.world.settle();
    EXPECT_EQ(world.row(key).state, PaymentState::kSettled);
  }
  EXPECT_EQ(world.node_today().spent, Msat{3 * kPrice.value});
}

TEST(Cashier, WhatLeftBeyondTheAmountIsCounted) {
  MoneyWorld world(Msat{1'000'000}, {.notify = false});
  world.misbehave("pay_invoice", Fault::kNoPreimage);
  world.misbehave("lookup_invoice", Fault::kWrongAmount);
  EXPECT_EQ(must(world.pay("k", world.bill(kPrice), kPrice)).fee, Msat{1'000});
  EXPECT_EQ(world.node_today().spent, Msat{51'000});
}

TEST(Cashier, ANotificationSettlesWhatWasUnknown) {
  MoneyWorld world;
  const std::string bill = world.bill(kPrice);
  must(world.cashier->open(world.order("k", bill, kPrice)));
  world.misbehave("pay_invoice", Fault::kIgnore);
  world.restart_waiting(testing::kSilence);
  EXPECT_EQ(must(world.run(world.cashier->pay("k"))).state, PaymentState::kUnknown);
  must(world.network.pay("ours", bill, world.world.clock.now()));
  const nostr::Transaction seen =
      *world.network.find("ours", must(nostr::parse_invoice(bill)).payment_hash);
  nostr::WalletNotification forged{"payment_sent", seen};
  forged.transaction.preimage = nostr::Preimage{};
  world.cashier->hear(forged);
  EXPECT_EQ(world.row("k").state, PaymentState::kUnknown);
  world.cashier->hear({"payment_sent", seen});
  EXPECT_EQ(world.row("k").state, PaymentState::kSettled);
}

TEST(Cashier, AnInvoiceThatDiffersIsNeverAnIntent) {
  MoneyWorld world;
  EXPECT_EQ(errc_of(world.pay("k", world.bill(kPrice), kPrice - Msat{1})), Errc::kDenied);
  EXPECT_FALSE(must(world.cashier->find("k")).has_value());
}

TEST(Cashier, AnInvoiceThatExpiresWhileItWaitsIsNotPaid) {
  MoneyWorld world;
  const std::string bill = world.bill(kPrice, std::chrono::seconds{60});
  must(world.cashier->open(world.order("k", bill, kPrice)));
  world.world.clock.advance(std::chrono::seconds{61});
  EXPECT_EQ(must(world.run(world.cashier->pay("k"))).state, PaymentState::kFailed);
  EXPECT_EQ(world.service->handled("pay_invoice"), 0);
}

TEST(Cashier, OnlyLightningIsPaidBy) {
  MoneyWorld world;
  PaymentOrder order = world.order("k", world.bill(kPrice), kPrice);
  for (const char* rail : {"cashu", "fedimint", "envelope"}) {
    order.rail = rail;
    EXPECT_EQ(errc_of(world.cashier->open(order)), Errc::kUnsupported);
  }
  order.rail = "gold";
  EXPECT_EQ(errc_of(world.cashier->open(order)), Errc::kInvalid);
  EXPECT_FALSE(must(world.cashier->find("k")).has_value());
}

TEST(Cashier, AWalletOutOfReachFailsThePaymentAndKeepsTheMoney) {
  MoneyWorld world;
  const std::string bill = world.bill(kPrice);
  must(world.cashier->open(world.order("k", bill, kPrice)));
  world.world.relay_down();
  const PaymentRow row = must(world.run(world.cashier->pay("k")));
  EXPECT_EQ(row.state, PaymentState::kFailed);
  EXPECT_EQ(world.node_today().reserved, Msat{0});
  world.world.relay_up();
}

}  // namespace
}  // namespace orchestration
