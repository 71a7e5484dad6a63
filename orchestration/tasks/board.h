// TaskBoard: tasks that agents hand to each other, from being handed out to being heard of.
//
// A task is a row (storage/tasks.h) and a session of its own. The row is committed before anything runs, so
// a restart takes every task up where it stood. How it ended is told to its parent exactly once, between two
// of the parent's model turns, in the transaction that writes it there: see Session.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "nostr/base/clock.h"
#include "nostr/base/loop.h"
#include "nostr/base/rng.h"
#include "orchestration/tasks/brief.h"
#include "storage/outputs.h"
#include "storage/tasks.h"

namespace orchestration {

/// Of what a task said, as much as its parent reads at once: an envelope holds it.
inline constexpr std::size_t kToldTaskBytes = 15'000;

/// How a task's session came out.
struct TaskEnd {
  storage::TaskState state = storage::TaskState::kCompleted;
  std::string note;  ///< why not, or what is to be known of it
  std::string text;  ///< its last words
};

struct TaskLimits {
  std::size_t running = 32;        ///< sessions at a time, in this node
  std::size_t queue = 128;         ///< that wait, besides
  std::size_t active_per_tick = 8;
  std::int64_t depth = 2;          ///< a task may hand out tasks, whose tasks may not
  /// Processes that may take up the same task. Its session goes on exactly where it was, so an interruption
  /// costs it nothing; but one that brings the node down each time has to end some day.
  std::int64_t starts = 10;
  std::chrono::milliseconds wall{30 * 60 * 1000};
  std::size_t max_result_bytes = 262'144;   ///< kept in its row: the head and the tail
  base::seconds keep{86'400};      ///< how long ended ones are remembered, at most kKeptTasks of them
};

/// App thread. References outlive it.
class TaskBoard {
 public:
  TaskBoard(base::Loop& loop, storage::Db& db, const base::Clock& clock, base::Rng& rng, TaskLimits limits = {});
  ~TaskBoard();

  /// Does the task's session. An error means that it could not go on now, nothing lost.
  using Run = std::function<base::Task<base::Result<TaskEnd>>(storage::TaskRow)>;
  /// Called for a task whose session was cut off: closes its books.
  using Abandon = std::function<void(const storage::TaskRow&)>;
  /// Takes up what an earlier process left, and whatever is handed out from now on.
  /// `held`: whether none may begin now; those at work go on.
  void start(Run run, Abandon abandon, std::function<bool()> held = [] { return false; });
  /// Cuts every session off without ending its task: the next process goes on.
  base::Task<void> stop();

  struct Errand {
    std::string tick;
    std::string parent;  ///< session
    std::string call;    ///< of its tool
    std::string agent;   ///< known to exist and to be allowed
    std::string description;
    Brief brief;
  };
  /// The same call again gives the same task. kLimit for too many or too deep.
  base::Result<storage::TaskRow> hand_out(Errand errand);
  /// The row when it has ended, or as it stands after `limit`.
  base::Task<base::Result<storage::TaskRow>> wait(std::string id, std::chrono::milliseconds limit);

  /// One that `session` or one of its tasks handed out; "" may see all. kNotFound for every other, there or not.
  base::Result<storage::TaskRow> find(const std::string& session, const std::string& id);
  base::Result<std::vector<storage::TaskRow>> list(const std::string& session);
  /// Ends it and what it handed out; the final row. Ended ones stay as they are.
  base::Result<storage::TaskRow> cancel(const std::string& session, const std::string& id);
  /// All that `session` handed out, and theirs; how many that changed.
  base::Result<std::size_t> cancel_all(const std::string& session);

  /// Whether `session` does a task, rather than what a tick was begun for.
  base::Result<bool> is_for_a_task(const std::string& session);
  /// Ended tasks of which `session` has not heard.
  base::Result<std::vector<storage::TaskRow>> untold(const std::string& session);
  /// Inside the transaction that tells it; false when it was told before.
  base::Result<bool> tell(const std::string& id) { return rows_.tell(id); }
  base::Result<std::size_t> active(const std::string& session);
  /// Waits until a task that `session` handed out ends, or `limit`.
  base::Task<void> news(std::string session, std::chrono::milliseconds limit);
  std::size_t running() const { return jobs_.size(); }

 private:
  struct Job;
  base::Task<void> schedule();
  base::Result<void> start_some();
  void prune();
  base::Task<void> drive(storage::TaskRow row);
  base::Task<void> work(storage::TaskRow row, std::shared_ptr<Job> job);
  base::Result<void> end(const storage::TaskRow& row, TaskEnd how);
  base::Result<void> may_hand_out(const Errand& errand, std::int64_t depth);
  std::string keep_whole(const storage::TaskRow& row, std::string_view text);
  void tell_listeners(const std::string& session);
  base::Result<bool> descends_from(const storage::TaskRow& row, const std::string& session);

  base::Loop& loop_;
  storage::Db& db_;
  const base::Clock& clock_;
  base::Rng& rng_;
  TaskLimits limits_;
  storage::Tasks rows_;
  storage::Outputs outputs_;
  Run run_;
  Abandon abandon_;
  std::function<bool()> held_;
  base::UnixTime pruned_{};
  std::map<std::string, std::shared_ptr<Job>> jobs_;  ///< by task
  std::set<std::string> begun_;                       ///< taken up by this process
  std::map<std::string, base::UnixTime> retry_at_;
  /// Whose turn it is among ticks with equally many tasks at work: the lowest. A tick that was served goes to
  /// the end of the line, behind those that have come meanwhile and before those that will.
  std::map<std::string, std::uint64_t> turns_;
  std::uint64_t last_turn_ = 0;
  std::map<std::string, std::shared_ptr<base::Signal>> listeners_;  ///< by session that waits
  bool stopping_ = false;
  base::Signal changed_;  ///< there may be something to start
  base::Scope scope_;
};

}  // namespace orchestration
