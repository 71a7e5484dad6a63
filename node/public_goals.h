// PublicGoals: the goals everybody may know (39203), as the operator's files say. Source:
// nip-sa 3.4.
//
// What is said about them is said under the group's key, so the operator is asked about every
// change. Progress alone is no change: it travels with the next one.
#pragma once

#include <string>
#include <vector>

#include "nipsa/goals.h"
#include "node/group_voice.h"
#include "orchestration/directives/directive.h"
#include "storage/goals.h"

namespace node {

/// Goals as commands see them: id, title, status, priority, public, percent, note, reported_at. The
/// most urgent first.
base::Result<base::json::Value> goals_view(const orchestration::DirectiveFolder& folder,
                                           storage::GoalReports& reports);

/// The public ones of `directives`, dated as `standing` has them.
std::vector<nipsa::Goal> public_goals_now(const std::vector<orchestration::Directive>& directives,
                                          const std::vector<storage::GoalReport>& reports,
                                          const std::vector<nipsa::Goal>& standing,
                                          base::UnixTime now);
/// Whether `wanted` says something else than `standing` besides progress and dates.
bool tells_other_goals(const std::vector<nipsa::Goal>& standing,
                       const std::vector<nipsa::Goal>& wanted);

/// App thread. References outlive it.
class PublicGoals {
 public:
  struct Deps {
    nostr::Pool& pool;
    storage::Db& db;
    const base::Clock& clock;
    GroupVoice& voice;
  };
  PublicGoals(Deps deps, orchestration::DirectiveFolder folder, std::vector<std::string> relays,
              nostr::PublicKey agent);

  /// Compares what is written with what stands on the relays, now and ever again, and publishes the
  /// difference.
  base::Task<void> keep();

 private:
  base::Task<base::Result<void>> learn_standing();
  base::Task<base::Result<void>> look();

  Deps deps_;
  orchestration::DirectiveFolder folder_;
  std::vector<std::string> relays_;
  nostr::PublicKey agent_;
  storage::EventDb events_;
  storage::GoalReports reports_;
};

}  // namespace node
