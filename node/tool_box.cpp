// From [tools] to tools.
#include "node/tool_box.h"

#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <set>

#include <fmt/format.h>

#include "node/directive_place.h"
#include "orchestration/directives/directive_tools.h"
#include "nostr/base/log.h"
#include "nostr/base/user.h"
#include "orchestration/hooks/context_hooks.h"
#include "orchestration/hooks/todo_hook.h"
#include "orchestration/hooks/user_hook.h"
#include "orchestration/tools/command_tools.h"
#include "orchestration/tools/file_tools.h"
#include "orchestration/tools/output_tools.h"
#include "orchestration/tools/patch_tools.h"
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

/// The variables named, as this program has them.
std::vector<std::string> passed_on(const std::vector<std::string>& names) {
  std::vector<std::string> out;
  for (const std::string& name : names)
    if (const char* value = std::getenv(name.c_str()))  // NOLINT(concurrency-mt-unsafe): nothing writes it
      out.push_back(name + "=" + value);
  return out;
}

std::unique_ptr<orchestration::McpTransport> transport_of(const McpServerConfig& server,
                                                          const ToolBox::Deps& deps,
                                                          orchestration::Sandbox& sandbox) {
  if (server.url.empty())
    return orchestration::make_stdio_transport(deps.loop, sandbox,
                                               {.argv = server.command,
                                                .readable = server.readable,
                                                .network = server.network,
                                                .environment = passed_on(server.env)});
  orchestration::McpHttpOptions options{.url = server.url};
  if (!server.bearer_file.empty()) {
    auto token = read_secret_file(server.bearer_file);
    while (token && !token->empty() && (token->back() == '\n' || token->back() == '\r')) token->pop_back();
    if (token)
      options.headers.emplace_back("Authorization", "Bearer " + *token);
    else
      LOG(kError, "mcp", "the server's token cannot be read",
          {{"server", server.name}, {"error", token.error().detail}});
  }
  return orchestration::make_http_transport(deps.http, std::move(options));
}

constexpr std::chrono::seconds kServerLook{30};

}  // namespace

orchestration::Permissions granted(const Config::Tools& tools, orchestration::Permissions base) {
  const auto level = [](const std::string& word) {
    return orchestration::parse_permit(word).value_or(Permit::kAsk);
  };
  // What [tools] grants is the most any agent of this node may do.
  const orchestration::PermissionsPatch patch{.edit = level(tools.edit), .fetch = level(tools.fetch)};
  orchestration::Permissions out = apply(std::move(base), patch, orchestration::PatchSource::kWorkspace);
  // What stands there is shown to later sessions as the operator's goals.
  out.rules.push_back({.tool = "*", .pattern = ".openagents/**", .permit = Permit::kDeny});
  if (!may_ever(out, orchestration::Capability::kRun)) return out;
  orchestration::CommandRules& commands = out.commands;
  commands.mode = stricter(commands.mode, level(tools.bash));
  std::ranges::move(rules_of(tools.bash_allow), std::back_inserter(commands.allow));
  std::ranges::move(rules_of(tools.bash_ask), std::back_inserter(commands.ask));
  std::ranges::move(rules_of(tools.bash_deny), std::back_inserter(commands.deny));
  return out;
}

ToolBox::ToolBox(Deps deps, const Config& config)
    : deps_(deps),
      config_(config.tools),
      integrations_(config.integrations),
      todos_(deps.db),
      outputs_(deps.db),
      issues_(deps.db),
      goals_(deps.db),
      hook_configs_(config.hooks),
      sandbox_(std::make_unique<orchestration::Sandbox>(
          deps.loop,
          orchestration::SandboxOptions{.wall = orchestration::parse_wall(config.tools.sandbox)
                                                    .value_or(orchestration::Wall::kBubblewrap)})),
      pins_(deps.db) {
  for (const McpServerConfig& server : config.mcp)
    servers_.push_back(std::make_shared<orchestration::McpClient>(
        transport_of(server, deps, *sandbox_),
        orchestration::McpClientOptions{.name = server.name, .tool_timeout = server.timeout}));
}

void ToolBox::fill(ToolRegistry& tools, const orchestration::Speaker& speaker,
                   std::function<orchestration::IssueChooser(const orchestration::ToolContext&)> chooser) {
  add_all(tools, orchestration::make_nostr_tools(deps_.outside, speaker));
  add_all(tools, orchestration::make_todo_tools(todos_, deps_.clock));
  add_all(tools, orchestration::make_output_tools(outputs_));
  if (integrations_.autopilot) add_all(tools, orchestration::make_issue_tools({issues_, deps_.clock, rng_, std::move(chooser)}));
  if (integrations_.directives) {
    const orchestration::DirectiveFolder folder = directive_folder(deps_.home, config_);
    add_all(tools, orchestration::make_directive_tools(folder));
    CHECK(tools.add(orchestration::make_goal_report(folder, goals_, deps_.clock)).has_value());
  }
  add_all(tools, orchestration::make_web_tools(deps_.http, {.search_url = config_.search_url}));
  const std::string root = rules().scene.workspace;
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
  const orchestration::CommandToolDeps commands{*sandbox_, (*workspace)->root(),
                                                 config_.edit != "deny"};
  add_all(tools, orchestration::make_reading_tools(files));
  add_all(tools, orchestration::make_git_tools(commands));
  CHECK(tools.add(orchestration::make_read_pdf(commands)).has_value());
  if (config_.workspace.empty()) return;
  add_all(tools, orchestration::make_writing_tools(files));
  CHECK(tools.add(orchestration::make_bash(commands)).has_value());
  CHECK(tools.add(orchestration::make_publish_patch(commands)).has_value());
}

orchestration::NodeRules ToolBox::rules() const {
  orchestration::NodeRules out;
  const std::string& root = config_.workspace.empty() ? config_.read_root : config_.workspace;
  if (!root.empty()) out.scene.workspace = orchestration::resolve_path(root, "/", "");
  out.scene.home = base::user_home();
  for (const auto& folder : {deps_.home.config_dir, deps_.home.data_dir, deps_.home.run_dir})
    out.scene.protected_paths.push_back(
        orchestration::resolve_path(std::filesystem::absolute(folder).string(), "/", ""));
  for (const char* name : {".ssh", ".gnupg", ".aws", ".config/gcloud", ".netrc", ".git-credentials"})
    out.scene.protected_paths.push_back(out.scene.home + "/" + name);
  return out;
}

std::vector<orchestration::Hook> ToolBox::hooks() {
  std::vector<orchestration::Hook> out;
  if (integrations_.autopilot) out.push_back(orchestration::issue_keeper(issues_, deps_.clock));
  out.push_back(orchestration::todo_hook(todos_));
  out.push_back(pace_.hook());
  if (integrations_.directives)
    out.push_back(orchestration::directive_hook(directive_folder(deps_.home, config_), &goals_));
  if (!config_.workspace.empty()) {
    out.push_back(orchestration::context_file_hook(config_.workspace));
    out.push_back(orchestration::folder_file_hook(config_.workspace));
  }
  if (!servers_.empty()) out.push_back(orchestration::descriptor_gate(servers_, pins_, deps_.clock));
  for (const UserHookConfig& hook : hook_configs_)
    out.push_back(orchestration::user_hook(
        *sandbox_, {.name = "hooks." + hook.name, .command = hook.command, .tools = hook.tools, .timeout = hook.timeout}));
  return out;
}

base::Task<void> ToolBox::keep_servers(orchestration::ToolRegistry& tools) {
  std::set<std::string> known;
  for (;;) {
    for (const auto& server : servers_) {
      if (known.contains(server->name()) && !server->is_stale()) continue;
      auto done = co_await server->refresh();
      if (!done) {
        LOG(kWarn, "mcp", "a server does not answer", {{"error", done.error().detail}, {"hint", done.error().hint}});
        continue;
      }
      known.insert(server->name());
      for (auto& tool : orchestration::make_mcp_tools(server)) tools.put(std::move(tool));
      LOG(kInfo, "mcp", "a server offers tools",
          {{"server", server->name()}, {"tools", fmt::to_string(server->tools().size())}});
    }
    co_await base::sleep_for(kServerLook);
  }
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
