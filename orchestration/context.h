// What a model reads about its surroundings: the opening message, and how acts ended.
#pragma once

#include <string>

#include "orchestration/hooks/hook.h"
#include "orchestration/trigger.h"

namespace orchestration {

/// The first user message: what woke the agent, foreign text in its envelope.
std::string opening_message(const Trigger& trigger);

/// How an act ended, as the tool's output: outcome for the machine, a sentence for the model.
ToolOutput describe_result(ActionClass action, ActionResult result);

/// Why an act that ended so makes a session partial, e.g. "approval-denied"; "" when it does not.
std::string failure_detail(ActionStatus status);

}  // namespace orchestration
