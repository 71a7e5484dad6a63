// What a node needs of this machine: a sandbox that stands, a model that answers.
#pragma once

#include "node/config.h"
#include "node/doctor/findings.h"
#include "node/runtime.h"

namespace node {

/// Whether this machine lets a process of ours keep its secrets out of swap.
Findings check_memory();

/// Runs a process behind the configured wall and looks at what it sees.
base::Task<Findings> check_sandbox(Runtime& runtime, const Config& config);

/// Asks each backend which models it has. No model is called, nothing is spent.
base::Task<Findings> check_backends(Runtime& runtime, const Home& home, const Config& config);

}  // namespace node
