// `sovereign frost refresh | reshare | repair`: new shares of the same key.
#pragma once

#include "node/cli/command.h"

namespace node::cli {

void add_renewal_commands(CLI::App& frost, Context& context, Action* chosen);

}  // namespace node::cli
