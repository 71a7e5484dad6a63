// Goals: how far the agent says a goal is. What the goal is stands elsewhere: in the operator's
// file, or in the agent's state.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/db.h"

namespace storage {

struct GoalReport {
  std::string goal;  ///< its id
  int percent = 0;   ///< 0..100
  std::string note;  ///< the agent's words
  UnixTime at;       ///< when it was reported
  friend bool operator==(const GoalReport&, const GoalReport&) = default;
};

/// One report a goal, the latest. App thread.
class GoalReports {
 public:
  explicit GoalReports(Db& db) : db_(db) {}

  /// Keeps the report unless a later one stands; kFull. kLimit when it is a new goal and there are
  /// 1000.
  Result<void> put(const GoalReport& report);
  Result<std::optional<GoalReport>> get(std::string_view goal);
  /// By id.
  Result<std::vector<GoalReport>> list();

 private:
  Db& db_;
};

}  // namespace storage
