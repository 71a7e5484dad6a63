// What an agent does, told while it does it, and how it ended: for a person on stderr with the answer on
// stdout, for a program as lines of JSON.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "node/cli/command.h"

namespace node::cli {

/// The words of a task: `typed`, or all of standard input for "-". kInvalid when they are none.
base::Result<std::string> errand_of(const std::string& typed);

/// One step of node/progress.h.
void show_step(const Context& context, const base::json::Value& step);

/// How an errand came out: {"slot", "status", "detail", "result", "text", "turns", "calls", "cost_msat"}.
void show_outcome(const Context& context, base::json::Value outcome);
/// The exit code of that status: success, partial, error.
int exit_code_of_status(std::string_view status);

}  // namespace node::cli
