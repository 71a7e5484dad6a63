// The seven agents, and what an operator's configuration makes of them.
#include "orchestration/agents/registry.h"

#include <gtest/gtest.h>

#include "orchestration/agents/builtin.h"

namespace orchestration {
namespace {

AgentPatch patch(std::string id) {
  return {.id = std::move(id), .origin = "config.toml:7", .permissions = {}};
}

AgentPatch own(std::string id) {
  AgentPatch out = patch(std::move(id));
  out.prompt = "You review changes.";
  out.purpose = "says what is wrong with a change";
  return out;
}

AgentRegistry registry(const std::vector<AgentPatch>& patches = {}, AgentRegistry::Frame frame = {}) {
  auto made = AgentRegistry::create(frame, patches);
  EXPECT_TRUE(made.has_value()) << (made ? "" : made.error().detail);
  return *std::move(made);
}

base::Error refusal(const std::vector<AgentPatch>& patches, AgentRegistry::Frame frame = {}) {
  auto made = AgentRegistry::create(frame, patches);
  EXPECT_FALSE(made.has_value());
  return made ? base::Error{} : made.error();
}

std::vector<std::string> ids(const AgentRegistry& agents) {
  std::vector<std::string> out;
  for (const auto& entry : agents.all()) out.push_back(entry.spec.id);
  return out;
}

TEST(AgentRegistry, TheSevenAreThereThePrimaryFirst) {
  const AgentRegistry agents = registry();
  EXPECT_EQ(ids(agents), (std::vector<std::string>{"sisyphus", "docwriter", "explore", "frontend", "librarian",
                                                   "multimodal", "oracle"}));
  EXPECT_EQ(agents.primary().id, "sisyphus");
  EXPECT_EQ(agents.helpers_of(agents.primary()).size(), 6u);
  for (const auto& entry : agents.all()) {
    EXPECT_FALSE(entry.spec.prompt.empty()) << entry.spec.id;
    EXPECT_FALSE(entry.spec.purpose.empty()) << entry.spec.id;
  }
}

TEST(AgentRegistry, NamesAreFoundInAnyCase) {
  const AgentRegistry agents = registry();
  EXPECT_EQ((*agents.find("oracle"))->spec.name, "Oracle");
  EXPECT_EQ((*agents.find("Oracle"))->spec.id, "oracle");
  EXPECT_EQ((*agents.find("DOCWRITER"))->spec.id, "docwriter");
  const auto missing = agents.find("orcale");
  ASSERT_FALSE(missing.has_value());
  EXPECT_EQ(missing.error().code, base::Errc::kNotFound);
  EXPECT_TRUE(missing.error().hint.contains("oracle")) << missing.error().hint;
}

TEST(AgentRegistry, NoSpecialistSpeaksSpendsOrAsksThePublic) {
  for (const AgentSpec& agent : builtin_agents()) {
    if (agent.mode == AgentMode::kPrimary) continue;
    for (const Capability capability : {Capability::kSign, Capability::kMessage, Capability::kSpend})
      EXPECT_EQ(level_of(agent.permissions, capability), Permit::kDeny) << agent.id;
    EXPECT_TRUE(agent.permissions.hidden_tools.contains("ask_operator")) << agent.id;
    EXPECT_TRUE(agent.delegates_to.empty()) << agent.id;
  }
}

TEST(AgentRegistry, TheReadersChangeNothingAndRunNothing) {
  for (const AgentSpec& agent : builtin_agents()) {
    if (agent.id != "oracle" && agent.id != "librarian" && agent.id != "explore" && agent.id != "multimodal") continue;
    EXPECT_EQ(level_of(agent.permissions, Capability::kEdit), Permit::kDeny) << agent.id;
    // A deny with rules would mean "only these"; these have none.
    EXPECT_FALSE(may_ever(agent.permissions, Capability::kRun)) << agent.id;
  }
}

TEST(AgentRegistry, OneThatIsSwitchedOffIsNotHandedTasks) {
  AgentPatch off = patch("oracle");
  off.enabled = false;
  const AgentRegistry agents = registry({off});
  EXPECT_EQ(agents.find("oracle").error().code, base::Errc::kDenied);
  EXPECT_EQ(agents.helpers_of(agents.primary()).size(), 5u);
}

TEST(AgentRegistry, WithoutAPrimaryThereIsNoNode) {
  AgentPatch off = patch("sisyphus");
  off.enabled = false;
  EXPECT_TRUE(refusal({off}).detail.contains("no agent is left"));
  AgentPatch all = own("second");
  all.mode = AgentMode::kAll;
  EXPECT_EQ(registry({off, all}).primary().id, "second");
}

TEST(AgentRegistry, TwoPrimariesNeedADefault) {
  AgentPatch second = own("second");
  second.mode = AgentMode::kPrimary;
  EXPECT_TRUE(refusal({second}).hint.contains("default_agent"));
  EXPECT_EQ(registry({second}, {.default_agent = "Second"}).primary().id, "second");
  EXPECT_EQ(ids(registry({second}, {.default_agent = "second"})).front(), "second");
  EXPECT_TRUE(refusal({}, {.default_agent = "oracle"}).detail.contains("is a subagent"));
}

TEST(AgentRegistry, AnOwnAgentBeginsAsASubagentThatReads) {
  const AgentRegistry agents = registry({own("reviewer")});
  const AgentSpec& spec = (*agents.find("reviewer"))->spec;
  EXPECT_EQ(spec.mode, AgentMode::kSubagent);
  EXPECT_EQ(level_of(spec.permissions, Capability::kEdit), Permit::kDeny);
  EXPECT_EQ(level_of(spec.permissions, Capability::kSign), Permit::kDeny);
  EXPECT_FALSE(may_ever(spec.permissions, Capability::kRun));
}

TEST(AgentRegistry, APatchMergesFieldByField) {
  AgentPatch first = patch("frontend");
  first.permissions.edit = Permit::kAsk;
  first.bash = Permit::kDeny;
  AgentPatch second = patch("frontend");
  second.prompt_append = "Our colours are in theme.css.";
  second.max_steps = 5;
  const AgentRegistry agents = registry({first, second});
  const auto* entry = *agents.find("frontend");
  EXPECT_EQ(entry->spec.permissions.edit, Permit::kAsk);
  EXPECT_EQ(entry->spec.permissions.fetch, Permit::kAllow) << "what is not named stays";
  EXPECT_EQ(entry->spec.permissions.commands.mode, Permit::kDeny);
  EXPECT_TRUE(entry->spec.prompt.ends_with("Our colours are in theme.css."));
  EXPECT_EQ(entry->spec.max_steps, 5u);
  EXPECT_EQ(entry->origins.size(), 2u);
}

TEST(AgentRegistry, MistakesNameTheAgentAndTheCure) {
  EXPECT_TRUE(refusal({own("Bad Name")}).detail.contains("no name for an agent"));
  EXPECT_TRUE(refusal({patch("reviewer")}).detail.contains("has no prompt"));
  const base::Error typo = refusal({patch("orcale")});
  EXPECT_TRUE(typo.hint.contains("oracle")) << typo.hint;
  AgentPatch link = own("boss");
  link.delegates_to = {"exploer"};
  EXPECT_TRUE(refusal({link}).hint.contains("explore"));
  link.delegates_to = {"boss"};
  EXPECT_TRUE(refusal({link}).detail.contains("to itself"));
}

TEST(AgentRegistry, ThePromptNamesTheAgent) {
  const AgentRegistry agents = registry({}, {.name = "Scout"});
  const std::string prompt = system_prompt(agents.primary(), "npub1xyz");
  EXPECT_TRUE(prompt.starts_with("You are Scout,"));
  EXPECT_TRUE(prompt.contains("npub1xyz"));
  EXPECT_FALSE(prompt.contains("{name}"));
}

}  // namespace
}  // namespace orchestration
