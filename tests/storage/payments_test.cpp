// Payments: one row per intent, legal moves only, the budget in the same commit, and a kill anywhere
// leaves a row that tells whether money can have moved.
#include "storage/payments.h"

#include "storage/spend_limits.h"
#include "tests/storage/fixture.h"

namespace storage {
namespace {

using nostr::Preimage;
using nostr::Sha256;
using testing::errc_of;
using testing::must;
using testing::named;
using testing::run_in_child;
using testing::StorageTest;
using testing::TempHome;
using testing::unix_time;
using testing::was_killed;

constexpr UnixTime kNow = unix_time(86'400'000);
constexpr UnixTime kLater = unix_time(86'400'060);

Preimage preimage_of(std::string_view word) {
  return named<Preimage>(word);
}

PaymentRow intent(std::string key, std::int64_t amount = 100, std::int64_t max_fee = 10) {
  PaymentRow row{.key = key,
                 .purpose = "invoice",
                 .rail = "lightning",
                 .agent = "main",
                 .counterparty = "shop",
                 .amount = Msat{amount},
                 .max_fee = Msat{max_fee},
                 .invoice = "lnbc-" + key,
                 .payment_hash = nostr::sha256(preimage_of(key).view()),
                 .expires = kLater,
                 .created = kNow};
  return row;
}

const std::vector<BudgetScope> kDayOf250{
    {.key = "node", .limit = Msat{250}, .window = Window::kDay}};

class PaymentsTest : public StorageTest {
 protected:
  Payments payments() { return Payments(*db_); }
  BudgetTotals today() { return must(Budgets(*db_).totals(kDayOf250[0], kNow)); }
  void bring_to_sent(const std::string& key) {
    must(payments().add(intent(key)));
    must(payments().reserve(key, kDayOf250, kNow));
    must(payments().set_sent(key, named<EventId>("request"), kLater, kNow));
  }
};

TEST_F(PaymentsTest, MoneyIsReservedWithItsFeeAndSettledAtWhatItCost) {
  bring_to_sent("a");
  EXPECT_EQ(today().reserved, Msat{110});
  const PaymentRow done = must(payments().settle("a", preimage_of("a"), Msat{3}, "", kNow));
  EXPECT_EQ(done.state, PaymentState::kSettled);
  EXPECT_EQ(done.fee, Msat{3});
  EXPECT_EQ(done.request, named<EventId>("request"));
  EXPECT_EQ(today().reserved, Msat{0});
  EXPECT_EQ(today().spent, Msat{103});
}

TEST_F(PaymentsTest, OneKeyIsOnePaymentWhateverIsAskedAgain) {
  EXPECT_EQ(must(payments().add(intent("a"))).state, PaymentState::kIntent);
  must(payments().reserve("a", kDayOf250, kNow));
  EXPECT_EQ(must(payments().add(intent("a"))).state, PaymentState::kReserved);
  EXPECT_EQ(must(payments().reserve("a", kDayOf250, kNow)).reservation, 1);
  EXPECT_EQ(today().reserved, Msat{110}) << "reserved once";
  EXPECT_EQ(errc_of(payments().add(intent("a", 101))), Errc::kConflict);

}

TEST_F(PaymentsTest, AnInvoiceIsNotPaidUnderASecondKey) {
  bring_to_sent("a");
  PaymentRow again = intent("a");
  again.key = "b";
  EXPECT_EQ(errc_of(payments().add(again)), Errc::kConflict) << "it is on its way";
  must(payments().set_unknown("a", "no answer", kNow));
  EXPECT_EQ(errc_of(payments().add(again)), Errc::kConflict) << "it may have been paid";
  must(payments().fail("a", "the wallet never saw it", kNow));
  EXPECT_EQ(must(payments().add(again)).key, "b") << "certainly unpaid: it may be tried again";
  EXPECT_EQ(must(payments().by_hash(again.payment_hash))->key, "b");
}

TEST_F(PaymentsTest, AnUnknownOutcomeStaysReservedUntilItIsKnown) {
  bring_to_sent("a");
  must(payments().set_unknown("a", "no answer", kNow));
  EXPECT_EQ(today().reserved, Msat{110});
  EXPECT_EQ(must(payments().list_open()).size(), 1u);
  reopen();
  EXPECT_EQ(must(payments().get("a"))->state, PaymentState::kUnknown);
  must(payments().settle("a", std::nullopt, Msat{0}, "", kNow));
  EXPECT_EQ(today().spent, Msat{100});
  EXPECT_TRUE(must(payments().list_open()).empty());
}

TEST_F(PaymentsTest, AWrongPreimageSettlesNothing) {
  bring_to_sent("a");
  EXPECT_EQ(errc_of(payments().settle("a", preimage_of("b"), Msat{0}, "", kNow)), Errc::kCrypto);
  EXPECT_EQ(must(payments().get("a"))->state, PaymentState::kSent);
  EXPECT_EQ(today().spent, Msat{0});
}

TEST_F(PaymentsTest, AFeeBeyondAllBitcoinSettlesAllTheSame) {
  bring_to_sent("a");
  const PaymentRow done = must(payments().settle("a", preimage_of("a"), base::kMaxMsat, "", kNow));
  EXPECT_EQ(done.amount + done.fee, base::kMaxMsat);
  EXPECT_EQ(today().spent, base::kMaxMsat);
}

TEST_F(PaymentsTest, ALimitRefusesAndLeavesTheIntent) {
  bring_to_sent("a");
  bring_to_sent("b");
  must(payments().add(intent("c")));
  EXPECT_EQ(errc_of(payments().reserve("c", kDayOf250, kNow)), Errc::kLimit);
  EXPECT_EQ(must(payments().get("c"))->state, PaymentState::kIntent);
  must(payments().fail("a", "refused", kNow));
  EXPECT_EQ(must(payments().reserve("c", kDayOf250, kNow)).state, PaymentState::kReserved);
}

TEST_F(PaymentsTest, AmountsThatAreNoneAreRefused) {
  EXPECT_EQ(errc_of(payments().add(intent("a", 0))), Errc::kInvalid);
  EXPECT_EQ(errc_of(payments().add(intent("a", -5))), Errc::kInvalid);
  EXPECT_EQ(errc_of(payments().add(intent("a", base::kMaxMsat.value + 1))), Errc::kInvalid);
  EXPECT_EQ(errc_of(payments().add(intent("a", 1, -1))), Errc::kInvalid);
}

/// Makes the move to `to` by the call that makes it.
bool try_move(Payments& payments, const std::string& key, PaymentState to) {
  switch (to) {
    case PaymentState::kIntent:
      return false;  // nothing leads back
    case PaymentState::kReserved: {
      const auto before = must(payments.get(key))->state;
      return must(payments.reserve(key, {}, kNow)).state != before;
    }
    case PaymentState::kSent:
      return payments.set_sent(key, named<EventId>("r"), kLater, kNow).has_value();
    case PaymentState::kSettled:
      return payments.settle(key, preimage_of(key), Msat{0}, "", kNow).has_value();
    case PaymentState::kFailed:
      return payments.fail(key, "", kNow).has_value();
    case PaymentState::kUnknown:
      return payments.set_unknown(key, "", kNow).has_value();
  }
  return false;
}

TEST_F(PaymentsTest, ExactlyTheLegalMovesAreMade) {
  using S = PaymentState;
  const Tx all = must(Tx::begin(*db_, Durability::kNormal));  // one commit instead of hundreds
  const std::vector<std::vector<S>> ways{
      {}, {S::kReserved}, {S::kReserved, S::kSent}, {S::kReserved, S::kSent, S::kSettled},
      {S::kFailed}, {S::kReserved, S::kSent, S::kUnknown}};
  int number = 0;
  for (const std::vector<S>& way : ways)
    for (std::size_t i = 0; i < EnumText<S>::kNames.size(); ++i) {
      const std::string key = "k" + std::to_string(number++);
      Payments ledger(*db_);
      must(ledger.add(intent(key)));
      for (const S step : way) ASSERT_TRUE(try_move(ledger, key, step));
      const S from = way.empty() ? S::kIntent : way.back();
      const S to = static_cast<S>(i);
      EXPECT_EQ(try_move(ledger, key, to), may_move(from, to))
          << name_of(from) << " to " << name_of(to);
    }
}

TEST(PaymentsCrash, AKillAtAnyCommitLeavesRowAndBudgetAgreed) {
#ifndef SOVEREIGN_FAILPOINTS
  GTEST_SKIP() << "this build has no failpoints";
#endif
  struct Case {
    const char* failpoint;
    PaymentState state;
    std::int64_t reserved;
    std::int64_t spent;
  };
  const Case cases[] = {{"payment-intent", PaymentState::kIntent, 0, 0},
                        {"payment-before-reserved", PaymentState::kIntent, 0, 0},
                        {"payment-reserved", PaymentState::kReserved, 110, 0},
                        {"payment-before-sent", PaymentState::kReserved, 110, 0},
                        {"payment-sent", PaymentState::kSent, 110, 0},
                        {"payment-unknown", PaymentState::kUnknown, 110, 0},
                        {"payment-before-settled", PaymentState::kUnknown, 110, 0},
                        {"payment-settled", PaymentState::kSettled, 0, 102}};
  for (const Case& c : cases) {
    const TempHome home;
    const int status = run_in_child([&] {
      auto db = home.open();
      ::setenv("SOVEREIGN_FAILPOINT", c.failpoint, 1);
      Payments payments(*db);
      must(payments.add(intent("a")));
      must(payments.reserve("a", kDayOf250, kNow));
      must(payments.set_sent("a", named<EventId>("r"), kLater, kNow));
      must(payments.set_unknown("a", "", kNow));
      must(payments.settle("a", preimage_of("a"), Msat{2}, "", kNow));
    });
    ASSERT_TRUE(was_killed(status)) << c.failpoint;
    auto db = home.open();
    const PaymentRow row = *must(Payments(*db).get("a"));
    EXPECT_EQ(row.state, c.state) << c.failpoint;
    const BudgetTotals totals = must(Budgets(*db).totals(kDayOf250[0], kNow));
    EXPECT_EQ(totals.reserved, Msat{c.reserved}) << c.failpoint;
    EXPECT_EQ(totals.spent, Msat{c.spent}) << c.failpoint;
  }
}

using SpendLimitsTest = StorageTest;

TEST_F(SpendLimitsTest, ALimitIsSetReplacedAndTakenBack) {
  SpendLimits limits(*db_);
  must(limits.set({Dimension::kAgent, "main", Per::kHour, Msat{5}, kNow}));
  must(limits.set({Dimension::kAgent, "main", Per::kHour, std::nullopt, kNow}));
  must(limits.set({Dimension::kCounterparty, std::string(kEveryone), Per::kDay, Msat{0}, kNow}));
  reopen();
  SpendLimits again(*db_);
  EXPECT_EQ(must(again.list()).size(), 2u);
  EXPECT_EQ(must(again.get(Dimension::kAgent, "main", Per::kHour))->limit, std::nullopt);
  must(again.erase(Dimension::kAgent, "main", Per::kHour));
  EXPECT_FALSE(must(again.get(Dimension::kAgent, "main", Per::kHour)).has_value());
  EXPECT_EQ(errc_of(again.set({Dimension::kNode, "", Per::kDay, Msat{-1}, kNow})), Errc::kInvalid);
}

}  // namespace
}  // namespace storage
