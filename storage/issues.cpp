// Claims move by one conditional UPDATE; every move leaves an event beside it.
#include "storage/issues.h"

#include <fmt/format.h>

namespace storage {
namespace {

constexpr std::string_view kOperator = "operator";

#define ISSUE_COLUMNS                                                                                      \
  "number, id, title, description, status, priority, type, agent, blocked, blocked_reason, claimed_by, " \
  "claimed_at, lease_until, created, updated, completed"

constexpr const char* kAdd =
    "INSERT INTO issues (id, title, description, status, priority, type, agent, blocked, blocked_reason, claimed_by, "
    "created, updated, completed, urgency) VALUES (?,?,?,?,?,?,?,?,?,'',?,?,?,?)";
constexpr const char* kFind = "SELECT " ISSUE_COLUMNS " FROM issues WHERE number = ?";
constexpr const char* kFindId = "SELECT " ISSUE_COLUMNS " FROM issues WHERE id = ?";
constexpr const char* kList = "SELECT " ISSUE_COLUMNS " FROM issues ORDER BY number DESC LIMIT ?";
constexpr const char* kListStatus =
    "SELECT " ISSUE_COLUMNS " FROM issues INDEXED BY issues_by_status WHERE status = ? ORDER BY number DESC LIMIT ?";
constexpr const char* kReady =
    "SELECT " ISSUE_COLUMNS
    " FROM issues i INDEXED BY issues_ready WHERE status = 'open' AND blocked = 0 AND (agent = '' OR agent = ?) AND NOT EXISTS "
    "(SELECT 1 FROM issue_needs n JOIN issues d ON d.number = n.needs WHERE n.issue = i.number AND d.status <> 'done') "
    "ORDER BY urgency, created, number LIMIT ?";
constexpr const char* kClaim =
    "UPDATE issues SET status = 'in_progress', claimed_by = ?, claimed_at = ?, lease_until = ?, updated = ? WHERE number = ? "
    "AND status = 'open' AND blocked = 0 AND NOT EXISTS (SELECT 1 FROM issue_needs n JOIN issues d ON d.number = n.needs "
    "WHERE n.issue = issues.number AND d.status <> 'done')";
constexpr const char* kKeep = "UPDATE issues SET lease_until = ? WHERE claimed_by = ? AND status = 'in_progress'";
constexpr const char* kHeldBy = "SELECT " ISSUE_COLUMNS " FROM issues WHERE claimed_by = ? AND status = 'in_progress' ORDER BY number";
constexpr const char* kExpired =
    "SELECT number, claimed_by FROM issues INDEXED BY issues_by_lease WHERE lease_until IS NOT NULL AND lease_until <= ?";
constexpr const char* kReopen =
    "UPDATE issues SET status = 'open', claimed_by = '', claimed_at = NULL, lease_until = NULL, updated = ? WHERE number = ?";
constexpr const char* kComplete =
    "UPDATE issues SET status = 'done', claimed_by = '', claimed_at = NULL, lease_until = NULL, blocked = 0, blocked_reason = '', "
    "updated = ?, completed = ? WHERE number = ?";
constexpr const char* kBlock =
    "UPDATE issues SET status = 'open', claimed_by = '', claimed_at = NULL, lease_until = NULL, blocked = 1, blocked_reason = ?, "
    "updated = ? WHERE number = ?";
constexpr const char* kUnblock = "UPDATE issues SET blocked = 0, blocked_reason = '', updated = ? WHERE number = ?";
constexpr const char* kPrioritise = "UPDATE issues SET priority = ?, urgency = ?, updated = ? WHERE number = ?";
constexpr const char* kAddNeed = "INSERT OR IGNORE INTO issue_needs (issue, needs) VALUES (?,?)";
constexpr const char* kNeeds = "SELECT needs FROM issue_needs WHERE issue = ? ORDER BY needs";
constexpr const char* kNote = "INSERT INTO issue_events (issue, what, by, detail, at) VALUES (?,?,?,?,?)";
constexpr const char* kEvents = "SELECT issue, what, by, detail, at FROM issue_events WHERE issue = ? ORDER BY seq LIMIT 1000";

IssueRow read(Row& r) {
  IssueRow out;
  out.number = r.take<std::int64_t>();
  out.id = r.take<std::string>();
  out.title = r.take<std::string>();
  out.description = r.take<std::string>();
  out.status = r.take<IssueStatus>();
  out.priority = r.take<IssuePriority>();
  out.type = r.take<IssueType>();
  out.agent = r.take<std::string>();
  out.blocked = r.take<bool>();
  out.blocked_reason = r.take<std::string>();
  out.claimed_by = r.take<std::string>();
  out.claimed_at = r.take<std::optional<UnixTime>>();
  out.lease_until = r.take<std::optional<UnixTime>>();
  out.created = r.take<UnixTime>();
  out.updated = r.take<UnixTime>();
  out.completed = r.take<std::optional<UnixTime>>();
  return out;
}

std::string_view name_or_operator(std::string_view run) { return run.empty() ? kOperator : run; }

}  // namespace

Result<void> Issues::note(std::int64_t number, std::string_view what, std::string_view by, std::string_view detail, UnixTime at) {
  TRY(db_.run(kNote, number, what, by, detail, at));
  return {};
}

Result<std::int64_t> Issues::add(const IssueRow& issue, const std::vector<std::int64_t>& needs, std::string_view by) {
  TRY(Tx tx, Tx::begin(db_, Durability::kFull));
  TRY(const auto twin, find_id(issue.id));
  if (twin) return fail(Errc::kConflict, fmt::format("issue {} has that id", twin->number));
  TRY(db_.run(kAdd, issue.id, issue.title, issue.description, issue.status, issue.priority, issue.type, issue.agent, issue.blocked,
              issue.blocked_reason, issue.created, issue.updated, issue.completed, static_cast<std::int64_t>(issue.priority)));
  const std::int64_t number = db_.last_rowid();
  for (const std::int64_t one : needs) {
    TRY(const auto other, find(one));
    if (!other || one == number) return fail(Errc::kNotFound, fmt::format("there is no issue {} to wait for", one));
    TRY(db_.run(kAddNeed, number, one));
  }
  TRY(note(number, "created", by, "", issue.created));
  TRY(tx.commit());
  return number;
}

Result<std::optional<IssueRow>> Issues::find(std::int64_t number) { return db_.one(kFind, read, number); }
Result<std::optional<IssueRow>> Issues::find_id(std::string_view id) { return db_.one(kFindId, read, id); }

Result<std::vector<IssueRow>> Issues::list(std::optional<IssueStatus> status, std::int64_t limit) {
  return status ? db_.all(kListStatus, read, *status, limit) : db_.all(kList, read, limit);
}

Result<std::vector<std::int64_t>> Issues::needs(std::int64_t number) {
  return db_.all(kNeeds, [](Row& r) { return r.take<std::int64_t>(); }, number);
}

Result<std::vector<IssueEvent>> Issues::events(std::int64_t number) {
  return db_.all(
      kEvents,
      [](Row& r) {
        IssueEvent out;
        out.issue = r.take<std::int64_t>();
        out.what = r.take<std::string>();
        out.by = r.take<std::string>();
        out.detail = r.take<std::string>();
        out.at = r.take<UnixTime>();
        return out;
      },
      number);
}

Result<void> Issues::expire(UnixTime now) {
  TRY(const auto late, db_.all(
                           kExpired, [](Row& r) {
                             const auto number = r.take<std::int64_t>();
                             return std::pair(number, r.take<std::string>());
                           },
                           now));
  for (const auto& [number, run] : late) {
    TRY(db_.run(kReopen, now, number));
    TRY(note(number, "expired", run, "", now));
  }
  return {};
}

Result<std::vector<IssueRow>> Issues::ready(std::string_view agent, std::int64_t limit, UnixTime now) {
  TRY(Tx tx, Tx::begin(db_, Durability::kFull));
  TRY(expire(now));
  TRY(auto out, db_.all(kReady, read, agent, limit));
  TRY(tx.commit());
  return out;
}

Result<bool> Issues::claim(std::int64_t number, std::string_view run, UnixTime now) {
  TRY(Tx tx, Tx::begin(db_, Durability::kFull));
  TRY(expire(now));
  TRY(const std::int64_t changed, db_.run(kClaim, run, now, now + kLease, now, number));
  if (changed == 1) {
    TRY(note(number, "claimed", run, "", now));
  }
  TRY(tx.commit());
  return changed == 1;
}

Result<std::int64_t> Issues::keep(std::string_view run, UnixTime now) { return db_.run(kKeep, now + kLease, run); }

Result<std::vector<IssueRow>> Issues::held_by(std::string_view run) { return db_.all(kHeldBy, read, run); }

/// The issue, if `run` may decide about it.
Result<IssueRow> Issues::held(std::int64_t number, std::string_view run) {
  TRY(const auto issue, find(number));
  if (!issue) return fail(Errc::kNotFound, fmt::format("there is no issue {}", number));
  if (issue->status == IssueStatus::kDone) return fail(Errc::kConflict, fmt::format("issue {} is done", number));
  if (!run.empty() && issue->claimed_by != run)
    return fail(Errc::kDenied, fmt::format("issue {} is not yours: {}", number, issue->claimed_by.empty() ? "nobody claimed it" : "another run holds it"),
                "claim it first");
  return *issue;
}

Result<void> Issues::complete(std::int64_t number, std::string_view run, UnixTime now) {
  TRY(Tx tx, Tx::begin(db_, Durability::kFull));
  TRY(held(number, run));
  TRY(db_.run(kComplete, now, now, number));
  TRY(note(number, "completed", name_or_operator(run), "", now));
  return tx.commit();
}

Result<void> Issues::block(std::int64_t number, std::string_view run, std::string_view reason, UnixTime now) {
  TRY(Tx tx, Tx::begin(db_, Durability::kFull));
  TRY(held(number, run));
  TRY(db_.run(kBlock, reason, now, number));
  TRY(note(number, "blocked", name_or_operator(run), reason, now));
  return tx.commit();
}

Result<void> Issues::release(std::int64_t number, std::string_view run, std::string_view why, UnixTime now) {
  TRY(Tx tx, Tx::begin(db_, Durability::kFull));
  TRY(held(number, run));
  TRY(db_.run(kReopen, now, number));
  TRY(note(number, "released", name_or_operator(run), why, now));
  return tx.commit();
}

Result<void> Issues::unblock(std::int64_t number, UnixTime now) {
  TRY(Tx tx, Tx::begin(db_, Durability::kFull));
  TRY(const IssueRow issue, held(number, ""));
  if (!issue.blocked) return fail(Errc::kConflict, fmt::format("issue {} is not blocked", number));
  TRY(db_.run(kUnblock, now, number));
  TRY(note(number, "unblocked", kOperator, "", now));
  return tx.commit();
}

Result<void> Issues::prioritise(std::int64_t number, IssuePriority priority, UnixTime now) {
  TRY(Tx tx, Tx::begin(db_, Durability::kFull));
  TRY(held(number, ""));
  TRY(db_.run(kPrioritise, priority, static_cast<std::int64_t>(priority), now, number));
  TRY(note(number, "changed", kOperator, fmt::format("priority {}", name_of(priority)), now));
  return tx.commit();
}

}  // namespace storage
