// AgentSpec: who thinks — a name, a prompt, a backend, tools and permissions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "orchestration/autonomy.h"
#include "orchestration/permissions.h"

namespace orchestration {

struct AgentSpec {
  std::string name;
  std::string prompt;            ///< the system prompt, without the envelope rule
  std::string backend;           ///< id of a backend
  Permissions permissions;
  AutonomyRules autonomy;
  std::vector<std::string> tools;  ///< names; empty means every registered tool
  std::uint32_t max_output_tokens = 2048;
};

/// The agent that answers for the node: the built-in prompt, `name` as it introduces itself.
AgentSpec primary_agent(std::string name, std::string backend, Level level);

/// The whole system prompt of `agent`: its own, the envelope rule, and who it is on Nostr.
std::string system_prompt(const AgentSpec& agent, std::string_view npub);

}  // namespace orchestration
