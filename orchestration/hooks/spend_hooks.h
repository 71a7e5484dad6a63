// The budget gate: worst-case cost is reserved before each model call and settled after it.
// Nothing here fails open: a call that cannot be reserved is not made.
#pragma once

#include <optional>

#include "nostr/base/clock.h"
#include "orchestration/hooks/hook.h"
#include "storage/budgets.h"

namespace orchestration {

/// Limits in force; unset means "count, do not limit", 0 allows nothing.
struct SpendLimits {
  std::optional<base::Msat> node_daily = base::Msat{100'000'000};
  std::optional<base::Msat> agent_daily = base::Msat{100'000'000};
  std::optional<base::Msat> session = base::Msat{10'000'000};
  std::optional<base::Msat> tick = base::Msat{1'000'000};
};

/// The scopes one call counts in.
std::vector<storage::BudgetScope> scopes_of(const SpendLimits& limits, const ModelCall& call);

/// What the call can cost at most: the prompt as estimated plus every output token it may write.
base::Result<base::Msat> worst_case(const ModelCall& call);

/// Priority 80, guarded. `budgets` and `clock` outlive the chain. When a session resumes, what its
/// former life left reserved is settled at the estimate: the call may have happened.
Hook budget_gate(storage::Budgets& budgets, const base::Clock& clock, SpendLimits limits);

}  // namespace orchestration
