// The queue: which issue a run works on next, and what becomes of its claims.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "nostr/base/clock.h"
#include "nostr/base/json.h"
#include "nostr/base/rng.h"
#include "orchestration/hooks/hook.h"
#include "orchestration/programs/predict.h"
#include "storage/issues.h"

namespace orchestration {

/// An issue as tools, commands and files show it.
base::json::Value issue_json(const storage::IssueRow& issue);
/// From a file of issues (an array of such objects, as other programs write it too). Claims are left
/// behind: what was in progress elsewhere is open here. kInvalid names the entry.
base::Result<std::vector<storage::IssueRow>> parse_issues(std::string_view text, base::UnixTime now);

/// A new issue, checked. kInvalid for an empty or endless title.
base::Result<storage::IssueRow> new_issue(std::string title, std::string description, base::UnixTime now, base::Rng& rng);

/// Chooses among what is ready; the model only among the first ten, and only one of them counts.
class IssueQueue {
 public:
  static constexpr std::int64_t kChoice = 10;
  static constexpr int kTries = 16;

  /// `chooser` asks the program `issue-selection`; nullptr takes the first. All outlive the queue.
  IssueQueue(storage::Issues& issues, const base::Clock& clock, Runner* chooser) : issues_(issues), clock_(clock), chooser_(chooser) {}

  /// Claims the next one for `run`; tries again when another run was faster. nullopt: nothing is ready.
  base::Task<base::Result<std::optional<storage::IssueRow>>> claim_next(std::string agent, std::string run, std::string capabilities);

 private:
  base::Task<std::int64_t> choose(std::vector<storage::IssueRow> ready, std::string capabilities);
  storage::Issues& issues_;
  const base::Clock& clock_;
  Runner* chooser_;
};

/// Priority 20: what a session claimed stays its own while it works, and is open again when it ends. A
/// failed call completes nothing.
Hook issue_keeper(storage::Issues& issues, const base::Clock& clock);

}  // namespace orchestration
