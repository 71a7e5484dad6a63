// Tasks as `task list`, `task show` and the control socket show them.
#pragma once

#include "nostr/base/json.h"
#include "orchestration/tasks/board.h"

namespace node {

/// One task; what it was given and what it said only when asked for.
base::json::Value task_view(const storage::TaskRow& row, bool whole);
/// Those of a database without a running node: {"id"} or {"limit"}.
base::Result<base::json::Value> stored_tasks(storage::Db& db, const base::json::Value& params);
/// Answers the control methods "task-list" {"limit"}, "task-show" {"id"} and "task-cancel" {"id"}, which acts.
base::Result<base::json::Value> answer_tasks(orchestration::TaskBoard& board, storage::Db& db, std::string_view method,
                                             const base::json::Value& params);

}  // namespace node
