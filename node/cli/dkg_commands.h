// `sovereign frost dkg | recover`: a key that no machine ever held.
#pragma once

#include "node/cli/command.h"

namespace node::cli {

void add_dkg_commands(CLI::App& frost, Context& context, Action* chosen);

}  // namespace node::cli
