// The agents of a configuration as `agent list`, `agent show` and `status` show them.
#pragma once

#include "node/agent_config.h"
#include "nostr/base/json.h"
#include "orchestration/llm/router.h"

namespace node {

/// One agent: what it is for, and what it may do after [tools] has had its say.
base::json::Value agent_view(const Config& config, const orchestration::AgentRegistry::Entry& entry);
/// The enabled ones, the primary first, each with the model its turns begin with.
base::Result<base::json::Value> agents_view(const Config& config, const orchestration::Router& router);

}  // namespace node
