// User hooks: executables of the operator that see a tool call before it happens and may stop or change it.
//
// The program gets one JSON object on stdin: {"point":"before_tool","session","agent","tool","params",
// "subject"} and answers one on stdout: {"decision":"continue"|"ask"|"block","reason","params"}. `params`
// replaces the arguments; what is decided afterwards is decided about the new ones. It runs in the sandbox
// with no network. Anything else it does — another exit code, no JSON, too late — blocks the call.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "orchestration/hooks/hook.h"
#include "orchestration/sandbox/sandbox.h"

namespace orchestration {

struct UserHookOptions {
  std::string name;
  std::vector<std::string> command;       ///< argv; the program's file is readable in the sandbox
  std::vector<std::string> tools;         ///< whose calls it sees; empty: all
  std::chrono::milliseconds timeout{5'000};
  int priority = 60;
};

/// What a program's answer means; kPeer when it is none.
base::Result<Consultation> parse_user_hook(std::string_view answer);

/// `sandbox` outlives the chain.
Hook user_hook(Sandbox& sandbox, UserHookOptions options);

}  // namespace orchestration
