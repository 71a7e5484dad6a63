// nostr/client/coverage.h: what has been covered stays covered, and the cursor passes no gap.
#include "nostr/client/coverage.h"

#include <gtest/gtest.h>

namespace nostr {
namespace {

UnixTime at(std::int64_t seconds) {
  return base::unix_time(seconds);
}

/// Takes the newest gap, which must be this one.
void expect_gap(Coverage& coverage, std::optional<std::int64_t> from,
                std::optional<std::int64_t> until) {
  const auto time = [](std::optional<std::int64_t> s) {
    return s ? std::optional(at(*s)) : std::nullopt;
  };
  const Gap* const gap = coverage.take();
  ASSERT_NE(gap, nullptr);
  EXPECT_EQ(gap->from, time(from));
  EXPECT_EQ(gap->until, time(until));
}

TEST(Coverage, WithoutACursorTheFirstGapBeginsWhereTheFilterDoes) {
  Coverage coverage;
  EXPECT_TRUE(coverage.complete());
  EXPECT_FALSE(coverage.cursor());
  coverage.begin(at(100));
  EXPECT_FALSE(coverage.complete());
  expect_gap(coverage, std::nullopt, std::nullopt);
  EXPECT_FALSE(coverage.cursor());
  coverage.filled();
  EXPECT_TRUE(coverage.complete());
  EXPECT_EQ(coverage.cursor(), at(100));
}

TEST(Coverage, TheCursorFollowsTheLiveStreamOnceItIsSure) {
  Coverage coverage(at(50));
  coverage.begin(at(100));
  expect_gap(coverage, 50, std::nullopt);
  coverage.filled();
  coverage.advance(at(130));
  coverage.advance(at(120));
  EXPECT_EQ(coverage.cursor(), at(100));
  coverage.confirm();
  EXPECT_EQ(coverage.cursor(), at(130));
}

TEST(Coverage, AGapOpensWhereTheStreamWasLastSureAndNotWhereItWasLastHeard) {
  Coverage coverage(at(50));
  coverage.begin(at(100));
  coverage.take();
  coverage.filled();
  coverage.advance(at(110));
  coverage.confirm();
  coverage.advance(at(120));
  coverage.begin(at(200));
  expect_gap(coverage, 110, std::nullopt);
}

TEST(Coverage, AWalkThatIsCutOffLeavesOnlyItsRest) {
  Coverage coverage(at(0));
  coverage.begin(at(1'000));
  coverage.take();
  coverage.reached(at(600));
  coverage.begin(at(1'100));  // the connection ended and came back
  coverage.give_back();
  EXPECT_EQ(coverage.cursor(), at(0));
  expect_gap(coverage, 1'000, std::nullopt);
  coverage.filled();
  EXPECT_EQ(coverage.cursor(), at(0));
  expect_gap(coverage, 0, 600);
  coverage.reached(at(300));
  coverage.give_back();
  expect_gap(coverage, 0, 300);
  coverage.filled();
  EXPECT_TRUE(coverage.complete());
  EXPECT_EQ(coverage.cursor(), at(1'100));
}

TEST(Coverage, AGapThatWasNotBegunGrowsToThePresent) {
  Coverage coverage(at(10));
  coverage.begin(at(100));
  coverage.advance(at(150));
  coverage.confirm();
  coverage.begin(at(200));
  expect_gap(coverage, 10, std::nullopt);
  coverage.filled();
  EXPECT_TRUE(coverage.complete());
}

TEST(Coverage, AWalkGivenBackBeforeItsFirstPageJoinsWhatBeganMeanwhile) {
  Coverage coverage(at(10));
  coverage.begin(at(100));
  coverage.take();
  coverage.begin(at(200));
  coverage.give_back();
  expect_gap(coverage, 10, std::nullopt);
  coverage.filled();
  EXPECT_TRUE(coverage.complete());
  EXPECT_EQ(coverage.cursor(), at(200));
}

// However often a connection ends, what is remembered is bounded and nothing is passed over.
TEST(Coverage, ManyGapsBecomeOneWithTheirNeighbour) {
  Coverage coverage(at(0));
  for (std::int64_t i = 1; i <= 100; ++i) {
    coverage.begin(at(i * 100));
    coverage.take();
    coverage.reached(at(i * 100 - 10));
    coverage.give_back();
  }
  EXPECT_EQ(coverage.cursor(), at(0));
  std::size_t gaps = 0;
  std::vector<bool> covered(10'000, true);
  while (const Gap* gap = coverage.take()) {
    ++gaps;
    const UnixTime until = gap->until.value_or(at(10'000));
    for (UnixTime t = gap->from.value_or(at(0)); t < until; t += std::chrono::seconds(1))
      covered.at(static_cast<std::size_t>(base::to_unix(t))) = false;
    coverage.filled();
  }
  EXPECT_LE(gaps, Coverage::kMaxGaps);
  for (std::size_t i = 1; i <= 100; ++i)
    EXPECT_FALSE(covered.at(i * 100 - 20)) << "never walked through, but passed for covered: " << i;
}

}  // namespace
}  // namespace nostr
