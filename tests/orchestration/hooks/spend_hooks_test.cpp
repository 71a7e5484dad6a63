// The budget gate on a real ledger: reserved before, settled after, nobody gets past the limit.
#include "orchestration/hooks/spend_hooks.h"

#include <gtest/gtest.h>

#include "tests/orchestration/support/session_world.h"

namespace orchestration {
namespace {

using testing::ScriptedBackend;
using testing::TempDir;
using testing::World;

struct Fixture {
  TempDir dir;
  World world{dir};
  ScriptedBackend backend{{}, {.out_per_1k = {1000}}};
  Request request{.max_output_tokens = 100};

  ModelCall call(std::string key, std::string session = "s") {
    return {.session = std::move(session), .tick = "t", .agent = "a", .call_key = std::move(key),
            .backend = &backend, .request = &request};
  }
};

TEST(BudgetGate, ConcurrentReservationsShareOneLimit) {
  Fixture f;
  const Hook gate = budget_gate(f.world.budgets, f.world.clock, {.session = base::Msat{250}});
  EXPECT_TRUE(gate.reserve_model(f.call("s:0:1")).has_value());
  EXPECT_TRUE(gate.reserve_model(f.call("s:0:2")).has_value());
  EXPECT_EQ(gate.reserve_model(f.call("s:0:3")).error().code, base::Errc::kLimit);
  EXPECT_TRUE(gate.settle_model(f.call("s:0:1"), {{.completion_tokens = 10}}).has_value());
  EXPECT_TRUE(gate.reserve_model(f.call("s:0:3")).has_value());
  EXPECT_EQ(f.world.budgets.spent_in_session("s")->value, 10);
}

TEST(BudgetGate, ExactFillIsAllowed) {
  Fixture f;
  const Hook gate = budget_gate(f.world.budgets, f.world.clock, {.tick = base::Msat{100}});
  EXPECT_TRUE(gate.reserve_model(f.call("s:0:1")).has_value());
  EXPECT_FALSE(gate.reserve_model(f.call("s:0:2", "other")).has_value());
}

TEST(BudgetGate, AnAttemptThatUsedNothingCostsNothing) {
  Fixture f;
  const Hook gate = budget_gate(f.world.budgets, f.world.clock, {});
  ASSERT_TRUE(gate.reserve_model(f.call("s:0:1")).has_value());
  ASSERT_TRUE(gate.settle_model(f.call("s:0:1"), {}).has_value());
  EXPECT_EQ(f.world.budgets.spent_in_session("s")->value, 0);
  EXPECT_TRUE(f.world.budgets.list_open()->empty());
}

TEST(BudgetGate, ACallRepeatedAfterACrashIsACallOfItsOwn) {
  Fixture f;
  {
    const Hook dead = budget_gate(f.world.budgets, f.world.clock, {});
    ASSERT_TRUE(dead.reserve_model(f.call("s:0:1")).has_value());
  }
  const Hook gate = budget_gate(f.world.budgets, f.world.clock, {});
  gate.on_session({.session = "s", .phase = SessionPhase::kResumed});
  EXPECT_EQ(f.world.budgets.spent_in_session("s")->value, 100);
  ASSERT_TRUE(gate.reserve_model(f.call("s:0:1")).has_value());
  ASSERT_TRUE(gate.settle_model(f.call("s:0:1"), {{.completion_tokens = 5}}).has_value());
  EXPECT_EQ(f.world.budgets.spent_in_session("s")->value, 105);
}

TEST(BudgetGate, ZeroAllowsNothingThatCosts) {
  Fixture f;
  const Hook gate = budget_gate(f.world.budgets, f.world.clock, {.node_daily = base::Msat{0}});
  EXPECT_EQ(gate.reserve_model(f.call("s:0:1")).error().code, base::Errc::kLimit);
}

}  // namespace
}  // namespace orchestration
