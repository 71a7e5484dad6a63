// Histogram: what is observed is in its bucket and in every wider one.
#include "nostr/base/histogram.h"

#include <gtest/gtest.h>

#include <thread>

namespace base {
namespace {

using std::chrono::microseconds;

TEST(Histogram, BoundsDoubleAndAreInclusive) {
  Histogram times(microseconds(100));
  for (const int us : {0, 100, 101, 200, 201}) times.observe(microseconds(us));
  const HistogramView view = times.view();
  ASSERT_EQ(view.up_to.size(), Histogram::kBuckets + 1);
  EXPECT_EQ(view.up_to[0], (std::pair{microseconds(100), std::uint64_t{2}}));
  EXPECT_EQ(view.up_to[1], (std::pair{microseconds(200), std::uint64_t{4}}));
  EXPECT_EQ(view.up_to[2].second, 5U);
  EXPECT_EQ(view.count, 5U);
  EXPECT_EQ(view.sum, microseconds(602));
}

TEST(Histogram, WhatIsLongerThanEveryBoundIsCountedStill) {
  Histogram times(microseconds(1));
  times.observe(std::chrono::hours(1));
  const HistogramView view = times.view();
  EXPECT_EQ(view.up_to[Histogram::kBuckets - 1].second, 0U);
  EXPECT_EQ(view.up_to.back(), (std::pair{microseconds::max(), std::uint64_t{1}}));
}

TEST(Histogram, ThreadsLoseNothing) {
  Histogram times(microseconds(1));
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t)
      threads.emplace_back([&times] {
        for (int i = 0; i < 10'000; ++i) times.observe(microseconds(3));
      });
  }
  EXPECT_EQ(times.view().count, 40'000U);
  EXPECT_EQ(times.view().sum, microseconds(120'000));
}

}  // namespace
}  // namespace base
