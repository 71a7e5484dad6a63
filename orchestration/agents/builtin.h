// The seven agents every node has: one that owns the work and six specialists it can turn to.
#pragma once

#include <vector>

#include "orchestration/agents/agent.h"

namespace orchestration {

/// Sisyphus first, then the specialists by id. What they may do is the most they are ever good for: a
/// node's configuration narrows it.
std::vector<AgentSpec> builtin_agents();

/// Sisyphus under the name the operator gave it.
AgentSpec primary_agent(std::string name, Level level);

}  // namespace orchestration
