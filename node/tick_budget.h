// What one tick may cost: no more than its claim says, whatever the configuration has come to allow since.
#pragma once

#include <optional>
#include <string>

#include "nipsa/tick.h"
#include "nostr/base/money.h"
#include "orchestration/tick_limit.h"
#include "storage/db.h"

namespace node {

/// The budget a claim (39210) names for a node whose ticks may cost `per_tick`: whole sats, rounded down; none
/// for less than one.
std::optional<nipsa::Budget> budget_to_claim(base::Msat per_tick);

/// What the claim of the tick `slot` allows; nothing for a tick that is not there or whose claim names no
/// budget. Zero for a rail that this program cannot spend on. `db` outlives the function.
orchestration::TickLimit claimed_budgets(storage::Db& db);

}  // namespace node
