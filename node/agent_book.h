// AgentBook: the agents of this node as its configuration grants them, each with the hooks it runs under.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "node/agent_config.h"
#include "node/pause.h"
#include "node/tool_box.h"
#include "orchestration/hooks/hook.h"
#include "orchestration/tick_limit.h"
#include "storage/grants.h"

namespace node {

/// App thread. References outlive it.
class AgentBook {
 public:
  struct Deps {
    const Config& config;
    ToolBox& tool_box;
    const PauseSwitch& pause;
    storage::Db& db;
    storage::Grants& grants;
    const base::Clock& clock;
    orchestration::TickLimit tick_limit = {};  ///< what a tick's own claim allows
  };
  /// The configuration was checked when it was read.
  explicit AgentBook(Deps deps);

  struct Page {
    orchestration::AgentSpec spec;
    orchestration::HookChain hooks;
  };
  /// Who answers for the node.
  const Page& primary() { return *page(registry_.primary().id); }
  /// kNotFound or kDenied as the registry says it.
  base::Result<const Page*> find(std::string_view id);
  /// An agent as another one hired it: with no more rights than that one has, and, unless `tools` is
  /// empty, none but these tools.
  base::Result<std::unique_ptr<const Page>> hire(std::string_view id, std::string_view by,
                                                 const std::vector<std::string>& tools);
  /// An agent as it works for a stranger who is answered unasked: without tools, without rights, and
  /// told nothing of what is the operator's but its own instructions. `id` "" is who answers for the node.
  base::Result<std::unique_ptr<const Page>> for_stranger(std::string_view id);
  const orchestration::AgentRegistry& registry() const { return registry_; }
  /// Adds `hook` to every agent, those hired later too.
  void watch(orchestration::Hook hook);
  /// Who hears that a limit fills up.
  void tell_limits(std::function<void(const std::string& text)> tell) { tell_ = std::move(tell); }
  /// Takes the agents of the configuration as it is now, which was checked. Sessions under way go on with
  /// the pages they have; those are kept.
  void reload();
  /// Logs tools that agents name and that are not there.
  void check_tools(const orchestration::ToolRegistry& tools) const;

 private:
  /// An agent as the configuration grants it: with its team, and the rights the tools leave it.
  base::Result<orchestration::AgentSpec> granted(std::string_view id) const;
  const Page* page(const std::string& id);
  enum class Telling { kSurroundings, kNothing };
  void fill_hooks(Page& page, Telling telling = Telling::kSurroundings);
  /// Adds a hook, switched off when the operator's configuration says so.
  void add_hook(Page& page, orchestration::Hook hook) const;

  Deps deps_;
  orchestration::AgentRegistry registry_;
  std::map<std::string, std::unique_ptr<Page>> pages_;
  std::vector<std::unique_ptr<Page>> retired_;  ///< of agents that were reloaded, for sessions under way
  std::vector<orchestration::Hook> watchers_;
  std::function<void(const std::string&)> tell_;
};

}  // namespace node
