// What an agent does, told while it does it: for a person on stderr, for a program as lines of JSON.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "node/cli/command.h"
#include "orchestration/hooks/hook.h"

namespace node::cli {

/// Watches sessions, model turns and tool calls. `context` outlives it.
orchestration::Hook progress_hook(const Context& context);

/// `text` by lines, without their ends.
std::vector<std::string> lines_of(std::string_view text);

}  // namespace node::cli
