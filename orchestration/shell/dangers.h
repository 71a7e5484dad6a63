// Dangers: commands no rule of an agent can allow, and those that are always asked about. Pure.
#pragma once

#include <string>
#include <vector>

#include "orchestration/permit.h"
#include "orchestration/shell/parse.h"

namespace orchestration {

/// Where a command runs, as far as judging needs it. Paths are absolute and normal.
struct ShellScene {
  std::string workspace;
  std::string home;                          ///< what ~ stands for
  std::vector<std::string> protected_paths;  ///< key material and the node's own files
  bool may_edit = true;                      ///< whether writing below the workspace is permitted
};

/// The directories the command may be running in; empty when that cannot be known.
using WorkingDirs = std::vector<std::string>;

struct Danger {
  Permit permit = Permit::kAllow;
  std::string reason;
};

/// Removal of what must stay, devices, privilege, power, key material: kDeny. Rewriting history: kAsk.
Danger danger_of(const std::vector<Word>& words, const ShellScene& scene, const WorkingDirs& dirs);

/// A redirection writes below the workspace or is free (/dev/null, /dev/stdout, /dev/stderr): kAllow;
/// other devices, /proc, /sys and protected paths: kDeny; elsewhere or unknown: kAsk.
Danger danger_of(const Redirect& redirect, const ShellScene& scene, const WorkingDirs& dirs);

/// Variables that change which program runs or what it loads: kDeny; any other assignment: kAsk.
Danger danger_of_assignment(const std::string& name);

/// `path` as it stands in `dir`, without ".", ".." and doubled slashes. Pure: links are not looked at.
std::string resolve_path(const std::string& path, const std::string& dir, const std::string& home);

/// Whether `path` is `folder` or lies below it; both normal.
bool is_within(const std::string& path, const std::string& folder);

}  // namespace orchestration
