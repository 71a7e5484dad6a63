// When a person is told how a session ended, and when it would be noise.
#include "orchestration/hooks/notice_hook.h"

#include <gtest/gtest.h>

namespace orchestration {
namespace {

class Notices : public ::testing::Test {
 protected:
  Notices() : hook(notice_hook(clock, [this](const std::string& text) { told.push_back(text); })) {}
  void ends(std::string session, std::string detail, bool of_task = false) {
    hook.on_session({.session = std::move(session), .phase = SessionPhase::kEnded, .detail = std::move(detail), .of_task = of_task});
  }

  base::ManualClock clock{base::unix_time(1'760'000'000)};
  std::vector<std::string> told;
  Hook hook;
};

TEST_F(Notices, AFailureIsToldASuccessAndTheOperatorsOwnNoAreNot) {
  ends("s1", "");
  ends("s2", "approval-denied");
  ends("s3", "approval-expired");
  hook.on_session({.session = "s4", .phase = SessionPhase::kStarted});
  EXPECT_TRUE(told.empty());
  ends("s5", "budget-exhausted");
  EXPECT_EQ(told, std::vector<std::string>{"Session s5 did not come out well: budget-exhausted."});
}

TEST_F(Notices, OfATaskItsParentSpeaks) {
  ends("s1", "model-timeout", /*of_task=*/true);
  EXPECT_TRUE(told.empty());
}

TEST_F(Notices, AStalledSessionIsToldOnce) {
  hook.on_session({.session = "s1", .phase = SessionPhase::kStalled, .detail = "2 of 3 things on its list are not done"});
  clock.advance(base::seconds{120});
  ends("s1", "todo-stalled");
  EXPECT_EQ(told, std::vector<std::string>{"Session s1 stopped short: 2 of 3 things on its list are not done."});
}

TEST_F(Notices, WhatComesTooFastIsCountedIntoTheNext) {
  for (int i = 0; i < 5; ++i) ends("s" + std::to_string(i), "loop");
  EXPECT_EQ(told.size(), 1u);
  clock.advance(kNoticePause);
  ends("t", "loop");
  ASSERT_EQ(told.size(), 2u);
  EXPECT_EQ(told[1], "Session t did not come out well: loop. 4 more since the last word.");
}

TEST_F(Notices, ADayHoldsOnlySoMany) {
  for (std::size_t i = 0; i < kMaxNoticesADay + 10; ++i) {
    ends("s", "loop");
    clock.advance(kNoticePause);
  }
  EXPECT_EQ(told.size(), kMaxNoticesADay);
  clock.advance(base::seconds{86'400});
  ends("s", "loop");
  EXPECT_EQ(told.size(), kMaxNoticesADay + 1);
}

}  // namespace
}  // namespace orchestration
