// What a tick may cost: the lower of what its claim says and what the configuration says, for models and payments.
#include "node/tick_budget.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "nipsa/kinds.h"
#include "nostr/base/rng.h"
#include "orchestration/hooks/spend_hooks.h"
#include "orchestration/llm/playbook.h"
#include "orchestration/money/limit_book.h"
#include "storage/schema.h"
#include "storage/ticks.h"

namespace node {
namespace {

using base::Msat;

class TickBudget : public ::testing::Test {
 protected:
  void claim(const std::string& slot, std::optional<nipsa::Budget> budget) {
    storage::Ticks ticks(*db_);
    ASSERT_TRUE(*ticks.add(slot, "heartbeat", std::nullopt, kNow));
    nipsa::TickRequest request{.d = "tick-" + slot, .agent = agent_.public_key(), .trigger = nipsa::TriggerName::kHeartbeat, .slot = slot, .budget = std::move(budget)};
    auto draft = nipsa::build_tick_request(request, node_.public_key(), kNow);
    ASSERT_TRUE(draft.has_value()) << draft.error().detail;
    ASSERT_TRUE(ticks.set_claim(slot, nostr::sign_event(*std::move(draft), node_, rng_)).has_value());
  }
  /// The most that can be reserved for models in the tick of `slot`, found by trying.
  std::int64_t most(const std::string& slot, std::optional<Msat> configured) {
    const orchestration::SpendLimits limits{.node_daily = std::nullopt, .agent_daily = std::nullopt, .session = std::nullopt, .tick = configured, .of_tick = claimed_budgets(*db_)};
    const auto scopes = orchestration::scopes_of(*db_, limits, {.session = "s", .tick = slot, .agent = "a", .backend = &backend_});
    EXPECT_TRUE(scopes.has_value()) << (scopes ? "" : scopes.error().detail);
    if (!scopes) return -1;
    const auto found = std::ranges::find(*scopes, "tick:" + slot, &storage::BudgetScope::key);
    return found != scopes->end() && found->limit ? found->limit->value : -1;
  }
  static constexpr base::UnixTime kNow = base::unix_time(1'760'000'000);

  std::unique_ptr<storage::Db> db_ = storage::open_database(":memory:").value();
  base::SeededRng rng_{5};
  nostr::SecretKey agent_ = nostr::SecretKey::generate(rng_);
  nostr::SecretKey node_ = nostr::SecretKey::generate(rng_);
  orchestration::PlaybookBackend backend_{"b", *orchestration::Playbook::parse(orchestration::Playbook::builtin_text())};
};

// Checklist 51.
TEST_F(TickBudget, TheLowerOfClaimAndConfigurationHolds) {
  claim("five-hundred", nipsa::Budget{.amount = {500}});
  claim("none", std::nullopt);
  claim("odd", nipsa::Budget{.amount = {500}, .rail = "shells"});
  EXPECT_EQ(most("five-hundred", Msat{1'000'000}), 500'000);
  EXPECT_EQ(most("five-hundred", Msat{300'000}), 300'000);
  EXPECT_EQ(most("five-hundred", std::nullopt), 500'000);
  EXPECT_EQ(most("none", Msat{1'000'000}), 1'000'000);
  EXPECT_EQ(most("not there", Msat{1'000'000}), 1'000'000);
  EXPECT_EQ(most("odd", Msat{1'000'000}), 0) << "a rail nobody here can spend on";
}

// Checklist 51: exactly 500 sats fit, by models and payments together, and not a millisat more.
TEST_F(TickBudget, ModelsAndPaymentsShareIt) {
  claim("t", nipsa::Budget{.amount = {500}});
  storage::Budgets budgets(*db_);
  const auto models = *orchestration::scopes_of(*db_, {.tick = Msat{1'000'000}, .of_tick = claimed_budgets(*db_)}, {.session = "s", .tick = "t", .agent = "a", .backend = &backend_});
  orchestration::LimitBook book(*db_, {{storage::Dimension::kNode, "", storage::Per::kTick, Msat{1'000'000}, {}}}, claimed_budgets(*db_));
  const auto payments = book.scopes({.agent = "a", .tick = "t", .task = "", .skill = "", .counterparty = ""});
  ASSERT_TRUE(payments.has_value());
  const auto reserve = [&](std::string key, std::int64_t msat, const std::vector<storage::BudgetScope>& scopes) {
    return budgets.reserve({.key = std::move(key), .purpose = "x", .agent = "a", .tick = "t", .session = "s", .amount = Msat{msat}, .scopes = scopes}, kNow).has_value();
  };
  EXPECT_TRUE(reserve("model", 200'000, models));
  EXPECT_FALSE(reserve("too much", 300'001, *payments));
  EXPECT_TRUE(reserve("payment", 300'000, *payments));
  EXPECT_FALSE(reserve("one more", 1, models));
}

TEST_F(TickBudget, AClaimThatCannotBeReadAllowsNothing) {
  storage::Ticks ticks(*db_);
  ASSERT_TRUE(*ticks.add("t", "heartbeat", std::nullopt, kNow));
  ASSERT_TRUE(ticks.set_claim("t", nostr::sign_event({.kind = 1, .created_at = kNow, .content = "no claim"}, node_, rng_)).has_value());
  EXPECT_FALSE(orchestration::scopes_of(*db_, {.of_tick = claimed_budgets(*db_)}, {.session = "s", .tick = "t", .agent = "a", .backend = &backend_}).has_value());
}

// Checklist 51.
TEST(TickBudgetClaim, NamesWholeSatsAndTheResultWhatWasSpentRoundedUp) {
  EXPECT_EQ(budget_to_claim(Msat{1'000'999})->amount.value, 1'000);
  EXPECT_FALSE(budget_to_claim(Msat{999}).has_value());
  EXPECT_EQ(base::to_sat_ceil(Msat{1}).value, 1);
  EXPECT_EQ(base::to_sat_ceil(Msat{499'001}).value, 500) << "and so never over what was claimed";
}

}  // namespace
}  // namespace node
