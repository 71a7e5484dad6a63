// The operator's goals: in the agent's state, in what it is told, and, where the operator says yes,
// on the relays; of the agent is how far it believes to be.
#include <gtest/gtest.h>

#include "nipsa/goals.h"
#include "nipsa/kinds.h"
#include "nipsa/tick.h"
#include "tests/e2e/support/agent_eyes.h"
#include "tests/e2e/support/must.h"
#include "tests/e2e/support/story.h"

namespace e2e {
namespace {

using base::json::Value;
using nostr::Event;

// Says how far it is whenever somebody writes; the words of a stranger choose the goal.
constexpr std::string_view kReporting = R"(
[[rule]]
on = "mention"
call = { tool = "goal_report", args = { id = "{{content}}", percent = 40, note = "two of five" } }

[[rule]]
on = "tool"
say = "{{tool_result}}"
)";

nipsa::TickResult tick(World& world, const std::string& text) {
  return must(nipsa::parse_tick_result(await_result(world, mention(world, text))));
}

/// Says yes to the question whose text holds `words`.
void approve(World& world, const std::string& words) {
  const Message question = world.owner().await_message(
      [&](const Message& m) { return !code_in(m.text).empty() && m.text.contains(words); });
  world.owner().send(question.from, "yes " + code_in(question.text));
}

std::vector<nipsa::Goal> published(World& world, const std::string& status) {
  const Event event =
      world.stranger().await({.authors = {world.identity()}, .kinds = {nipsa::kinds::kGoals}},
                             [&](const Event& e) { return e.content.contains(status); });
  return must(nipsa::parse_goals(event));
}

TEST(Goals, AreTheOperatorsAndTheAgentOnlySaysHowFarItIs) {
  World world({.playbook = std::string(kReporting), .config = ""});
  const std::string home = world.node_home().string();
  world.ask({"directive", "add", "d-001", "Every question is answered within a day.", "--title",
             "Answer questions", "--priority", "high", "--public", "--home", home});
  world.ask({"directive", "add", "d-002", "Nobody else need know.", "--home", home});
  world.start();
  world.await_announced();

  approve(world, "TELL EVERYBODY ITS GOALS");
  auto goals = published(world, "active");
  ASSERT_EQ(goals.size(), 1U) << "what is not marked public is nobody's business";
  EXPECT_EQ(goals[0].id, "d-001");
  EXPECT_EQ(goals[0].description, "Answer questions: Every question is answered within a day.");
  EXPECT_EQ(goals[0].priority, 10U);
  EXPECT_EQ(goals[0].progress, 0);

  EXPECT_EQ(tick(world, "d-001").status, nipsa::TickStatus::kSuccess);
  AgentEyes eyes(world);
  auto state = must(eyes.state());
  ASSERT_EQ(state.goals.size(), 2U);
  EXPECT_EQ(state.goals[0].id, "d-001");
  EXPECT_EQ(state.goals[0].progress, 0.4);
  EXPECT_EQ(state.goals[0].status, "active");
  EXPECT_EQ(state.goals[1].id, "d-002");
  const Value status = world.ask({"status", "--home", home});
  EXPECT_EQ(status.at("goals").at(0).at("percent"), 40);
  EXPECT_EQ(status.at("goals").at(0).at("note"), "two of five");
  EXPECT_EQ(world.stranger()
                .fetch({.authors = {world.node_key()}, .kinds = {nipsa::kinds::kApprovalRequest}})
                .size(),
            1U)
      << "progress alone asks nobody";

  // A goal that nobody set cannot be reported on, and so comes from nowhere.
  tick(world, "d-999");
  EXPECT_EQ(must(eyes.state()).goals.size(), 2U);

  world.ask({"directive", "done", "d-001", "--home", home});
  approve(world, "completed");
  goals = published(world, "completed");
  ASSERT_EQ(goals.size(), 1U);
  EXPECT_EQ(goals[0].progress, 1);
  tick(world, "d-001");
  state = must(eyes.state());
  EXPECT_EQ(state.goals.size(), 2U);
  for (const nipsa::Goal& goal : state.goals)
    if (goal.id == "d-001") EXPECT_EQ(goal.status, "completed") << "the agent reopens nothing";
}

}  // namespace
}  // namespace e2e
