// One row a task; the states move one way.
#include "storage/tasks.h"

namespace storage {

namespace {

#define SOV_TASK_COLUMNS                                                                            \
  "id, tick, parent, call, agent, description, brief, depth, session, state, starts, note, result, " \
  "created, started, ended, told"

constexpr const char* kAdd =
    "INSERT INTO tasks (id, tick, parent, call, agent, description, brief, depth, session, state, created, place) "
    "VALUES (?,?,?,?,?,?,?,?,?,'pending',?, (SELECT coalesce(max(place), 0) + 1 FROM tasks))";
constexpr const char* kStart =
    "UPDATE tasks SET state = 'running', starts = starts + 1, started = coalesce(started, ?) "
    "WHERE id = ? AND ended IS NULL";
constexpr const char* kEnd =
    "UPDATE tasks SET state = ?, note = ?, result = ?, ended = ? WHERE id = ? AND ended IS NULL";
constexpr const char* kTell = "UPDATE tasks SET told = 1 WHERE id = ? AND told = 0 AND ended IS NOT NULL";
constexpr const char* kGet = "SELECT " SOV_TASK_COLUMNS " FROM tasks WHERE id = ?";
constexpr const char* kByCall = "SELECT " SOV_TASK_COLUMNS " FROM tasks WHERE parent = ? AND call = ?";
constexpr const char* kBySession = "SELECT " SOV_TASK_COLUMNS " FROM tasks WHERE session = ?";
constexpr const char* kOfParent = "SELECT " SOV_TASK_COLUMNS " FROM tasks WHERE parent = ? ORDER BY place";
constexpr const char* kOfTick = "SELECT " SOV_TASK_COLUMNS " FROM tasks WHERE tick = ? ORDER BY place";
constexpr const char* kQueue = "SELECT id, tick FROM tasks WHERE ended IS NULL ORDER BY place";
constexpr const char* kCountActive = "SELECT count(*) FROM tasks WHERE ended IS NULL";
constexpr const char* kCountActiveOfTick = "SELECT count(*) FROM tasks WHERE tick = ? AND ended IS NULL";
constexpr const char* kHistory = "SELECT " SOV_TASK_COLUMNS " FROM tasks ORDER BY place DESC LIMIT ?";
constexpr const char* kPruneOld = "DELETE FROM tasks WHERE ended < ? AND told = 1";
constexpr const char* kPruneMany =
    "DELETE FROM tasks WHERE ended IS NOT NULL AND told = 1 AND id NOT IN "
    "(SELECT id FROM tasks ORDER BY place DESC LIMIT ?)";

#undef SOV_TASK_COLUMNS

TaskRow read_task(Row& r) {
  return {.id = r.take<std::string>(),
          .tick = r.take<std::string>(),
          .parent = r.take<std::string>(),
          .call = r.take<std::string>(),
          .agent = r.take<std::string>(),
          .description = r.take<std::string>(),
          .brief = r.take<std::string>(),
          .depth = r.take<std::int64_t>(),
          .session = r.take<std::string>(),
          .state = r.take<TaskState>(),
          .starts = r.take<std::int64_t>(),
          .note = r.take<std::string>(),
          .result = r.take<std::string>(),
          .created = r.take<UnixTime>(),
          .started = r.take<std::optional<UnixTime>>(),
          .ended = r.take<std::optional<UnixTime>>(),
          .told = r.take<std::int64_t>() != 0};
}

std::size_t read_count(Row& r) { return static_cast<std::size_t>(r.take<std::int64_t>()); }

}  // namespace

Result<void> Tasks::add(const TaskRow& task) {
  TRY(Tx tx, Tx::begin(db_, Durability::kFull));
  TRY(db_.run(kAdd, task.id, task.tick, task.parent, task.call, task.agent, task.description, task.brief,
              task.depth, task.session, task.created));
  return tx.commit();
}

Result<void> Tasks::start(std::string_view id, UnixTime now) {
  TRY(Tx tx, Tx::begin(db_, Durability::kFull));
  TRY(const auto changed, db_.run(kStart, now, id));
  TRY(expect_one(changed, "task start"));
  return tx.commit();
}

Result<bool> Tasks::end(std::string_view id, TaskState to, std::string_view note, std::string_view result,
                        UnixTime now) {
  CHECK(is_final(to));
  TRY(Tx tx, Tx::begin(db_, Durability::kFull));
  TRY(const auto changed, db_.run(kEnd, to, note, result, now, id));
  TRY(tx.commit());
  return changed == 1;
}

Result<bool> Tasks::tell(std::string_view id) {
  TRY(Tx tx, Tx::begin(db_, Durability::kFull));
  TRY(const auto changed, db_.run(kTell, id));
  TRY(tx.commit());
  return changed == 1;
}

Result<std::optional<TaskRow>> Tasks::get(std::string_view id) { return db_.one(kGet, read_task, id); }

Result<std::optional<TaskRow>> Tasks::by_call(std::string_view parent, std::string_view call) {
  return db_.one(kByCall, read_task, parent, call);
}

Result<std::optional<TaskRow>> Tasks::by_session(std::string_view session) {
  return db_.one(kBySession, read_task, session);
}

Result<std::vector<TaskRow>> Tasks::of_parent(std::string_view parent) {
  return db_.all(kOfParent, read_task, parent);
}

Result<std::vector<TaskRow>> Tasks::of_tick(std::string_view tick) { return db_.all(kOfTick, read_task, tick); }

Result<std::vector<TaskTurn>> Tasks::queue() {
  return db_.all(kQueue, [](Row& r) { return TaskTurn{.id = r.take<std::string>(), .tick = r.take<std::string>()}; });
}

Result<std::size_t> Tasks::count_active() {
  TRY(const auto count, db_.one(kCountActive, read_count));
  return *count;
}

Result<std::size_t> Tasks::count_active(std::string_view tick) {
  TRY(const auto count, db_.one(kCountActiveOfTick, read_count, tick));
  return *count;
}

Result<std::vector<TaskRow>> Tasks::history(std::int64_t limit) { return db_.all(kHistory, read_task, limit); }

Result<void> Tasks::prune(UnixTime before, std::int64_t keep) {
  TRY(Tx tx, Tx::begin(db_, Durability::kNormal));
  TRY(db_.run(kPruneOld, before));
  TRY(db_.run(kPruneMany, keep));
  return tx.commit();
}

}  // namespace storage
