// Actions a minute: true when nothing happens, exact in sum, indifferent to the order of news.
#include "orchestration/hooks/pace_hook.h"

#include <gtest/gtest.h>

namespace orchestration {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const PaceMeter::Time kStart{std::chrono::hours{1}};

PaceAction call(const std::string& tool, int ms, bool success = true) {
  return {.tool = tool, .duration = milliseconds{ms}, .tokens_in = 2, .tokens_out = 1, .success = success};
}

// Checklist 83.
TEST(Pace, IsZeroAfterAnIdleWindow) {
  PaceMeter meter(kStart);
  for (int i = 0; i < 30; ++i) meter.record(call("read", 10), kStart + seconds{i});
  EXPECT_EQ(meter.snapshot(kStart + seconds{30}).apm, 30);
  EXPECT_EQ(meter.snapshot(kStart + seconds{75}).apm, 14);
  const auto idle = meter.snapshot(kStart + seconds{200});
  EXPECT_EQ(idle.apm, 0);
  EXPECT_EQ(idle.total, 30u);
  EXPECT_DOUBLE_EQ(idle.lifetime_apm, 9);
}

// Checklist 83.
TEST(Pace, WithoutActionsEverythingIsZero) {
  PaceMeter meter(kStart);
  const auto none = meter.snapshot(kStart);
  EXPECT_EQ(none.average.count(), 0);
  EXPECT_EQ(none.apm, 0);
  EXPECT_EQ(none.lifetime_apm, 0);
  EXPECT_EQ(none.success_rate, 1);
}

// Checklist 83: several sessions tell one meter, as they come.
TEST(Pace, SumsAreExactWhateverTheOrder) {
  PaceMeter meter(kStart);
  for (int writer = 0; writer < 10; ++writer)
    for (int i = 0; i < 100; ++i) meter.record(call("t" + std::to_string(writer), i, i != 0), kStart + seconds{(i * 7 + writer) % 50});
  const auto all = meter.snapshot(kStart + seconds{50});
  EXPECT_EQ(all.total, 1000u);
  EXPECT_EQ(all.failed, 10u);
  EXPECT_EQ(all.tokens_in, 2000u);
  EXPECT_EQ(all.in_window, 1000u);
  EXPECT_DOUBLE_EQ(all.success_rate, 0.99);
  EXPECT_EQ(all.tools.size(), 10u);
  EXPECT_NEAR(static_cast<double>(all.tools.at("t3").p50.count()), 50, 1);
  EXPECT_NEAR(static_cast<double>(all.tools.at("t3").p95.count()), 94, 1);
  EXPECT_EQ(meter.snapshot(kStart + seconds{111}).in_window, 0u) << "a late one holds nothing back";
}

TEST(Pace, KeepsNoMoreThanItsBound) {
  PaceMeter meter(kStart);
  for (std::size_t i = 0; i < PaceMeter::kMaxKept + 500; ++i) meter.record(call("x", 1), kStart);
  EXPECT_EQ(meter.snapshot(kStart).in_window, PaceMeter::kMaxKept);
  EXPECT_EQ(meter.snapshot(kStart).total, PaceMeter::kMaxKept + 500);
}

// Checklist 84: parallel calls of one tool have durations of their own.
TEST(PaceBook, TimesEachCallByItsOwnId) {
  PaceMeter::Time now = kStart;
  PaceBook book([&now] { return now; });
  HookChain hooks;
  ASSERT_TRUE(hooks.add(book.hook()).has_value());
  hooks.notify({.session = "s", .agent = "a", .phase = SessionPhase::kStarted});
  const ToolInvocation one{.session = "s", .call_id = "1", .tool = "read", .params = {{"tokens_in", 1'000'000}}};
  ToolInvocation two = one;
  two.call_id = "2";
  ToolOutput fine, bad;
  bad.outcome = ToolOutcome::kError;
  ASSERT_TRUE(hooks.reserve(one).has_value());
  now += seconds{1};
  ASSERT_TRUE(hooks.reserve(two).has_value());
  now += seconds{2};
  hooks.after(two, bad);
  now += seconds{3};
  hooks.after(one, fine);
  const auto session = book.sessions().at("s");
  EXPECT_EQ(session.tools.at("read").p50, seconds{6});
  EXPECT_EQ(session.average, seconds{4});
  EXPECT_EQ(session.failed, 1u);
  EXPECT_EQ(session.tokens_in, 0u) << "what a model writes into its arguments counts for nothing";
  EXPECT_EQ(book.node().total, 2u);
  hooks.notify({.session = "s", .agent = "a", .phase = SessionPhase::kEnded});
  EXPECT_TRUE(book.sessions().empty());
  EXPECT_EQ(book.node().total, 2u);
}

}  // namespace
}  // namespace orchestration
