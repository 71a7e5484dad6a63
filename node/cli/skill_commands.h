// skill, license: skills for agents, from the publisher's side and from the holder's.
#pragma once

#include "node/cli/command.h"

namespace node::cli {

/// Registers both groups on `app`.
/// Prints why a node did not do what it was asked; kNotRunning when there is none.
int report_node(const Context& context, const base::Error& error);
/// Buying and selling, below `skill`.
void add_trade_commands(CLI::App& skill, Context& context, Action* chosen);
void add_skill_commands(CLI::App& app, Context& context, Action* chosen);
void add_license_commands(CLI::App& app, Context& context, Action* chosen);

}  // namespace node::cli
