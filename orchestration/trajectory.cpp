// From transcript rows to chained events.
#include "orchestration/trajectory.h"

#include "nipsa/delegation.h"
#include "nipsa/kinds.h"
#include "nipsa/redaction.h"
#include "nostr/base/failpoint.h"
#include "orchestration/envelope.h"
#include "orchestration/hooks/tool_hooks.h"

namespace orchestration {
namespace {

using base::Result;
using base::Task;
using base::json::Value;

constexpr std::size_t kMaxStepText = 8'000;

/// What is known to be secret goes first, whole, and before anything is cut.
std::string recorded_text(std::string text, const HideSecrets& hide) {
  if (hide) hide(text);
  return nipsa::redact_text(truncate_middle(text, kMaxStepText));
}

void hide_in(Value& value, const HideSecrets& hide) {
  if (value.is_string()) {
    hide(value.get_ref<std::string&>());
  } else if (value.is_structured()) {
    for (Value& part : value) hide_in(part, hide);
  }
}

/// `value` redacted, or its beginning as text when it is too large for one event.
Value recorded_value(Value value, const HideSecrets& hide) {
  if (hide) hide_in(value, hide);
  Value redacted = nipsa::redact(std::move(value));
  const std::string text = base::json::dump(redacted);
  if (text.size() <= kMaxStepText) return redacted;
  return truncate_middle(text, kMaxStepText);
}

/// A tool's name as a tag may carry it: the model's own word for a tool that does not exist.
std::string short_name(std::string_view name) {
  return std::string(cut_utf8(name, 64));
}

Step trigger_step(const Trigger& trigger, base::UnixTime started, const HideSecrets& hide) {
  Step step{.type = std::string(nipsa::step_type::kUser), .at = started};
  step.members = {{"trigger", trigger_kind_name(trigger.kind)},
                  {"trust", trust_name(trigger.trust)}};
  if (!trigger.task.empty()) step.members["task"] = trigger.task;
  if (!trigger.brief.empty()) step.members["content"] = recorded_text(trigger.brief, hide);
  if (trigger.event) {
    step.members["event"] = trigger.event->id.hex();
    step.members["author"] = trigger.event->pubkey.hex();
    step.members["content"] = recorded_text(trigger.event->content, hide);
  }
  if (trigger.kind == TriggerKind::kDelegation && trigger.event) {
    step.type = std::string(nipsa::step_type::kDelegation);
    if (const auto delegation = nipsa::parse_delegation(*trigger.event))
      step.parent_session = delegation->parent_session;
  }
  return step;
}

/// What the node told the model on the way: how tasks ended, that a list is not done.
Step told_step(const TranscriptMessage& entry, const HideSecrets& hide) {
  Step step{.type = std::string(nipsa::step_type::kUser), .at = entry.at};
  step.members = {{"content", recorded_text(entry.message.content, hide)}};
  if (entry.folds) {
    step.type = std::string(nipsa::step_type::kPhase);
    step.members["phase"] = "summed-up";
  }
  return step;
}

Step agent_step(const TranscriptMessage& entry, const HideSecrets& hide) {
  Step step{.type = std::string(nipsa::step_type::kAgent), .at = entry.at};
  step.members = {{"content", recorded_text(entry.message.content, hide)},
                  {"tokens_in", entry.usage.prompt_tokens},
                  {"tokens_out", entry.usage.completion_tokens},
                  {"estimated", entry.usage.estimated}};
  Value calls = Value::array();
  for (const ToolCall& call : entry.message.calls)
    calls.push_back({{"name", short_name(call.name)}, {"call_id", call.id}});
  if (!calls.empty()) step.members["calls"] = std::move(calls);
  return step;
}

Step start_step(const CallRecord& record, const HideSecrets& hide) {
  Step step{.type = std::string(nipsa::step_type::kToolStart), .at = record.created};
  step.members = {{"name", short_name(record.plan.tool)},
                  {"call_id", record.call_id},
                  {"args", recorded_value(record.plan.params, hide)}};
  step.action_type = record.plan.request
                         ? std::string(action_class_name(record.plan.request->action))
                         : "tool_invocation";
  step.tool = short_name(record.plan.tool);
  step.input_hash = nipsa::redacted_hash(record.plan.params);
  return step;
}

Step result_step(const CallRecord& record, const HideSecrets& hide) {
  const ToolOutput& output = record.output;
  Step step{.type = std::string(nipsa::step_type::kTool), .at = record.changed};
  step.members = {{"name", short_name(record.plan.tool)},
                  {"call_id", record.call_id},
                  {"success", output.outcome == ToolOutcome::kOk},
                  {"outcome", tool_outcome_name(output.outcome)},
                  {"result", recorded_text(output.content, hide)}};
  if (output.action) {
    step.members["status"] = action_status_name(output.action->status);
    if (output.action->event_id) step.members["event"] = output.action->event_id->hex();
    step.decision = output.action->decision;
  }
  step.tool = short_name(record.plan.tool);
  step.output_hash = nipsa::redacted_hash(Value(output.content));
  return step;
}

}  // namespace

StepList steps_of(const Trigger& trigger, base::UnixTime started, const Transcript& transcript,
                  std::size_t from, const HideSecrets& hide) {
  StepList out;
  // Redaction is not free, so steps that are recorded already are only counted.
  const auto add = [&](const auto& make) {
    if (out.total++ >= from) out.rest.push_back(make());
  };
  add([&] { return trigger_step(trigger, started, hide); });
  for (const TranscriptMessage& entry : transcript.messages()) {
    // The second message is the trigger, which has its step.
    if (entry.message.role == Role::kUser && &entry != &transcript.messages().front() + 1)
      add([&] { return told_step(entry, hide); });
    if (entry.message.role != Role::kAssistant || entry.ending) continue;
    add([&] { return agent_step(entry, hide); });
    for (const ToolCall& call : entry.message.calls) {
      const CallRecord* record = transcript.call(call.id);
      if (!record || record->state == storage::CallState::kProposed) break;
      add([&] { return start_step(*record, hide); });
      if (record->state != storage::CallState::kFinished) break;
      add([&] { return result_step(*record, hide); });
    }
  }
  return out;
}

TrajectoryRecorder::TrajectoryRecorder(TrajectorySink& sink, const base::Clock& clock,
                                       base::Rng& rng, TrajectorySubject subject)
    : sink_(sink), clock_(clock), rng_(rng), subject_(std::move(subject)) {}

nostr::Sha256 TrajectoryRecorder::chain() const {
  nostr::Sha256 link = nipsa::chain_start(subject_.agent, subject_.session);
  for (const nostr::EventId& id : position_.events) link = nipsa::chain_extend(link, id);
  return link;
}

Task<Result<void>> TrajectoryRecorder::open() {
  CO_TRY(position_, co_await sink_.position(subject_.session));
  if (position_.first_head) co_return Result<void>{};
  nipsa::TrajectorySession head{.d = subject_.session,
                                .model = subject_.model,
                                .started_at = subject_.started,
                                .tick = subject_.tick,
                                .writer = subject_.writer,
                                .is_public = false};  // the sink seals every step
  CO_TRY(auto draft, nipsa::build_trajectory_session(head, clock_.now()));
  CO_TRY(const nostr::EventId id,
         co_await sink_.put_head(subject_.session, /*last=*/false, std::move(draft)));
  position_.first_head = id;
  co_return Result<void>{};
}

Task<Result<void>> TrajectoryRecorder::record(StepList steps) {
  CHECK(steps.rest.empty() || recorded() + steps.rest.size() == steps.total);
  for (Step& step : steps.rest) {
    Step next = std::move(step);
    CO_TRY(co_await append(std::move(next)));
    FAILPOINT("session_recording");
  }
  co_return Result<void>{};
}

Task<Result<void>> TrajectoryRecorder::append(Step step) {
  const auto seq = static_cast<std::uint32_t>(position_.events.size() + 1);
  const base::UnixTime now = clock_.now();
  nipsa::TrajectoryStep out;
  out.session = {
      .kind = nipsa::kinds::kTrajectory, .pubkey = subject_.agent, .d = subject_.session};
  out.first_head = *position_.first_head;
  out.seq = seq;
  if (!position_.events.empty()) out.previous = position_.events.back();
  out.tick = subject_.tick;
  out.action_type = step.action_type;
  out.tool = step.tool;
  out.input_hash = step.input_hash;
  out.output_hash = step.output_hash;
  out.guardian_approval = step.decision;
  out.parent_session = step.parent_session;
  out.type = step.type;
  CO_TRY(out.content, nipsa::encode_step_body(step.type, seq, step.at, step.members));
  CO_TRY(auto draft, nipsa::build_trajectory_step(out, now, rng_));
  CO_TRY(const nostr::EventId id, co_await sink_.append(subject_.session, seq, std::move(draft)));
  position_.events.push_back(id);
  co_return Result<void>{};
}

Task<Result<TrajectorySummary>> TrajectoryRecorder::close(StepList steps, Value totals) {
  const std::size_t before_end = steps.total;
  CO_TRY(co_await record(std::move(steps)));
  if (recorded() == before_end) {
    Step end{.type = std::string(nipsa::step_type::kSessionEnd),
             .members = std::move(totals),
             .at = clock_.now()};
    end.members["trajectory_hash"] = chain().hex();
    end.members["count"] = before_end;
    CO_TRY(co_await append(std::move(end)));
  }
  TrajectorySummary summary{.first_head = *position_.first_head,
                            .hash = chain(),
                            .count = static_cast<std::uint32_t>(position_.events.size())};
  if (!position_.last_head) {
    // The closing head replaces the first one, so it must be younger by a second at least.
    const base::UnixTime now = std::max(clock_.now(), subject_.started + base::seconds{1});
    nipsa::TrajectorySession head{.d = subject_.session,
                                  .model = subject_.model,
                                  .started_at = subject_.started,
                                  .tick = subject_.tick,
                                  .writer = subject_.writer,
                                  .is_public = false};
    head.end = nipsa::TrajectoryEnd{
        .ended_at = now, .first = summary.first_head, .hash = summary.hash, .count = summary.count};
    CO_TRY(auto draft, nipsa::build_trajectory_session(head, now));
    CO_TRY(const nostr::EventId id,
           co_await sink_.put_head(subject_.session, /*last=*/true, std::move(draft)));
    position_.last_head = id;
  }
  summary.last_head = *position_.last_head;
  co_return summary;
}

}  // namespace orchestration
