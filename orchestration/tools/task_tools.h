// Handing tasks to other agents: delegate waits for the outcome, background_task goes on.
#pragma once

#include <memory>
#include <vector>

#include "orchestration/agents/registry.h"
#include "orchestration/tasks/board.h"
#include "orchestration/tools/tool.h"

namespace orchestration {

/// delegate, background_task, background_output, background_cancel, background_list. All outlives them.
std::vector<std::unique_ptr<Tool>> make_task_tools(TaskBoard& board, const AgentRegistry& agents);

/// An ended task as its parent reads it: what it is, how it ended, its words in an envelope.
std::string describe_task(const storage::TaskRow& row);

}  // namespace orchestration
