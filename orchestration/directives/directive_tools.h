// What agents can ask of the operator's goals, and say about them. They read; only the operator
// writes.
#pragma once

#include <memory>
#include <vector>

#include "orchestration/directives/directive.h"
#include "orchestration/tools/tool.h"
#include "storage/goals.h"

namespace orchestration {

/// directive_list (all active ones, or those about something) and directive_read (one of them, whole).
std::vector<std::unique_ptr<Tool>> make_directive_tools(DirectiveFolder folder);
/// goal_report: how far the agent believes a goal is. It changes nothing else of the goal: that it
/// is reached, or not wanted any more, its operator says. kNotFound for a goal that is not active.
/// The references outlive it.
std::unique_ptr<Tool> make_goal_report(DirectiveFolder folder, storage::GoalReports& reports,
                                       const base::Clock& clock);

}  // namespace orchestration
