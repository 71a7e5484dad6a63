// AgentPatch: what an operator's configuration says about one agent, built in or of the operator's own.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "orchestration/agents/agent.h"

namespace orchestration {

/// What is unset stays as it was.
struct AgentPatch {
  std::string id;
  std::string origin;  ///< where it is written, e.g. "config.toml:12" or "agents/reviewer.toml"
  std::optional<bool> enabled;
  std::optional<std::string> name, purpose, prompt, prompt_append;
  std::optional<AgentMode> mode;
  std::optional<std::vector<std::string>> tools, hide, show, delegates_to;  ///< hide and show: tool by tool
  std::optional<double> temperature;
  std::optional<std::string> color;
  std::optional<std::uint32_t> max_steps, max_output_tokens;
  std::optional<base::Msat> per_day;
  PermissionsPatch permissions;
  std::optional<Permit> bash;                                   ///< the mode of commands no rule covers
  std::optional<std::vector<CommandRule>> bash_allow, bash_ask, bash_deny;
};

/// `agent` with the patch applied; the operator may widen as well as narrow.
AgentSpec apply(AgentSpec agent, const AgentPatch& patch);

}  // namespace orchestration
