// Field by field.
#include "orchestration/agents/patch.h"

#include <utility>

namespace orchestration {
namespace {

template <class T>
void take(T& field, const std::optional<T>& value) {
  if (value) field = *value;
}

CommandRules commands_of(CommandRules rules, const AgentPatch& patch) {
  take(rules.mode, patch.bash);
  take(rules.allow, patch.bash_allow);
  take(rules.ask, patch.bash_ask);
  take(rules.deny, patch.bash_deny);
  return rules;
}

}  // namespace

AgentSpec apply(AgentSpec agent, const AgentPatch& patch) {
  take(agent.name, patch.name);
  take(agent.purpose, patch.purpose);
  take(agent.prompt, patch.prompt);
  if (patch.prompt_append) agent.prompt += "\n\n" + *patch.prompt_append;
  take(agent.mode, patch.mode);
  take(agent.tools, patch.tools);
  take(agent.delegates_to, patch.delegates_to);
  if (patch.temperature) agent.temperature = patch.temperature;
  take(agent.color, patch.color);
  take(agent.max_steps, patch.max_steps);
  take(agent.max_output_tokens, patch.max_output_tokens);
  if (patch.per_day) agent.per_day = patch.per_day;
  agent.permissions = apply(std::move(agent.permissions), patch.permissions, PatchSource::kOperator);
  agent.permissions.commands = commands_of(std::move(agent.permissions.commands), patch);
  if (patch.hide)
    agent.permissions.hidden_tools.insert(patch.hide->begin(), patch.hide->end());
  if (patch.show)
    for (const std::string& tool : *patch.show) agent.permissions.hidden_tools.erase(tool);
  return agent;
}

}  // namespace orchestration
