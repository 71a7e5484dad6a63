// Rows first; then sessions, as many at a time as there is room for, taken evenly from the ticks.
#include "orchestration/tasks/board.h"

#include <algorithm>
#include <deque>

#include <fmt/format.h>

#include "nipsa/reading.h"
#include "nostr/base/failpoint.h"
#include "nostr/base/log.h"
#include "orchestration/envelope.h"
#include "orchestration/hooks/tool_hooks.h"

namespace orchestration {

using base::Errc;
using base::fail;
using base::Result;
using base::Task;
using std::chrono::milliseconds;
using std::chrono::steady_clock;
using storage::TaskRow;
using storage::TaskState;

namespace {

constexpr milliseconds kLook{1'000};
constexpr base::seconds kRetryPause{2};
constexpr base::seconds kPrunePeriod{600};
constexpr std::int64_t kKeptTasks = 1'000;
constexpr std::size_t kIdDigits = 8;
constexpr std::size_t kMostKept = 1u << 20;

}  // namespace

/// A session at work for a task.
struct TaskBoard::Job {
  explicit Job(base::Loop& loop) : changed(loop), scope(loop) {}
  std::optional<Result<TaskEnd>> done;
  bool cancelled = false;
  base::Signal changed;
  base::Scope scope;
};

TaskBoard::TaskBoard(base::Loop& loop, storage::Db& db, const base::Clock& clock, base::Rng& rng, TaskLimits limits)
    : loop_(loop), db_(db), clock_(clock), rng_(rng), limits_(limits), rows_(db), outputs_(db), changed_(loop), scope_(loop) {}

TaskBoard::~TaskBoard() = default;

void TaskBoard::start(Run run, Abandon abandon, std::function<bool()> held) {
  run_ = std::move(run);
  abandon_ = std::move(abandon);
  held_ = std::move(held);
  scope_.spawn("task scheduler", schedule());
}

Task<void> TaskBoard::stop() {
  // The sessions first, and none new: what drives them owns their scopes.
  stopping_ = true;
  const auto jobs = jobs_;
  for (const auto& [id, job] : jobs) co_await job->scope.stop();
  co_await scope_.stop();
}

// ---- handing out ---------------------------------------------------------------------------------

Result<TaskRow> TaskBoard::hand_out(Errand errand) {
  TRY(const auto standing, rows_.by_call(errand.parent, errand.call));
  if (standing) return *standing;
  TRY(const auto parent, rows_.by_session(errand.parent));
  const std::int64_t depth = parent ? parent->depth + 1 : 1;
  TRY(may_hand_out(errand, depth));
  const std::string digits = rng_.hex(kIdDigits);
  const TaskRow row{.id = "bg_" + digits,
                    .tick = std::move(errand.tick),
                    .parent = std::move(errand.parent),
                    .call = std::move(errand.call),
                    .agent = std::move(errand.agent),
                    .description = std::move(errand.description),
                    .brief = base::json::dump(to_json(errand.brief)),
                    .depth = depth,
                    .session = nipsa::random_d("sess-", rng_),
                    .created = clock_.now()};
  TRY(rows_.add(row));
  FAILPOINT("task-handed-out");
  // Its turn counts from here on, not from when somebody next looks for something to start.
  if (auto& turn = turns_[row.tick]; turn == 0) turn = ++last_turn_;
  LOG(kInfo, "tasks", "handed out", {{"task", row.id}, {"agent", row.agent}, {"what", row.description}});
  changed_.notify();
  return row;
}

Result<void> TaskBoard::may_hand_out(const Errand& errand, std::int64_t depth) {
  if (depth > limits_.depth)
    return fail(Errc::kLimit, fmt::format("a task this deep hands out no tasks (limit is {})", limits_.depth),
                "do it yourself");
  TRY(const std::size_t active, rows_.count_active());
  if (active >= limits_.running + limits_.queue)
    return fail(Errc::kLimit, fmt::format("{} tasks are waiting in this node", active), "wait for one to end");
  TRY(const std::size_t beside, rows_.count_active(errand.tick));
  if (beside >= limits_.active_per_tick)
    return fail(Errc::kLimit, fmt::format("{} tasks of this session are under way", beside), "wait for one to end");
  return {};
}

// ---- running -------------------------------------------------------------------------------------

Task<void> TaskBoard::schedule() {
  for (;;) {
    if (auto started = start_some(); !started)
      LOG(kError, "tasks", "cannot read tasks", {{"detail", started.error().detail}});
    prune();
    co_await changed_.wait_for(kLook);
  }
}

void TaskBoard::prune() {
  const auto now = clock_.now();
  if (now - pruned_ < kPrunePeriod) return;
  pruned_ = now;
  if (auto pruned = rows_.prune(now - limits_.keep, kKeptTasks); !pruned)
    LOG(kError, "tasks", "old tasks were not removed", {{"detail", pruned.error().detail}});
}

/// A tick with many tasks waits for its turn behind one with few.
Result<void> TaskBoard::start_some() {
  if (held_() || stopping_ || jobs_.size() >= limits_.running) return {};
  struct Line {
    std::size_t at_work = 0;
    std::uint64_t turn = 0;
    std::deque<std::string> waiting;  // ids, in the order they were handed out
  };
  std::map<std::string, Line> lines;
  TRY(const auto queue, rows_.queue());
  const auto now = clock_.now();
  for (const storage::TaskTurn& task : queue) {
    auto& turn = turns_[task.tick];
    if (turn == 0) turn = ++last_turn_;
    Line& line = lines[task.tick];
    line.turn = turn;
    const auto retry = retry_at_.find(task.id);
    if (jobs_.contains(task.id)) ++line.at_work;
    else if (retry == retry_at_.end() || retry->second <= now) line.waiting.push_back(task.id);
  }
  std::erase_if(turns_, [&](const auto& entry) { return !lines.contains(entry.first); });
  std::erase_if(lines, [](const auto& entry) { return entry.second.waiting.empty(); });
  while (!lines.empty() && jobs_.size() < limits_.running) {
    const auto next = std::ranges::min_element(lines, {}, [](const auto& entry) {
      return std::pair(entry.second.at_work, entry.second.turn);
    });
    Line& line = next->second;
    TRY(auto row, rows_.get(line.waiting.front()));
    line.waiting.pop_front();
    ++line.at_work;
    line.turn = turns_[next->first] = ++last_turn_;
    if (row && !storage::is_final(row->state)) {
      jobs_.emplace(row->id, std::make_shared<Job>(loop_));
      scope_.spawn("task", drive(*std::move(row)));
    }
    if (line.waiting.empty()) lines.erase(next);
  }
  return {};
}

/// One session from here to its end, to the operator's word, or to the end of its time.
Task<void> TaskBoard::drive(TaskRow row) {
  const std::shared_ptr<Job> job = jobs_.at(row.id);
  struct Leave {
    TaskBoard& board;
    const std::string id;
    ~Leave() {
      board.jobs_.erase(id);
      board.changed_.notify();
    }
  } const leave{*this, row.id};
  TaskEnd how;
  if (row.starts >= limits_.starts && !begun_.contains(row.id)) {
    how = {TaskState::kFailed, "interrupted too often", row.result};
    abandon_(row);
  } else {
    if (stopping_) co_return;
    if (begun_.insert(row.id).second)
      if (auto started = rows_.start(row.id, clock_.now()); !started) co_return;
    job->scope.spawn("task session", work(row, job));
    const auto deadline = steady_clock::now() + limits_.wall;
    while (!job->done && !job->cancelled && steady_clock::now() < deadline) co_await job->changed.wait_for(kLook);
    co_await job->scope.stop();
    if (job->cancelled) {
      begun_.erase(row.id);
      abandon_(row);
      co_return;  // cancel() has written the end
    }
    if (job->done && !*job->done) {
      LOG(kWarn, "tasks", "interrupted; will go on", {{"task", row.id}, {"detail", job->done->error().detail}});
      retry_at_[row.id] = clock_.now() + kRetryPause;
      co_return;
    }
    if (!job->done) {
      how = {TaskState::kFailed, "its time was over", ""};
      abandon_(row);
    } else {
      how = **std::move(job->done);
    }
  }
  if (auto ended = end(row, std::move(how)); !ended)
    LOG(kError, "tasks", "an end was not written", {{"task", row.id}, {"detail", ended.error().detail}});
}

Task<void> TaskBoard::work(TaskRow row, std::shared_ptr<Job> job) {
  job->done = co_await run_(std::move(row));
  job->changed.notify();
}

Result<void> TaskBoard::end(const TaskRow& row, TaskEnd how) {
  if (how.state == TaskState::kCompleted && how.text.empty() && how.note.empty()) how.note = "it said nothing";
  if (how.text.size() > kToldTaskBytes) how.note += (how.note.empty() ? "" : "; ") + keep_whole(row, how.text);
  const std::string text = truncate_middle(how.text, limits_.max_result_bytes);
  TRY(const bool first, rows_.end(row.id, how.state, how.note, text, clock_.now()));
  FAILPOINT("task-ended");
  if (first)
    LOG(kInfo, "tasks", "ended",
        {{"task", row.id}, {"agent", row.agent}, {"state", std::string(name_of(how.state))}, {"note", how.note}});
  retry_at_.erase(row.id);
  begun_.erase(row.id);
  tell_listeners(row.parent);
  return {};
}

/// Keeps what is too long to be told at once where the parent's read_output finds it; says where.
std::string TaskBoard::keep_whole(const TaskRow& row, std::string_view text) {
  const std::string kept = enclose({.source = "task", .author = row.agent, .trust = Trust::kKnown, .id = row.id}, text, kMostKept);
  const auto number = outputs_.put(row.parent, "task", kept, clock_.now());
  if (number) return fmt::format("it said {} bytes; read_output with number {} and from 0 shows them", text.size(), *number);
  LOG(kError, "tasks", "what a task said is not kept whole", {{"task", row.id}, {"detail", number.error().detail}});
  return fmt::format("it said {} bytes, and the middle is lost", text.size());
}

// ---- looking and cancelling ----------------------------------------------------------------------

Task<Result<TaskRow>> TaskBoard::wait(std::string id, milliseconds limit) {
  const auto deadline = steady_clock::now() + limit;
  for (;;) {
    CO_TRY(auto row, rows_.get(id));
    if (!row) co_return fail(Errc::kNotFound, "no task is called " + id);
    const auto left = std::chrono::duration_cast<milliseconds>(deadline - steady_clock::now());
    if (storage::is_final(row->state) || left.count() <= 0) co_return *std::move(row);
    co_await news(row->parent, std::min(left, kLook));
  }
}

/// Only those who wait for one of that session's tasks wake up: with many sessions waiting, an end that woke
/// them all would have each of them ask the database for nothing.
Task<void> TaskBoard::news(std::string session, milliseconds limit) {
  auto& slot = listeners_[session];
  if (!slot) slot = std::make_shared<base::Signal>(loop_);
  struct Leave {
    TaskBoard& board;
    const std::string& session;
    std::shared_ptr<base::Signal> signal;
    ~Leave() {
      if (signal.use_count() == 2) board.listeners_.erase(session);
    }
  } const leave{*this, session, slot};
  co_await leave.signal->wait_for(limit);
}

void TaskBoard::tell_listeners(const std::string& session) {
  if (const auto found = listeners_.find(session); found != listeners_.end()) found->second->notify();
}

Result<bool> TaskBoard::descends_from(const TaskRow& row, const std::string& session) {
  std::string parent = row.parent;
  for (std::int64_t step = 0; step <= limits_.depth; ++step) {
    if (parent == session) return true;
    TRY(const auto above, rows_.by_session(parent));
    if (!above) return false;
    parent = above->parent;
  }
  return false;
}

Result<TaskRow> TaskBoard::find(const std::string& session, const std::string& id) {
  TRY(auto row, rows_.get(id));
  bool own = row && session.empty();
  if (row && !own) {
    TRY(own, descends_from(*row, session));
  }
  if (!own) return fail(Errc::kNotFound, fmt::format("no task is called \"{}\"", cut_utf8(id, 64)), "background_list");
  return *std::move(row);
}

Result<std::vector<TaskRow>> TaskBoard::list(const std::string& session) {
  if (session.empty()) return rows_.history(kKeptTasks);
  std::vector<TaskRow> out;
  TRY(auto level, rows_.of_parent(session));
  while (!level.empty()) {
    std::vector<TaskRow> below;
    for (TaskRow& row : level) {
      TRY(auto children, rows_.of_parent(row.session));
      std::ranges::move(children, std::back_inserter(below));
      out.push_back(std::move(row));
    }
    level = std::move(below);
  }
  return out;
}

Result<TaskRow> TaskBoard::cancel(const std::string& session, const std::string& id) {
  TRY(TaskRow row, find(session, id));
  if (storage::is_final(row.state)) return row;
  TRY(cancel_all(row.session));
  TRY(const bool first, rows_.end(row.id, TaskState::kCancelled, session.empty() ? "by the operator" : "by its parent",
                                  row.result, clock_.now()));
  if (first) LOG(kInfo, "tasks", "cancelled", {{"task", row.id}});
  if (const auto job = jobs_.find(row.id); job != jobs_.end()) {
    job->second->cancelled = true;
    job->second->changed.notify();
  } else if (row.state == TaskState::kRunning) {
    abandon_(row);
  }
  tell_listeners(row.parent);
  changed_.notify();
  return find(session, id);
}

Result<std::size_t> TaskBoard::cancel_all(const std::string& session) {
  std::size_t changed = 0;
  TRY(const auto rows, list(session));
  for (const TaskRow& row : rows) {
    if (storage::is_final(row.state)) continue;
    TRY(cancel(session, row.id));
    ++changed;
  }
  return changed;
}

Result<bool> TaskBoard::is_for_a_task(const std::string& session) {
  TRY(const auto row, rows_.by_session(session));
  return row.has_value();
}

Result<std::vector<TaskRow>> TaskBoard::untold(const std::string& session) {
  TRY(auto rows, rows_.of_parent(session));
  std::erase_if(rows, [](const TaskRow& row) { return row.told || !storage::is_final(row.state); });
  return rows;
}

Result<std::size_t> TaskBoard::active(const std::string& session) {
  TRY(const auto rows, rows_.of_parent(session));
  return static_cast<std::size_t>(
      std::ranges::count_if(rows, [](const TaskRow& row) { return !storage::is_final(row.state); }));
}

}  // namespace orchestration
