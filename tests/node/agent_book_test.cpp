// Agents as a node runs them: hired with no more than who hires them has, kept by whoever runs with them,
// and under the hooks the operator left on.
#include "node/agent_book.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "storage/schema.h"
#include "tests/node/support/temp_dir.h"

namespace node {
namespace {

using orchestration::Capability;
using orchestration::Permit;

/// Nobody acts in these tests.
class Nowhere final : public orchestration::Outside {
 public:
  base::Task<base::Result<std::vector<nostr::Event>>> search(nostr::Filter) override { co_return nobody(); }
  base::Task<base::Result<orchestration::ActionResult>> act(orchestration::ActionRequest) override { co_return nobody(); }
  base::Task<base::Result<orchestration::ActionResult>> approve(orchestration::LocalAction) override { co_return nobody(); }

 private:
  static std::unexpected<base::Error> nobody() {
    ADD_FAILURE() << "somebody acts";
    return base::fail(base::Errc::kInternal, "nobody is there");
  }
};

class AgentBookTest : public ::testing::Test {
 protected:
  AgentBook& book(std::string_view toml) {
    auto parsed = parse_config(toml, dir_.path(), {});
    EXPECT_TRUE(parsed.has_value()) << (parsed ? "" : parsed.error().detail);
    config_ = *std::move(parsed);
    box_ = std::make_unique<ToolBox>(ToolBox::Deps{loop_, workers_, outside_, http_, *db_, clock_, home_}, config_);
    book_ = std::make_unique<AgentBook>(AgentBook::Deps{config_, *box_, pause_, *db_, grants_, clock_});
    return *book_;
  }
  std::vector<std::string> tools() {
    orchestration::ToolRegistry registry;
    box_->fill(registry, {.agent = {}, .node = {}, .operators = {}}, {});
    std::vector<std::string> out;
    for (const auto& spec : registry.specs({.server = Permit::kAllow, .delegate = Permit::kAllow})) out.push_back(spec.name);
    return out;
  }
  static bool holds(const std::vector<std::string>& list, std::string_view item) { return std::ranges::find(list, item) != list.end(); }

  testing::TempDir dir_;
  Home home_ = Home::locate(dir_.path().string());
  base::Loop loop_;
  base::Workers workers_{1};
  nostr::HttpClient http_{loop_};
  Nowhere outside_;
  base::ManualClock clock_{base::unix_time(1'760'000'000)};
  std::unique_ptr<storage::Db> db_ = storage::open_database(":memory:").value();
  storage::Grants grants_{*db_};
  PauseSwitch pause_{home_};
  Config config_;
  std::unique_ptr<ToolBox> box_;
  std::unique_ptr<AgentBook> book_;
};

constexpr std::string_view kClerk =
    "[agents.clerk]\nprompt = \"You keep the books.\"\npurpose = \"keeps the books\"\ndelegate = \"allow\"\n"
    "delegates_to = [\"frontend\", \"explore\"]\nedit = \"ask\"\nfetch = \"deny\"\nhide = [\"glob\"]\n"
    "[tools]\nedit = \"allow\"\nfetch = \"allow\"\nbash = \"allow\"\n";

// Checklist 19.
TEST_F(AgentBookTest, WhoIsHiredMayWhatItMayAndItsEmployerMayAndTheBriefNames) {
  AgentBook& agents = book(kClerk);
  const auto hired = agents.hire("frontend", "clerk", {"write_file", "glob", "read_file"});
  ASSERT_TRUE(hired.has_value()) << hired.error().detail;
  const orchestration::AgentSpec& spec = (*hired)->spec;
  EXPECT_EQ(spec.tools, (std::vector<std::string>{"write_file", "glob", "read_file"}));
  EXPECT_EQ(spec.permissions.edit, Permit::kAsk) << "its own is allow, its employer's is ask";
  EXPECT_EQ(spec.permissions.fetch, Permit::kDeny);
  EXPECT_FALSE(may_ever(spec.permissions, Capability::kRun)) << "its employer runs nothing";
  EXPECT_TRUE(spec.permissions.hidden_tools.contains("glob")) << "hidden from its employer";
  EXPECT_TRUE(spec.permissions.hidden_tools.contains("ask_operator")) << "hidden from itself";
  // Its own hooks hold it to that, whatever it calls.
  const orchestration::Ruling ruling = (*hired)->hooks.decide(
      orchestration::ToolInvocation{.session = "s", .agent = "frontend", .tool = "webfetch", .capability = Capability::kFetch, .subject = "example.org"});
  EXPECT_EQ(ruling.verdict, orchestration::Decision::Verdict::kBlock);

  EXPECT_EQ((*agents.hire("explore", "clerk", {"bash", "grep", "write_file"}))->spec.tools, std::vector<std::string>{"grep"})
      << "a brief adds nothing";
  EXPECT_EQ((*agents.hire("explore", "clerk", {"bash"}))->spec.tools, std::vector<std::string>{"-"}) << "nothing is not everything";
  EXPECT_GT((*agents.hire("explore", "clerk", {}))->spec.tools.size(), 5u);
  EXPECT_EQ((*agents.hire("frontend", "sisyphus", {}))->spec.permissions.edit, Permit::kAllow);
  EXPECT_FALSE(agents.hire("nobody", "clerk", {}).has_value());
}

// Checklist 19.
TEST_F(AgentBookTest, WhoWorksForAStrangerMayNothingAndIsToldNothing) {
  AgentBook& agents = book("[agents.oracle]\nedit = \"allow\"\n[tools]\nedit = \"allow\"\n");
  agents.watch({.name = "teller", .context = [](const orchestration::SessionNotice&) {
                  return std::vector<orchestration::ContextSection>(1);
                }});
  const orchestration::SessionNotice notice{.session = "s"};
  EXPECT_FALSE(agents.primary().hooks.context(notice).empty());
  for (const char* id : {"", "oracle"}) {
    const auto hired = agents.for_stranger(id);
    ASSERT_TRUE(hired.has_value()) << hired.error().detail;
    const orchestration::AgentSpec& spec = (*hired)->spec;
    EXPECT_EQ(spec.id, *id ? id : agents.registry().primary().id);
    EXPECT_EQ(spec.tools, std::vector<std::string>{"-"});
    EXPECT_TRUE(spec.delegates_to.empty());
    for (const Capability one :
         {Capability::kQuery, Capability::kFile, Capability::kSign, Capability::kMessage, Capability::kControl,
          Capability::kEdit, Capability::kRun, Capability::kFetch, Capability::kServer, Capability::kSpend,
          Capability::kDelegate}) {
      EXPECT_FALSE(may_ever(spec.permissions, one)) << orchestration::capability_name(one);
      EXPECT_EQ((*hired)->hooks.decide(orchestration::ToolInvocation{.session = "s", .tool = "any", .capability = one}).verdict,
                orchestration::Decision::Verdict::kBlock)
          << orchestration::capability_name(one);
    }
    EXPECT_TRUE((*hired)->hooks.context(notice).empty());
    EXPECT_TRUE((*hired)->hooks.names().size() > 5) << "limits and gates hold for it as for others";
  }
  EXPECT_FALSE(agents.for_stranger("nobody").has_value());
}

TEST_F(AgentBookTest, NoSpecialistHandsOutTasks) {
  AgentBook& agents = book("");
  for (const auto& entry : agents.registry().all()) {
    if (entry.spec.mode == orchestration::AgentMode::kPrimary) continue;
    const auto hired = agents.hire(entry.spec.id, "sisyphus", {});
    ASSERT_TRUE(hired.has_value()) << entry.spec.id;
    EXPECT_FALSE(may_ever((*hired)->spec.permissions, Capability::kDelegate)) << entry.spec.id;
    for (const char* tool : {"background_task", "delegate"})
      EXPECT_EQ((*hired)->hooks.decide(orchestration::ToolInvocation{.session = "s", .tool = tool, .capability = Capability::kDelegate}).verdict,
                orchestration::Decision::Verdict::kBlock)
          << entry.spec.id;
  }
}

// Checklist 9.
TEST_F(AgentBookTest, WhoRunsWithAnAgentKeepsItWhenTheConfigurationChanges) {
  AgentBook& agents = book("[agents.oracle]\nprompt = \"You were.\"\n");
  const AgentBook::Page* before = *agents.find("oracle");
  config_.agents = parse_config("[agents.oracle]\nprompt = \"You are.\"\nedit = \"allow\"\n[tools]\nedit = \"allow\"\n", dir_.path(), {})->agents;
  agents.reload();
  EXPECT_EQ(before->spec.prompt, "You were.");
  EXPECT_EQ(before->spec.permissions.edit, Permit::kDeny);
  EXPECT_FALSE(before->hooks.names().empty());
  const AgentBook::Page* after = *agents.find("oracle");
  EXPECT_NE(after, before);
  EXPECT_EQ(after->spec.prompt, "You are.");
}

// Checklist 9, 28.
TEST_F(AgentBookTest, HooksAreSwitchedOffByNameAndThoseThatGuardStayOn) {
  const std::string with_workspace = "[tools]\nworkspace = \"" + dir_.path().string() + "\"\n[hooks.mine]\ncommand = [\"/bin/true\"]\n";
  AgentBook& all = book(with_workspace);
  all.watch({.name = "notices", .priority = 10});
  const std::vector<std::string> on = all.primary().hooks.names();
  std::string list;
  for (const std::string_view name : kSwitchableHooks) {
    EXPECT_TRUE(holds(on, name)) << name;
    list += (list.empty() ? "\"" : ", \"") + std::string(name) + "\"";
  }
  AgentBook& few = book("[agent]\ndisabled_hooks = [" + list + "]\n" + with_workspace);
  const AgentBook::Page& page = few.primary();
  few.watch({.name = "notices", .priority = 10});
  const std::vector<std::string> left = page.hooks.names();
  for (const std::string& name : on) EXPECT_EQ(holds(left, name), std::ranges::find(kSwitchableHooks, name) == kSwitchableHooks.end()) << name;
  for (const char* guard : {"permission", "pause", "autonomy", "taint", "grant", "budget", "truncate", "hooks.mine"}) {
    EXPECT_TRUE(holds(left, guard)) << guard;
    const auto refused = parse_config(std::string("[agent]\ndisabled_hooks = [\"") + guard + "\"]\n", dir_.path(), {});
    ASSERT_FALSE(refused.has_value()) << guard;
    EXPECT_TRUE(refused.error().detail.starts_with("config.toml:2: agent.disabled_hooks")) << refused.error().detail;
  }
}

// Checklist 9.
TEST_F(AgentBookTest, AnIntegrationThatIsSwitchedOffBringsNeitherToolsNorHooks) {
  AgentBook& all = book("");
  EXPECT_TRUE(holds(tools(), "issue_next"));
  EXPECT_TRUE(holds(tools(), "directive_list"));
  EXPECT_TRUE(holds(all.primary().hooks.names(), "issues"));
  EXPECT_TRUE(holds(all.primary().hooks.names(), "directives"));
  AgentBook& none = book("[integrations]\nautopilot = false\ndirectives = false\nmarketplace = false\n");
  for (const std::string& tool : tools()) EXPECT_FALSE(tool.starts_with("issue_") || tool.starts_with("directive_")) << tool;
  EXPECT_FALSE(holds(none.primary().hooks.names(), "issues"));
  EXPECT_FALSE(holds(none.primary().hooks.names(), "directives"));
  EXPECT_TRUE(holds(none.primary().hooks.names(), "todos"));
}

}  // namespace
}  // namespace node
