// [agents.ID] and agents/ID.toml: what they mean, and how mistakes are told.
#include "node/agent_config.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "node/agents_view.h"
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
  wrong("[agents]\noracle = 1\n", "write [agents.oracle] as a section");
  wrong("[agent]\ndefault_agent = \"nobody\"\n", "no agent is called \"nobody\"");
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
