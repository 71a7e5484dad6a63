// wallet, budget: money from the command line.
#pragma once

#include "node/cli/command.h"

namespace node::cli {

/// Registers both groups on `app`.
void add_wallet_commands(CLI::App& app, Context& context, Action* chosen);

}  // namespace node::cli
