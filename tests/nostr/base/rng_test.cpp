// Random values: the system's differ, a seed's repeat, and draws are uniform over their range.
#include "nostr/base/rng.h"

#include <array>

#include <gtest/gtest.h>

namespace base {
namespace {

TEST(SeededRng, repeats_for_a_seed_and_differs_between_seeds) {
  SeededRng first(1), again(1), other(2);
  const auto bytes = first.bytes<100>();
  EXPECT_EQ(bytes, again.bytes<100>());
  EXPECT_NE(bytes, other.bytes<100>());
  EXPECT_NE(bytes, first.bytes<100>());
}

TEST(SystemRng, gives_fresh_bytes_of_the_size_asked_for) {
  SystemRng rng;
  EXPECT_NE(rng.bytes<32>(), rng.bytes<32>());
  EXPECT_EQ(rng.hex(8).size(), 16U);
  EXPECT_EQ(rng.hex(0), "");
}

TEST(Rng, below_reaches_each_value_about_equally_often) {
  SeededRng rng(3);
  std::array<int, 6> counts{};
  for (int i = 0; i < 6000; ++i) ++counts[rng.below(6)];
  for (const int count : counts) EXPECT_NEAR(count, 1000, 150);
  EXPECT_EQ(rng.below(1), 0U);
  const std::uint64_t huge = (std::uint64_t{1} << 63) + 1;  // half of all draws must be repeated
  for (int i = 0; i < 100; ++i) EXPECT_LT(rng.below(huge), huge);
}

}  // namespace
}  // namespace base
