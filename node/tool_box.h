// ToolBox: the tools of this node's agent as its configuration grants them, and the wall they run behind.
#pragma once

#include <memory>

#include "node/config.h"
#include "node/home.h"
#include "nostr/base/rng.h"
#include "nostr/base/workers.h"
#include "nostr/net/http_client.h"
#include "orchestration/autopilot/issue_tools.h"
#include "orchestration/hooks/pace_hook.h"
#include "orchestration/mcp/client.h"
#include "orchestration/permissions.h"
#include "orchestration/sandbox/sandbox.h"
#include "orchestration/tools/nostr_tools.h"
#include "orchestration/tools/tool.h"
#include "storage/goals.h"
#include "storage/issues.h"
#include "storage/outputs.h"
#include "storage/todos.h"

namespace node {

/// An agent's permissions narrowed to what [tools] grants at all.
orchestration::Permissions granted(const Config::Tools& tools, orchestration::Permissions base);

/// App thread. Deps outlive it, and it outlives the registries it filled.
class ToolBox {
 public:
  struct Deps {
    base::Loop& loop;
    base::Workers& workers;
    orchestration::Outside& outside;
    nostr::HttpClient& http;
    storage::Db& db;
    const base::Clock& clock;
    const Home& home;
  };
  ToolBox(Deps deps, const Config& config);

  /// Adds every tool that is configured. A folder that cannot be opened is logged, and its tools stay off.
  /// `chooser` is asked which issue comes next.
  void fill(orchestration::ToolRegistry& tools, const orchestration::Speaker& speaker,
            std::function<orchestration::IssueChooser(const orchestration::ToolContext&)> chooser);
  /// granted() by this node's [tools].
  /// What tools said at length.
  storage::Outputs& outputs() { return outputs_; }
  orchestration::Permissions permissions(orchestration::Permissions base) const {
    return granted(config_, std::move(base));
  }
  /// What no agent may touch: the node's own files, keys in the usual places.
  orchestration::NodeRules rules() const;
  /// Hooks that belong to configured tools: descriptions of MCP tools, executables of the operator.
  std::vector<orchestration::Hook> hooks();
  /// Asks MCP servers for their tools and puts them into `tools`, now and whenever they change.
  base::Task<void> keep_servers(orchestration::ToolRegistry& tools);
  /// How far they say their goals are.
  storage::GoalReports& goals() { return goals_; }
  /// How fast the agents of this node work.
  orchestration::PaceBook& pace() { return pace_; }
  /// Looks at the wall and logs what it keeps, when there are commands to run behind it.
  base::Task<void> announce();

 private:
  Deps deps_;
  Config::Tools config_;
  Config::Integrations integrations_;
  storage::Todos todos_;
  storage::Outputs outputs_;
  storage::Issues issues_;
  storage::GoalReports goals_;
  base::SystemRng rng_;
  orchestration::PaceBook pace_;
  std::vector<UserHookConfig> hook_configs_;
  std::unique_ptr<orchestration::Sandbox> sandbox_;
  storage::McpPins pins_;
  std::vector<std::shared_ptr<orchestration::McpClient>> servers_;
};

}  // namespace node
