// The approval gate: which level asks for what.
#include "orchestration/autonomy.h"

#include <gtest/gtest.h>

namespace orchestration {
namespace {

struct Row {
  const char* name;
  AutonomyRules rules;
  ActionClass action;
  std::int64_t sats;
  Need expected;
};

TEST(Autonomy, AsksByLevelListAndPrice) {
  constexpr auto kReply = ActionClass::kReply;
  constexpr auto kSearch = ActionClass::kSearch;
  const Row rows[] = {
      {"supervised asks for what leaves", {.level = Level::kSupervised}, kReply, 0, Need::kAsk},
      {"supervised reads unasked", {.level = Level::kSupervised}, kSearch, 0, Need::kAuto},
      {"supervised asks before paying", {.level = Level::kSupervised}, kSearch, 1, Need::kAsk},
      {"asking is no act",
       {.level = Level::kSupervised},
       ActionClass::kAskOperator,
       0,
       Need::kAuto},
      {"bounded acts", {.level = Level::kBounded}, kReply, 0, Need::kAuto},
      {"bounded passes at the threshold", {.level = Level::kBounded}, kReply, 1000, Need::kAuto},
      {"bounded asks above it", {.level = Level::kBounded}, kReply, 1001, Need::kAsk},
      {"bounded asks for listed classes",
       {.level = Level::kBounded, .bounded_asks = {kReply}},
       kReply,
       0,
       Need::kAsk},
      {"autonomous does not",
       {.level = Level::kAutonomous, .bounded_asks = {kReply}},
       kReply,
       5000,
       Need::kAuto},
      {"always means always",
       {.level = Level::kAutonomous, .always_ask = {kReply}},
       kReply,
       0,
       Need::kAsk},
      {"the guardian's threshold holds everywhere",
       {.level = Level::kAutonomous, .guardian_threshold = base::Sat{10}},
       kReply,
       11,
       Need::kAsk},
      {"and lets equality pass",
       {.level = Level::kAutonomous, .guardian_threshold = base::Sat{10}},
       kReply,
       10,
       Need::kAuto},
      {"never wins",
       {.level = Level::kAutonomous, .never = {kReply}, .always_ask = {kReply}},
       kReply,
       0,
       Need::kDeny},
  };
  for (const Row& row : rows)
    EXPECT_EQ(need(row.rules, row.action, base::to_msat(base::Sat{row.sats})), row.expected)
        << row.name;
}

TEST(Autonomy, EveryOlderNameIsAWordOfNipSaAndEveryWordReadsBack) {
  const std::pair<const char*, const char*> names[] = {
      {"Supervised", "supervised"},         {"SUPERVISED", "supervised"},         {"SemiAutonomous", "bounded"},
      {"semi-autonomous", "bounded"},       {"Bounded", "bounded"},               {"FullyAutonomous", "autonomous"},
      {"fully_autonomous", "autonomous"},   {"fully autonomous", "autonomous"},   {"autonomous", "autonomous"}};
  for (const auto& [name, word] : names) {
    const auto level = parse_level(name);
    ASSERT_TRUE(level.has_value()) << name;
    EXPECT_EQ(nipsa::autonomy_name(*level), word) << name;
    EXPECT_EQ(parse_level(nipsa::autonomy_name(*level)), *level) << name;
  }
  for (const char* name : {"auto", "semi", "full", "none", "supervised!", "bounded autonomous", "0"})
    EXPECT_EQ(parse_level(name).error().code, base::Errc::kInvalid) << name;
}

TEST(Autonomy, ReadsLevelsStrictly) {
  EXPECT_EQ(*parse_level("supervised"), Level::kSupervised);
  EXPECT_EQ(*parse_level("SemiAutonomous"), Level::kBounded);
  EXPECT_EQ(*parse_level("semi_autonomous"), Level::kBounded);
  EXPECT_EQ(*parse_level("fully-autonomous"), Level::kAutonomous);
  EXPECT_FALSE(parse_level("autonomos").has_value());
  EXPECT_FALSE(parse_level("").has_value());
}

}  // namespace
}  // namespace orchestration
