// The registry: a handful of tools, looked up by name.
#include "orchestration/tools/tool.h"

#include "nostr/base/suggest.h"

namespace orchestration {

std::string Tool::subject(const base::json::Value&) const {
  return "";
}

base::Result<void> ToolRegistry::add(std::unique_ptr<Tool> tool) {
  if (find(tool->spec().name))
    return base::fail(base::Errc::kConflict, "a tool named " + tool->spec().name + " exists");
  tools_.push_back(std::move(tool));
  return {};
}

void ToolRegistry::put(std::unique_ptr<Tool> tool) {
  for (auto& other : tools_) {
    if (other->spec().name != tool->spec().name) continue;
    std::swap(other, tool);
    retired_.push_back(std::move(tool));
    return;
  }
  tools_.push_back(std::move(tool));
}

Tool* ToolRegistry::find(std::string_view name) const {
  for (const auto& tool : tools_)
    if (tool->spec().name == name) return tool.get();
  return nullptr;
}

std::vector<ToolSpec> ToolRegistry::specs(const Permissions& permissions) const {
  std::vector<ToolSpec> out;
  for (const auto& tool : tools_) {
    if (permissions.hidden_tools.contains(tool->spec().name)) continue;
    if (!may_ever(permissions, tool->capability())) continue;
    out.push_back(tool->spec());
  }
  return out;
}

std::string ToolRegistry::suggest(std::string_view name) const {
  std::vector<std::string> names;
  for (const auto& tool : tools_) names.push_back(tool->spec().name);
  return base::did_you_mean(name, names);
}

}  // namespace orchestration
