// wallet, budget: money from the command line.
#pragma once

#include "node/cli/command.h"

namespace node::cli {

/// Asks the treasury ("wallet" or "budget") of the process that owns the home, or, when none runs,
/// does it here. Blocks until the wallet has answered; any thread, on a loop of its own.
base::Result<base::json::Value> ask_treasury(const Context& context, const std::string& method,
                                             const base::json::Value& params);

/// Registers both groups on `app`.
void add_wallet_commands(CLI::App& app, Context& context, Action* chosen);

}  // namespace node::cli
