// Rows as JSON.
#include "node/tasks_view.h"

#include <algorithm>
#include <iterator>

#include <fmt/format.h>

#include "node/tick_runner.h"
#include "orchestration/envelope.h"
#include "storage/sessions.h"

namespace node {

using base::Errc;
using base::Result;
using base::json::Value;
using storage::ErrandOutcome;
using storage::ErrandRow;
using storage::TaskRow;

namespace {

constexpr std::size_t kMaxHeadline = 80;

}  // namespace

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

namespace {

std::string_view state_of(const ErrandRow& row, const std::optional<storage::TickRow>& tick) {
  if (row.called_off && !row.ended) return "cancelling";
  if (row.detail == kCalledOff) return "cancelled";
  switch (row.outcome) {
    case ErrandOutcome::kSuccess: return "completed";
    case ErrandOutcome::kPartial: return "partial";
    case ErrandOutcome::kError: return "failed";
    case ErrandOutcome::kNone: break;
  }
  return tick && tick->phase == storage::TickPhase::kPlanned ? "pending" : "running";
}

/// The first line, and not all of a long one.
std::string headline(std::string_view text) {
  const std::string_view line = text.substr(0, text.find('\n'));
  const std::string_view shown = orchestration::cut_utf8(line, kMaxHeadline);
  return std::string(shown) + (shown.size() < text.size() ? "…" : "");
}

Result<Value> one(storage::Db& db, const std::string& id) {
  TRY(const auto errand, storage::Errands(db).get(id));
  if (errand) {
    TRY(const auto tick, storage::Ticks(db).get(id));
    return errand_view(*errand, tick, true);
  }
  TRY(const auto row, storage::Tasks(db).get(id));
  if (!row)
    return base::fail(Errc::kNotFound, fmt::format("no task is called \"{}\"", orchestration::cut_utf8(id, 64)), "sovereign task list");
  return task_view(*row, true);
}

}  // namespace

Value errand_view(const ErrandRow& row, const std::optional<storage::TickRow>& tick, bool whole) {
  Value out = {{"id", row.slot},
               {"agent", row.agent},
               {"state", state_of(row, tick)},
               {"description", headline(row.text)},
               {"note", row.detail},
               {"tick", row.slot},
               {"created_at", base::to_unix(row.created)}};
  out["ended_at"] = row.ended ? Value(base::to_unix(*row.ended)) : Value();
  if (!whole) return out;
  out["text"] = row.text;
  out["outcome"] = std::string(storage::name_of(row.outcome));
  out["result"] = row.said;
  out["turns"] = row.turns;
  out["calls"] = row.calls;
  out["cost_msat"] = row.cost.value;
  out["report"] = tick && tick->result_id ? tick->result_id->hex() : "";
  return out;
}

Result<Value> stored_tasks(storage::Db& db, const Value& params) {
  if (const std::string id = base::json::string_or(params, "id"); !id.empty()) return one(db, id);
  const std::int64_t limit = base::json::int_or(params, "limit", 50);
  storage::Ticks ticks(db);
  std::vector<Value> handed_out, ordered, all;
  TRY(const auto tasks, storage::Tasks(db).history(limit));
  for (const TaskRow& row : tasks) handed_out.push_back(task_view(row, false));
  TRY(const auto errands, storage::Errands(db).history(limit));
  for (const ErrandRow& row : errands) {
    TRY(const auto tick, ticks.get(row.slot));
    ordered.push_back(errand_view(row, tick, false));
  }
  const auto age = [](const Value& task) { return task.at("created_at").get<std::int64_t>(); };
  std::ranges::merge(handed_out, ordered, std::back_inserter(all), std::greater{}, age, age);
  if (all.size() > static_cast<std::size_t>(limit)) all.resize(static_cast<std::size_t>(limit));
  return Value(std::move(all));
}

Result<Value> cancel_stored_task(storage::Db& db, const Value& params, base::UnixTime now) {
  TRY(const std::string id, base::json::get_string(params, "id"));
  storage::Errands errands(db);
  TRY(const auto errand, errands.get(id));
  if (errand) {
    TRY(errands.call_off(id));
    return one(db, id);
  }
  storage::Tasks tasks(db);
  TRY(const auto row, tasks.get(id));
  if (!row) return one(db, id);
  TRY(storage::Tx tx, storage::Tx::begin(db, storage::Durability::kFull));
  TRY(const bool first, tasks.end(id, storage::TaskState::kCancelled, "by the operator", row->result, now));
  storage::Sessions sessions(db);
  TRY(const auto session, sessions.get(row->session));
  if (first && session && session->state == storage::SessionState::kRunning)
    TRY(sessions.finish(row->session, storage::SessionState::kFailed, "cut off", now));
  TRY(tx.commit());
  return one(db, id);
}

}  // namespace node
