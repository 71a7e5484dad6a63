// Where a node's directives are.
#pragma once

#include "node/config.h"
#include "orchestration/directives/directive.h"

namespace node {

/// `.openagents/directives` in the workspace, where other programs keep them too; without a workspace the
/// folder `directives` of the home.
inline orchestration::DirectiveFolder directive_folder(const Home& home, const Config::Tools& tools) {
  if (!tools.workspace.empty())
    return orchestration::DirectiveFolder(std::filesystem::path(tools.workspace) / ".openagents" / "directives");
  return orchestration::DirectiveFolder(home.config_dir / "directives");
}

}  // namespace node
