// A reservation counts in each of its scopes; the sums move in the same commit as the row.
#include "storage/budgets.h"

#include <algorithm>

#include <fmt/format.h>

#include "nostr/base/failpoint.h"

namespace storage {

namespace {

constexpr std::int64_t kNotDaily = -1;
constexpr std::int64_t kSecondsPerDay = 86'400;

constexpr const char* kAdd =
    "INSERT INTO reservations (key, purpose, agent, tick, session, reserved, state, created, "
    "changed) "
    "VALUES (?,?,?,?,?,?,'reserved',?,?)";
constexpr const char* kAddScope =
    "INSERT INTO reservation_scopes (reservation, scope, day) VALUES (?,?,?)";
constexpr const char* kScopes = "SELECT scope, day FROM reservation_scopes WHERE reservation = ?";
constexpr const char* kTotals =
    "SELECT spent, reserved FROM budget_totals WHERE scope = ? AND day = ?";
// Two statements instead of an upsert: the row's CHECKs would test the bare insert, whose change to
// one of the sums is negative.
constexpr const char* kOpenTotals =
    "INSERT INTO budget_totals (scope, day, reserved, spent) VALUES (?,?,0,0) ON CONFLICT DO "
    "NOTHING";
constexpr const char* kMoveTotals =
    "UPDATE budget_totals SET reserved = reserved + ?, spent = spent + ? WHERE scope = ? AND day = "
    "?";
constexpr const char* kFinish =
    "UPDATE reservations SET state = ?, settled = ?, estimated = ?, changed = ? "
    "WHERE id = ? AND state IN ('reserved','unknown')";
constexpr const char* kMarkUnknown =
    "UPDATE reservations SET state = 'unknown', changed = ? WHERE id = ? AND state = 'reserved'";
constexpr const char* kGet =
    "SELECT id, key, purpose, agent, tick, session, reserved, settled, state, estimated, created, "
    "changed FROM reservations WHERE id = ?";
constexpr const char* kFind =
    "SELECT id, key, purpose, agent, tick, session, reserved, settled, state, estimated, created, "
    "changed FROM reservations WHERE key = ?";
constexpr const char* kListOpen =
    "SELECT id, key, purpose, agent, tick, session, reserved, settled, state, estimated, created, "
    "changed FROM reservations WHERE state IN ('reserved','unknown') ORDER BY id";
constexpr const char* kSpentInTick =
    "SELECT coalesce(sum(settled), 0) FROM reservations WHERE tick = ? AND state = 'settled'";
constexpr const char* kSpentInSession =
    "SELECT coalesce(sum(settled), 0) FROM reservations WHERE session = ? AND state = 'settled'";
constexpr const char* kDay = "SELECT value FROM counters WHERE name = 'budget-day'";
constexpr const char* kSetDay =
    "INSERT INTO counters (name, value) VALUES ('budget-day', ?) "
    "ON CONFLICT (name) DO UPDATE SET value = excluded.value";

struct ScopeRow {
  std::string scope;
  std::int64_t day = kNotDaily;
};

Reservation read_reservation(Row& r) {
  return {.id = r.take<std::int64_t>(),
          .key = r.take<std::string>(),
          .purpose = r.take<std::string>(),
          .agent = r.take<std::string>(),
          .tick = r.take<std::string>(),
          .session = r.take<std::string>(),
          .reserved = r.take<Msat>(),
          .settled = r.take<Msat>(),
          .state = r.take<ReservationState>(),
          .estimated = r.take<bool>(),
          .created = r.take<UnixTime>(),
          .changed = r.take<UnixTime>()};
}

std::int64_t read_int(Row& r) {
  return r.take<std::int64_t>();
}

Result<void> check_amount(Msat amount) {
  if (amount.value >= 0 && amount <= base::kMaxMsat) return {};
  return fail(Errc::kInvalid,
              fmt::format("amount is {} msat, limits are 0 and 21 million bitcoin", amount.value));
}

Result<BudgetTotals> read_totals(Db& db, std::string_view scope, std::int64_t day) {
  TRY(const auto totals,
      db.one(
          kTotals,
          [](Row& r) { return BudgetTotals{.spent = r.take<Msat>(), .reserved = r.take<Msat>()}; },
          scope, day));
  return totals.value_or(BudgetTotals{});
}

Result<void> move_totals(Db& db, std::string_view scope, std::int64_t day, std::int64_t reserved,
                         std::int64_t spent) {
  TRY(db.run(kOpenTotals, scope, day));
  TRY(db.run(kMoveTotals, reserved, spent, scope, day));
  return {};
}

/// kLimit when `amount` more does not fit under the scope's limit. Exact fill is allowed.
Result<void> check_limit(const BudgetScope& scope, const BudgetTotals& totals, Msat amount) {
  if (!scope.limit) return {};
  // Written as a difference, because a sum of three large amounts could overflow.
  const std::int64_t room = scope.limit->value - totals.spent.value - totals.reserved.value;
  if (amount.value <= room && scope.limit->value > 0) return {};
  return fail(Errc::kLimit,
              fmt::format("budget {}{}: {} msat more would exceed {} msat (spent {}, reserved {})",
                          scope.key, scope.daily ? " of today" : "", amount.value,
                          scope.limit->value, totals.spent.value, totals.reserved.value),
              "raise the limit in [budget], or wait for the next day");
}

}  // namespace

/// The UTC day, which never goes back: a clock set back must not open a spent budget again.
Result<std::int64_t> Budgets::current_day(UnixTime now) {
  TRY(const auto known, db_.one(kDay, read_int));
  return std::max(known.value_or(0), base::to_unix(now) / kSecondsPerDay);
}

Result<Reservation> Budgets::reserve(const ReserveRequest& request, UnixTime now) {
  TRY(check_amount(request.amount));
  TRY(Tx tx, Tx::begin(db_, Durability::kFull));
  TRY(const auto known, find(request.key));
  if (known) {
    if (known->reserved != request.amount || known->purpose != request.purpose)
      return fail(Errc::kConflict, "this reservation key was used for another amount or purpose");
    return *known;
  }
  TRY(const std::int64_t today, current_day(now));
  TRY(db_.run(kSetDay, today));
  TRY(db_.run(kAdd, request.key, request.purpose, request.agent, request.tick, request.session,
              request.amount, now, now));
  const std::int64_t id = db_.last_rowid();
  for (const BudgetScope& scope : request.scopes) {
    const std::int64_t day = scope.daily ? today : kNotDaily;
    TRY(const BudgetTotals totals, read_totals(db_, scope.key, day));
    TRY(check_limit(scope, totals, request.amount));
    TRY(db_.run(kAddScope, id, scope.key, day));
    TRY(move_totals(db_, scope.key, day, request.amount.value, 0));
  }
  TRY(const auto row, find(request.key));
  CHECK(row.has_value());
  FAILPOINT("budget-before-reserved");
  TRY(tx.commit());
  FAILPOINT("budget-reserved");
  return *row;
}

Result<Reservation> Budgets::finish(std::int64_t id, ReservationState to, Msat actual, UnixTime now,
                                    bool estimated) {
  TRY(check_amount(actual));
  TRY(Tx tx, Tx::begin(db_, Durability::kFull));
  TRY(const auto row, db_.one(kGet, read_reservation, id));
  if (!row) return fail(Errc::kNotFound, fmt::format("no reservation {}", id));
  TRY(const auto changed, db_.run(kFinish, to, actual, estimated, now, id));
  TRY(expect_one(changed, fmt::format("reservation is {}", name_of(row->state))));
  TRY(const std::int64_t today, current_day(now));
  TRY(db_.run(kSetDay, today));
  TRY(const auto scopes,
      db_.all(
          kScopes, [](Row& r) { return ScopeRow{r.take<std::string>(), r.take<std::int64_t>()}; },
          id));
  for (const ScopeRow& scope : scopes) {
    TRY(move_totals(db_, scope.scope, scope.day, -row->reserved.value, 0));
    // Spending belongs to the day it is settled in, whatever day it was reserved.
    TRY(move_totals(db_, scope.scope, scope.day == kNotDaily ? kNotDaily : today, 0, actual.value));
  }
  TRY(const auto after, db_.one(kGet, read_reservation, id));
  CHECK(after.has_value());
  TRY(tx.commit());
  FAILPOINT("budget-settled");
  return *after;
}

Result<Reservation> Budgets::settle(std::int64_t id, Msat actual, UnixTime now, bool estimated) {
  return finish(id, ReservationState::kSettled, actual, now, estimated);
}

Result<Reservation> Budgets::release(std::int64_t id, UnixTime now) {
  return finish(id, ReservationState::kReleased, Msat{}, now, false);
}

Result<Reservation> Budgets::mark_unknown(std::int64_t id, UnixTime now) {
  TRY(Tx tx, Tx::begin(db_, Durability::kFull));
  TRY(const auto changed, db_.run(kMarkUnknown, now, id));
  TRY(expect_one(changed, "reservation"));
  TRY(const auto row, db_.one(kGet, read_reservation, id));
  CHECK(row.has_value());
  TRY(tx.commit());
  return *row;
}

Result<BudgetTotals> Budgets::totals(const BudgetScope& scope, UnixTime now) {
  TRY(const std::int64_t today, current_day(now));
  return read_totals(db_, scope.key, scope.daily ? today : kNotDaily);
}

Result<std::optional<Reservation>> Budgets::find(std::string_view key) {
  return db_.one(kFind, read_reservation, key);
}

Result<std::vector<Reservation>> Budgets::list_open() {
  return db_.all(kListOpen, read_reservation);
}

Result<Msat> Budgets::spent_in_tick(std::string_view tick) {
  TRY(const auto sum, db_.one(kSpentInTick, read_int, tick));
  return Msat{sum.value_or(0)};
}

Result<Msat> Budgets::spent_in_session(std::string_view session) {
  TRY(const auto sum, db_.one(kSpentInSession, read_int, session));
  return Msat{sum.value_or(0)};
}

}  // namespace storage
