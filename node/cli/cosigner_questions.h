// cosigner policy | audit | lease: asking a co-signer about itself, running or not.
#pragma once

#include "node/cli/command.h"

namespace node::cli {

void add_cosigner_questions(CLI::App& cosigner, Context& context, Action* chosen);

}  // namespace node::cli
