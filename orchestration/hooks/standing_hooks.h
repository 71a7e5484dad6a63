// Hooks that stand for the operator between calls: grants, the pause, quiet hours, and distrust of
// sessions that have read strangers' words.
#pragma once

#include <functional>
#include <set>
#include <string>

#include "frostr/quiet_hours.h"
#include "nostr/base/clock.h"
#include "orchestration/autonomy.h"
#include "orchestration/hooks/hook.h"
#include "storage/grants.h"

namespace orchestration {

/// Whether a grant with this pattern speaks of the call. For commands the pattern is a rule that covers
/// the line as one plain command (shell/command_rules.h); for the rest see matches_subject().
bool grant_covers(const storage::GrantRow& grant, const ToolInvocation& call);

/// kInvalid unless the pattern of a grant for `tool` can be read.
base::Result<void> check_grant(const storage::GrantRow& grant);

/// Priority 70, guarded: answers an ask when a standing grant covers the call, and counts the use first.
/// References outlive the chain.
Hook grant_waiver(storage::Grants& grants, const base::Clock& clock);

/// Acts that are asked about once a session has read strangers' words, at every level.
std::set<ActionClass> risky_when_tainted();
/// Priority 85, guarded: a session is tainted when a stranger woke it, when it looked at relays, the web or
/// an MCP server, and after a restart, which forgets what it read.
Hook taint_gate(std::set<ActionClass> risky);

/// Priority 200, guarded: while `reason` says why, no tool runs and no model is called; sessions stop
/// where they are and go on when it says nothing.
Hook pause_gate(std::function<std::optional<std::string>()> reason);

/// "22:30-07:00 Europe/Berlin"; without a zone UTC. kInvalid names what does not fit.
base::Result<frostr::QuietHours> parse_quiet_hours(std::string_view text);
/// Priority 75, guarded: in these hours, acts with an effect outside the session wait for a person each
/// time, and no grant answers for one.
Hook quiet_hours_gate(frostr::QuietHours hours, const base::Clock& clock);

}  // namespace orchestration
