// Tasks as commands see them: what the operator wants done, and what agents handed to each other.
#pragma once

#include "nostr/base/json.h"
#include "orchestration/tasks/board.h"
#include "storage/errands.h"
#include "storage/tasks.h"
#include "storage/ticks.h"

namespace node {

base::json::Value task_view(const storage::TaskRow& row, bool whole);
/// An errand in the same words. `tick` is its tick; nullopt when that is forgotten.
base::json::Value errand_view(const storage::ErrandRow& row, const std::optional<storage::TickRow>& tick, bool whole);

/// Tasks straight from a home's database: `params` {"id"} one, {"limit"} the newest. kNotFound.
base::Result<base::json::Value> stored_tasks(storage::Db& db, const base::json::Value& params);
/// Calls off the task {"id"} of a home that no process runs; the next one reports it. kNotFound.
base::Result<base::json::Value> cancel_stored_task(storage::Db& db, const base::json::Value& params, base::UnixTime now);

}  // namespace node
