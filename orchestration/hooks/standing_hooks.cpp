// Small closures over what stands.
#include "orchestration/hooks/standing_hooks.h"

#include <algorithm>
#include <memory>

#include <fmt/format.h>

#include "nostr/base/log.h"
#include "orchestration/shell/command_rules.h"

namespace orchestration {
namespace {

/// Tools whose results hold what strangers wrote.
bool brings_foreign_words(ActionClass action) {
  return action == ActionClass::kSearch || action == ActionClass::kFetch ||
         action == ActionClass::kCallServer ||
         // What another agent reports may repeat what it has read, and it may come at any time from now on.
         action == ActionClass::kDelegate;
}

constexpr std::string_view kBash = "bash";

}  // namespace

bool grant_covers(const storage::GrantRow& grant, const ToolInvocation& call) {
  if (grant.tool != call.tool || (grant.agent != "*" && grant.agent != call.agent)) return false;
  if (call.capability != Capability::kRun) {
    const auto lines = lines_of(call.subject);
    return std::all_of(lines.begin(), lines.end(), [&](std::string_view line) {
      return matches_subject(grant.pattern, line);
    });
  }
  const auto rule = parse_command_rule(grant.pattern);
  const ShellLine line = parse_shell(call.subject);
  return rule && line.plain && covers(*rule, line.commands[0].words);
}

base::Result<void> check_grant(const storage::GrantRow& grant) {
  if (grant.tool.empty() || grant.pattern.empty())
    return base::fail(base::Errc::kInvalid, "a grant names a tool and a pattern");
  if (grant.tool == kBash) TRY(parse_command_rule(grant.pattern));
  return {};
}

Hook grant_waiver(storage::Grants& grants, const base::Clock& clock) {
  Hook hook{.name = "grant", .priority = 70, .guarded = true};
  hook.waive_tool = [&grants, &clock](const ToolInvocation& call) -> std::optional<std::string> {
    const auto rows = grants.of_tool(call.tool, clock.now());
    if (!rows) {
      LOG(kError, "grant", "grants cannot be read", {{"error", rows.error().detail}});
      return std::nullopt;
    }
    for (const storage::GrantRow& row : *rows) {
      if (!grant_covers(row, call)) continue;
      if (grants.use(row.id, clock.now()).value_or(false))
        return fmt::format("grant {} ({} {}) answers for the operator", row.id, row.tool, row.pattern);
    }
    return std::nullopt;
  };
  return hook;
}

std::set<ActionClass> risky_when_tainted() {
  return {ActionClass::kEditFile, ActionClass::kRunCommand, ActionClass::kFetch, ActionClass::kCallServer};
}

Hook taint_gate(std::set<ActionClass> risky) {
  Hook hook{.name = "taint", .priority = 85, .guarded = true};
  auto tainted = std::make_shared<std::set<std::string>>();
  hook.on_session = [tainted](const SessionNotice& notice) {
    if (notice.phase == SessionPhase::kEnded)
      tainted->erase(notice.session);
    else if (notice.by_stranger || notice.phase == SessionPhase::kResumed)
      tainted->insert(notice.session);
  };
  hook.observe_tool = [tainted](const ToolInvocation& call, const ToolOutput&) {
    if (brings_foreign_words(call.action)) tainted->insert(call.session);
  };
  hook.decide_tool = [tainted, risky = std::move(risky)](const ToolInvocation& call) {
    if (!risky.contains(call.action) || !tainted->contains(call.session)) return Decision{};
    return Decision{Decision::Verdict::kAsk, fmt::format("the session has read strangers' words before this {}",
                                                         action_class_name(call.action))};
  };
  return hook;
}

Hook pause_gate(std::function<std::optional<std::string>()> reason) {
  Hook hook{.name = "pause", .priority = 200, .guarded = true};
  hook.decide_tool = [reason](const ToolInvocation&) {
    const auto why = reason();
    return why ? Decision{Decision::Verdict::kBlock, "the operator paused everything: " + *why} : Decision{};
  };
  // Cancelled, not refused: the session is interrupted and goes on later.
  hook.reserve_model = [reason](const ModelCall&) -> base::Result<void> {
    if (const auto why = reason()) return base::fail(base::Errc::kCancelled, "the operator paused everything: " + *why);
    return {};
  };
  return hook;
}

base::Result<frostr::QuietHours> parse_quiet_hours(std::string_view text) {
  const auto dash = text.find('-');
  if (dash == text.npos)
    return base::fail(base::Errc::kInvalid, "quiet hours have no \"-\"", "write 22:30-07:00 Europe/Berlin");
  frostr::QuietHours out;
  const auto space = text.find(' ', dash);
  TRY(out.from, frostr::parse_clock_time(text.substr(0, dash)));
  TRY(out.to, frostr::parse_clock_time(text.substr(dash + 1, space == text.npos ? space : space - dash - 1)));
  if (space == text.npos) return out;
  out.zone = text.substr(space + 1);
  if (!frostr::is_known_zone(out.zone))
    return base::fail(base::Errc::kInvalid, "time zone \"" + out.zone.substr(0, 64) + "\" is unknown",
                      "use a name like Europe/Berlin");
  return out;
}

Hook quiet_hours_gate(frostr::QuietHours hours, const base::Clock& clock) {
  Hook hook{.name = "quiet-hours", .priority = 75, .guarded = true};
  hook.decide_tool = [hours = std::move(hours), &clock](const ToolInvocation& call) {
    if (!is_external(call.action)) return Decision{};
    const auto until = hours.until(clock.now());
    if (!until) return Decision{};
    return Decision{.verdict = Decision::Verdict::kAsk,
                    .reason = "quiet hours until " + hours.local(*until),
                    .each_time = true};
  };
  return hook;
}

}  // namespace orchestration
