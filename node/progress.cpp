// Four points of a hook, each a step.
#include "node/progress.h"

#include <fmt/format.h>

#include "orchestration/envelope.h"

namespace node {
namespace {

using base::json::int_or;
using base::json::string_or;
using base::json::Value;
using orchestration::cut_utf8;

constexpr std::size_t kMaxShown = 400;  ///< of a model's words between two calls

std::string_view phase_word(orchestration::SessionPhase phase) {
  switch (phase) {
    case orchestration::SessionPhase::kStarted: return "started";
    case orchestration::SessionPhase::kResumed: return "resumed";
    case orchestration::SessionPhase::kStalled: return "stalled";
    case orchestration::SessionPhase::kEnded: return "ended";
  }
  return "";
}

}  // namespace

orchestration::Hook progress_hook(TellStep tell) {
  orchestration::Hook hook{.name = "progress", .priority = 0};
  hook.on_session = [tell](const orchestration::SessionNotice& notice) {
    tell(notice.tick, {{"event", "session"}, {"agent", notice.agent}, {"session", notice.session},
                       {"phase", phase_word(notice.phase)}, {"detail", notice.detail}});
  };
  hook.observe_model = [tell](const orchestration::ModelCall& call, const orchestration::Reply& reply) {
    tell(call.tick, {{"event", "turn"}, {"agent", call.agent}, {"backend", reply.backend}, {"model", reply.model},
                     {"text", cut_utf8(reply.message.content, kMaxShown)}, {"calls", reply.message.calls.size()},
                     {"tokens_in", reply.usage.prompt_tokens}, {"tokens_out", reply.usage.completion_tokens}});
  };
  hook.reserve_tool = [tell](const orchestration::ToolInvocation& call) -> base::Result<void> {
    tell(call.tick, {{"event", "call"}, {"agent", call.agent}, {"tool", call.tool}, {"subject", cut_utf8(call.subject, kMaxShown)}});
    return {};
  };
  hook.observe_tool = [tell](const orchestration::ToolInvocation& call, const orchestration::ToolOutput& output) {
    tell(call.tick, {{"event", "tool"}, {"agent", call.agent}, {"tool", call.tool},
                     {"outcome", orchestration::tool_outcome_name(output.outcome)}, {"bytes", output.content.size()}});
  };
  return hook;
}

std::string progress_words(const Value& step) {
  const std::string event = string_or(step, "event");
  const std::string agent = string_or(step, "agent");
  const std::string tool = string_or(step, "tool");
  if (event == "session") {
    const std::string detail = string_or(step, "detail");
    return fmt::format("{} {}{}{}", agent, string_or(step, "phase"), detail.empty() ? "" : ": ", detail);
  }
  if (event == "turn") {
    const std::string text = string_or(step, "text");
    return text.empty() ? fmt::format("{} thinks on ({})", agent, string_or(step, "backend"))
                        : fmt::format("{}: {}", agent, text);
  }
  if (event == "call") return fmt::format("{} calls {} {}", agent, tool, string_or(step, "subject"));
  return fmt::format("{} {}: {}, {} bytes", agent, tool, string_or(step, "outcome"), int_or(step, "bytes"));
}

}  // namespace node
