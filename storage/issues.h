// Issues: work that waits for an agent, who holds it, and everything that happened to it.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/db.h"

namespace storage {

/// Legal moves: open → in_progress (a claim), in_progress → open (released, or the lease ran out), either →
/// done. A blocked issue is not claimed until it is unblocked.
enum class IssueStatus { kOpen, kInProgress, kDone };
template <>
struct EnumText<IssueStatus> {
  static constexpr std::array<std::string_view, 3> kNames{"open", "in_progress", "done"};
};

enum class IssuePriority { kUrgent, kHigh, kMedium, kLow };
template <>
struct EnumText<IssuePriority> {
  static constexpr std::array<std::string_view, 4> kNames{"urgent", "high", "medium", "low"};
};

enum class IssueType { kTask, kBug, kFeature };
template <>
struct EnumText<IssueType> {
  static constexpr std::array<std::string_view, 3> kNames{"task", "bug", "feature"};
};

struct IssueRow {
  std::int64_t number = 0;  ///< given by add()
  std::string id;           ///< for other programs: a UUID, kept by import and export
  std::string title;
  std::string description;
  IssueStatus status = IssueStatus::kOpen;
  IssuePriority priority = IssuePriority::kMedium;
  IssueType type = IssueType::kTask;
  std::string agent;  ///< only this agent works on it; "" is any
  bool blocked = false;
  std::string blocked_reason;
  std::string claimed_by;  ///< the run that holds it; "" when nobody does
  std::optional<UnixTime> claimed_at;
  std::optional<UnixTime> lease_until;
  UnixTime created;
  UnixTime updated;
  std::optional<UnixTime> completed;
};

struct IssueEvent {
  std::int64_t issue = 0;
  std::string what;  ///< created, claimed, released, expired, blocked, unblocked, completed, changed
  std::string by;
  std::string detail;
  UnixTime at;
};

/// App thread. Changes are kFull and leave an event in the same transaction.
class Issues {
 public:
  static constexpr std::chrono::seconds kLease{15 * 60};
  explicit Issues(Db& db) : db_(db) {}

  /// Its number. `needs` are numbers of issues to be done first: kNotFound when one is not there.
  /// kConflict when the id is.
  Result<std::int64_t> add(const IssueRow& issue, const std::vector<std::int64_t>& needs, std::string_view by);
  Result<std::optional<IssueRow>> find(std::int64_t number);
  Result<std::optional<IssueRow>> find_id(std::string_view id);
  /// By number, newest first.
  Result<std::vector<IssueRow>> list(std::optional<IssueStatus> status, std::int64_t limit);
  Result<std::vector<std::int64_t>> needs(std::int64_t number);
  Result<std::vector<IssueEvent>> events(std::int64_t number);
  /// What `agent` could claim: open, not blocked, everything it needs done, its own or anybody's; urgent
  /// first, then the oldest, then by number. Leases that ran out are open again first.
  Result<std::vector<IssueRow>> ready(std::string_view agent, std::int64_t limit, UnixTime now);

  /// False when it cannot be claimed (any more): held, blocked, done, or waiting for another.
  Result<bool> claim(std::int64_t number, std::string_view run, UnixTime now);
  /// Extends every claim of `run`; how many.
  Result<std::int64_t> keep(std::string_view run, UnixTime now);
  /// What `run` holds.
  Result<std::vector<IssueRow>> held_by(std::string_view run);

  // These are `run`'s that holds the issue; the operator (an empty run) may do them to any. kDenied for
  // others, kConflict when it is done, kNotFound when there is none.
  Result<void> complete(std::int64_t number, std::string_view run, UnixTime now);
  Result<void> block(std::int64_t number, std::string_view run, std::string_view reason, UnixTime now);
  Result<void> release(std::int64_t number, std::string_view run, std::string_view why, UnixTime now);
  /// The operator's alone.
  Result<void> unblock(std::int64_t number, UnixTime now);
  Result<void> prioritise(std::int64_t number, IssuePriority priority, UnixTime now);

 private:
  Result<void> expire(UnixTime now);
  Result<IssueRow> held(std::int64_t number, std::string_view run);
  Result<void> note(std::int64_t number, std::string_view what, std::string_view by, std::string_view detail, UnixTime at);
  Db& db_;
};

}  // namespace storage
