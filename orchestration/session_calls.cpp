// One call of a model's: judged, planned, started, carried out and answered, each step committed.
#include <algorithm>

#include <fmt/format.h>

#include "nostr/base/failpoint.h"
#include "nostr/base/loop_together.h"
#include "orchestration/context.h"
#include "orchestration/envelope.h"
#include "orchestration/repetition.h"
#include "orchestration/session.h"
#include "orchestration/tools/schema.h"

namespace orchestration {
namespace {

using base::Errc;
using base::Result;
using base::Task;
using base::json::Value;

ToolOutput output_of(ToolOutcome outcome, std::string content) {
  const std::size_t bytes = content.size();
  return {.content = std::move(content), .outcome = outcome, .original_bytes = bytes};
}

constexpr std::size_t kMostSideBySide = 8;

/// Whether calls of the kind may be made in any order, side by side, and again after a crash.
bool only_looks(const Tool& tool) {
  const ActionClass action = tool.action();
  return !tool.is_outward() &&
         (action == ActionClass::kReadFile || action == ActionClass::kSearch || action == ActionClass::kFetch);
}

/// Both rulings as one.
Ruling stricter(const Ruling& a, Ruling b) {
  b.verdict = std::max(a.verdict, b.verdict);
  b.reasons.insert(b.reasons.begin(), a.reasons.begin(), a.reasons.end());
  return b;
}

/// Errors that leave everything as it was, to go on later; others are the call's result.
bool is_for_later(Errc code) {
  return code == Errc::kUnavailable || code == Errc::kDatabase || code == Errc::kCancelled ||
         code == Errc::kClosed;
}

}  // namespace

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

/// The calls left of the last turn, when all calls of that turn only look, nobody has to be asked about one
/// and at least two are left of which one is not carried out.
std::vector<ToolCall> Session::side_by_side() const {
  const auto& messages = transcript_->messages();
  const auto asked = std::find_if(messages.rbegin(), messages.rend(), [](const TranscriptMessage& e) {
    return e.message.role == Role::kAssistant;
  });
  if (asked == messages.rend()) return {};
  const std::vector<ToolCall>& calls = asked->message.calls;
  const auto answered = static_cast<std::size_t>(asked - messages.rbegin());
  bool done = true;
  for (const ToolCall& call : calls) {
    const Tool* tool = deps_.tools.find(call.name);
    if (tool == nullptr || !only_looks(*tool)) return {};
    const CallRecord* record = transcript_->call(call.id);
    if (record && (record->plan.request || !record->plan.local_ask.empty())) return {};
    done = done && record && record->state == storage::CallState::kFinished;
  }
  if (done || calls.size() < answered + 2) return {};
  return {calls.begin() + static_cast<std::ptrdiff_t>(answered), calls.end()};
}

/// Calls that only look, made side by side. Each step of each is committed as if it were alone, and their
/// results go to hooks and model in the order of the calls.
Task<Result<void>> Session::look_together(std::vector<ToolCall> calls) {
  for (const ToolCall& call : calls)
    if (!transcript_->call(call.id)) {
      ToolCall next = call;
      CO_TRY(co_await propose(std::move(next)));
    }
  // Somebody has to be asked about one of them: one after the other, then.
  if (side_by_side().empty()) co_return Result<void>{};
  std::vector<std::string> begun;
  for (const ToolCall& call : calls) {
    if (transcript_->call(call.id)->state == storage::CallState::kProposed) CO_TRY(co_await start(call.id));
    if (transcript_->call(call.id)->state == storage::CallState::kStarted) begun.push_back(call.id);
  }
  const auto start_time = std::chrono::steady_clock::now();
  std::vector<std::optional<Result<std::string>>> said(begun.size());
  for (std::size_t from = 0; from < begun.size(); from += kMostSideBySide) {
    std::vector<Task<void>> tasks;
    for (std::size_t at = from; at < std::min(from + kMostSideBySide, begun.size()); ++at)
      tasks.push_back(look(begun[at], &said[at]));
    co_await base::all_of(std::move(tasks));
  }
  thought_ += std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - start_time);
  for (std::size_t at = 0; at < begun.size(); ++at) CO_TRY(finish_local(begun[at], *std::move(said[at])));
  co_return Result<void>{};
}

Task<void> Session::look(std::string call_id, std::optional<Result<std::string>>* said) {
  const CallPlan plan = transcript_->call(call_id)->plan;
  Tool* tool = deps_.tools.find(plan.tool);
  ToolContext context{.trigger = trigger_, .session = row_.id, .agent = agent_.id, .call_id = act_id(call_id)};
  *said = co_await tool->run(std::move(context), plan.params);
}

Task<Result<void>> Session::propose(ToolCall call) {
  Value params = Value::object();
  if (auto refused = precheck(call, params))
    co_return refuse(call, std::move(params), std::move(*refused));
  ToolInvocation invocation = invocation_of(call.id, call.name, params);
  const bool repeated = is_repeated(call.name, params);
  deps_.hooks.mutate(invocation);
  Ruling consulted = co_await deps_.hooks.consult(invocation);
  if (repeated) {
    // No standing grant was meant for a model that goes round in circles.
    consulted.verdict = std::max(consulted.verdict, Decision::Verdict::kAsk);
    consulted.reasons.push_back(
        fmt::format("doom_loop: the same call, arguments and all, {} times in a row", limits_.max_same_calls));
  }
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
  const auto asked =
      std::find_if(messages.rbegin(), messages.rend(),
                   [](const TranscriptMessage& e) { return e.message.role == Role::kAssistant; });
  const auto place = std::ranges::find(asked->message.calls, call.id, &ToolCall::id) - asked->message.calls.begin();
  if (static_cast<std::size_t>(place) >= limits_.max_calls_per_turn)
    return output_of(ToolOutcome::kError, fmt::format("Only {} calls are made in one turn.",
                                                      limits_.max_calls_per_turn));
  // Whether something is done once more, the operator is asked; looking once more shows nothing new.
  const Tool* tool = deps_.tools.find(call.name);
  if (is_repeated(call.name, params) && !is_external(tool->action()))
    return output_of(
        ToolOutcome::kError,
        "You have made this very call before, with the result above. Do something else or finish.");
  return std::nullopt;
}

/// Whether a call would be the same as those before it once too often.
bool Session::is_repeated(const std::string& tool, const Value& params) const {
  const auto& calls = transcript_->calls();
  return !calls.empty() && calls.back().plan.tool == tool && calls.back().plan.params == params &&
         repetitions(calls) + 1 >= limits_.max_same_calls;
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
                                        "Interrupted: the node stopped while this ran, and the outcome is "
                                        "unknown. Look before you do it again."));
  ToolContext context{.trigger = trigger_, .session = row_.id, .agent = agent_.id, .call_id = act_id(call_id)};
  auto text = co_await tool->run(std::move(context), plan.params);
  thought_ += std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - start);
  co_return finish_local(call_id, std::move(text));
}

Result<void> Session::finish_local(const std::string& call_id, Result<std::string> text) {
  if (!text && is_for_later(text.error().code) && text.error().code != Errc::kUnavailable)
    return std::unexpected(std::move(text).error());
  return finish(call_id, text ? output_of(ToolOutcome::kOk, *std::move(text))
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

const ToolCall* Session::unanswered() const {
  const auto& messages = transcript_->messages();
  const auto asked =
      std::find_if(messages.rbegin(), messages.rend(),
                   [](const TranscriptMessage& e) { return e.message.role == Role::kAssistant; });
  if (asked == messages.rend()) return nullptr;
  const auto answered = static_cast<std::size_t>(asked - messages.rbegin());
  return answered < asked->message.calls.size() ? &asked->message.calls[answered] : nullptr;
}

/// Call ids count from the start in every session; what several of one tick do has to differ.
std::string Session::act_id(const std::string& call_id) const {
  return trigger_.task.empty() ? call_id : trigger_.task + ":" + call_id;
}

ToolInvocation Session::invocation_of(const std::string& call_id, const std::string& tool_name,
                                      const Value& params) const {
  ToolInvocation out{.tick = trigger_.tick,
                     .session = row_.id,
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

}  // namespace orchestration
