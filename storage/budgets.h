// Budgets: money is reserved before it may be spent and settled after; limits hold across scopes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/db.h"

namespace storage {

/// kUnknown: the outcome could not be learnt (a payment in flight); it keeps its reservation.
/// Legal: reserved → settled released unknown; unknown → settled released.
enum class ReservationState { kReserved, kSettled, kReleased, kUnknown };

template <>
struct EnumText<ReservationState> {
  static constexpr std::array<std::string_view, 4> kNames{"reserved", "settled", "released", "unknown"};
};

/// Over what a scope sums: for ever, or per hour or day of UTC. A reservation counts in the window it
/// was made in, its settlement in the window it was settled in. No window ever opens twice: a clock set
/// back goes on counting in the latest one.
enum class Window { kTotal, kHour, kDay };

/// One limit to check.
struct BudgetScope {
  std::string key;              ///< e.g. "node", "agent:<hex>", "tick:<slot>", "session:<id>"
  std::optional<Msat> limit;    ///< nullopt: count, do not limit; 0 allows nothing
  Window window = Window::kTotal;
};

struct ReserveRequest {
  std::string key;      ///< idempotency key, unique for ever
  std::string purpose;  ///< "model-call", "zap", …
  std::string agent;
  std::string tick;
  std::string session;
  Msat amount;          ///< worst case, 0 or more
  std::vector<BudgetScope> scopes;
};

struct Reservation {
  std::int64_t id = 0;
  std::string key;
  std::string purpose;
  std::string agent;
  std::string tick;
  std::string session;
  Msat reserved;
  Msat settled;         ///< meaningful once settled
  ReservationState state = ReservationState::kReserved;
  bool estimated = false;  ///< settled at its estimate because nobody knew better
  UnixTime created;
  UnixTime changed;
};

struct BudgetTotals {
  Msat spent;
  Msat reserved;
};

/// A limit that an amount does not fit under.
struct Breach {
  BudgetScope scope;
  BudgetTotals totals;
};
/// "", " per hour", " per day".
std::string_view window_words(Window window);
/// "agent:main per day: 500 msat more would exceed 1000 msat (spent 600, reserved 0)".
std::string describe(const Breach& breach, Msat amount);

/// The cost ledger. Every change is kFull and moves the sums in the same commit. App thread.
class Budgets {
 public:
  explicit Budgets(Db& db) : db_(db) {}

  /// Reserves in every scope or in none. kLimit names the scope when spent + reserved + amount would
  /// exceed its limit (exact fill is allowed). A known key returns its row when the amount and
  /// purpose are the same (a retry), else kConflict. kInvalid for amounts below 0 or over 21 M BTC.
  Result<Reservation> reserve(const ReserveRequest& request, UnixTime now);
  /// Settles at the real cost, which may differ from the reservation in both directions (what is
  /// spent is spent). kConflict when already settled or released.
  Result<Reservation> settle(std::int64_t id, Msat actual, UnixTime now, bool estimated = false);
  Result<Reservation> release(std::int64_t id, UnixTime now);
  /// The effect may or may not have happened; keeps the amount reserved.
  Result<Reservation> mark_unknown(std::int64_t id, UnixTime now);

  /// Settles at its estimate what was reserved for `purpose` before `before` and never settled: a process died
  /// over it, and nobody will say what it cost. How many there were.
  Result<std::size_t> expire(std::string_view purpose, UnixTime before, UnixTime now);

  /// Every scope `amount` does not fit under now: what reserve() would refuse.
  Result<std::vector<Breach>> breaches(const std::vector<BudgetScope>& scopes, Msat amount,
                                       UnixTime now);
  /// Sums of one scope; of the current window, where it has one.
  Result<BudgetTotals> totals(const BudgetScope& scope, UnixTime now);
  /// What a daily scope has spent since the day of `since`: {start of the day, sum}, oldest first, days
  /// without spending left out.
  Result<std::vector<std::pair<UnixTime, Msat>>> spent_by_day(std::string_view key, UnixTime since);
  /// What each daily scope whose key begins with `prefix` has spent today, by key.
  Result<std::vector<std::pair<std::string, Msat>>> spent_today(std::string_view prefix, UnixTime now);
  Result<std::optional<Reservation>> find(std::string_view key);
  /// Reserved and unknown rows, oldest first: what a restart has to resolve.
  Result<std::vector<Reservation>> list_open();
  /// Sums of settled rows of one session or tick, for reports.
  Result<Msat> spent_in_tick(std::string_view tick);
  Result<Msat> spent_in_session(std::string_view session);

 private:
  Result<UnixTime> latest(UnixTime now);
  Result<Reservation> finish(std::int64_t id, ReservationState to, Msat actual, UnixTime now,
                             bool estimated);
  Db& db_;
};

}  // namespace storage
