// What a database out of a backup still believes to be open is over, money above all.
#include "storage/restored.h"

#include "storage/payments.h"
#include "tests/storage/fixture.h"

namespace storage {
namespace {

using testing::must;
using testing::named;
using testing::StorageTest;
using testing::unix_time;

constexpr UnixTime kNow = unix_time(86'400'000);
constexpr UnixTime kLater = unix_time(86'400'600);
const std::vector<BudgetScope> kDay{{.key = "node", .limit = Msat{1'000}, .window = Window::kDay}};

class RestoredTest : public StorageTest {
 protected:
  void add_payment(const std::string& key) {
    PaymentRow row{.key = key,
                   .purpose = "invoice",
                   .rail = "lightning",
                   .agent = "main",
                   .counterparty = "shop",
                   .amount = Msat{100},
                   .max_fee = Msat{10},
                   .invoice = "lnbc-" + key,
                   .payment_hash = nostr::sha256(key),
                   .expires = kLater,
                   .created = kNow};
    must(Payments(*db_).add(row));
  }
  BudgetTotals today() { return must(Budgets(*db_).totals(kDay[0], kNow)); }
};

TEST_F(RestoredTest, APromisedPaymentIsLookedUpAndNeverSent) {
  Payments payments(*db_);
  for (const char* key : {"meant", "promised", "sent"}) add_payment(key);
  for (const char* key : {"promised", "sent"}) must(payments.reserve(key, kDay, kNow));
  must(payments.set_sent("sent", named<EventId>("request"), kLater, kNow));

  EXPECT_EQ(must(close_open_work(*db_, kNow)).payments, 3);
  EXPECT_EQ(must(payments.get("meant"))->state, PaymentState::kFailed);
  EXPECT_EQ(must(payments.get("promised"))->state, PaymentState::kUnknown);
  EXPECT_EQ(must(payments.get("sent"))->state, PaymentState::kUnknown);
  EXPECT_EQ(today().reserved, Msat{220}) << "it may have left, so it still counts";
  EXPECT_FALSE(payments.set_sent("promised", named<EventId>("again"), kLater, kNow).has_value());
  must(payments.fail("promised", "the wallet knows nothing of it", kNow));
  EXPECT_EQ(today().reserved, Msat{110});
}

TEST_F(RestoredTest, ACallWhoseAnswerNobodyWaitsForIsPaidInFull) {
  must(Budgets(*db_).reserve({.key = "s:0:0", .purpose = "model-call", .session = "s", .amount = Msat{300}, .scopes = kDay},
                             kNow));
  must(close_open_work(*db_, kNow));
  EXPECT_TRUE(must(Budgets(*db_).list_open()).empty());
  EXPECT_EQ(today().spent, Msat{300});
  EXPECT_EQ(today().reserved, Msat{0});
}

TEST_F(RestoredTest, ASecondTimeThereIsNothingToClose) {
  add_payment("meant");
  must(close_open_work(*db_, kNow));
  const ClosedWork again = must(close_open_work(*db_, kNow));
  EXPECT_EQ(again.payments, 0);
  EXPECT_EQ(again.nonces + again.questions + again.ticks + again.actions + again.tasks + again.issues, 0);
}

}  // namespace
}  // namespace storage
