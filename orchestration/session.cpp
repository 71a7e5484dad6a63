// The loop. advance() does exactly one committed step; everything it needs is in the transcript.
#include "orchestration/session.h"

#include <algorithm>

#include <fmt/format.h>

#include "nipsa/reading.h"
#include "nostr/base/failpoint.h"
#include "nostr/base/log.h"
#include "nostr/nips/nip19.h"
#include "orchestration/context.h"
#include "orchestration/tools/task_tools.h"

namespace orchestration {
namespace {

using base::Errc;
using base::Result;
using base::Task;
using base::json::Value;
using std::chrono::milliseconds;

constexpr milliseconds kNewsLook{1'000};

}  // namespace

Session::Session(SessionDeps deps, AgentSpec agent, SessionIdentity identity, SessionLimits limits)
    : deps_(deps), agent_(std::move(agent)), identity_(identity), limits_(limits) {}

Task<Result<SessionResult>> Session::run(Trigger trigger) {
  CO_TRY(co_await enter(std::move(trigger)));
  if (row_.state == storage::SessionState::kRunning) {
    CO_TRY(co_await recorder_->record(new_steps()));
    for (;;) {
      CO_TRY(const bool over, co_await is_over());
      if (over) break;
      CO_TRY(co_await advance());
      FAILPOINT("session_step");
      CO_TRY(co_await recorder_->record(new_steps()));
    }
  }
  co_return co_await close();
}

Task<Result<SessionResult>> Session::abandon(Trigger trigger, Ending ending) {
  CO_TRY(co_await enter(std::move(trigger)));
  if (row_.state == storage::SessionState::kRunning) {
    if (!transcript_->messages().back().ending) CO_TRY(end(std::move(ending)));
    CO_TRY(co_await recorder_->record(new_steps()));
  }
  co_return co_await close();
}

/// The session's rows and its record, opened; whoever listens is told that it is at work.
Task<Result<void>> Session::enter(Trigger trigger) {
  trigger_ = std::move(trigger);
  CO_TRY(open());
  recorder_.emplace(deps_.trajectory, deps_.clock, deps_.rng,
                    TrajectorySubject{.session = row_.id,
                                      .agent = identity_.agent,
                                      .writer = identity_.node,
                                      .model = row_.model,
                                      .started = row_.started,
                                      .tick = trigger_.tick_request});
  CO_TRY(co_await recorder_->open());
  if (row_.state != storage::SessionState::kRunning) co_return Result<void>{};
  if (transcript_->messages().empty()) CO_TRY(begin());
  deps_.hooks.notify({.session = row_.id,
                      .tick = row_.tick,
                      .agent = agent_.id,
                      .phase = resumed_ ? SessionPhase::kResumed : SessionPhase::kStarted,
                      // A task is in the words of a model that may have read anything.
                      .by_stranger = !trigger_.task.empty() ||
                                     (trigger_.event && trigger_.trust != Trust::kOperator)});
  co_return Result<void>{};
}

Result<void> Session::open() {
  if (trigger_.tick.empty())
    return base::fail(Errc::kInvalid, "a session needs the slot of its tick");
  TRY(auto rows, deps_.sessions.of_tick(trigger_.tick));
  auto mine = rows.begin();
  for (; mine != rows.end(); ++mine) {
    TRY(const bool own, is_own(*mine));
    if (own) break;
  }
  resumed_ = mine != rows.end();
  if (resumed_) {
    row_ = std::move(*mine);
  } else {
    row_ = {.id = trigger_.task.empty() ? nipsa::random_d("sess-", deps_.rng) : trigger_.session,
            .tick = trigger_.tick,
            .agent = agent_.id,
            .model = deps_.router.first_model(agent_.id),
            .started = deps_.clock.now()};
    TRY(const bool added, deps_.sessions.add(row_));
    if (!added) return base::fail(Errc::kConflict, "session " + row_.id + " exists already");
  }
  transcript_.emplace(deps_.sessions, row_.id);
  return transcript_->load();
}

/// Whether `row`, of this tick, is the session this object is to run.
Result<bool> Session::is_own(const storage::SessionRow& row) {
  if (!trigger_.task.empty()) return row.id == trigger_.session;
  if (row.agent != agent_.id || deps_.tasks == nullptr) return row.agent == agent_.id;
  TRY(const bool other, deps_.tasks->is_for_a_task(row.id));
  return !other;
}

/// The opening is committed whole before anything else is, so a crash in between only repeats it.
Result<void> Session::begin() {
  const base::UnixTime now = deps_.clock.now();
  Message system{.role = Role::kSystem,
                 .content = system_prompt(agent_, nostr::encode_npub(identity_.agent))};
  TRY(transcript_->append({.message = std::move(system), .at = now}));
  return {};
}

Task<Result<void>> Session::advance() {
  if (transcript_->messages().back().message.role == Role::kSystem) {
    const SessionNotice notice{.session = row_.id, .tick = row_.tick, .agent = agent_.id};
    Message opening{.role = Role::kUser,
                    .content = opening_message(trigger_) + build_context(deps_.hooks.context(notice), context_bytes())};
    CO_TRY(transcript_->append({.message = std::move(opening), .at = deps_.clock.now()}));
    co_return Result<void>{};
  }
  if (const ToolCall* call = unanswered()) {
    if (auto calls = side_by_side(); !calls.empty()) co_return co_await look_together(std::move(calls));
    ToolCall next = *call;
    co_return co_await drive_call(std::move(next));
  }
  if (auto limit = exceeded_limit()) co_return end(std::move(*limit));
  CO_TRY(const bool heard, hear_news());
  if (heard) co_return Result<void>{};
  co_return co_await think();
}

/// What came of tasks since the last turn, as one message; false when there is nothing new.
Result<bool> Session::hear_news() {
  if (deps_.tasks == nullptr) return false;
  TRY(const auto ended, deps_.tasks->untold(row_.id));
  if (ended.empty()) return false;
  std::string text;
  TRY(storage::Tx tx, storage::Tx::begin(*deps_.db, storage::Durability::kFull));
  for (const storage::TaskRow& row : ended) {
    TRY(const bool first, deps_.tasks->tell(row.id));
    if (first) text += (text.empty() ? "" : "\n\n") + describe_task(row);
  }
  if (text.empty()) return false;
  Message news{.role = Role::kUser, .content = std::move(text)};
  TRY(transcript_->append({.message = std::move(news), .at = deps_.clock.now()}));
  TRY(tx.commit());
  FAILPOINT("session_heard");
  return true;
}

/// Whether the model has said its last word. It has not while tasks of its own are under way, or have
/// ended without its knowing.
Task<Result<bool>> Session::is_over() {
  const TranscriptMessage& last = transcript_->messages().back();
  if (last.message.role != Role::kAssistant || !last.message.calls.empty()) co_return false;
  if (last.ending) co_return true;
  if (deps_.tasks == nullptr) co_return !go_on();
  for (;;) {
    CO_TRY(const bool heard, hear_news());
    if (heard) co_return false;
    CO_TRY(const std::size_t active, deps_.tasks->active(row_.id));
    if (active == 0) co_return !go_on();
    co_await deps_.tasks->news(row_.id, kNewsLook);
  }
}

/// Whether a hook has the session go on although its model stopped; what it said is then in the transcript.
bool Session::go_on() {
  std::vector<std::string> told;
  for (const TranscriptMessage& entry : transcript_->messages())
    if (entry.message.role == Role::kUser) told.push_back(entry.message.content);
  const auto words = exceeded_limit() ? std::nullopt : deps_.hooks.before_finish(row_.id, told);
  if (!words) return false;
  return transcript_->append({.message = {.role = Role::kUser, .content = *words}, .at = deps_.clock.now()}).has_value();
}

Result<void> Session::end(Ending ending) {
  LOG(kWarn, "session", "stopped", {{"session", row_.id}, {"detail", ending.detail}});
  Message last{.role = Role::kAssistant};
  return transcript_->append(
      {.message = std::move(last), .ending = std::move(ending), .at = deps_.clock.now()});
}

Task<Result<SessionResult>> Session::close() {
  if (deps_.tasks != nullptr) CO_TRY(deps_.tasks->cancel_all(row_.id));
  SessionResult result{.session = row_.id, .started = row_.started};
  for (const TranscriptMessage& entry : transcript_->messages()) {
    if (entry.message.role != Role::kAssistant && !entry.folds) continue;
    if (!entry.ending && !entry.folds) ++result.turns;
    result.usage.prompt_tokens += entry.usage.prompt_tokens;
    result.usage.cached_tokens += entry.usage.cached_tokens;
    result.usage.completion_tokens += entry.usage.completion_tokens;
    result.usage.estimated = result.usage.estimated || entry.usage.estimated;
  }
  for (const CallRecord& record : transcript_->calls()) {
    const Tool* tool = deps_.tools.find(record.plan.tool);
    if (record.output.action && tool)
      result.actions.push_back(
          {record.call_id, record.plan.tool, tool->action(), *record.output.action});
  }
  result.tool_calls = static_cast<std::uint32_t>(transcript_->calls().size());
  add_verdict(result);
  if (result.status == SessionStatus::kSuccess)
    if (const std::string undone = deps_.hooks.left_undone(row_.id); !undone.empty()) {
      result.status = SessionStatus::kPartial;
      result.detail = "todo-stalled";
      if (row_.state == storage::SessionState::kRunning)
        deps_.hooks.notify({.session = row_.id,
                            .tick = row_.tick,
                            .agent = agent_.id,
                            .phase = SessionPhase::kStalled,
                            .detail = undone,
                            .of_task = !trigger_.task.empty()});
    }
  CO_TRY(result.cost, deps_.budgets.spent_in_session(row_.id));
  Value totals = {{"status", session_status_name(result.status)},
                  {"detail", result.detail},
                  {"turns", result.turns},
                  {"calls", result.tool_calls},
                  {"cost_msat", result.cost.value},
                  {"tokens_in", result.usage.prompt_tokens},
                  {"tokens_out", result.usage.completion_tokens}};
  CO_TRY(result.trajectory, co_await recorder_->close(new_steps(), std::move(totals)));
  FAILPOINT("session_recorded");
  if (row_.state == storage::SessionState::kRunning) {
    row_.state = result.status == SessionStatus::kError ? storage::SessionState::kFailed
                                                        : storage::SessionState::kEnded;
    row_.ended = deps_.clock.now();
    CO_TRY(deps_.sessions.finish(row_.id, row_.state, result.detail, *row_.ended));
    deps_.hooks.notify({.session = row_.id,
                        .tick = row_.tick,
                        .agent = agent_.id,
                        .phase = SessionPhase::kEnded,
                        .detail = result.detail,
                        .of_task = !trigger_.task.empty()});
  }
  result.ended = row_.ended.value_or(row_.started);
  co_return result;
}

void Session::add_verdict(SessionResult& result) const {
  const TranscriptMessage& last = transcript_->messages().back();
  result.summary = last.message.content;
  if (last.ending) {
    result.status = last.ending->status;
    result.detail = last.ending->detail;
    if (result.summary.empty()) result.summary = last.ending->text;
    return;
  }
  for (const SessionAction& action : result.actions) {
    const std::string detail = failure_detail(action.result.status);
    if (detail.empty()) continue;
    result.status = SessionStatus::kPartial;
    result.detail = detail;
    return;
  }
}

}  // namespace orchestration
