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
  const Hook gate = budget_gate(*f.world.db, f.world.clock, {.session = base::Msat{250}});
  EXPECT_TRUE(gate.reserve_model(f.call("s:0:1")).has_value());
  EXPECT_TRUE(gate.reserve_model(f.call("s:0:2")).has_value());
  EXPECT_EQ(gate.reserve_model(f.call("s:0:3")).error().code, base::Errc::kLimit);
  EXPECT_TRUE(gate.settle_model(f.call("s:0:1"), {{.completion_tokens = 10}}).has_value());
  EXPECT_TRUE(gate.reserve_model(f.call("s:0:3")).has_value());
  EXPECT_EQ(f.world.budgets.spent_in_session("s")->value, 10);
}

TEST(BudgetGate, ExactFillIsAllowed) {
  Fixture f;
  const Hook gate = budget_gate(*f.world.db, f.world.clock, {.tick = base::Msat{100}});
  EXPECT_TRUE(gate.reserve_model(f.call("s:0:1")).has_value());
  EXPECT_FALSE(gate.reserve_model(f.call("s:0:2", "other")).has_value());
}

TEST(BudgetGate, AnAttemptThatUsedNothingCostsNothing) {
  Fixture f;
  const Hook gate = budget_gate(*f.world.db, f.world.clock, {});
  ASSERT_TRUE(gate.reserve_model(f.call("s:0:1")).has_value());
  ASSERT_TRUE(gate.settle_model(f.call("s:0:1"), {}).has_value());
  EXPECT_EQ(f.world.budgets.spent_in_session("s")->value, 0);
  EXPECT_TRUE(f.world.budgets.list_open()->empty());
}

TEST(BudgetGate, ACallRepeatedAfterACrashIsACallOfItsOwn) {
  Fixture f;
  {
    const Hook dead = budget_gate(*f.world.db, f.world.clock, {});
    ASSERT_TRUE(dead.reserve_model(f.call("s:0:1")).has_value());
  }
  const Hook gate = budget_gate(*f.world.db, f.world.clock, {});
  gate.on_session({.session = "s", .phase = SessionPhase::kResumed});
  EXPECT_EQ(f.world.budgets.spent_in_session("s")->value, 100);
  ASSERT_TRUE(gate.reserve_model(f.call("s:0:1")).has_value());
  ASSERT_TRUE(gate.settle_model(f.call("s:0:1"), {{.completion_tokens = 5}}).has_value());
  EXPECT_EQ(f.world.budgets.spent_in_session("s")->value, 105);
}

/// What is reserved and settled at once: `tokens` at a satoshi each.
void spend(Fixture& f, const Hook& gate, const std::string& key, std::uint64_t tokens, const std::string& session = "s") {
  f.request.max_output_tokens = static_cast<std::uint32_t>(tokens);
  ASSERT_TRUE(gate.reserve_model(f.call(key, session)).has_value()) << key;
  ASSERT_TRUE(gate.settle_model(f.call(key, session), {{.completion_tokens = tokens}}).has_value());
}

bool admits(Fixture& f, const Hook& gate, const std::string& key, std::uint32_t tokens, const std::string& session = "s") {
  f.request.max_output_tokens = tokens;
  const auto done = gate.reserve_model(f.call(key, session));
  if (!done) EXPECT_EQ(done.error().code, base::Errc::kLimit);
  return done.has_value();
}

TEST(BudgetGate, EachScopeHoldsByItselfAndTheStrictestCounts) {
  const base::Msat most{100};
  for (const SpendLimits& limits : {SpendLimits{.node_daily = most}, SpendLimits{.agent_daily = most}, SpendLimits{.session = most},
                                    SpendLimits{.tick = most}}) {
    Fixture f;
    const Hook gate = budget_gate(*f.world.db, f.world.clock, limits);
    spend(f, gate, "a", 60);
    EXPECT_FALSE(admits(f, gate, "b", 41));
    EXPECT_TRUE(admits(f, gate, "c", 40));
  }
  Fixture f;
  const Hook gate = budget_gate(*f.world.db, f.world.clock, {.node_daily = base::Msat{500}, .session = base::Msat{70}, .tick = base::Msat{200}});
  EXPECT_FALSE(admits(f, gate, "a", 71)) << "the session's is the strictest";
  // Tasks have sessions of their own within one tick: together they spend what the tick may.
  for (const char* task : {"t1", "t2", "t3"}) spend(f, gate, std::string("of ") + task, 60, task);
  EXPECT_FALSE(admits(f, gate, "of t4", 21, "t4"));
  EXPECT_TRUE(admits(f, gate, "of t4 again", 20, "t4"));
}

TEST(BudgetGate, ALimitSetWhileItRunsHoldsFromTheNextCallOn) {
  Fixture f;
  storage::SpendLimits standing(*f.world.db);
  const auto set = [&](storage::Dimension dimension, const char* name, storage::Per per, std::optional<base::Msat> limit) {
    ASSERT_TRUE(standing.set({dimension, name, per, limit, f.world.clock.now()}).has_value());
  };
  const Hook gate = budget_gate(*f.world.db, f.world.clock, {.node_daily = base::Msat{1'000}, .agent_daily = base::Msat{1'000}});
  f.request.max_output_tokens = 300;
  ASSERT_TRUE(gate.reserve_model(f.call("running")).has_value());
  set(storage::Dimension::kNode, "", storage::Per::kDay, base::Msat{200});
  EXPECT_FALSE(admits(f, gate, "new", 1)) << "more is reserved than may be spent now";
  f.request.max_output_tokens = 300;
  EXPECT_TRUE(gate.settle_model(f.call("running"), {{.completion_tokens = 150}}).has_value()) << "what runs is settled";
  EXPECT_FALSE(admits(f, gate, "over", 51));
  EXPECT_TRUE(admits(f, gate, "fits", 50));
  set(storage::Dimension::kNode, "", storage::Per::kDay, std::nullopt);
  EXPECT_TRUE(admits(f, gate, "without limit", 700));
  set(storage::Dimension::kAgent, "*", storage::Per::kDay, base::Msat{1});
  EXPECT_TRUE(admits(f, gate, "its own name counts more than everyone's", 1));
  set(storage::Dimension::kAgent, "a", storage::Per::kHour, base::Msat{900});
  EXPECT_FALSE(admits(f, gate, "what was spent before is counted", 1));
}

TEST(BudgetGate, AnAgentWithoutALimitOfItsOwnHasEveryones) {
  Fixture f;
  ASSERT_TRUE(storage::SpendLimits(*f.world.db)
                  .set({storage::Dimension::kAgent, "*", storage::Per::kDay, base::Msat{100}, f.world.clock.now()})
                  .has_value());
  const Hook gate = budget_gate(*f.world.db, f.world.clock, {});
  EXPECT_FALSE(admits(f, gate, "a", 101));
  const Hook own = budget_gate(*f.world.db, f.world.clock, {.agent_daily = base::Msat{500}});
  EXPECT_TRUE(admits(f, own, "b", 101));
}

TEST(BudgetGate, TellsOnceWhenMuchOfALimitIsSpent) {
  Fixture f;
  std::vector<std::string> told;
  const Hook gate = budget_gate(*f.world.db, f.world.clock, {.node_daily = base::Msat{1'000}, .session = std::nullopt, .tick = std::nullopt},
                                [&](const std::string& text) { told.push_back(text); });
  spend(f, gate, "a", 799);
  EXPECT_TRUE(told.empty());
  spend(f, gate, "b", 1);
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0], "Budget node per day: 80 % of 1000 msat are spent (800 msat).");
  spend(f, gate, "c", 100);
  EXPECT_EQ(told.size(), 1u) << "once, not by every call";
  spend(f, gate, "d", 50);
  ASSERT_EQ(told.size(), 2u);
  EXPECT_NE(told[1].find("95 %"), std::string::npos);
  f.world.clock.advance(std::chrono::hours{24});
  spend(f, gate, "e", 990);
  ASSERT_EQ(told.size(), 3u) << "another day, another word; one for both shares";
  EXPECT_NE(told[2].find("95 %"), std::string::npos);
}

TEST(BudgetGate, WhatADeadProcessReservedIsSettledAtItsEstimateAfterAQuarterOfAnHour) {
  Fixture f;
  {
    const Hook dead = budget_gate(*f.world.db, f.world.clock, {});
    ASSERT_TRUE(dead.reserve_model(f.call("lost")).has_value());  // 100 msat, and nobody comes back
  }
  const Hook gate = budget_gate(*f.world.db, f.world.clock, {});
  f.world.clock.advance(std::chrono::minutes{15});
  EXPECT_TRUE(admits(f, gate, "a", 1));
  EXPECT_EQ(f.world.budgets.find("lost").value()->state, storage::ReservationState::kReserved) << "not yet";
  f.world.clock.advance(std::chrono::seconds{1});
  EXPECT_TRUE(admits(f, gate, "b", 1));
  const auto row = f.world.budgets.find("lost").value();
  EXPECT_EQ(row->state, storage::ReservationState::kSettled);
  EXPECT_EQ(row->settled, base::Msat{100});
  EXPECT_TRUE(row->estimated);
}

TEST(BudgetGate, ZeroAllowsNothingThatCosts) {
  Fixture f;
  const Hook gate = budget_gate(*f.world.db, f.world.clock, {.node_daily = base::Msat{0}});
  EXPECT_EQ(gate.reserve_model(f.call("s:0:1")).error().code, base::Errc::kLimit);
}

}  // namespace
}  // namespace orchestration
