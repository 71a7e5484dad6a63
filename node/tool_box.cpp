// From [tools] to tools.
#include "node/tool_box.h"

#include <cstdlib>

#include <fmt/format.h>

#include "nostr/base/log.h"
#include "orchestration/tools/command_tools.h"
#include "orchestration/tools/file_tools.h"
#include "orchestration/tools/todo_tools.h"
#include "orchestration/tools/web_tools.h"

namespace node {
namespace {

using orchestration::Permit;
using orchestration::Tool;
using orchestration::ToolRegistry;

void add_all(ToolRegistry& to, std::vector<std::unique_ptr<Tool>> tools) {
  // Names of built-ins are distinct, so adding cannot fail.
  for (auto& tool : tools) CHECK(to.add(std::move(tool)).has_value());
}

std::vector<orchestration::CommandRule> rules_of(const std::vector<std::string>& texts) {
  std::vector<orchestration::CommandRule> out;
  // The configuration was checked when it was read.
  for (const std::string& text : texts)
    if (auto rule = orchestration::parse_command_rule(text)) out.push_back(*std::move(rule));
  return out;
}

std::string user_home() {
  const char* home = std::getenv("HOME");  // NOLINT(concurrency-mt-unsafe): nothing writes it
  return home && *home == '/' ? home : "/root";
}

}  // namespace

ToolBox::ToolBox(Deps deps, const Config& config)
    : deps_(deps),
      config_(config.tools),
      todos_(deps.db),
      sandbox_(std::make_unique<orchestration::Sandbox>(
          deps.loop, orchestration::SandboxOptions{
                         .wall = orchestration::parse_wall(config.tools.sandbox)
                                     .value_or(orchestration::Wall::kBubblewrap)})) {}

void ToolBox::fill(ToolRegistry& tools, const orchestration::Speaker& speaker) {
  add_all(tools, orchestration::make_nostr_tools(deps_.outside, speaker));
  add_all(tools, orchestration::make_todo_tools(todos_, deps_.clock));
  add_all(tools, orchestration::make_web_tools(deps_.http, {.search_url = config_.search_url}));
  const std::string& root = config_.workspace.empty() ? config_.read_root : config_.workspace;
  if (root.empty()) return;
  for (const std::string& kept : rules().scene.protected_paths) {
    if (!orchestration::is_within(kept, root)) continue;
    LOG(kError, "tools", "the folder for tools holds what no tool may see; its tools stay off",
        {{"folder", root}, {"holds", kept}});
    return;
  }
  auto workspace = orchestration::Workspace::open(root);
  if (!workspace) {
    LOG(kError, "tools", "the folder for tools cannot be opened; its tools stay off",
        {{"error", workspace.error().detail}});
    return;
  }
  const orchestration::FileToolDeps files{deps_.loop, deps_.workers, *workspace};
  const orchestration::CommandToolDeps commands{*sandbox_, (*workspace)->root()};
  add_all(tools, orchestration::make_reading_tools(files));
  add_all(tools, orchestration::make_git_tools(commands));
  CHECK(tools.add(orchestration::make_read_pdf(commands)).has_value());
  if (config_.workspace.empty()) return;
  add_all(tools, orchestration::make_writing_tools(files));
  CHECK(tools.add(orchestration::make_bash(commands)).has_value());
}

orchestration::Permissions ToolBox::permissions(orchestration::Permissions base) const {
  const auto level = [](const std::string& word) {
    return orchestration::parse_permit(word).value_or(Permit::kAsk);
  };
  orchestration::PermissionsPatch patch{.edit = level(config_.edit), .fetch = level(config_.fetch)};
  patch.commands = orchestration::CommandRules{.mode = level(config_.bash),
                                               .allow = rules_of(config_.bash_allow),
                                               .ask = rules_of(config_.bash_ask),
                                               .deny = rules_of(config_.bash_deny)};
  return apply(std::move(base), patch, orchestration::PatchSource::kOperator);
}

orchestration::NodeRules ToolBox::rules() const {
  orchestration::NodeRules out;
  out.scene.workspace = config_.workspace.empty() ? config_.read_root : config_.workspace;
  out.scene.home = user_home();
  for (const auto& folder : {deps_.home.config_dir, deps_.home.data_dir, deps_.home.run_dir})
    out.scene.protected_paths.push_back(
        orchestration::resolve_path(std::filesystem::absolute(folder).string(), "/", ""));
  for (const char* name : {".ssh", ".gnupg", ".aws", ".config/gcloud", ".netrc", ".git-credentials"})
    out.scene.protected_paths.push_back(out.scene.home + "/" + name);
  return out;
}

base::Task<void> ToolBox::announce() {
  if (config_.workspace.empty()) co_return;
  const auto report = co_await sandbox_->probe();
  if (!report) {
    LOG(kError, "tools", "no command will run",
        {{"why", report.error().detail}, {"hint", report.error().hint}});
    co_return;
  }
  LOG(kInfo, "tools", "commands run behind a wall",
      {{"wall", std::string(orchestration::wall_name(report->wall))},
       {"enforced", fmt::format("{}", fmt::join(report->enforced, "; "))},
       {"missing", fmt::format("{}", fmt::join(report->missing, "; "))}});
}

}  // namespace node
