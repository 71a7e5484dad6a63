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
