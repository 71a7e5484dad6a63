#include "node/cli/run_progress.h"

#include <fmt/format.h>

#include "orchestration/envelope.h"

namespace node::cli {
namespace {

using base::json::Value;

constexpr std::size_t kMaxShown = 400;  ///< of a model's words between two calls

/// One step: a line of JSON, or `words` for a person.
void tell(const Context& context, const Value& step, const std::string& words) {
  if (context.json)
    print_json(step);
  else
    progress(context, words);
}

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

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> out;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    out.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

orchestration::Hook progress_hook(const Context& context) {
  orchestration::Hook hook{.name = "progress", .priority = 0};
  hook.on_session = [&context](const orchestration::SessionNotice& notice) {
    tell(context,
         {{"event", "session"}, {"agent", notice.agent}, {"session", notice.session}, {"phase", phase_word(notice.phase)}, {"detail", notice.detail}},
         fmt::format("{} {}{}{}", notice.agent, phase_word(notice.phase), notice.detail.empty() ? "" : ": ", notice.detail));
  };
  hook.observe_model = [&context](const orchestration::ModelCall& call, const orchestration::Reply& reply) {
    const std::string text(orchestration::cut_utf8(reply.message.content, kMaxShown));
    tell(context,
         {{"event", "turn"}, {"agent", call.agent}, {"backend", reply.backend}, {"model", reply.model}, {"text", text},
          {"calls", reply.message.calls.size()}, {"tokens_in", reply.usage.prompt_tokens}, {"tokens_out", reply.usage.completion_tokens}},
         text.empty() ? fmt::format("{} thinks on ({})", call.agent, reply.backend) : fmt::format("{}: {}", call.agent, text));
  };
  hook.reserve_tool = [&context](const orchestration::ToolInvocation& call) -> base::Result<void> {
    const std::string subject(orchestration::cut_utf8(call.subject, kMaxShown));
    tell(context, {{"event", "call"}, {"agent", call.agent}, {"tool", call.tool}, {"subject", subject}},
         fmt::format("{} calls {} {}", call.agent, call.tool, subject));
    return {};
  };
  hook.observe_tool = [&context](const orchestration::ToolInvocation& call, const orchestration::ToolOutput& output) {
    const std::string_view outcome = orchestration::tool_outcome_name(output.outcome);
    tell(context, {{"event", "tool"}, {"agent", call.agent}, {"tool", call.tool}, {"outcome", outcome}, {"bytes", output.content.size()}},
         fmt::format("{} {}: {}, {} bytes", call.agent, call.tool, outcome, output.content.size()));
  };
  return hook;
}

}  // namespace node::cli
