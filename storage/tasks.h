// Tasks: work one agent's session handed to another agent, and whether it has heard what came of it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/db.h"

namespace storage {

/// Legal moves: pending → running cancelled failed; running → completed failed cancelled. The last
/// three are final, and the first to get there stands.
enum class TaskState { kPending, kRunning, kCompleted, kFailed, kCancelled };

template <>
struct EnumText<TaskState> {
  static constexpr std::array<std::string_view, 5> kNames{"pending", "running", "completed", "failed",
                                                          "cancelled"};
};

constexpr bool is_final(TaskState state) {
  return state != TaskState::kPending && state != TaskState::kRunning;
}

struct TaskRow {
  std::string id;           ///< "bg_" + 16 hex digits
  std::string tick;         ///< slot of the tick it belongs to; its money and its acts count there
  std::string parent;       ///< the session that gave it out
  std::string call;         ///< the tool call that did: asked again, it is the same task
  std::string agent;        ///< id of who does it
  std::string description;  ///< a few words for lists
  std::string brief;        ///< JSON: what is to be done
  std::int64_t depth = 1;   ///< 1: given out by the tick's own session
  std::string session;      ///< the session that does it
  TaskState state = TaskState::kPending;
  std::int64_t starts = 0;  ///< how often a process began or resumed it
  std::string note;         ///< why it failed or was cancelled; "" otherwise
  std::string result;       ///< what its agent said at the end, or by then
  UnixTime created;
  std::optional<UnixTime> started;
  std::optional<UnixTime> ended;
  bool told = false;        ///< its parent has heard how it ended
};

/// A task that has not ended, as far as it takes to give it its turn.
struct TaskTurn {
  std::string id;
  std::string tick;
};

/// App thread. Changes are kFull.
class Tasks {
 public:
  explicit Tasks(Db& db) : db_(db) {}

  /// kConflict when the id or (parent, call) exists.
  Result<void> add(const TaskRow& task);
  /// pending or, after a restart, running → running; counts the start.
  Result<void> start(std::string_view id, UnixTime now);
  /// Any state that is not final → a final one. False when it was final already: nothing changed.
  Result<bool> end(std::string_view id, TaskState to, std::string_view note, std::string_view result, UnixTime now);
  /// Marks as heard, inside the transaction that puts it before the parent. False when it was before.
  Result<bool> tell(std::string_view id);

  Result<std::optional<TaskRow>> get(std::string_view id);
  Result<std::optional<TaskRow>> by_call(std::string_view parent, std::string_view call);
  Result<std::optional<TaskRow>> by_session(std::string_view session);
  /// Oldest first.
  Result<std::vector<TaskRow>> of_parent(std::string_view parent);
  Result<std::vector<TaskRow>> of_tick(std::string_view tick);
  /// Every task that has not ended, in the order they were handed out.
  Result<std::vector<TaskTurn>> queue();
  /// How many have not ended, in all and of one tick.
  Result<std::size_t> count_active();
  Result<std::size_t> count_active(std::string_view tick);
  /// Newest first.
  Result<std::vector<TaskRow>> history(std::int64_t limit);
  /// Forgets what ended before `before` and was told, and of the rest all but the newest `keep`.
  Result<void> prune(UnixTime before, std::int64_t keep);

 private:
  Db& db_;
};

}  // namespace storage
