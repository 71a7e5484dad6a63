// Hooks that tell a session about its surroundings: the operator's goals, and files that speak to agents.
#pragma once

#include <filesystem>

#include "orchestration/directives/directive.h"
#include "orchestration/hooks/hook.h"

namespace orchestration {

/// Priority 80: the active directives, as they are when the session begins. `reports`, when given,
/// outlives it.
Hook directive_hook(DirectiveFolder folder, storage::GoalReports* reports = nullptr);

/// Priority 90: AGENTS.md and README.md of the workspace. At most 32 KiB and 5 000 bytes of them; what is no
/// file of UTF-8 inside the workspace, links followed, is skipped.
Hook context_file_hook(std::filesystem::path workspace);

/// Priority -10, after outputs were cut: the first file of a folder that a session reads or changes brings the
/// AGENTS.md of that folder and of those above it, up to the workspace's own, which the session began with. Each
/// once in a session, and again after it was summed up; at most 32 KiB at a time.
Hook folder_file_hook(std::filesystem::path workspace);

/// One file below `workspace` as text of at most `max_bytes`, cut with a notice; nullopt when it is none.
std::optional<std::string> read_context_file(const std::filesystem::path& workspace, const std::string& name, std::size_t max_bytes);

}  // namespace orchestration
