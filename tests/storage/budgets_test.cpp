// Budgets: reserve before, settle after, and no way past a limit.
#include "storage/budgets.h"

#include <random>

#include "tests/storage/fixture.h"

namespace storage {
namespace {

using testing::errc_of;
using testing::must;
using testing::run_in_child;
using testing::StorageTest;
using testing::TempHome;
using testing::unix_time;
using testing::was_killed;

constexpr std::int64_t kDay = 86'400;
constexpr UnixTime kNow = unix_time(1000 * kDay + 100);

BudgetScope daily(std::optional<std::int64_t> limit) {
  return {
      .key = "node", .limit = limit ? std::optional(Msat{*limit}) : std::nullopt, .window = Window::kDay};
}
BudgetScope tick(std::int64_t limit) {
  return {.key = "tick:1", .limit = Msat{limit}};
}

ReserveRequest request(std::string key, std::int64_t amount, std::vector<BudgetScope> scopes) {
  return {.key = std::move(key),
          .purpose = "model-call",
          .agent = "main",
          .tick = "1",
          .session = "s",
          .amount = Msat{amount},
          .scopes = std::move(scopes)};
}

class BudgetsTest : public StorageTest {
 protected:
  Budgets ledger() { return Budgets(*db_); }
  std::int64_t reserve(std::string key, std::int64_t amount, std::vector<BudgetScope> scopes,
                       UnixTime now = kNow) {
    return must(ledger().reserve(request(std::move(key), amount, std::move(scopes)), now)).id;
  }
  BudgetTotals totals(const BudgetScope& scope, UnixTime now = kNow) {
    return must(ledger().totals(scope, now));
  }
};

TEST_F(BudgetsTest, ExactFillIsAllowedAndOneMoreIsNot) {
  reserve("a", 60, {tick(100)});
  EXPECT_EQ(errc_of(ledger().reserve(request("b", 41, {tick(100)}), kNow)), Errc::kLimit);
  reserve("b", 40, {tick(100)});
  EXPECT_EQ(errc_of(ledger().reserve(request("c", 1, {tick(100)}), kNow)), Errc::kLimit);
  EXPECT_EQ(totals(tick(100)).reserved, Msat{100});
}

TEST_F(BudgetsTest, ARefusalInOneScopeChangesNone) {
  const auto refused = ledger().reserve(request("a", 60, {daily(1000), tick(50)}), kNow);
  ASSERT_EQ(errc_of(refused), Errc::kLimit);
  EXPECT_NE(refused.error().detail.find("tick:1"), std::string::npos) << "the scope is named";
  EXPECT_EQ(totals(daily(1000)).reserved, Msat{0});
  EXPECT_FALSE(must(ledger().find("a")).has_value());
}

TEST_F(BudgetsTest, ZeroAllowsNothingAndNoLimitCountsOnly) {
  EXPECT_EQ(errc_of(ledger().reserve(request("a", 0, {tick(0)}), kNow)), Errc::kLimit);
  reserve("b", 1'000'000, {daily(std::nullopt)});
  EXPECT_EQ(totals(daily(std::nullopt)).reserved, Msat{1'000'000});
}

TEST_F(BudgetsTest, AmountsOutsideTheWorldAreInvalid) {
  EXPECT_EQ(errc_of(ledger().reserve(request("a", -1, {}), kNow)), Errc::kInvalid);
  EXPECT_EQ(errc_of(ledger().reserve(request("a", base::kMaxMsat.value + 1, {}), kNow)),
            Errc::kInvalid);
}

TEST_F(BudgetsTest, TheSameKeyReservesOnce) {
  const auto id = reserve("a", 60, {tick(100)});
  EXPECT_EQ(reserve("a", 60, {tick(100)}), id);
  EXPECT_EQ(totals(tick(100)).reserved, Msat{60});
  EXPECT_EQ(errc_of(ledger().reserve(request("a", 61, {tick(100)}), kNow)), Errc::kConflict);
}

TEST_F(BudgetsTest, SettlingFreesTheRestAndHappensOnce) {
  const auto id = reserve("a", 60, {daily(100), tick(100)});
  const auto row = must(ledger().settle(id, Msat{25}, kNow));
  EXPECT_EQ(row.state, ReservationState::kSettled);
  EXPECT_EQ(row.settled, Msat{25});
  EXPECT_EQ(totals(tick(100)).spent, Msat{25});
  EXPECT_EQ(totals(tick(100)).reserved, Msat{0});
  EXPECT_EQ(errc_of(ledger().settle(id, Msat{25}, kNow)), Errc::kConflict);
  EXPECT_EQ(errc_of(ledger().release(id, kNow)), Errc::kConflict);
  EXPECT_EQ(errc_of(ledger().settle(99, Msat{1}, kNow)), Errc::kNotFound);
}

TEST_F(BudgetsTest, WhatWasSpentBeyondTheReservationCounts) {
  must(ledger().settle(reserve("a", 60, {tick(100)}), Msat{150}, kNow));
  EXPECT_EQ(totals(tick(100)).spent, Msat{150});
  EXPECT_EQ(errc_of(ledger().reserve(request("b", 1, {tick(100)}), kNow)), Errc::kLimit);
}

TEST_F(BudgetsTest, AnUnknownOutcomeStaysReservedUntilItIsKnown) {
  const auto id = reserve("a", 60, {tick(100)});
  must(ledger().mark_unknown(id, kNow));
  EXPECT_EQ(errc_of(ledger().mark_unknown(id, kNow)), Errc::kConflict);
  reopen();
  const auto open = must(ledger().list_open());
  ASSERT_EQ(open.size(), 1u);
  EXPECT_EQ(open[0].state, ReservationState::kUnknown);
  EXPECT_EQ(totals(tick(100)).reserved, Msat{60});
  EXPECT_TRUE(must(ledger().settle(id, Msat{60}, kNow, /*estimated=*/true)).estimated);
  EXPECT_EQ(must(ledger().spent_in_tick("1")), Msat{60});
  EXPECT_EQ(must(ledger().spent_in_session("s")), Msat{60});
}

TEST_F(BudgetsTest, ReleasingGivesEverythingBack) {
  const auto id = reserve("a", 60, {daily(100), tick(100)});
  must(ledger().release(id, kNow));
  EXPECT_EQ(totals(daily(100)).reserved, Msat{0});
  EXPECT_EQ(totals(daily(100)).spent, Msat{0});
}

TEST_F(BudgetsTest, SpendingBelongsToTheDayOfSettlement) {
  const UnixTime tomorrow = kNow + base::seconds{kDay};
  const auto id = reserve("a", 60, {daily(100)});
  must(ledger().settle(id, Msat{50}, tomorrow));
  EXPECT_EQ(totals(daily(100), tomorrow).spent, Msat{50});
  EXPECT_EQ(*must(db_->one("SELECT spent + reserved FROM budget_totals WHERE day = 1000",
                           [](Row& r) { return r.take<int>(); })),
            0);
}

TEST_F(BudgetsTest, HoursAndDaysOfOneScopeAreCountedApart) {
  const BudgetScope hour{.key = "node", .limit = Msat{50}, .window = Window::kHour};
  must(ledger().settle(reserve("a", 50, {hour, daily(80)}), Msat{50}, kNow));
  EXPECT_EQ(errc_of(ledger().reserve(request("b", 1, {hour, daily(80)}), kNow)), Errc::kLimit);
  const UnixTime next_hour = kNow + base::seconds{3'600};
  reserve("c", 30, {hour, daily(80)}, next_hour);
  EXPECT_EQ(totals(hour, next_hour).reserved, Msat{30});
  EXPECT_EQ(totals(daily(80), next_hour).spent, Msat{50});
  EXPECT_EQ(errc_of(ledger().reserve(request("d", 1, {hour, daily(80)}), next_hour)), Errc::kLimit);
  EXPECT_EQ(errc_of(ledger().reserve(request("e", 21, {hour}), kNow)), Errc::kLimit)
      << "a clock set back opens no spent hour";
}

TEST_F(BudgetsTest, BreachesNamesEveryLimitThatWouldNotHold) {
  reserve("a", 60, {daily(100), tick(70)});
  EXPECT_TRUE(must(ledger().breaches({daily(100), tick(70)}, Msat{10}, kNow)).empty());
  const auto one = must(ledger().breaches({daily(100), tick(70)}, Msat{11}, kNow));
  ASSERT_EQ(one.size(), 1u);
  EXPECT_EQ(describe(one[0], Msat{11}),
            "tick:1: 11 msat more would exceed 70 msat (spent 0, reserved 60)");
  EXPECT_EQ(must(ledger().breaches({daily(100), tick(70)}, Msat{41}, kNow)).size(), 2u);
}

TEST_F(BudgetsTest, AClockSetBackOpensNoSpentDay) {
  must(ledger().settle(reserve("a", 100, {daily(100)}), Msat{100}, kNow));
  EXPECT_EQ(errc_of(ledger().reserve(request("b", 1, {daily(100)}), kNow - base::seconds{kDay})),
            Errc::kLimit);
  reserve("c", 100, {daily(100)}, kNow + base::seconds{kDay});
}

// A day ends with its last second, and the next begins with the first.
TEST_F(BudgetsTest, TheLastSecondOfADayIsOfThatDayAndTheNextIsNot) {
  const UnixTime midnight = unix_time(1001 * kDay);
  const UnixTime last = midnight - base::seconds{1};
  must(ledger().settle(reserve("a", 100, {daily(100)}, last), Msat{100}, last));
  EXPECT_EQ(errc_of(ledger().reserve(request("b", 1, {daily(100)}), last)), Errc::kLimit);
  must(ledger().settle(reserve("c", 100, {daily(100)}, midnight), Msat{100}, midnight));
  EXPECT_EQ(errc_of(ledger().reserve(request("d", 1, {daily(100)}), midnight)), Errc::kLimit);
  EXPECT_EQ(totals(daily(100), midnight).spent, Msat{100});
}

TEST_F(BudgetsTest, AClockSetForwardBeginsTheDayItShowsAndSettingItBackGivesNoneTwice) {
  must(ledger().settle(reserve("a", 100, {daily(100)}), Msat{100}, kNow));
  const UnixTime ahead = kNow + base::seconds{10 * kDay};
  ::testing::internal::CaptureStderr();
  must(ledger().settle(reserve("b", 100, {daily(100)}, ahead), Msat{100}, ahead));
  EXPECT_NE(::testing::internal::GetCapturedStderr().find("the clock was set forward"), std::string::npos) << "and it is said";
  // Back where it belongs: the days between were never spent in, and are not opened either.
  EXPECT_EQ(errc_of(ledger().reserve(request("c", 1, {daily(100)}), kNow + base::seconds{kDay})), Errc::kLimit);
  EXPECT_EQ(totals(daily(100), kNow + base::seconds{kDay}).spent, Msat{100}) << "it goes on in the latest day";
  reserve("d", 100, {daily(100)}, ahead + base::seconds{kDay});
}

TEST_F(BudgetsTest, SumsAreThoseOfTheRowsAlsoAfterARestart) {
  for (int i = 0; i < 30; ++i) {
    const auto id = reserve("k" + std::to_string(i), 10 + i, {daily(std::nullopt), tick(100'000)});
    if (i % 3 == 0) must(ledger().settle(id, Msat{i}, kNow));
    if (i % 3 == 1) must(ledger().release(id, kNow));
  }
  reopen();
  const auto sum = [&](const char* sql) { return Msat{*must(db_->one(sql, [](Row& r) { return r.take<std::int64_t>(); }))}; };
  const Msat settled = sum("SELECT sum(settled) FROM reservations WHERE state = 'settled'");
  const Msat reserved = sum("SELECT sum(reserved) FROM reservations WHERE state = 'reserved'");
  for (const BudgetScope& scope : {daily(std::nullopt), tick(100'000)}) {
    EXPECT_EQ(totals(scope).spent, settled);
    EXPECT_EQ(totals(scope).reserved, reserved);
  }
}

TEST_F(BudgetsTest, WithoutRoomOnTheDiskNothingIsReserved) {
  must(db_->script("PRAGMA max_page_count = 1"));  // as many pages as there are, and not one more
  const std::string long_name(100'000, 'x');
  const auto refused = ledger().reserve(request(long_name, 1, {daily(std::nullopt)}), kNow);
  EXPECT_FALSE(refused.has_value());
  EXPECT_FALSE(must(ledger().find(long_name)).has_value());
  EXPECT_EQ(totals(daily(std::nullopt)).reserved, Msat{0});
}

TEST_F(BudgetsTest, StaleReservationsOfOnePurposeAreSettledAtTheirEstimateAndFlagged) {
  const auto old = reserve("old", 60, {tick(1'000)});
  auto other = request("zap", 70, {tick(1'000)});
  other.purpose = "zap";
  must(ledger().reserve(other, kNow));
  reserve("unknown", 5, {tick(1'000)});
  must(ledger().mark_unknown(must(ledger().find("unknown"))->id, kNow));
  reserve("new", 80, {tick(1'000)}, kNow + base::seconds{10});
  EXPECT_EQ(must(ledger().expire("model-call", kNow + base::seconds{10}, kNow + base::seconds{900})), 1u);
  const auto row = must(ledger().find("old"));
  EXPECT_EQ(row->id, old);
  EXPECT_EQ(row->settled, Msat{60});
  EXPECT_TRUE(row->estimated);
  EXPECT_EQ(totals(tick(1'000)).spent, Msat{60});
  EXPECT_EQ(must(ledger().list_open()).size(), 3u) << "money in flight is another's to look after";
}

TEST_F(BudgetsTest, EveryCivilDayIsOneDayAlsoInLeapYears) {
  using std::chrono::February, std::chrono::March, std::chrono::December, std::chrono::January;
  const auto day = [](int year, std::chrono::month month, unsigned number) {
    return UnixTime{std::chrono::sys_days{std::chrono::year{year} / month / std::chrono::day{number}}};
  };
  const std::vector<UnixTime> days{day(2026, December, 31), day(2027, January, 1), day(2027, February, 28),
                                   day(2027, March, 1),     day(2028, February, 28), day(2028, February, 29),
                                   day(2028, March, 1),     day(2100, February, 28), day(2100, March, 1)};
  int number = 0;
  for (const UnixTime midnight : days) {
    const std::string key = std::to_string(++number);
    const UnixTime last = midnight + base::seconds{kDay - 1};
    must(ledger().settle(reserve(key, 100, {daily(100)}, midnight), Msat{100}, midnight));
    EXPECT_EQ(errc_of(ledger().reserve(request(key + "+", 1, {daily(100)}), last)), Errc::kLimit) << key;
    EXPECT_EQ(totals(daily(100), last).spent, Msat{100}) << key;
    EXPECT_EQ(totals(daily(100), last + base::seconds{1}).spent, Msat{0}) << key << " and a second";
  }
}

TEST_F(BudgetsTest, InterleavedReservationsNeverPassTheLimitAndSumsStayExact) {
  const Tx all = must(Tx::begin(*db_, Durability::kNormal));  // one commit instead of hundreds
  std::mt19937 random(7);
  std::vector<std::int64_t> open;
  std::int64_t spent = 0;
  for (int i = 0; i < 400; ++i) {
    if (open.empty() || random() % 2 == 0) {
      const auto made = ledger().reserve(
          request("k" + std::to_string(i), static_cast<std::int64_t>(random() % 90),
                  {daily(2000), tick(1500)}),
          kNow);
      if (made) open.push_back(made->id);
    } else {
      const std::size_t at = random() % open.size();
      const auto row = random() % 3 == 0
                           ? must(ledger().release(open[at], kNow))
                           : must(ledger().settle(
                                 open[at], Msat{static_cast<std::int64_t>(random() % 30)}, kNow));
      spent += row.settled.value;
      open.erase(open.begin() + static_cast<std::ptrdiff_t>(at));
    }
    std::int64_t reserved = 0;
    for (const Reservation& row : must(ledger().list_open())) reserved += row.reserved.value;
    const BudgetTotals sums = totals(tick(1500));
    ASSERT_EQ(sums.reserved, Msat{reserved});
    ASSERT_EQ(sums.spent, Msat{spent});
    ASSERT_EQ(totals(daily(2000)).spent, sums.spent);
  }
}

TEST(BudgetsCrashTest, AReservationAndItsSumsAreOneCommit) {
#ifndef SOVEREIGN_FAILPOINTS
  GTEST_SKIP() << "this build has no failpoints";
#endif
  for (const auto& [failpoint, kept] :
       {std::pair{"budget-before-reserved", 0}, std::pair{"budget-reserved", 60}}) {
    const TempHome home;
    const int status = run_in_child([&] {
      auto db = home.open();
      ::setenv("SOVEREIGN_FAILPOINT", failpoint, 1);
      must(Budgets(*db).reserve(request("a", 60, {tick(100)}), kNow));
    });
    ASSERT_TRUE(was_killed(status)) << failpoint;
    auto db = home.open();
    EXPECT_EQ(must(Budgets(*db).totals(tick(100), kNow)).reserved, Msat{kept}) << failpoint;
    EXPECT_EQ(must(Budgets(*db).list_open()).size(), kept == 0 ? 0u : 1u);
  }
}

}  // namespace
}  // namespace storage
