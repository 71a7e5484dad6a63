// When what is published about goals has to be published anew.
#include "node/public_goals.h"

#include <gtest/gtest.h>

namespace node {
namespace {

using orchestration::Directive;

const base::UnixTime kNow = base::unix_time(1'760'000'000);

Directive directive(std::string id, bool is_public) {
  return {.id = std::move(id),
          .title = "Reach it",
          .status = orchestration::DirectiveStatus::kActive,
          .is_public = is_public,
          .created = "",
          .updated = "",
          .body = "",
          .file = "",
          .warnings = {}};
}

TEST(PublicGoals, AreThoseTheFilesMark) {
  const auto goals = public_goals_now({directive("a", true), directive("b", false)}, {}, {}, kNow);
  ASSERT_EQ(goals.size(), 1U);
  EXPECT_EQ(goals[0].id, "a");
  EXPECT_TRUE(tells_other_goals({}, goals));
  EXPECT_FALSE(tells_other_goals({}, public_goals_now({directive("b", false)}, {}, {}, kNow)));
}

TEST(PublicGoals, ProgressAndDatesAloneAreNoChange) {
  const auto before = public_goals_now({directive("a", true)}, {}, {}, kNow);
  const auto after = public_goals_now({directive("a", true)},
                                      {{.goal = "a", .percent = 50, .note = "", .at = kNow}},
                                      before, kNow + base::seconds(99));
  EXPECT_EQ(after[0].progress, 0.5);
  EXPECT_EQ(after[0].created_at, before[0].created_at);
  EXPECT_FALSE(tells_other_goals(before, after));
  auto done = directive("a", true);
  done.status = orchestration::DirectiveStatus::kCompleted;
  EXPECT_TRUE(tells_other_goals(before, public_goals_now({done}, {}, before, kNow)));
  EXPECT_TRUE(
      tells_other_goals(before, public_goals_now({directive("a", false)}, {}, before, kNow)))
      << "hidden again";
}

}  // namespace
}  // namespace node
