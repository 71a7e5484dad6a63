// The session loop: context, model, tool calls, results, until the model is done or a limit ends it.
//
// Every step is committed before the next one begins (transcript.h), so a session that dies anywhere
// goes on where it stood when run() is called again for the same tick. Nothing happens twice: an
// unfinished act is asked of Outside again under the same key, a finished one is read from its row.
// What ends it is a value of SessionResult, never an exception.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "nostr/base/clock.h"
#include "nostr/base/rng.h"
#include "orchestration/agents/agent.h"
#include "orchestration/compaction.h"
#include "orchestration/hooks/hook.h"
#include "orchestration/llm/caller.h"
#include "orchestration/tasks/board.h"
#include "orchestration/tools/tool.h"
#include "orchestration/trajectory.h"
#include "orchestration/transcript.h"
#include "storage/budgets.h"
#include "storage/sessions.h"

namespace orchestration {

struct SessionLimits {
  std::uint32_t max_turns = 50;             ///< model turns
  std::uint32_t max_tool_calls = 200;       ///< in the whole session
  std::uint32_t max_calls_per_turn = 16;
  std::uint32_t max_invalid_calls = 3;      ///< in a row: no JSON, unknown tool, bad arguments
  std::uint32_t max_failed_calls = 8;       ///< in a row
  std::uint32_t max_same_calls = 3;         ///< the same call with the same arguments in a row
  std::size_t max_history_bytes = 4u << 20;
  /// For models and local tools together; waiting for the operator or for relays does not count.
  std::chrono::milliseconds think_time{30 * 60 * 1000};
  std::chrono::milliseconds model_timeout{600'000};  ///< one turn with its retries
};

/// What a session speaks as, and stands in the record as.
struct SessionIdentity {
  nostr::PublicKey agent;  ///< the group key
  nostr::PublicKey node;   ///< writer of the record
};

/// All of it outlives the session.
struct SessionDeps {
  storage::Sessions& sessions;
  storage::Budgets& budgets;
  Outside& outside;
  Router& router;
  const ToolRegistry& tools;
  const HookChain& hooks;
  TrajectorySink& trajectory;
  const base::Clock& clock;
  base::Rng& rng;
  RetryPolicy retry;
  TaskBoard* tasks = nullptr;  ///< where it hands out tasks, if it may; their ends are told to it
  storage::Db* db = nullptr;   ///< with `tasks`: telling and noting that it was told is one transaction
};

/// One act or call, as 39211 reports it.
struct SessionAction {
  std::string call_id;
  std::string tool;
  ActionClass action = ActionClass::kReply;
  ActionResult result;
};

struct SessionResult {
  std::string session;      ///< id; the `d` of its 39230
  SessionStatus status = SessionStatus::kSuccess;
  std::string detail;       ///< "" or why not: "approval-denied", "limit-turns", "model-unavailable", …
  std::string summary;      ///< what the model said at the end; not for the public
  std::vector<SessionAction> actions;
  Usage usage;
  base::Msat cost;
  std::uint32_t turns = 0;
  std::uint32_t tool_calls = 0;
  base::UnixTime started;
  base::UnixTime ended;
  TrajectorySummary trajectory;
};

/// One agent's session for one tick. App thread; run() or abandon() once per object.
class Session {
 public:
  Session(SessionDeps deps, AgentSpec agent, SessionIdentity identity, SessionLimits limits = {});

  /// Begins, or resumes, or (when it has ended before) reports again the session of `trigger.tick`.
  /// An error is never an ending: the rows are intact and a later run() goes on (kUnavailable: a
  /// relay or co-signer is away; kDatabase). Cancelling is safe at any point.
  base::Task<base::Result<SessionResult>> run(Trigger trigger);
  /// Ends it as it stands, with nothing more asked or done, and reports. One that ended before reports as it
  /// did then. Instead of run().
  base::Task<base::Result<SessionResult>> abandon(Trigger trigger, Ending ending);

 private:
  base::Task<base::Result<void>> enter(Trigger trigger);
  base::Result<void> open();
  base::Result<bool> is_own(const storage::SessionRow& row);
  base::Result<void> begin();
  base::Task<base::Result<void>> advance();
  base::Task<base::Result<void>> think();
  base::Task<base::Result<Reply>> ask_model(Request request, std::string purpose);
  base::Task<base::Result<void>> sum_up(Request request);
  base::Result<bool> hear_news();
  base::Task<base::Result<bool>> is_over();
  bool go_on();
  base::Task<base::Result<void>> drive_call(ToolCall call);
  std::vector<ToolCall> side_by_side() const;
  base::Task<base::Result<void>> look_together(std::vector<ToolCall> calls);
  base::Task<void> look(std::string call_id, std::optional<base::Result<std::string>>* said);
  base::Task<base::Result<void>> propose(ToolCall call);
  base::Task<base::Result<void>> start(std::string call_id);
  base::Task<base::Result<void>> perform(std::string call_id);
  base::Task<base::Result<std::optional<CallPlan>>> plan(ToolInvocation invocation, Ruling consulted, ToolOutput& refused);
  base::Result<SessionFacts> facts_so_far();
  base::Result<void> refuse(const ToolCall& call, base::json::Value params, ToolOutput output);
  base::Result<void> finish(const std::string& call_id, ToolOutput output);
  base::Result<void> finish_local(const std::string& call_id, base::Result<std::string> text);
  base::Result<void> answer(const ToolCall& call, const CallRecord& record);
  base::Result<void> end(Ending ending);
  base::Task<base::Result<SessionResult>> close();

  std::optional<Ending> exceeded_limit() const;
  Request next_request() const;
  void say_aside(Request& request) const;
  std::uint64_t window() const;
  bool wants_summary(const Request& request) const;
  void fit(Request& request) const;
  bool has_less_to_say(std::size_t sent);
  std::size_t context_bytes() const;
  std::uint32_t turns() const;
  std::optional<ToolOutput> precheck(const ToolCall& call, base::json::Value& params) const;
  bool is_repeated(const std::string& tool, const base::json::Value& params) const;
  std::string act_id(const std::string& call_id) const;
  ToolInvocation invocation_of(const std::string& call_id, const std::string& tool,
                               const base::json::Value& params) const;
  const ToolCall* unanswered() const;
  std::vector<ToolSpec> tool_specs() const;
  StepList new_steps() const {
    return steps_of(trigger_, row_.started, *transcript_, recorder_->recorded(),
                    [this](std::string& text) { deps_.router.hide_secrets(text); });
  }
  void add_verdict(SessionResult& result) const;

  SessionDeps deps_;
  AgentSpec agent_;
  SessionIdentity identity_;
  SessionLimits limits_;
  Trigger trigger_;
  storage::SessionRow row_;
  bool resumed_ = false;
  std::optional<Transcript> transcript_;
  std::optional<TrajectoryRecorder> recorder_;
  std::string begun_;  ///< the call this process started last
  std::uint64_t learnt_window_ = 0;  ///< tokens; from a prompt that proved too long
  std::size_t not_summed_up_ = 0;    ///< messages there were when summing up failed
  std::chrono::milliseconds thought_{0};  ///< spent of SessionLimits::think_time by this process
};

}  // namespace orchestration
