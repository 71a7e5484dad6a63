// A reservation counts in each of its scopes; the sums move in the same commit as the row.
#include "storage/budgets.h"

#include <algorithm>

#include <fmt/format.h>

#include "nostr/base/failpoint.h"
#include "nostr/base/log.h"

namespace storage {

namespace {

constexpr std::int64_t kNoWindow = -1;
constexpr std::int64_t kSecondsPerHour = 3'600;
constexpr std::int64_t kSecondsPerDay = 86'400;
/// After it, a booking is remarked upon: days that are skipped by a wrong clock are not given back.
constexpr base::seconds kLongPause{48 * kSecondsPerHour};
constexpr std::string_view kHourMark = "/hour";

constexpr const char* kAdd =
    "INSERT INTO reservations (key, purpose, agent, tick, session, reserved, state, created, "
    "changed) "
    "VALUES (?,?,?,?,?,?,'reserved',?,?)";
constexpr const char* kAddScope =
    "INSERT INTO reservation_scopes (reservation, scope, day) VALUES (?,?,?)";
constexpr const char* kScopes = "SELECT scope, day FROM reservation_scopes WHERE reservation = ?";
constexpr const char* kTotals =
    "SELECT spent, reserved FROM budget_totals WHERE scope = ? AND day = ?";
constexpr const char* kToday =
    "SELECT scope, spent FROM budget_totals WHERE scope >= ? AND scope < ? AND day = ? AND spent > 0 ORDER BY scope";
constexpr const char* kByDay =
    "SELECT day, spent FROM budget_totals WHERE scope = ? AND day >= ? ORDER BY day";
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
constexpr const char* kListStale =
    "SELECT id, key, purpose, agent, tick, session, reserved, settled, state, estimated, created, "
    "changed FROM reservations WHERE state IN ('reserved','unknown') AND state = 'reserved' AND created < ? "
    "AND purpose = ? ORDER BY id LIMIT 100";
constexpr const char* kSpentInTick =
    "SELECT coalesce(sum(settled), 0) FROM reservations WHERE tick = ? AND state = 'settled'";
constexpr const char* kSpentInSession =
    "SELECT coalesce(sum(settled), 0) FROM reservations WHERE session = ? AND state = 'settled'";
constexpr const char* kLatest = "SELECT value FROM counters WHERE name = 'budget-time'";
constexpr const char* kSetLatest =
    "INSERT INTO counters (name, value) VALUES ('budget-time', ?) "
    "ON CONFLICT (name) DO UPDATE SET value = excluded.value";

/// Where a scope's sums stand: rows are found by key and number of the window. Hours and days are
/// told apart by the key, because one scope is counted in both.
struct ScopeRow {
  std::string scope;
  std::int64_t window = kNoWindow;
};

std::int64_t hour_of(UnixTime at) {
  return base::to_unix(at) / kSecondsPerHour;
}
std::int64_t day_of(UnixTime at) {
  return base::to_unix(at) / kSecondsPerDay;
}

ScopeRow row_of(const BudgetScope& scope, UnixTime at) {
  switch (scope.window) {
    case Window::kTotal:
      return {scope.key, kNoWindow};
    case Window::kHour:
      return {scope.key + std::string(kHourMark), hour_of(at)};
    case Window::kDay:
      return {scope.key, day_of(at)};
  }
  return {scope.key, kNoWindow};
}

/// The window in which the scope of `row` counts what happens at `at`.
std::int64_t window_at(const ScopeRow& row, UnixTime at) {
  if (row.window == kNoWindow) return kNoWindow;
  return row.scope.ends_with(kHourMark) ? hour_of(at) : day_of(at);
}

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

Result<BudgetTotals> read_totals(Db& db, const ScopeRow& row) {
  TRY(const auto totals,
      db.one(
          kTotals,
          [](Row& r) { return BudgetTotals{.spent = r.take<Msat>(), .reserved = r.take<Msat>()}; },
          row.scope, row.window));
  return totals.value_or(BudgetTotals{});
}

Result<void> move_totals(Db& db, const ScopeRow& row, std::int64_t reserved, std::int64_t spent) {
  TRY(db.run(kOpenTotals, row.scope, row.window));
  TRY(db.run(kMoveTotals, reserved, spent, row.scope, row.window));
  return {};
}

/// Whether `amount` more fits under the scope's limit. Exact fill is allowed.
bool fits(const BudgetScope& scope, const BudgetTotals& totals, Msat amount) {
  if (!scope.limit) return true;
  // Written as a difference, because a sum of three large amounts could overflow.
  const std::int64_t room = scope.limit->value - totals.spent.value - totals.reserved.value;
  return amount.value <= room && scope.limit->value > 0;
}

}  // namespace

std::string_view window_words(Window window) {
  switch (window) {
    case Window::kTotal:
      return "";
    case Window::kHour:
      return " per hour";
    case Window::kDay:
      return " per day";
  }
  return "";
}

std::string describe(const Breach& breach, Msat amount) {
  return fmt::format("{}{}: {} msat more would exceed {} msat (spent {}, reserved {})",
                     breach.scope.key, window_words(breach.scope.window), amount.value,
                     breach.scope.limit.value_or(Msat{}).value, breach.totals.spent.value,
                     breach.totals.reserved.value);
}

/// The latest time ever counted in: a clock set back must not open a spent budget again.
Result<UnixTime> Budgets::latest(UnixTime now) {
  TRY(const auto known, db_.one(kLatest, read_int));
  return std::max(base::unix_time(known.value_or(0)), now);
}

Result<std::vector<Breach>> Budgets::breaches(const std::vector<BudgetScope>& scopes, Msat amount,
                                              UnixTime now) {
  TRY(const UnixTime at, latest(now));
  std::vector<Breach> out;
  for (const BudgetScope& scope : scopes) {
    TRY(const BudgetTotals totals, read_totals(db_, row_of(scope, at)));
    if (!fits(scope, totals, amount)) out.push_back({scope, totals});
  }
  return out;
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
  TRY(const UnixTime at, latest(now));
  TRY(const UnixTime before, latest(UnixTime{}));
  if (before > UnixTime{} && at - before > kLongPause)
    LOG(kWarn, "budget", "nothing was booked for long, or the clock was set forward",
        {{"hours", fmt::to_string((at - before).count() / kSecondsPerHour)}});
  TRY(db_.run(kSetLatest, at));
  TRY(db_.run(kAdd, request.key, request.purpose, request.agent, request.tick, request.session,
              request.amount, now, now));
  const std::int64_t id = db_.last_rowid();
  for (const BudgetScope& scope : request.scopes) {
    const ScopeRow row = row_of(scope, at);
    TRY(const BudgetTotals totals, read_totals(db_, row));
    if (!fits(scope, totals, request.amount))
      return fail(Errc::kLimit, "budget " + describe(Breach{scope, totals}, request.amount),
                  "sovereign budget shows every limit; budget set changes one");
    TRY(db_.run(kAddScope, id, row.scope, row.window));
    TRY(move_totals(db_, row, request.amount.value, 0));
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
  TRY(const UnixTime at, latest(now));
  TRY(db_.run(kSetLatest, at));
  TRY(const auto scopes,
      db_.all(
          kScopes, [](Row& r) { return ScopeRow{r.take<std::string>(), r.take<std::int64_t>()}; },
          id));
  for (const ScopeRow& scope : scopes) {
    TRY(move_totals(db_, scope, -row->reserved.value, 0));
    // Spending belongs to the window it is settled in, whatever window it was reserved in.
    TRY(move_totals(db_, {scope.scope, window_at(scope, at)}, 0, actual.value));
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

Result<std::size_t> Budgets::expire(std::string_view purpose, UnixTime before, UnixTime now) {
  TRY(const auto stale, db_.all(kListStale, read_reservation, before, purpose));
  for (const Reservation& row : stale) TRY(settle(row.id, row.reserved, now, /*estimated=*/true));
  return stale.size();
}

Result<BudgetTotals> Budgets::totals(const BudgetScope& scope, UnixTime now) {
  TRY(const UnixTime at, latest(now));
  return read_totals(db_, row_of(scope, at));
}

Result<std::vector<std::pair<UnixTime, Msat>>> Budgets::spent_by_day(std::string_view key,
                                                                     UnixTime since) {
  return db_.all(
      kByDay,
      [](Row& row) {
        const auto day = row.take<std::int64_t>();
        return std::pair(base::unix_time(day * kSecondsPerDay), row.take<Msat>());
      },
      key, base::to_unix(since) / kSecondsPerDay);
}

Result<std::vector<std::pair<std::string, Msat>>> Budgets::spent_today(std::string_view prefix, UnixTime now) {
  TRY(const UnixTime at, latest(now));
  return db_.all(
      kToday,
      [](Row& row) {
        auto key = row.take<std::string>();
        return std::pair(std::move(key), row.take<Msat>());
      },
      prefix, std::string(prefix) + "\x7f", day_of(at));
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
