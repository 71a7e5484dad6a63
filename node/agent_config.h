// Agents as the operator writes them: [agents.ID] in config.toml, and a file each in the folder agents/.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "node/config.h"
#include "orchestration/agents/registry.h"
#include "orchestration/autonomy.h"

namespace node {

/// One agent from a file of its own, whose keys stand outside any section; prompt_file is beside it.
base::Result<orchestration::AgentPatch> parse_agent_file(const std::string& id, std::string_view text,
                                                         const std::filesystem::path& file);
/// Every `ID.toml` in `folder`, by name; none when there is no such folder.
base::Result<std::vector<orchestration::AgentPatch>> read_agent_folder(const std::filesystem::path& folder);

/// The agents of a node that is configured so.
base::Result<orchestration::AgentRegistry> agents_of(const Config& config);
/// The id of the agent that answers for the node.
std::string primary_id(const Config& config);

/// By which the operator is asked about what the node buys: those of the agent that answers for it.
base::Result<orchestration::AutonomyRules> purchase_rules(const Config& config);

}  // namespace node
