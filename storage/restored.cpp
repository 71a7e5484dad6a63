// Each statement moves rows to an end that their own table has.
#include "storage/restored.h"

#include "storage/budgets.h"

namespace storage {

namespace {

constexpr const char* kNonces = "UPDATE nonces SET state = 'void', changed = ? WHERE state = 'ready'";
constexpr const char* kQuestions =
    "UPDATE questions SET state = 'withdrawn', changed_at = ? WHERE state IN ('open','approved')";
constexpr const char* kTicks =
    "UPDATE ticks SET phase = 'failed', note = 'restored from a backup', finished = ? WHERE finished IS NULL";
constexpr const char* kSessions =
    "UPDATE sessions SET state = 'failed', note = 'restored from a backup', ended = ? WHERE state = 'running'";
constexpr const char* kActions =
    "UPDATE actions SET state = 'failed', result = 'restored from a backup', changed = ? "
    "WHERE state IN ('proposed','asked','approved','signed','published')";
constexpr const char* kTasks =
    "UPDATE tasks SET state = 'cancelled', note = 'restored from a backup', ended = ?, told = 1 WHERE ended IS NULL";
constexpr const char* kErrands =
    "UPDATE errands SET outcome = 'error', detail = 'restored from a backup', ended = ? WHERE ended IS NULL";
constexpr const char* kDrafts =
    "UPDATE outbox SET state = 'failed' WHERE state = 'open' AND signing = 'draft'";
constexpr const char* kDraftRelays =
    "UPDATE outbox_relays SET next_try = NULL WHERE next_try IS NOT NULL AND outbox IN "
    "(SELECT id FROM outbox WHERE state = 'failed' AND signing = 'draft')";
constexpr const char* kBunker =
    "UPDATE bunker_requests SET state = 'failed', changed = ? WHERE state IN ('open','asked','allowed')";
constexpr const char* kJobs =
    "UPDATE jobs SET state = 'failed', detail = 'restored from a backup', changed = ? "
    "WHERE state IN ('taken','invoiced','paid')";
constexpr const char* kIntents =
    "UPDATE payments SET state = 'failed', detail = 'restored from a backup', changed = ? WHERE state = 'intent'";
constexpr const char* kPromised =
    "UPDATE payments SET state = 'unknown', detail = 'restored from a backup: it may have been sent since', "
    "changed = ? WHERE state IN ('reserved','sent')";
// What was ordered goes on: the seller knows the order by its id, and its bill is the same invoice.
constexpr const char* kWishes =
    "UPDATE purchases SET state = 'failed', detail = 'restored from a backup', changed = ? WHERE state = 'wanted'";
constexpr const char* kClaims =
    "UPDATE issues SET status = 'open', claimed_by = '', claimed_at = NULL, lease_until = NULL, updated = ? "
    "WHERE status = 'in_progress'";
constexpr const char* kLeases = "UPDATE leases SET until = ? WHERE until > ?";

/// Calls of models whose answer nobody waits for any more count as all that was reserved for them.
Result<void> settle_calls(Db& db, UnixTime now) {
  Budgets budgets(db);
  TRY(const auto open, budgets.list_open());
  for (const Reservation& row : open)
    if (row.purpose == "model-call") TRY(budgets.settle(row.id, row.reserved, now, /*estimated=*/true));
  return {};
}

}  // namespace

Result<ClosedWork> close_open_work(Db& db, UnixTime now) {
  ClosedWork out;
  TRY(Tx tx, Tx::begin(db, Durability::kFull));
  TRY(out.nonces, db.run(kNonces, now));
  TRY(out.questions, db.run(kQuestions, now));
  TRY(out.ticks, db.run(kTicks, now));
  TRY(db.run(kSessions, now));
  TRY(db.run(kErrands, now));
  TRY(out.actions, db.run(kActions, now));
  TRY(out.tasks, db.run(kTasks, now));
  TRY(out.publications, db.run(kDrafts));
  TRY(db.run(kDraftRelays));
  TRY(out.requests, db.run(kBunker, now));
  TRY(const std::int64_t jobs, db.run(kJobs, now));
  out.requests += jobs;
  TRY(out.leases, db.run(kLeases, now, now));
  TRY(out.payments, db.run(kIntents, now));
  TRY(const std::int64_t promised, db.run(kPromised, now));
  out.payments += promised;
  TRY(const std::int64_t wishes, db.run(kWishes, now));
  out.payments += wishes;
  TRY(out.issues, db.run(kClaims, now));
  TRY(settle_calls(db, now));
  TRY(tx.commit());
  return out;
}

}  // namespace storage
