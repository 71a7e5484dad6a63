// nostr/client/backoff.h: growth, ceiling and spread of the delays.
#include "nostr/client/backoff.h"

#include <set>

#include <gtest/gtest.h>

namespace nostr {
namespace {

using std::chrono::milliseconds;

constexpr BackoffLimits kLimits{milliseconds{500}, milliseconds{60'000}};

TEST(Backoff, DoublesUpToTheCeiling) {
  struct Case { std::uint32_t failures; std::int64_t full; };
  const Case cases[] = {{0, 500}, {1, 500}, {2, 1000}, {3, 2000}, {8, 60'000}, {1000, 60'000}};
  base::SeededRng rng(1);
  for (const Case& c : cases)
    for (int i = 0; i < 100; ++i) {
      const auto delay = backoff_delay(c.failures, kLimits, rng);
      EXPECT_GE(delay.count(), c.full / 2) << c.failures;
      EXPECT_LE(delay.count(), c.full) << c.failures;
    }
}

TEST(Backoff, SpreadsClientsOut) {
  base::SeededRng rng(2);
  std::set<std::int64_t> seen;
  for (int i = 0; i < 100; ++i) seen.insert(backoff_delay(5, kLimits, rng).count());
  EXPECT_GT(seen.size(), 80u);
}

TEST(Backoff, IsNeverBelowZeroForOddLimits) {
  base::SeededRng rng(3);
  EXPECT_GE(backoff_delay(3, {milliseconds{0}, milliseconds{0}}, rng).count(), 0);
  EXPECT_LE(backoff_delay(3, {milliseconds{10}, milliseconds{5}}, rng).count(), 10);
}

}  // namespace
}  // namespace nostr
