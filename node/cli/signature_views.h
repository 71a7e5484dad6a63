// What `signature` shows of programs, runs and searches.
#pragma once

#include "node/cli/command.h"
#include "orchestration/programs/optimise.h"
#include "orchestration/programs/saved.h"

namespace node::cli {

/// One object a signature; {"active": "builtin" or the hash}.
base::json::Value signature_entry(const orchestration::Program& builtin, const orchestration::ProgramShelf& shelf);
base::json::Value answer_entry(const orchestration::Answer& answer);
base::json::Value evaluation_entry(const orchestration::Evaluation& made, std::size_t asked);
base::json::Value optimised_entry(const orchestration::Optimised& made);

void print_signature(const orchestration::Program& program, const base::json::Value& entry);

}  // namespace node::cli
