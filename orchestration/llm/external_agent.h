// What agents of somebody else's have in common: a private folder, an environment that holds nothing of
// ours, and a process whose group dies with the call.
#pragma once

#include <string>
#include <vector>

#include "orchestration/llm/backend.h"
#include "orchestration/sandbox/process.h"

namespace orchestration {

struct ExternalAgentOptions {
  std::string id;
  std::string program;    ///< absolute path
  std::string model;
  std::string base_url;   ///< of a server on this machine
  std::string folder;     ///< where it lives and works; made private, holds nothing else
};

/// kInvalid when the program is no absolute path, no model is named, or the server is not on this
/// machine: no key is handed to `what`.
base::Result<void> check_external_agent(const ExternalAgentOptions& options, const std::string& what);

/// Makes its folder when it is needed, readable to nobody else.
base::Result<void> make_private(const std::string& folder);

/// `program` with `arguments`, in its folder, with HOME there and `more` variables.
ProcessSpec external_agent_process(const ExternalAgentOptions& options, std::vector<std::string> arguments,
                                   std::vector<std::string> more = {});

/// Asks the program for its version.
base::Task<base::Result<ProbeReport>> probe_external_agent(base::Loop& loop, ExternalAgentOptions options);

/// An attempt that came to nothing, of an error.
std::unexpected<ModelFailure> failed_attempt(ModelFault fault, base::Error error);

}  // namespace orchestration
