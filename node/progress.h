// Progress: what agents do, step by step, as scripts read it and as people do.
#pragma once

#include <functional>
#include <string>

#include "orchestration/hooks/hook.h"

namespace node {

/// Told of one step, and of the tick it belongs to. `step` has "event": session, turn, call or tool.
using TellStep = std::function<void(const std::string& tick, base::json::Value step)>;

/// Sees everything the agents do; changes and decides nothing.
orchestration::Hook progress_hook(TellStep tell);

/// A step in a line. It holds words of others.
std::string progress_words(const base::json::Value& step);

}  // namespace node
