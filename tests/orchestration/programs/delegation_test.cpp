// Who does a task: the rules, and when a model's choice is followed.
#include "orchestration/programs/delegation.h"

#include <gtest/gtest.h>

#include "tests/orchestration/support/program_world.h"

namespace orchestration {
namespace {

using base::json::Value;

const std::vector<std::string> kAll = {"oracle", "librarian", "explore", "frontend", "docwriter", "multimodal"};

// Checklist 93.
TEST(DelegationRules, GoByWholeWords) {
  EXPECT_EQ(delegate_by_words("build the parser", kAll).assigned, "direct");
  EXPECT_EQ(delegate_by_words("require a liquidity guide for the circuit suite", kAll).assigned, "direct");
  EXPECT_EQ(delegate_by_words("Fix the UI of the login page", kAll).assigned, "frontend");
  EXPECT_EQ(delegate_by_words("where is parse_frame? find its callers", kAll).assigned, "explore");
  EXPECT_EQ(delegate_by_words("update README.md", kAll).assigned, "docwriter");
  EXPECT_EQ(delegate_by_words("what does mock.png show", kAll).assigned, "multimodal");
}

TEST(DelegationRules, NeverChooseWhoIsNotThere) {
  EXPECT_EQ(delegate_by_words("fix the css", {"oracle"}).assigned, "direct");
  const Delegation two = delegate_by_words("find the css of the button", kAll);
  EXPECT_EQ(two.assigned, "frontend");
  EXPECT_EQ(two.fallback, "explore");
}

Value asked(Value outputs, std::size_t* calls = nullptr) {
  testing::ProgramWorld world({testing::says(outputs)});
  const Value inputs = {{"task_description", "build the parser"}, {"available_agents", {{{"id", "oracle"}}, {{"id", "explore"}}}}};
  const auto answer = world.run(**find_program("delegation"), inputs).value();
  if (calls) *calls = world.calls();
  const Delegation settled = settle_delegation(inputs, answer.values, answer.source == AnswerSource::kModel);
  return {{"assigned", settled.assigned}, {"fallback", settled.fallback}, {"source", settled.source}};
}

Value chosen(const char* agent, double confidence, const char* fallback = "explore") {
  return {{"assigned_agent", agent}, {"task_refinement", "t"}, {"expected_deliverables", "d"}, {"fallback_agent", fallback}, {"confidence", confidence}, {"reason", "r"}};
}

// Checklist 93.
TEST(Delegation, FollowsTheModelOnlyWhenItIsSureAndPossible) {
  EXPECT_EQ(asked(chosen("oracle", 0.8)), (Value{{"assigned", "oracle"}, {"fallback", "explore"}, {"source", "model"}}));
  EXPECT_EQ(asked(chosen("Oracle", 0.8, "oracle")), (Value{{"assigned", "oracle"}, {"fallback", "direct"}, {"source", "model"}}));
  EXPECT_EQ(asked(chosen("oracle", 0.5))["source"], "rules");
  EXPECT_EQ(asked(chosen("frontend", 0.9)), (Value{{"assigned", "direct"}, {"fallback", "direct"}, {"source", "rules"}})) << "it is not available";
}

}  // namespace
}  // namespace orchestration
