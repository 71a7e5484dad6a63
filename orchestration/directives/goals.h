// The goals of an agent's state (NIP-SA 39201, 39203), out of the operator's files and what the
// agent says of its progress.
//
// A goal is the operator's word: description, urgency, status and who may know of it come from its
// file alone. Of the agent is how far it believes to be.
#pragma once

#include <span>

#include "nipsa/state.h"
#include "orchestration/directives/directive.h"
#include "storage/goals.h"

namespace orchestration {

inline constexpr std::size_t kMaxGoalBytes =
    4'096;  ///< of the operator's goals in a state, as JSON

/// `standing` as the state has it, brought up to date: every directive is a goal, the most urgent
/// first as far as they fit; one whose file is gone is cancelled. Goals of others keep everything
/// but their progress, and are completed at 100 %.
std::vector<nipsa::Goal> merged_goals(std::vector<nipsa::Goal> standing,
                                      const std::vector<Directive>& directives,
                                      std::span<const storage::GoalReport> reports,
                                      base::UnixTime now);
/// Whether a goal of a state is the operator's.
bool is_operators(const nipsa::Goal& goal);
/// How many of `after` differ from what `before` says, or are new.
std::size_t changed_goals(const std::vector<nipsa::Goal>& before,
                          const std::vector<nipsa::Goal>& after);
/// Keeps what another home of this agent has reported.
base::Result<void> keep_reports(storage::GoalReports& reports,
                                const std::vector<nipsa::Goal>& goals);
/// Goals that are not the operator's and are active, as a session reads them; "" when there are
/// none.
std::string other_goals_section(const std::vector<nipsa::Goal>& goals);

}  // namespace orchestration
