// frost import, frost export: shares of other software in, ours out, and the whole key at the very end.
#pragma once

#include "node/cli/command.h"

namespace node::cli {

void add_credential_commands(CLI::App& frost, Context& context, Action* chosen);

}  // namespace node::cli
