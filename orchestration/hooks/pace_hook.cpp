#include "orchestration/hooks/pace_hook.h"

#include <utility>

#include <fmt/format.h>

#include "nostr/base/log.h"

namespace orchestration {
namespace {

std::string key_of(const std::string& session, const std::string& call) { return session + "\n" + call; }

PaceKind kind_of(const Reply& reply) { return reply.message.calls.empty() ? PaceKind::kResponse : PaceKind::kThinking; }

}  // namespace

void PaceBook::record(const std::string& session, PaceAction action) {
  const PaceMeter::Time now = now_();
  sessions_.try_emplace(session, now).first->second.record(action, now);
  node_.record(std::move(action), now);
}

std::map<std::string, PaceSnapshot> PaceBook::sessions() {
  std::map<std::string, PaceSnapshot> out;
  for (auto& [session, meter] : sessions_) out.emplace(session, meter.snapshot(now_()));
  return out;
}

Hook PaceBook::hook() {
  Hook hook{.name = "pace", .priority = 1};
  const auto begin = [this](std::string key) { begun_.insert_or_assign(std::move(key), now_()); };
  const auto lasted = [this](const std::string& key) {
    const auto found = begun_.extract(key);
    return found.empty() ? std::chrono::milliseconds{0} : std::chrono::duration_cast<std::chrono::milliseconds>(now_() - found.mapped());
  };
  hook.reserve_tool = [begin](const ToolInvocation& call) -> base::Result<void> {
    begin(key_of(call.session, call.call_id));
    return {};
  };
  hook.release_tool = [lasted](const ToolInvocation& call) { lasted(key_of(call.session, call.call_id)); };
  hook.observe_tool = [this, lasted](const ToolInvocation& call, const ToolOutput& output) {
    record(call.session, {.kind = call.action == ActionClass::kDelegate ? PaceKind::kDelegation : call.action == ActionClass::kKeepTodo ? PaceKind::kPlanning : PaceKind::kToolCall,
                          .tool = call.tool,
                          .duration = lasted(key_of(call.session, call.call_id)),
                          .success = output.outcome == ToolOutcome::kOk});
  };
  hook.reserve_model = [begin](const ModelCall& call) -> base::Result<void> {
    begin(key_of(call.session, call.call_key));
    return {};
  };
  // An attempt that failed is no action: another follows, or the session ends.
  hook.observe_model = [this, lasted](const ModelCall& call, const Reply& reply) {
    record(call.session, {.kind = kind_of(reply), .tool = "", .duration = lasted(key_of(call.session, call.call_key)), .tokens_in = reply.usage.prompt_tokens, .tokens_out = reply.usage.completion_tokens});
  };
  hook.on_session = [this](const SessionNotice& notice) {
    if (notice.phase != SessionPhase::kEnded) {
      sessions_.try_emplace(notice.session, now_());
      return;
    }
    const auto ended = sessions_.extract(notice.session);
    std::erase_if(begun_, [&](const auto& one) { return one.first.starts_with(notice.session + "\n"); });
    if (ended.empty()) return;
    const PaceSnapshot pace = ended.mapped().snapshot(now_());
    LOG(kInfo, "pace", "a session ended",
        {{"session", notice.session}, {"actions", fmt::to_string(pace.total)}, {"apm", fmt::format("{:.1f}", pace.lifetime_apm)}, {"failed", fmt::to_string(pace.failed)}});
  };
  return hook;
}

base::json::Value pace_view(PaceBook& book) {
  base::json::Value sessions = base::json::Value::object();
  for (const auto& [id, snapshot] : book.sessions()) sessions[id] = to_json(snapshot);
  return {{"node", to_json(book.node())}, {"sessions", std::move(sessions)}};
}

}  // namespace orchestration
