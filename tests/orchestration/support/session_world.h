// A small world around a session: a database that can be closed and opened again, an Outside that
// remembers its effects in a file, and a record of signed steps.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "nostr/base/loop.h"
#include "nostr/base/rng.h"
#include "orchestration/agents/builtin.h"
#include "orchestration/hooks/spend_hooks.h"
#include "orchestration/hooks/tool_hooks.h"
#include "orchestration/llm/backend.h"
#include "orchestration/session.h"
#include "orchestration/tools/nostr_tools.h"
#include "storage/schema.h"
#include "storage/trajectories.h"
#include "tests/orchestration/support/temp_dir.h"

namespace orchestration::testing {

nostr::SecretKey key_of(std::uint8_t seed);

/// Acts once per key; each effect is a line of a file, so it survives the death of a process.
class FileOutside final : public Outside {
 public:
  explicit FileOutside(std::string path) : path_(std::move(path)) {}

  base::Task<base::Result<std::vector<nostr::Event>>> search(nostr::Filter filter) override;
  base::Task<base::Result<ActionResult>> act(ActionRequest request) override;
  base::Task<base::Result<ActionResult>> approve(LocalAction action) override;

  /// Lines written so far: "act TICK CALL CONTENT" and "ask TICK CALL REASON".
  std::vector<std::string> effects() const;

  std::function<ActionResult(const ActionRequest&)> on_act;      ///< default: published
  ActionStatus on_approve = ActionStatus::kApproved;
  std::optional<base::Error> act_error;                           ///< returned instead, nothing done
  std::vector<nostr::Event> events;                               ///< what search() looks through
  std::vector<ActionRequest> requests;

 private:
  bool once(const std::string& line_start, const std::string& line);
  std::string path_;
};

/// Signs with local keys and keeps everything in storage::Trajectories.
class StoredTrajectory final : public TrajectorySink {
 public:
  StoredTrajectory(storage::Db& db, const base::Clock& clock, base::Rng& rng);

  base::Task<base::Result<TrajectoryPosition>> position(std::string session) override;
  base::Task<base::Result<nostr::EventId>> put_head(std::string session, bool last, nostr::Draft head) override;
  base::Task<base::Result<nostr::EventId>> append(std::string session, std::uint32_t seq, nostr::Draft step) override;

  std::vector<nostr::Event> events(const std::string& session);
  int heads = 0;
  bool head_unavailable = false;

 private:
  storage::Trajectories rows_;
  const base::Clock& clock_;
  base::Rng& rng_;
};

/// Says what it was given, in order; remembers what it was asked.
class ScriptedBackend final : public Backend {
 public:
  using Outcome = std::expected<Reply, ModelFailure>;
  explicit ScriptedBackend(std::vector<Outcome> script, Rates rates = {});
  const std::string& id() const override { return id_; }
  const std::string& model() const override { return id_; }
  const Rates& rates() const override { return rates_; }
  base::Task<Outcome> complete(Request request) override;

  static Reply says(std::string text, Usage usage = {});
  static Reply calls(std::vector<std::pair<std::string, std::string>> name_and_arguments, Usage usage = {});
  static Outcome fails(ModelFault fault, Usage usage = {});

  std::vector<Request> requests;

 private:
  std::string id_ = "scripted";
  Rates rates_;
  std::deque<Outcome> script_;
};

/// Everything one session needs, over a database file at `dir`/world.db.
struct World {
  explicit World(const TempDir& dir, std::string db = "world.db");

  base::Loop loop;
  base::ManualClock clock{base::unix_time(1'760'000'000)};
  base::SeededRng rng{7};
  std::unique_ptr<storage::Db> db;
  storage::Sessions sessions;
  storage::Budgets budgets;
  FileOutside outside;
  StoredTrajectory trajectory;
  ToolRegistry tools;
  HookChain hooks;
  AgentSpec agent;
  SessionLimits limits;
  RetryPolicy retry{.first_delay = std::chrono::milliseconds{1}, .max_delay = std::chrono::milliseconds{2}};

  /// The default chain: permission, autonomy, budget, truncation.
  void add_gates(SpendLimits spend = {});
  base::Result<SessionResult> run(Backend& backend, Trigger trigger);

  static SessionIdentity identity();
  /// A stranger's signed note that mentions the agent.
  static Trigger mention(std::string content, std::string tick = "slot-1");
};

}  // namespace orchestration::testing
