// trajectory verify: proving a session's record from relays alone.
#pragma once

#include "node/cli/command.h"

namespace node::cli {

void add_trajectory_commands(CLI::App& app, Context& context, Action* chosen);

}  // namespace node::cli
