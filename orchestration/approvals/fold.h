// From signals to a decision: order, withdrawal, veto, quorum. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "storage/approvals.h"

namespace orchestration {

enum class FoldOutcome { kOpen, kApproved, kDenied };

struct Fold {
  FoldOutcome outcome = FoldOutcome::kOpen;
  std::optional<storage::Signal> deciding;  ///< the signal that tipped it
};

/// Folds the accepted signals of one question. Per author in the order (said_at, deny first, id):
/// a denial stands until a newer typed approval; a reaction never overturns a denial; a withdrawal
/// takes back the same author's signal it names. Across authors any denial vetoes, else `required`
/// distinct approvers approve.
Fold fold_signals(const std::vector<storage::Signal>& signals, std::uint32_t required);

}  // namespace orchestration
