// [agents.ID] and agents/ID.toml: what they mean, and how mistakes are told.
#include "node/agent_config.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "node/agents_view.h"
#include "node/minds.h"
#include "node/tool_box.h"
#include "tests/node/support/temp_dir.h"

namespace node {
namespace {

namespace fs = std::filesystem;
using orchestration::Permit;

base::Result<Config> parse(std::string_view toml, const fs::path& dir = "/nowhere") {
  return parse_config(toml, dir, {});
}

orchestration::AgentSpec spec_of(std::string_view toml, std::string_view id) {
  const auto config = parse(toml);
  EXPECT_TRUE(config.has_value()) << (config ? "" : config.error().detail);
  const auto agents = agents_of(*config);
  return (*agents->find(id))->spec;
}

TEST(AgentConfig, ASectionChangesAnAgent) {
  const auto spec = spec_of(
      "[agents.frontend]\nedit = \"ask\"\nmax_steps = 9\nhide = [\"webfetch\"]\nper_day_msat = 5000\n"
      "bash_allow = [\"npm test\"]\nsign_kinds = [1]\n",
      "frontend");
  EXPECT_EQ(spec.permissions.edit, Permit::kAsk);
  EXPECT_EQ(spec.max_steps, 9u);
  EXPECT_TRUE(spec.permissions.hidden_tools.contains("webfetch"));
  EXPECT_EQ(spec.per_day, base::Msat{5000});
  ASSERT_EQ(spec.permissions.commands.allow.size(), 1u);
  EXPECT_EQ(spec.permissions.sign_kinds, std::set<nostr::Kind>{1});
}

TEST(AgentConfig, MistakesNameTheLine) {
  const auto wrong = [](std::string_view toml, std::string_view detail, std::string_view hint = "") {
    const auto config = parse(toml);
    ASSERT_FALSE(config.has_value()) << toml;
    EXPECT_TRUE(config.error().detail.contains(detail)) << config.error().detail;
    EXPECT_TRUE(config.error().hint.contains(hint)) << config.error().hint;
  };
  wrong("[agents.oracle]\nediit = \"deny\"\n", "config.toml:2: agents.oracle.ediit: unknown key", "edit");
  wrong("[agents.oracle]\nedit = \"perhaps\"\n", "config.toml:2: agents.oracle.edit");
  wrong("[agents.oracle]\nmax_steps = 0\n", "0 is outside 1..200");
  wrong("[agents.orcale]\nmax_steps = 3\n", "agent orcale has no prompt", "oracle");
  wrong("[agents.oracle]\ntemperature = 2.1\n", "config.toml:2: agents.oracle.temperature: 2.1 is outside 0..2");
  wrong("[agents.oracle]\ntemperature = -0.1\n", "is outside 0..2");
  wrong("[agents.oracle]\ntemperature = nan\n", "config.toml:2: agents.oracle.temperature: nan is outside 0..2");
  wrong("[agents.oracle]\ntemperature = inf\n", "is outside 0..2");
  wrong("[agents.oracle]\ntemperature = \"warm\"\n", "agents.oracle.temperature: expected a number with a fraction, not a string");
  wrong("[agents.oracle]\nmax_steps = 1.5\n", "config.toml:2: agents.oracle.max_steps: expected a whole number");
  wrong("[agents.oracle]\nmax_steps = \"3\"\n", "config.toml:2: agents.oracle.max_steps: expected a whole number");
  wrong("[agents.oracle]\ntools = 7\n", "config.toml:2: agents.oracle.tools: expected a string");
  wrong("[agents.oracle]\nedit = true\n", "config.toml:2: agents.oracle.edit: expected a string");
  for (const char* color : {"red", "#12345", "#1234567", "#12345g", "123456", ""})
    wrong(std::string("[agents.oracle]\ncolor = \"") + color + "\"\n", "config.toml:2: agents.oracle.color", "#RRGGBB");
  wrong("[agents.\"my agent\"]\nprompt = \"x\"\npurpose = \"x\"\n", "config.toml:1: \"my agent\" is no name for an agent");
  wrong("[agents.oracle]\nedit = \"ask\n", "config.toml:2");
  wrong("[agents.oracle]\nedit = \"ask\"\n[agents.oracle", "config.toml:3");
  wrong("[agents]\noracle = 1\n", "write [agents.oracle] as a section");
  wrong("[agent]\ndefault_agent = \"nobody\"\n", "no agent is called \"nobody\"");
}

// Checklist 5, 6: what a section does not name stays.
TEST(AgentConfig, AnEmptySectionChangesNothingAndAModeKeepsTheRules) {
  const auto before = spec_of("", "oracle");
  const auto after = spec_of("[agents.oracle]\n", "oracle");
  EXPECT_EQ(after.permissions.fetch, before.permissions.fetch);
  EXPECT_EQ(after.permissions.edit, before.permissions.edit);
  EXPECT_EQ(after.permissions.commands, before.permissions.commands);
  EXPECT_EQ(after.temperature, before.temperature);
  const auto mode = spec_of("[agents.frontend]\nbash = \"allow\"\nbash_deny = [\"npm publish\"]\ntemperature = 1\nhide = [\"glob\"]\nshow = [\"ask_operator\"]\n", "frontend");
  EXPECT_EQ(mode.permissions.commands.deny.size(), 1u);
  EXPECT_EQ(mode.temperature, 1.0) << "a whole number is a number";
  EXPECT_EQ(mode.permissions.hidden_tools, std::set<std::string>{"glob"});
}

// Checklist 9.
TEST(AgentConfig, WhatIsNotThereIsFineAndWhatCannotBeReadIsAnError) {
  const testing::TempDir dir;
  EXPECT_TRUE(parse("", dir.path()).has_value()) << "no folder of agents";
  const Home home = Home::locate(dir.path().string());
  EXPECT_TRUE(load_config(home).has_value()) << "no config.toml";
  // Comments, arrays over several lines, commas at their ends.
  EXPECT_TRUE(parse("# all of it\n[agents.oracle] # ours\nhide = [\n  \"glob\", # one\n  \"grep\",\n]\n", dir.path()).has_value());
  std::ofstream(dir.path() / "agents") << "no folder";
  const auto no_folder = parse("", dir.path());
  ASSERT_FALSE(no_folder.has_value());
  EXPECT_TRUE(no_folder.error().detail.contains("agents cannot be read")) << no_folder.error().detail;
  fs::remove(dir.path() / "agents");
  fs::create_directories(dir.path() / "agents/reviewer.toml");
  EXPECT_FALSE(parse("", dir.path()).has_value()) << "a folder in a file's place";
  fs::remove(dir.path() / "agents/reviewer.toml");
  std::ofstream(dir.path() / "agents/my agent.toml") << "purpose = \"x\"\nprompt = \"x\"\n";
  const auto spaces = parse("", dir.path());
  ASSERT_FALSE(spaces.has_value());
  EXPECT_TRUE(spaces.error().detail.contains("agents/my agent.toml")) << spaces.error().detail;
  fs::remove(dir.path() / "agents/my agent.toml");
  fs::create_directories(home.config_file());
  const auto unreadable = load_config(home);
  ASSERT_FALSE(unreadable.has_value());
  EXPECT_TRUE(unreadable.error().detail.contains("config.toml")) << unreadable.error().detail;
}

// Checklist 8: a folder agents work in may be anybody's; nothing in it speaks of what they may do.
TEST(AgentConfig, NoFileOfAWorkspaceGrantsAnything) {
  const testing::TempDir home, workspace;
  fs::create_directories(workspace.path() / "agents");
  fs::create_directories(workspace.path() / ".openagents");
  for (const char* name : {"config.toml", "sovereign.toml", ".openagents/orchestrator.json", ".openagents/config.toml"})
    std::ofstream(workspace.path() / name) << "[agents.oracle]\nedit = \"allow\"\n[tools]\nbash = \"allow\"\n";
  std::ofstream(workspace.path() / "agents/oracle.toml") << "edit = \"allow\"\nbash = \"allow\"\n";
  const std::string tools = "[tools]\nedit = \"allow\"\nworkspace = \"" + workspace.path().string() + "\"\n";
  const auto theirs = parse(tools, home.path());
  ASSERT_TRUE(theirs.has_value()) << theirs.error().detail;
  EXPECT_TRUE(theirs->agents.empty());
  EXPECT_EQ(granted(theirs->tools, (*agents_of(*theirs)->find("oracle"))->spec.permissions).edit, Permit::kDeny);
  EXPECT_EQ(theirs->tools.bash, "ask");
  const auto ours = parse(tools + "[agents.oracle]\nedit = \"allow\"\n", home.path());
  EXPECT_EQ(granted(ours->tools, (*agents_of(*ours)->find("oracle"))->spec.permissions).edit, Permit::kAllow);
}

// Checklist 1.
TEST(AgentConfig, NoModelIsNamedUntilTheOperatorNamesOne) {
  base::Loop loop;
  nostr::HttpClient http(loop);
  base::SystemClock clock;
  base::SystemRng rng;
  const MindsSite site{.loop = loop, .http = http, .clock = clock, .rng = rng, .folder = "/nowhere"};
  const auto models = [&](std::string_view toml) {
    const auto config = parse(toml);
    auto minds = Minds::build(site, *config);
    EXPECT_TRUE(minds.has_value()) << (minds ? "" : minds.error().detail);
    std::set<std::string> out;
    const auto agents = agents_of(*config);
    for (const auto& entry : agents->all()) out.insert(minds->router().first_model(entry.spec.id));
    return out;
  };
  EXPECT_EQ(models(""), std::set<std::string>{"playbook"});
  EXPECT_EQ(models("[agent]\nmodel = \"local\"\n[backends.local]\nkind = \"openai\"\nbase_url = \"http://127.0.0.1:1/v1\"\nmodel = \"mine\"\n"),
            std::set<std::string>{"mine"});
}

TEST(AgentConfig, AFileOfItsOwnIsAnAgentAndTheConfigurationHasTheLastWord) {
  const testing::TempDir dir;
  fs::create_directory(dir.path() / "agents");
  std::ofstream(dir.path() / "agents/reviewer.toml")
      << "purpose = \"reviews\"\nprompt_file = \"reviewer.md\"\nmax_steps = 4\n";
  std::ofstream(dir.path() / "agents/reviewer.md") << "You review.";
  const auto config = parse("[agents.reviewer]\nmax_steps = 6\n", dir.path());
  ASSERT_TRUE(config.has_value()) << config.error().detail;
  const auto agents = agents_of(*config);
  ASSERT_TRUE(agents.has_value());
  const auto* entry = *agents->find("reviewer");
  EXPECT_EQ(entry->spec.prompt, "You review.");
  EXPECT_EQ(entry->spec.max_steps, 6u);
  EXPECT_EQ(entry->origins, (std::vector<std::string>{"agents/reviewer.toml", "config.toml:1"}));

  std::ofstream(dir.path() / "agents/reviewer.toml") << "purpose = \"reviews\"\npromt = \"x\"\n";
  const auto broken = parse("", dir.path());
  ASSERT_FALSE(broken.has_value());
  EXPECT_TRUE(broken.error().detail.starts_with("agents/reviewer.toml:2:")) << broken.error().detail;
}

TEST(AgentConfig, WhatToolsGrantsIsTheMostAnyAgentMayDo) {
  const auto config = parse(
      "[tools]\nworkspace = \"w\"\nedit = \"allow\"\nfetch = \"deny\"\nbash = \"ask\"\nbash_allow = [\"ls **\"]\n");
  ASSERT_TRUE(config.has_value());
  const auto agents = agents_of(*config);
  const auto may = [&](std::string_view id) {
    return granted(config->tools, (*agents->find(id))->spec.permissions);
  };
  EXPECT_EQ(may("sisyphus").edit, Permit::kAllow);
  EXPECT_EQ(may("sisyphus").commands.mode, Permit::kAsk);
  EXPECT_EQ(may("sisyphus").commands.allow.size(), 1u);
  EXPECT_EQ(may("librarian").fetch, Permit::kDeny);
  EXPECT_EQ(may("oracle").edit, Permit::kDeny) << "an agent that only reads is not made to write by [tools]";
  EXPECT_FALSE(may_ever(may("explore"), orchestration::Capability::kRun));
}

TEST(AgentConfig, NoAgentWritesTheOperatorsGoals) {
  const auto config = parse("[tools]\nworkspace = \"w\"\nedit = \"allow\"\n");
  const auto agents = agents_of(*config);
  const auto may = granted(config->tools, agents->primary().permissions);
  orchestration::NodeRules rules;
  rules.scene.workspace = "/w";
  const auto edit = [&](std::string_view path) {
    return evaluate(may, rules, {.tool = "write_file", .capability = orchestration::Capability::kEdit, .subject = path}).permit;
  };
  EXPECT_EQ(edit("notes.md"), Permit::kAllow);
  EXPECT_EQ(edit(".openagents/directives/d-1.md"), Permit::kDeny);
  EXPECT_EQ(edit("src/../.openagents/directives/d-1.md"), Permit::kDeny);
}

TEST(AgentConfig, TheReadmesExampleIsAnAgent) {
  std::ifstream in(SOVEREIGN_TEST_DATA "/../../orchestration/agents/README.md");
  std::stringstream text;
  text << in.rdbuf();
  const std::string readme = text.str();
  const std::size_t begin = readme.find("```toml\n");
  ASSERT_NE(begin, std::string::npos);
  const std::string example = readme.substr(begin + 8, readme.find("```", begin + 8) - begin - 8);
  const auto patch = parse_agent_file("reviewer", example, "reviewer.toml");
  ASSERT_TRUE(patch.has_value()) << patch.error().detail;
  Config config;
  config.agents = {*patch};
  const auto agents = agents_of(config);
  ASSERT_TRUE(agents.has_value()) << agents.error().detail;
  const base::json::Value view = agent_view(config, **agents->find("reviewer"));
  EXPECT_EQ(view.at("mode"), "subagent");
  EXPECT_EQ(view.at("permissions").at("edit"), "deny");
}

}  // namespace
}  // namespace node
