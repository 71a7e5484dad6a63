// A board of tasks with real sessions behind it: who thinks for which agent is a function of the test.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "orchestration/agents/registry.h"
#include "orchestration/tasks/board.h"
#include "orchestration/tools/task_tools.h"
#include "tests/orchestration/support/session_world.h"

namespace orchestration::testing {

/// Answers by what a test wants.
class Thinker final : public Backend {
 public:
  using Outcome = std::expected<Reply, ModelFailure>;
  explicit Thinker(std::function<base::Task<Outcome>(Request)> think) : think_(std::move(think)) {}
  const std::string& id() const override { return id_; }
  const std::string& model() const override { return id_; }
  const Rates& rates() const override { return rates_; }
  base::Task<Outcome> complete(Request request) override { return think_(std::move(request)); }

 private:
  std::string id_ = "thinker";
  Rates rates_;
  std::function<base::Task<Outcome>(Request)> think_;
};

/// App thread. One board at a time, and one in its life: a restart is a world of its own over the same folder.
class TaskWorld {
 public:
  explicit TaskWorld(const TempDir& dir, std::vector<AgentPatch> patches = {});
  ~TaskWorld();

  /// Takes up what an earlier world left. Sessions think with `backend`, which outlives them.
  void start(Backend& backend, TaskLimits limits = {});
  void stop();

  TaskBoard& board() { return *board_; }
  Router& router() { return router_; }
  SessionDeps deps();
  /// The session of a tick, woken by a stranger's mention.
  base::Task<base::Result<SessionResult>> parent(std::string content, std::string tick = "slot-1");
  base::Result<SessionResult> run_parent(std::string content, std::string tick = "slot-1");

  /// A call of one of the task tools, as `session`'s.
  base::Result<std::string> call(const char* tool, base::json::Value params, std::string session = "sess-1", std::string agent = "sisyphus");
  /// What hands "explore" something to do.
  static base::json::Value errand(std::string description = "look", std::string agent = "explore");
  /// A task of `session`, handed out by the tool.
  storage::TaskRow hand_out(std::string description = "look", std::string session = "sess-1");
  void pass(std::chrono::milliseconds time) { world.loop.run_until_complete(base::sleep_for(time)); }
  /// Lets the loop run until `holds`.
  void until(const std::function<bool()>& holds);

  World world;
  HookChain hooks;
  SessionLimits limits;
  std::unique_ptr<AgentRegistry> registry;
  std::vector<std::string> abandoned;  ///< ids of tasks whose books were closed

 private:
  base::Task<base::Result<TaskEnd>> child(storage::TaskRow row);
  std::unique_ptr<TaskBoard> board_;
  Router router_;
  int calls_ = 0;
};

}  // namespace orchestration::testing
