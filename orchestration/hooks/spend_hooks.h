// The budget gate: worst-case cost is reserved before each model call and settled after it.
// Nothing here fails open: a call that cannot be reserved is not made.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "nostr/base/clock.h"
#include "orchestration/hooks/hook.h"
#include "orchestration/money/limit_book.h"
#include "storage/budgets.h"

namespace orchestration {

/// Limits of the configuration; unset means "count, do not limit", 0 allows nothing. What the operator sets at
/// run time (storage/spend_limits.h) wins over them, as it does for payments.
struct SpendLimits {
  std::optional<base::Msat> node_daily = base::Msat{100'000'000};
  std::optional<base::Msat> agent_daily;  ///< of the agent by its own name
  std::optional<base::Msat> session = base::Msat{10'000'000};
  std::optional<base::Msat> tick = base::Msat{1'000'000};
  TickLimit of_tick;  ///< what one tick may cost besides; empty: nothing of its own
};

/// How long a reservation may stand that nobody settles: longer than any call may take.
inline constexpr base::seconds kReservationLife{15 * 60};

/// The scopes one call counts in, with the limits in force now: the node's and the agent's as payments count in
/// them, its session's, and its backend's. A tick's covers whatever was handed out in it.
base::Result<std::vector<storage::BudgetScope>> scopes_of(storage::Db& db, const SpendLimits& limits, const ModelCall& call);

/// What the call can cost at most: the prompt as estimated plus every output token it may write.
base::Result<base::Msat> worst_case(const ModelCall& call);

/// Priority 80, guarded. `db` and `clock` outlive the chain. When a session resumes, what its former life left
/// reserved is settled at the estimate: the call may have happened. What a process left that never comes back is
/// settled so after kReservationLife. `warn` gets a sentence when much of a limit is spent.
Hook budget_gate(storage::Db& db, const base::Clock& clock, SpendLimits limits,
                 std::function<void(const std::string&)> warn = {});

}  // namespace orchestration
