// Goals of a state out of the operator's files: the files say what is to be reached, the agent how
// far it is.
#include "orchestration/directives/goals.h"

#include <gtest/gtest.h>

#include "nipsa/goals.h"
#include "nostr/base/files.h"
#include "orchestration/directives/directive_tools.h"
#include "storage/schema.h"
#include "tests/orchestration/support/temp_dir.h"

namespace orchestration {
namespace {

using base::json::Value;
using nipsa::Goal;
using storage::GoalReport;

const base::UnixTime kNow = base::unix_time(1'760'000'000);

Directive directive(std::string id, DirectiveStatus status = DirectiveStatus::kActive) {
  return {.id = id,
          .title = "Reach " + id,
          .status = status,
          .priority = DirectivePriority::kHigh,
          .created = "",
          .updated = "",
          .body = "Within a day.",
          .file = id + ".md",
          .warnings = {}};
}

GoalReport report(std::string goal, int percent, std::int64_t at = 1'760'000'000) {
  return {.goal = std::move(goal), .percent = percent, .note = "so far", .at = base::unix_time(at)};
}

TEST(Goals, AreWhatTheFilesSay) {
  const auto goals = merged_goals({}, {directive("a"), directive("b", DirectiveStatus::kBlocked)},
                                  std::vector{report("a", 40), report("zz", 90)}, kNow);
  ASSERT_EQ(goals.size(), 2u);
  EXPECT_EQ(goals[0].id, "a");
  EXPECT_EQ(goals[0].description, "Reach a: Within a day.");
  EXPECT_EQ(goals[0].priority, 10u);
  EXPECT_EQ(goals[0].created_at, 1'760'000'000);
  EXPECT_EQ(goals[0].status, "active");
  EXPECT_EQ(goals[0].progress, 0.4);
  EXPECT_TRUE(is_operators(goals[0]));
  EXPECT_EQ(goals[1].status, "paused");
  EXPECT_TRUE(nipsa::public_goals(goals).empty())
      << "goals are private until the file says otherwise";
}

TEST(Goals, TheFileDecidesWhatTheAgentCannot) {
  auto standing = merged_goals({}, {directive("a")}, {}, kNow);
  standing[0].description = "Something nicer";
  standing[0].status = "cancelled";
  standing[0].priority = 9'999;
  standing[0].extra["public"] = true;
  standing[0].extra["theirs"] = 5;
  const auto goals = merged_goals(standing, {directive("a")}, std::vector{report("a", 100)},
                                  kNow + base::seconds(60));
  ASSERT_EQ(goals.size(), 1u);
  EXPECT_EQ(goals[0].description, "Reach a: Within a day.");
  EXPECT_EQ(goals[0].status, "active")
      << "100 % is the agent's belief; done is the operator's word";
  EXPECT_EQ(goals[0].progress, 1);
  EXPECT_EQ(goals[0].priority, 10u);
  EXPECT_EQ(goals[0].created_at, standing[0].created_at);
  EXPECT_EQ(goals[0].extra.at("theirs"), 5) << "members of others stay";
  EXPECT_TRUE(nipsa::public_goals(goals).empty());
  auto shown = directive("a", DirectiveStatus::kCompleted);
  shown.is_public = true;
  const auto done = merged_goals(goals, {shown}, std::vector{report("a", 10)}, kNow);
  EXPECT_EQ(done[0].status, "completed");
  EXPECT_EQ(done[0].progress, 1);
  EXPECT_EQ(nipsa::public_goals(done).size(), 1u);
}

TEST(Goals, WhoseFileIsGoneIsCancelledAndComesBackWithIt) {
  const auto standing = merged_goals({}, {directive("a")}, std::vector{report("a", 30)}, kNow);
  auto gone = merged_goals(standing, {}, std::vector{report("a", 30)}, kNow);
  ASSERT_EQ(gone.size(), 1u);
  EXPECT_EQ(gone[0].status, "cancelled");
  const auto back = merged_goals(gone, {directive("a")}, {}, kNow);
  EXPECT_EQ(back[0].status, "active");
  EXPECT_EQ(back[0].progress, 0.3);
}

TEST(Goals, OfOthersOnlyTheProgressMovesAndAHundredCompletes) {
  Goal other{.id = "x",
             .description = "From an earlier life",
             .priority = 3,
             .created_at = 5,
             .status = "active",
             .progress = 0.1,
             .extra = {{"deadline", 7}}};
  auto goals = merged_goals({other}, {}, std::vector{report("x", 60)}, kNow);
  ASSERT_EQ(goals.size(), 1u);
  EXPECT_EQ(goals[0].progress, 0.6);
  EXPECT_EQ(goals[0].status, "active");
  EXPECT_EQ(goals[0].extra.at("deadline"), 7);
  EXPECT_NE(other_goals_section(goals).find("x (60 %): From an earlier life"), std::string::npos);
  goals = merged_goals(goals, {}, std::vector{report("x", 100)}, kNow);
  EXPECT_EQ(goals[0].status, "completed");
  EXPECT_EQ(other_goals_section(goals), "");
  EXPECT_EQ(changed_goals({other}, goals), 1u);
  EXPECT_EQ(changed_goals(goals, goals), 0u);
}

TEST(Goals, ThereIsAnEndToThem) {
  std::vector<Directive> many;
  for (int i = 0; i < 200; ++i) many.push_back(directive("d-" + std::to_string(i)));
  const auto goals = merged_goals({}, many, {}, kNow);
  EXPECT_LT(goals.size(), 60u);
  EXPECT_EQ(goals[0].id, "d-0") << "the most urgent are kept";
  std::vector<Goal> gone(100, goals[0]);
  EXPECT_EQ(merged_goals(gone, {}, {}, kNow).size(), 20u);
}

class GoalReportTest : public ::testing::Test {
 protected:
  GoalReportTest()
      : db_(storage::open_database(dir_.path("sovereign.db")).value()), reports_(*db_) {
    for (const auto& [id, status] : {std::pair("a", "active"), std::pair("b", "completed")})
      EXPECT_TRUE(base::write_file(
          dir_.path("goals") + "/" + id + ".md",
          std::string("---\nid: ") + id + "\nstatus: " + status + "\n---\n\nReach it.\n"));
  }
  base::Result<std::string> say(Value params) {
    const auto tool = make_goal_report(DirectiveFolder(dir_.path("goals")), reports_, clock_);
    return loop_.run_until_complete(tool->run({}, std::move(params)));
  }
  struct Made {
    explicit Made(const std::string& path) { std::filesystem::create_directories(path); }
  };
  testing::TempDir dir_;
  Made made_{dir_.path("goals")};
  base::Loop loop_;
  base::ManualClock clock_{kNow};
  std::unique_ptr<storage::Db> db_;
  storage::GoalReports reports_;
};

TEST_F(GoalReportTest, ASayingIsKeptForActiveGoalsAlone) {
  EXPECT_EQ(say({{"id", "a"}, {"percent", 40}, {"note", "two of five"}}).value(),
            "Noted: a is at 40 %.");
  EXPECT_EQ(reports_.get("a").value(),
            (GoalReport{.goal = "a", .percent = 40, .note = "two of five", .at = kNow}));
  EXPECT_TRUE(say({{"id", "a"}, {"percent", 100}})
                  .value()
                  .ends_with("Whether it is done your operator decides."));
  EXPECT_FALSE(say({{"id", "b"}, {"percent", 5}}).has_value()) << "a goal that is done stays done";
  EXPECT_FALSE(say({{"id", "zz"}, {"percent", 5}}).has_value());
  EXPECT_FALSE(reports_.get("b").value());
  const auto shown = directives_section(DirectiveFolder(dir_.path("goals")).read()->all, 5,
                                        reports_.list().value());
  EXPECT_NE(shown.find("- a (medium, you said 100 %): a"), std::string::npos) << shown;
}

TEST_F(GoalReportTest, TheLaterReportStandsWhoeverBroughtIt) {
  ASSERT_TRUE(reports_.put(report("a", 40, 100)));
  ASSERT_TRUE(reports_.put(report("a", 20, 50)));
  EXPECT_EQ(reports_.get("a").value()->percent, 40);
  // Another home of the agent was further.
  auto goals = merged_goals({}, {directive("a")}, std::vector{report("a", 70, 200)}, kNow);
  ASSERT_TRUE(keep_reports(reports_, goals));
  EXPECT_EQ(reports_.get("a").value()->percent, 70);
  EXPECT_EQ(
      merged_goals(goals, {directive("a")}, std::vector{report("a", 10, 150)}, kNow)[0].progress,
      0.7);
}

}  // namespace
}  // namespace orchestration
