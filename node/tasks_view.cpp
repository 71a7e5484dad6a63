// Rows as JSON.
#include "node/tasks_view.h"

#include <fmt/format.h>

namespace node {

using base::Errc;
using base::Result;
using base::json::Value;
using storage::TaskRow;

Value task_view(const TaskRow& row, bool whole) {
  Value out = {{"id", row.id},
               {"agent", row.agent},
               {"state", storage::name_of(row.state)},
               {"description", row.description},
               {"note", row.note},
               {"tick", row.tick},
               {"parent", row.parent},
               {"session", row.session},
               {"depth", row.depth},
               {"starts", row.starts},
               {"told", row.told},
               {"created_at", base::to_unix(row.created)}};
  out["started_at"] = row.started ? Value(base::to_unix(*row.started)) : Value();
  out["ended_at"] = row.ended ? Value(base::to_unix(*row.ended)) : Value();
  if (!whole) return out;
  if (const auto brief = base::json::parse(row.brief, {.max_bytes = 1u << 20})) out["brief"] = *brief;
  out["result"] = row.result;
  return out;
}

Result<Value> stored_tasks(storage::Db& db, const Value& params) {
  storage::Tasks rows(db);
  const std::string id = base::json::string_or(params, "id");
  if (!id.empty()) {
    TRY(const auto row, rows.get(id));
    if (!row) return base::fail(Errc::kNotFound, fmt::format("no task is called \"{}\"", id), "sovereign task list");
    return task_view(*row, true);
  }
  TRY(const auto history, rows.history(base::json::int_or(params, "limit", 50)));
  Value out = Value::array();
  for (const TaskRow& row : history) out.push_back(task_view(row, false));
  return out;
}

Result<Value> answer_tasks(orchestration::TaskBoard& board, storage::Db& db, std::string_view method,
                           const Value& params) {
  if (method != "task-cancel") return stored_tasks(db, params);
  TRY(const std::string id, base::json::get_string(params, "id"));
  TRY(const TaskRow row, board.cancel("", id));
  return task_view(row, true);
}

}  // namespace node
