// The verdict on a whole shell line: the strictest that any command in it deserves. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "orchestration/shell/command_rules.h"
#include "orchestration/shell/dangers.h"

namespace orchestration {

struct ShellJudgement {
  Permit permit = Permit::kAllow;
  std::vector<std::string> reasons;  ///< why it is not simply allowed, the worst first
  std::string text() const;          ///< the reasons joined by "; "
};

/// Takes the line apart, opens what is wrapped (`env`, `xargs`, `sh -c`, `eval`, `find -exec`, …) and
/// judges every command found: dangers first, then rules, then redirections and assignments. What is
/// not understood asks, and is refused where the mode is deny. In a substitution as anywhere else.
ShellJudgement judge(const CommandRules& rules, const ShellScene& scene, std::string_view line);

/// The words of a line that is one plain command of a program; empty for everything that needs a shell.
std::vector<std::string> plain_argv(std::string_view line);

}  // namespace orchestration
