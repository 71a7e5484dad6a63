// Levels by name, so that a person can read them.
#include "node/agents_view.h"

#include "node/tool_box.h"
#include "orchestration/permit.h"

namespace node {
namespace {

using base::json::Value;
using orchestration::Capability;
using orchestration::Permissions;

Value texts(const std::vector<orchestration::CommandRule>& rules) {
  Value out = Value::array();
  for (const orchestration::CommandRule& rule : rules) out.push_back(rule.text());
  return out;
}

Value permissions_view(const Permissions& permissions) {
  Value out = Value::object();
  for (const Capability capability :
       {Capability::kQuery, Capability::kFile, Capability::kSign, Capability::kMessage, Capability::kControl,
        Capability::kEdit, Capability::kRun, Capability::kFetch, Capability::kServer, Capability::kSpend,
        Capability::kDelegate})
    out[std::string(orchestration::capability_name(capability))] =
        orchestration::permit_name(level_of(permissions, capability));
  out["sign_kinds"] = permissions.sign_kinds;
  out["hidden_tools"] = permissions.hidden_tools;
  if (!may_ever(permissions, Capability::kRun)) return out;
  out["bash_allow"] = texts(permissions.commands.allow);
  out["bash_ask"] = texts(permissions.commands.ask);
  out["bash_deny"] = texts(permissions.commands.deny);
  return out;
}

}  // namespace

Value agent_view(const Config& config, const orchestration::AgentRegistry::Entry& entry) {
  const orchestration::AgentSpec& spec = entry.spec;
  Value out = {{"id", spec.id},
               {"name", spec.name},
               {"purpose", spec.purpose},
               {"mode", agent_mode_name(spec.mode)},
               {"enabled", entry.enabled},
               {"builtin", entry.builtin},
               {"origins", entry.origins},
               {"level", config.agent.level},
               {"temperature", spec.temperature ? Value(*spec.temperature) : Value()},
               {"color", spec.color},
               {"max_steps", spec.max_steps},
               {"max_output_tokens", spec.max_output_tokens},
               {"tools", spec.tools},
               {"delegates_to", spec.delegates_to},
               {"per_day_msat", spec.per_day.value_or(config.budget.per_day).value}};
  out["permissions"] = permissions_view(granted(config.tools, spec.permissions));
  return out;
}

base::Result<Value> agents_view(const Config& config, const orchestration::Router& router) {
  TRY(const auto registry, agents_of(config));
  Value out = Value::array();
  for (const auto& entry : registry.all()) {
    if (!entry.enabled) continue;
    out.push_back({{"id", entry.spec.id},
                   {"name", entry.spec.name},
                   {"level", config.agent.level},
                   {"model", router.first_model(entry.spec.id)}});
  }
  return out;
}

}  // namespace node
