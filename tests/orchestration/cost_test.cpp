// Prices round up, and never overflow.
#include "orchestration/cost.h"

#include <gtest/gtest.h>

namespace orchestration {
namespace {

struct Row {
  Usage usage;
  Rates rates;
  std::int64_t msat;
};

TEST(Cost, RoundsEachPartUp) {
  const Rates rates{.in_per_1k = {150}, .cached_in_per_1k = {75}, .out_per_1k = {600}};
  for (const Row& row :
       {Row{{}, rates, 0}, Row{{.prompt_tokens = 1}, rates, 1},
        Row{{.prompt_tokens = 1000}, rates, 150}, Row{{.prompt_tokens = 1001}, rates, 151},
        Row{{.completion_tokens = 1}, rates, 1},
        Row{{.prompt_tokens = 1000, .cached_tokens = 1000}, rates, 75},
        Row{{.prompt_tokens = 1001, .cached_tokens = 1000, .completion_tokens = 2},
            rates,
            1 + 75 + 2},
        Row{{.prompt_tokens = 5000, .completion_tokens = 5000}, {}, 0}})
    EXPECT_EQ(cost_of(row.usage, row.rates)->value, row.msat);
}

// Three satoshi a thousand: one token is not free, and no call is.
TEST(Cost, OneTokenAtThreeSatoshiAThousandIsThreeMillisatoshi) {
  EXPECT_EQ(cost_of({.prompt_tokens = 1}, {.in_per_1k = {3'000}})->value, 3);
  EXPECT_EQ(cost_of({.prompt_tokens = 333, .completion_tokens = 66}, {.in_per_1k = {3'000}, .out_per_1k = {15'000}})->value,
            999 + 990);
}

TEST(Cost, TheOlderFormulaRoundsEachPartDownToWholeSatoshi) {
  const auto sats = [](std::uint64_t in, std::uint64_t out) {
    return sats_rounded_down({.prompt_tokens = in, .completion_tokens = out}, base::Sat{3}, base::Sat{15})->value;
  };
  EXPECT_EQ(sats(1'000, 500), 10);
  EXPECT_EQ(sats(10'000, 5'000), 105);
  EXPECT_EQ(sats(333, 66), 0);
  EXPECT_EQ(sats(334, 67), 2);
  EXPECT_EQ(sats_rounded_down({.prompt_tokens = UINT64_MAX}, base::Sat{1'000'000}, base::Sat{0}).error().code,
            base::Errc::kLimit);
}

TEST(Cost, RefusesTheImpossible) {
  EXPECT_EQ(cost_of({.prompt_tokens = 1, .cached_tokens = 2}, {}).error().code,
            base::Errc::kInvalid);
  EXPECT_EQ(cost_of({.prompt_tokens = UINT64_MAX}, {.in_per_1k = base::kMaxMsat}).error().code,
            base::Errc::kLimit);
}

TEST(Cost, EstimatesFourBytesAToken) {
  EXPECT_EQ(estimate_tokens(0), 0u);
  EXPECT_EQ(estimate_tokens(1), 1u);
  EXPECT_EQ(estimate_tokens(4), 1u);
  EXPECT_EQ(estimate_tokens(5), 2u);
}

}  // namespace
}  // namespace orchestration
