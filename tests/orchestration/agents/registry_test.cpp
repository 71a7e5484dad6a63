// The seven agents, and what an operator's configuration makes of them.
#include "orchestration/agents/registry.h"

#include <algorithm>

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

// Checklist 1.
TEST(AgentRegistry, TheSevenAreWhatTheDocumentationSaysOfThem) {
  struct Row {
    const char* id;
    AgentMode mode;
    double temperature;
    const char* color;
    Permit edit, run, fetch;
  };
  constexpr Permit A = Permit::kAllow, Q = Permit::kAsk, D = Permit::kDeny;
  const std::vector<AgentSpec> agents = builtin_agents();
  const Row rows[] = {{"sisyphus", AgentMode::kPrimary, 0.1, "#FF6B6B", A, A, A},
                      {"docwriter", AgentMode::kSubagent, 0.4, "#F39C12", A, Q, A},
                      {"explore", AgentMode::kSubagent, 0.1, "#2ECC71", D, D, D},
                      {"frontend", AgentMode::kSubagent, 0.5, "#E74C3C", A, Q, A},
                      {"librarian", AgentMode::kSubagent, 0.2, "#3498DB", D, D, A},
                      {"multimodal", AgentMode::kSubagent, 0.3, "#1ABC9C", D, D, D},
                      {"oracle", AgentMode::kSubagent, 0.3, "#9B59B6", D, D, A}};
  ASSERT_EQ(agents.size(), std::size(rows));
  for (std::size_t i = 0; i < agents.size(); ++i) {
    const AgentSpec& agent = agents[i];
    const Row& row = rows[i];
    EXPECT_EQ(agent.id, row.id);
    EXPECT_EQ(agent.mode, row.mode) << row.id;
    EXPECT_EQ(agent.temperature, row.temperature) << row.id;
    EXPECT_EQ(agent.color, row.color) << row.id;
    EXPECT_TRUE(is_color(agent.color)) << row.id;
    EXPECT_EQ(level_of(agent.permissions, Capability::kEdit), row.edit) << row.id;
    EXPECT_EQ(level_of(agent.permissions, Capability::kRun), row.run) << row.id;
    EXPECT_EQ(level_of(agent.permissions, Capability::kFetch), row.fetch) << row.id;
    EXPECT_TRUE(agent.permissions.commands.allow.empty() && agent.permissions.commands.ask.empty()) << row.id;
  }
}

// Checklist 1: whatever rules they live under, a specialist has no switch for these.
TEST(AgentRegistry, SpecialistsAreOfferedOnlyWhatTheyAreFor) {
  const auto offered = [](const AgentSpec& agent, std::string_view tool, Capability capability) {
    const bool listed = agent.tools.empty() || std::ranges::find(agent.tools, tool) != agent.tools.end();
    return listed && !agent.permissions.hidden_tools.contains(std::string(tool)) && may_ever(agent.permissions, capability);
  };
  for (const AgentSpec& agent : builtin_agents()) {
    const bool primary = agent.mode == AgentMode::kPrimary;
    const bool writes = primary || agent.id == "frontend" || agent.id == "docwriter";
    for (const char* tool : {"background_task", "delegate"}) EXPECT_EQ(offered(agent, tool, Capability::kDelegate), primary) << agent.id;
    EXPECT_EQ(offered(agent, "pay", Capability::kSpend), primary) << agent.id;
    EXPECT_EQ(offered(agent, "post", Capability::kSign), primary) << agent.id;
    EXPECT_EQ(offered(agent, "ask_operator", Capability::kControl), primary) << agent.id;
    for (const char* tool : {"write_file", "edit_file", "apply_patch"})
      EXPECT_EQ(offered(agent, tool, Capability::kEdit), writes) << agent.id << " " << tool;
    EXPECT_EQ(offered(agent, "bash", Capability::kRun), writes) << agent.id;
  }
  const AgentRegistry agents = registry();
  const AgentSpec& explore = (*agents.find("explore"))->spec;
  for (const char* tool : {"grep", "glob", "read_file", "list_files", "git_log", "git_show", "git_blame"})
    EXPECT_TRUE(offered(explore, tool, Capability::kFile)) << tool;
  const AgentSpec& multimodal = (*agents.find("multimodal"))->spec;
  EXPECT_TRUE(offered(multimodal, "read_pdf", Capability::kFile));
  EXPECT_FALSE(offered(multimodal, "read_file", Capability::kFile));
  EXPECT_FALSE(offered(multimodal, "grep", Capability::kFile));
}

TEST(AgentRegistry, NamesAreFoundInAnyCase) {
  const AgentRegistry agents = registry();
  EXPECT_EQ((*agents.find("oracle"))->spec.name, "Oracle");
  EXPECT_EQ((*agents.find("Oracle"))->spec.id, "oracle");
  EXPECT_EQ(*agents.find("ORACLE"), *agents.find("oracle")) << "the same agent, not one like it";
  EXPECT_EQ((*agents.find("DOCWRITER"))->spec.id, "docwriter");
  EXPECT_EQ(agents.find("nope").error().code, base::Errc::kNotFound);
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

// Checklist 2.
TEST(AgentRegistry, OneThatIsSwitchedOffStaysSoWhateverElseIsSaidOfIt) {
  AgentPatch off = patch("oracle");
  off.enabled = false;
  AgentPatch again = own("oracle");
  again.mode = AgentMode::kAll;
  for (const char* name : {"oracle", "Oracle", "ORACLE"})
    EXPECT_EQ(registry({off, again}).find(name).error().code, base::Errc::kDenied) << name;
  again.enabled = true;
  EXPECT_TRUE(registry({off, again}).find("oracle").has_value()) << "but for the very word";
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

// Checklist 3.
TEST(AgentRegistry, TwoPrimariesAreTheSameErrorOnEveryRun) {
  AgentPatch second = own("second");
  AgentPatch third = own("athird");
  second.mode = third.mode = AgentMode::kPrimary;
  const base::Error first = refusal({second, third});
  for (int run = 0; run < 20; ++run) EXPECT_EQ(refusal({second, third}).detail, first.detail);
  for (int run = 0; run < 20; ++run) EXPECT_EQ(registry({second, third}, {.default_agent = "athird"}).primary().id, "athird");
}

// Checklist 4.
TEST(AgentRegistry, OneThatMayBeBothAnswersOnlyWhereNoPrimaryIs) {
  AgentPatch both = own("aaa");
  both.mode = AgentMode::kAll;
  const AgentRegistry beside = registry({both});
  EXPECT_EQ(beside.primary().id, "sisyphus");
  AgentPatch links = patch("sisyphus");
  links.delegates_to = {"aaa", "oracle"};
  EXPECT_EQ(registry({both, links}).helpers_of(registry({both, links}).primary()).front()->id, "aaa") << "it is a helper as well";
  AgentPatch off = patch("sisyphus");
  off.enabled = false;
  EXPECT_EQ(registry({both, off}).primary().id, "aaa");
  EXPECT_EQ(registry({own("aaa")}).primary().id, "sisyphus") << "without a mode it is a subagent";
  EXPECT_TRUE(refusal({own("aaa"), off}).detail.contains("no agent is left"));
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

// Checklist 5.
TEST(AgentRegistry, ToolsAreSwitchedOneByOneAndTheOthersStay) {
  AgentPatch first = patch("oracle");
  first.hide = {"webfetch", "grep"};
  first.temperature = 1.5;
  AgentPatch second = patch("oracle");
  second.show = {"grep", "ask_operator"};
  second.color = "#000000";
  const AgentRegistry agents = registry({first, second});
  const AgentSpec& spec = (*agents.find("oracle"))->spec;
  EXPECT_EQ(spec.permissions.hidden_tools, std::set<std::string>{"webfetch"});
  EXPECT_EQ(spec.temperature, 1.5);
  EXPECT_EQ(spec.color, "#000000");
  const AgentRegistry untouched = registry();
  EXPECT_EQ(spec.permissions.fetch, (*untouched.find("oracle"))->spec.permissions.fetch);
  EXPECT_EQ(spec.prompt, (*untouched.find("oracle"))->spec.prompt);
  EXPECT_EQ(spec.max_steps, (*untouched.find("oracle"))->spec.max_steps);
}

// Checklist 6.
TEST(AgentRegistry, AnEmptyPatchChangesNothingAndAModeKeepsTheRules) {
  const AgentRegistry before = registry();
  const AgentRegistry after = registry({patch("frontend"), patch("oracle"), patch("sisyphus")});
  for (const auto& entry : before.all()) {
    const AgentSpec& other = (*after.find(entry.spec.id))->spec;
    for (const Capability capability :
         {Capability::kQuery, Capability::kFile, Capability::kSign, Capability::kMessage, Capability::kControl, Capability::kEdit,
          Capability::kRun, Capability::kFetch, Capability::kServer, Capability::kSpend, Capability::kDelegate})
      EXPECT_EQ(level_of(other.permissions, capability), level_of(entry.spec.permissions, capability)) << entry.spec.id;
    EXPECT_EQ(other.permissions.commands, entry.spec.permissions.commands) << entry.spec.id;
    EXPECT_EQ(other.permissions.hidden_tools, entry.spec.permissions.hidden_tools) << entry.spec.id;
    EXPECT_EQ(other.permissions.sign_kinds, entry.spec.permissions.sign_kinds) << entry.spec.id;
    EXPECT_EQ(other.tools, entry.spec.tools) << entry.spec.id;
  }
  AgentPatch rules = patch("frontend");
  rules.bash_deny = {parse_command_rule("npm publish").value()};
  rules.bash_allow = {parse_command_rule("npm test").value()};
  AgentPatch mode = patch("frontend");
  mode.bash = Permit::kAllow;
  const AgentRegistry changed = registry({rules, mode});
  const CommandRules& commands = (*changed.find("frontend"))->spec.permissions.commands;
  EXPECT_EQ(commands.mode, Permit::kAllow);
  EXPECT_EQ(commands.deny.size(), 1u);
  EXPECT_EQ(commands.allow.size(), 1u);
}

// Checklist 8.
TEST(AgentRegistry, AWorkspaceCannotHaveTheOracleWriteTheOperatorCan) {
  const Permissions oracle = builtin_agents().back().permissions;
  const PermissionsPatch wish{.edit = Permit::kAllow, .run = Permit::kAllow, .spend = Permit::kAllow,
                              .rules = {{"write_file", "**", Permit::kAllow}}, .tools = {{"ask_operator", true}}};
  const Permissions refused = apply(oracle, wish, PatchSource::kWorkspace);
  EXPECT_EQ(refused.edit, Permit::kDeny);
  EXPECT_EQ(refused.spend, Permit::kDeny);
  EXPECT_EQ(refused.commands.mode, Permit::kDeny);
  EXPECT_TRUE(refused.hidden_tools.contains("ask_operator"));
  EXPECT_NE(evaluate(refused, {}, {.tool = "write_file", .capability = Capability::kEdit, .subject = "a"}).permit, Permit::kAllow);
  AgentPatch own_word = patch("oracle");
  own_word.permissions.edit = Permit::kAllow;
  const AgentRegistry agents = registry({own_word});
  EXPECT_EQ((*agents.find("oracle"))->spec.permissions.edit, Permit::kAllow);
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
