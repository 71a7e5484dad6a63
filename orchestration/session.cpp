// The loop. advance() does exactly one committed step; everything it needs is in the transcript.
#include "orchestration/session.h"

#include <algorithm>

#include <fmt/format.h>

#include "nipsa/reading.h"
#include "nostr/base/failpoint.h"
#include "nostr/base/log.h"
#include "nostr/nips/nip19.h"
#include "orchestration/context.h"
#include "orchestration/envelope.h"
#include "orchestration/tools/schema.h"
#include "orchestration/tools/task_tools.h"

namespace orchestration {
namespace {

using base::Errc;
using base::Result;
using base::Task;
using base::json::Value;
using std::chrono::milliseconds;
using SteadyTime = std::chrono::steady_clock::time_point;

constexpr milliseconds kNewsLook{1'000};

milliseconds since(SteadyTime start) {
  return std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - start);
}

ToolOutput output_of(ToolOutcome outcome, std::string content) {
  const std::size_t bytes = content.size();
  return {.content = std::move(content), .outcome = outcome, .original_bytes = bytes};
}

/// Nine letters and digits: unique in the session, and accepted by every provider.
std::string call_id_of(std::size_t turn, std::size_t index) {
  return fmt::format("c{:04}{:04}", turn, index);
}

bool same_call(const CallRecord& a, const CallRecord& b) {
  return a.plan.tool == b.plan.tool && a.plan.params == b.plan.params;
}

/// How many of the last calls are the same one.
std::size_t repetitions(const std::vector<CallRecord>& calls) {
  std::size_t count = 0;
  while (count < calls.size() && same_call(calls[calls.size() - 1 - count], calls.back())) ++count;
  return count;
}

template <class Predicate>
std::size_t trailing(const std::vector<CallRecord>& calls, Predicate matches) {
  std::size_t count = 0;
  for (auto it = calls.rbegin(); it != calls.rend() && matches(*it); ++it) ++count;
  return count;
}

/// Both rulings as one.
Ruling stricter(const Ruling& a, Ruling b) {
  b.verdict = std::max(a.verdict, b.verdict);
  b.reasons.insert(b.reasons.begin(), a.reasons.begin(), a.reasons.end());
  return b;
}

/// Why a session without a reply ended, as call_model() (llm/caller.h) says it.
std::string model_detail(Errc code) {
  if (code == Errc::kLimit) return "budget-exhausted";
  if (code == Errc::kInvalid) return "context-too-long";
  return fmt::format("model-{}", base::errc_name(code));
}

/// Errors that leave everything as it was, to go on later; others are the call's result.
bool is_for_later(Errc code) {
  return code == Errc::kUnavailable || code == Errc::kDatabase || code == Errc::kCancelled ||
         code == Errc::kClosed;
}

}  // namespace

Session::Session(SessionDeps deps, AgentSpec agent, SessionIdentity identity, SessionLimits limits)
    : deps_(deps), agent_(std::move(agent)), identity_(identity), limits_(limits) {}

Task<Result<SessionResult>> Session::run(Trigger trigger) {
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
  if (row_.state == storage::SessionState::kRunning) {
    if (transcript_->messages().empty()) CO_TRY(begin());
    deps_.hooks.notify({.session = row_.id,
                        .agent = agent_.id,
                        .phase = resumed_ ? SessionPhase::kResumed : SessionPhase::kStarted,
                        // A task is in the words of a model that may have read anything.
                        .by_stranger = !trigger_.task.empty() ||
                                       (trigger_.event && trigger_.trust != Trust::kOperator)});
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
    const SessionNotice notice{.session = row_.id, .agent = agent_.id};
    Message opening{.role = Role::kUser,
                    .content = opening_message(trigger_) + build_context(deps_.hooks.context(notice))};
    CO_TRY(transcript_->append({.message = std::move(opening), .at = deps_.clock.now()}));
    co_return Result<void>{};
  }
  if (const ToolCall* call = unanswered()) {
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
    co_await deps_.tasks->news(kNewsLook);
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

Task<Result<void>> Session::think() {
  ModelTurn turn{.session = row_.id, .tick = trigger_.tick, .agent = agent_.id};
  for (const TranscriptMessage& entry : transcript_->messages()) {
    turn.request.messages.push_back(entry.message);
    if (entry.message.role == Role::kAssistant) ++turn.turn;
  }
  turn.request.tools = tool_specs();
  turn.request.max_output_tokens = agent_.max_output_tokens;
  turn.request.trigger = trigger_;
  turn.budget = std::min(limits_.model_timeout, limits_.think_time - thought_);
  const std::uint32_t number = turn.turn;

  const auto start = std::chrono::steady_clock::now();
  ModelCallerDeps deps{
      .router = deps_.router, .hooks = deps_.hooks, .rng = deps_.rng, .retry = deps_.retry};
  auto reply = co_await call_model(deps, std::move(turn));
  thought_ += since(start);
  if (!reply) {
    const base::Error& error = reply.error();
    if (error.code == Errc::kDatabase || error.code == Errc::kCancelled)
      co_return std::unexpected(error);
    co_return end({.status = SessionStatus::kError,
                   .detail = model_detail(error.code),
                   .text = error.detail});
  }
  for (std::size_t i = 0; i < reply->message.calls.size(); ++i)
    reply->message.calls[i].id = call_id_of(number, i);
  TranscriptMessage entry{
      .message = std::move(reply->message), .usage = reply->usage, .at = deps_.clock.now()};
  if (reply->finish == Finish::kContentFilter && entry.message.calls.empty())
    entry.ending =
        Ending{SessionStatus::kError, "model-refused", "the provider's filter withheld the answer"};
  co_return transcript_->append(std::move(entry));
}

/// One step of one call: plan it, start it, carry it out, or tell the model how it ended.
Task<Result<void>> Session::drive_call(ToolCall call) {
  const CallRecord* record = transcript_->call(call.id);
  if (!record) co_return co_await propose(std::move(call));
  switch (record->state) {
    case storage::CallState::kProposed:
      co_return co_await start(call.id);
    case storage::CallState::kStarted:
      co_return co_await perform(call.id);
    case storage::CallState::kFinished:
      co_return answer(call, *record);
  }
  co_return base::fail(Errc::kInternal, "a tool call has no state");
}

Task<Result<void>> Session::propose(ToolCall call) {
  Value params = Value::object();
  if (auto refused = precheck(call, params))
    co_return refuse(call, std::move(params), std::move(*refused));
  ToolInvocation invocation = invocation_of(call.id, call.name, params);
  deps_.hooks.mutate(invocation);
  Ruling consulted = co_await deps_.hooks.consult(invocation);
  ToolOutput refused;
  CO_TRY(auto planned, co_await plan(std::move(invocation), std::move(consulted), refused));
  if (!planned) co_return refuse(call, std::move(params), std::move(refused));
  co_return transcript_->propose(call.id, std::move(*planned), deps_.clock.now());
}

/// What cannot even be judged: the model is told why and may try again.
std::optional<ToolOutput> Session::precheck(const ToolCall& call, Value& params) const {
  const std::vector<ToolSpec> specs = tool_specs();
  const auto spec = std::find_if(specs.begin(), specs.end(),
                                 [&](const ToolSpec& s) { return s.name == call.name; });
  const auto parsed = base::json::parse(call.arguments.empty() ? "{}" : call.arguments,
                                        {.max_bytes = 262'144, .max_depth = 16});
  if (parsed) params = *parsed;
  if (spec == specs.end()) {
    return output_of(ToolOutcome::kInvalid,
                     fmt::format("There is no tool \"{}\"; {}", cut_utf8(call.name, 64),
                                 deps_.tools.suggest(call.name)));
  }
  if (!parsed)
    return output_of(ToolOutcome::kInvalid, "The arguments are no JSON: " + parsed.error().detail);
  if (auto fits = validate(spec->parameters, params); !fits)
    return output_of(ToolOutcome::kInvalid, "The arguments do not fit: " + fits.error().detail);
  const auto& messages = transcript_->messages();
  const auto in_turn =
      std::find_if(messages.rbegin(), messages.rend(),
                   [](const TranscriptMessage& e) { return e.message.role == Role::kAssistant; }) -
      messages.rbegin();
  if (static_cast<std::size_t>(in_turn) >= limits_.max_calls_per_turn)
    return output_of(ToolOutcome::kError, fmt::format("Only {} calls are made in one turn.",
                                                      limits_.max_calls_per_turn));
  const auto& calls = transcript_->calls();
  if (!calls.empty() && calls.back().plan.tool == call.name && calls.back().plan.params == params &&
      repetitions(calls) + 1 >= limits_.max_same_calls)
    return output_of(
        ToolOutcome::kError,
        "You have made this very call before, with the result above. Do something else or finish.");
  return std::nullopt;
}

Task<Result<std::optional<CallPlan>>> Session::plan(ToolInvocation invocation, Ruling consulted,
                                                    ToolOutput& refused) {
  Tool* tool = deps_.tools.find(invocation.tool);
  if (!tool) {
    refused = output_of(ToolOutcome::kInvalid, "There is no tool " + invocation.tool + ".");
    co_return std::optional<CallPlan>{};
  }
  invocation = invocation_of(invocation.call_id, invocation.tool, invocation.params);
  // Hooks and mutators may have changed the arguments: what the tool gets must still fit.
  if (auto fits = validate(tool->spec().parameters, invocation.params); !fits) {
    refused = output_of(ToolOutcome::kInvalid, "The changed arguments do not fit: " + fits.error().detail);
    co_return std::optional<CallPlan>{};
  }
  Ruling ruling = stricter(consulted, deps_.hooks.decide(invocation));
  CallPlan out{.tool = invocation.tool, .params = invocation.params};
  if (tool->is_outward() && ruling.verdict != Decision::Verdict::kBlock) {
    ToolContext context{
        .trigger = trigger_,
        .session = row_.id,
        .agent = agent_.id,
        .call_id = act_id(invocation.call_id),
        .ask = ruling.verdict == Decision::Verdict::kAsk && asks_itself(tool->action())};
    auto prepared = co_await tool->prepare(std::move(context), invocation.params);
    if (!prepared) {
      if (is_for_later(prepared.error().code))
        co_return std::unexpected(std::move(prepared).error());
      refused = output_of(ToolOutcome::kError, prepared.error().detail);
      co_return std::optional<CallPlan>{};
    }
    // The gate judged the kind the tool usually signs; what it drafted is what counts.
    if (tool->sign_kind() && prepared->draft.kind != *tool->sign_kind()) {
      invocation.sign_kind = prepared->draft.kind;
      ruling = stricter(consulted, deps_.hooks.decide(invocation));
      prepared->ask = ruling.verdict == Decision::Verdict::kAsk && asks_itself(tool->action());
    }
    out.request = std::move(*prepared);
  }
  if (ruling.verdict == Decision::Verdict::kBlock) {
    refused = output_of(ToolOutcome::kDenied, "Not permitted: " + ruling.text());
    co_return std::optional<CallPlan>{};
  }
  // Asking the operator whether the operator may be asked would be one question too many.
  if (ruling.verdict == Decision::Verdict::kAsk && !asks_itself(tool->action()) &&
      tool->action() != ActionClass::kAskOperator)
    out.local_ask = ruling.text();
  co_return std::optional<CallPlan>{std::move(out)};
}

Result<void> Session::refuse(const ToolCall& call, Value params, ToolOutput output) {
  TRY(transcript_->propose(call.id, {.tool = call.name, .params = std::move(params)},
                           deps_.clock.now()));
  return finish(call.id, std::move(output));
}

Task<Result<void>> Session::start(std::string call_id) {
  const CallPlan plan = transcript_->call(call_id)->plan;
  Tool* tool = deps_.tools.find(plan.tool);
  if (!tool)
    co_return finish(call_id,
                     output_of(ToolOutcome::kInvalid, "There is no tool " + plan.tool + "."));
  if (!plan.local_ask.empty()) {
    LocalAction action{.key = {.tick = trigger_.tick, .call_id = act_id(call_id) + "-ask"},
                       .action = tool->action(),
                       .params = plan.params,
                       .reason = plan.local_ask};
    CO_TRY(ActionResult asked, co_await deps_.outside.approve(std::move(action)));
    if (asked.status != ActionStatus::kApproved) {
      ToolOutput output = describe_result(tool->action(), std::move(asked));
      co_return finish(call_id, std::move(output));
    }
  }
  const ToolInvocation invocation = invocation_of(call_id, plan.tool, plan.params);
  if (auto reserved = deps_.hooks.reserve(invocation); !reserved)
    co_return finish(
        call_id, output_of(ToolOutcome::kDenied, "Not possible now: " + reserved.error().detail));
  auto started = transcript_->start(call_id, deps_.clock.now());
  if (!started) deps_.hooks.release(invocation);
  begun_ = call_id;
  co_return started;
}

/// Carries a started call out, or finds out how it ended: after a restart Outside answers the same
/// request under the same key, and tools that only look may look again.
Task<Result<void>> Session::perform(std::string call_id) {
  const CallPlan plan = transcript_->call(call_id)->plan;
  Tool* tool = deps_.tools.find(plan.tool);
  if (!tool)
    co_return finish(call_id,
                     output_of(ToolOutcome::kError, "The tool " + plan.tool + " is gone."));
  if (plan.request) {
    CO_TRY(ActionResult result, co_await deps_.outside.act(*plan.request));
    FAILPOINT("session_acted");
    co_return finish(call_id, describe_result(plan.request->action, std::move(result)));
  }
  const auto start = std::chrono::steady_clock::now();
  // What changed something and did not live to tell is never done twice.
  if (begun_ != call_id && is_local_effect(tool->action()))
    co_return finish(call_id, output_of(ToolOutcome::kError,
                                        "The outcome is unknown: the node stopped while this ran. Look "
                                        "before you do it again."));
  ToolContext context{.trigger = trigger_, .session = row_.id, .agent = agent_.id, .call_id = act_id(call_id)};
  auto text = co_await tool->run(std::move(context), plan.params);
  thought_ += since(start);
  if (!text && is_for_later(text.error().code) && text.error().code != Errc::kUnavailable)
    co_return std::unexpected(std::move(text).error());
  co_return finish(call_id, text ? output_of(ToolOutcome::kOk, *std::move(text))
                                 : output_of(ToolOutcome::kError, text.error().detail));
}

Result<void> Session::finish(const std::string& call_id, ToolOutput output) {
  const CallPlan& plan = transcript_->call(call_id)->plan;
  deps_.hooks.after(invocation_of(call_id, plan.tool, plan.params), output);
  return transcript_->finish(call_id, std::move(output), deps_.clock.now());
}

Result<void> Session::answer(const ToolCall& call, const CallRecord& record) {
  Message message{.role = Role::kTool,
                  .content = record.output.content,
                  .call_id = call.id,
                  .outcome = record.output.outcome};
  return transcript_->append({.message = std::move(message), .at = deps_.clock.now()});
}

Result<void> Session::end(Ending ending) {
  LOG(kWarn, "session", "stopped", {{"session", row_.id}, {"detail", ending.detail}});
  Message last{.role = Role::kAssistant};
  return transcript_->append(
      {.message = std::move(last), .ending = std::move(ending), .at = deps_.clock.now()});
}

std::optional<Ending> Session::exceeded_limit() const {
  const auto& calls = transcript_->calls();
  std::size_t turns = 0;
  std::size_t bytes = 0;
  for (const TranscriptMessage& entry : transcript_->messages()) {
    turns += entry.message.role == Role::kAssistant ? 1 : 0;
    bytes += entry.message.content.size();
    for (const ToolCall& call : entry.message.calls) bytes += call.arguments.size();
  }
  const auto stop = [](std::string detail, std::string text) {
    return Ending{SessionStatus::kPartial, std::move(detail), std::move(text)};
  };
  if (turns >= limits_.max_turns)
    return stop("limit-turns", fmt::format("{} model turns are used up", turns));
  if (calls.size() >= limits_.max_tool_calls)
    return stop("limit-calls", fmt::format("{} tool calls are used up", calls.size()));
  if (bytes > limits_.max_history_bytes)
    return stop("limit-history", fmt::format("the conversation has {} bytes", bytes));
  if (thought_ >= limits_.think_time) return stop("limit-time", "the time for thinking is used up");
  if (!calls.empty() && repetitions(calls) > limits_.max_same_calls)
    return stop("loop", "the model repeats one call: " + calls.back().plan.tool);
  if (trailing(calls, [](const CallRecord& c) {
        return c.output.outcome == ToolOutcome::kInvalid;
      }) >= limits_.max_invalid_calls)
    return stop("invalid-calls", "the model keeps making calls that cannot be understood");
  if (trailing(calls, [](const CallRecord& c) { return c.output.outcome != ToolOutcome::kOk; }) >=
      limits_.max_failed_calls)
    return stop("failed-calls", "one tool call after another failed");
  return std::nullopt;
}

const ToolCall* Session::unanswered() const {
  const auto& messages = transcript_->messages();
  const auto asked =
      std::find_if(messages.rbegin(), messages.rend(),
                   [](const TranscriptMessage& e) { return e.message.role == Role::kAssistant; });
  if (asked == messages.rend()) return nullptr;
  const auto answered = static_cast<std::size_t>(asked - messages.rbegin());
  return answered < asked->message.calls.size() ? &asked->message.calls[answered] : nullptr;
}

std::vector<ToolSpec> Session::tool_specs() const {
  std::vector<ToolSpec> specs = deps_.tools.specs(agent_.permissions);
  if (agent_.tools.empty()) return specs;
  std::erase_if(specs, [&](const ToolSpec& spec) {
    return std::find(agent_.tools.begin(), agent_.tools.end(), spec.name) == agent_.tools.end();
  });
  return specs;
}

/// Call ids count from the start in every session; what several of one tick do has to differ.
std::string Session::act_id(const std::string& call_id) const {
  return trigger_.task.empty() ? call_id : trigger_.task + ":" + call_id;
}

ToolInvocation Session::invocation_of(const std::string& call_id, const std::string& tool_name,
                                      const Value& params) const {
  ToolInvocation out{.session = row_.id,
                     .agent = agent_.id,
                     .call_id = call_id,
                     .tool = tool_name,
                     .params = params,
                     .at = deps_.clock.now()};
  if (auto canonical = base::json::canonical(params)) out.canonical = *std::move(canonical);
  if (const Tool* tool = deps_.tools.find(tool_name)) {
    out.capability = tool->capability();
    out.action = tool->action();
    out.sign_kind = tool->sign_kind();
    out.subject = tool->subject(params);
  }
  return out;
}

Task<Result<SessionResult>> Session::close() {
  if (deps_.tasks != nullptr) CO_TRY(deps_.tasks->cancel_all(row_.id));
  SessionResult result{.session = row_.id, .started = row_.started};
  for (const TranscriptMessage& entry : transcript_->messages()) {
    if (entry.message.role != Role::kAssistant) continue;
    if (!entry.ending) ++result.turns;
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
                        .agent = agent_.id,
                        .phase = SessionPhase::kEnded,
                        .detail = result.detail});
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
