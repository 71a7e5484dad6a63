// frost sign and frost ecdh: asking a quorum from the command line.
#pragma once

#include "node/cli/command.h"

namespace node::cli {

void add_frost_requests(CLI::App& frost, Context& context, Action* chosen);

}  // namespace node::cli
