// One row a goal.
#include "storage/goals.h"

namespace storage {

namespace {

constexpr std::int64_t kMost = 1000;
constexpr const char* kPut =
    "INSERT INTO goal_reports (goal, percent, note, at) VALUES (?,?,?,?) ON CONFLICT (goal) DO "
    "UPDATE SET "
    "percent = excluded.percent, note = excluded.note, at = excluded.at WHERE excluded.at >= "
    "goal_reports.at";
constexpr const char* kGet = "SELECT goal, percent, note, at FROM goal_reports WHERE goal = ?";
constexpr const char* kList = "SELECT goal, percent, note, at FROM goal_reports ORDER BY goal";
constexpr const char* kCount = "SELECT count(*) FROM goal_reports";

GoalReport read_row(Row& r) {
  GoalReport out;
  out.goal = r.take<std::string>();
  out.percent = static_cast<int>(r.take<std::int64_t>());
  out.note = r.take<std::string>();
  out.at = r.take<UnixTime>();
  return out;
}

}  // namespace

Result<void> GoalReports::put(const GoalReport& report) {
  TRY(Tx tx, Tx::begin(db_, Durability::kFull));
  TRY(const auto standing, get(report.goal));
  TRY(const auto count, db_.one(kCount, [](Row& r) { return r.take<std::int64_t>(); }));
  if (!standing && count.value_or(0) >= kMost)
    return fail(Errc::kLimit, "there are reports on 1000 goals");
  TRY(db_.run(kPut, report.goal, static_cast<std::int64_t>(report.percent), report.note,
              report.at));
  return tx.commit();
}

Result<std::optional<GoalReport>> GoalReports::get(std::string_view goal) {
  return db_.one(kGet, read_row, goal);
}

Result<std::vector<GoalReport>> GoalReports::list() {
  return db_.all(kList, read_row);
}

}  // namespace storage
