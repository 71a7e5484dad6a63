// One process a call.
#include "orchestration/hooks/user_hook.h"

#include <algorithm>

#include <fmt/format.h>

#include "orchestration/envelope.h"
#include "orchestration/names.h"

namespace orchestration {
namespace {

using base::Errc;
using base::fail;
using base::Result;
using base::Task;
using base::json::Value;

constexpr std::size_t kMaxAnswer = 262'144;
constexpr Name<Decision::Verdict> kDecisions[] = {{Decision::Verdict::kContinue, "continue"},
                                                  {Decision::Verdict::kAsk, "ask"},
                                                  {Decision::Verdict::kBlock, "block"}};

Task<Result<Consultation>> consult(Sandbox& sandbox, UserHookOptions options, ToolInvocation call) {
  const Value question = {{"point", "before_tool"}, {"session", call.session}, {"agent", call.agent},
                          {"tool", call.tool},      {"params", call.params},   {"subject", call.subject}};
  SandboxJob job{.argv = options.command,
                 .readable = {options.command.front()},
                 .input = base::json::dump(question) + "\n",
                 .run = {.time = options.timeout, .output_bytes = kMaxAnswer}};
  CO_TRY(const ProcessOutcome outcome, co_await sandbox.run(std::move(job)));
  if (outcome.timed_out) co_return fail(Errc::kTimeout, fmt::format("no answer in {} ms", options.timeout.count()));
  if (outcome.status.code != 0)
    co_return fail(Errc::kPeer, fmt::format("it ended with code {}", outcome.status.code));
  co_return parse_user_hook(outcome.output);
}

}  // namespace

Result<Consultation> parse_user_hook(std::string_view answer) {
  auto parsed = base::json::parse(answer, {.max_bytes = kMaxAnswer, .max_depth = 32});
  if (!parsed || !parsed->is_object()) return fail(Errc::kPeer, "its answer is no JSON object");
  TRY(const std::string word, base::json::get_string(*parsed, "decision"));
  Consultation out;
  TRY(out.decision.verdict, value_in(kDecisions, word, "decision"));
  out.decision.reason = std::string(cut_utf8(base::json::string_or(*parsed, "reason", "no reason given"), 500));
  out.decision.each_time = out.decision.verdict == Decision::Verdict::kAsk;
  if (const auto params = parsed->find("params"); params != parsed->end()) {
    if (!params->is_object()) return fail(Errc::kPeer, "its params are no object");
    out.params = *params;
  }
  return out;
}

Hook user_hook(Sandbox& sandbox, UserHookOptions options) {
  Hook hook{.name = options.name, .priority = options.priority, .guarded = true};
  hook.consult_tool = [&sandbox, options = std::move(options)](const ToolInvocation& call)
      -> std::optional<Task<Result<Consultation>>> {
    const auto& tools = options.tools;
    if (!tools.empty() && std::find(tools.begin(), tools.end(), call.tool) == tools.end()) return std::nullopt;
    return consult(sandbox, options, call);
  };
  return hook;
}

}  // namespace orchestration
