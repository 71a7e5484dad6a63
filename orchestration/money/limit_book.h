// Which limits a payment counts in, and where each comes from.
#pragma once

#include <string>
#include <vector>

#include "orchestration/tick_limit.h"
#include "storage/budgets.h"
#include "storage/spend_limits.h"

namespace orchestration {

/// On whose behalf, in which run, and to whom money would go; empty parts do not apply.
struct Spender {
  std::string agent;
  std::string tick;
  std::string task;
  std::string skill;
  std::string counterparty;
};

/// A limit in force, for people.
struct LimitLine {
  storage::Dimension dimension{};
  std::string name;  ///< storage::kEveryone where it stands for all
  storage::Per per{};
  std::optional<base::Msat> limit;
  bool by_operator = false;  ///< set at run time, else from the configuration
  std::optional<storage::BudgetTotals> totals;  ///< where the scope has one name and a window
};

/// Every dimension × window, whether limited or only counted: a limit that is set later holds for what
/// was spent before. App thread.
class LimitBook {
 public:
  /// `configured`: what holds where the operator set nothing. `db` outlives the book.
  /// `of_tick`: what one tick may cost besides.
  LimitBook(storage::Db& db, std::vector<storage::SpendLimit> configured, TickLimit of_tick = {});

  /// The scopes `who` spends in. A limit of its own name wins over kEveryone's, the operator's word
  /// over the configuration's.
  base::Result<std::vector<storage::BudgetScope>> scopes(const Spender& who);
  /// Every limit there is, the node's first.
  base::Result<std::vector<LimitLine>> lines(base::UnixTime now);

 private:
  base::Result<std::optional<base::Msat>> limit_of(storage::Dimension dimension,
                                                   const std::string& name, storage::Per per);
  const storage::SpendLimit* configured(storage::Dimension dimension, std::string_view name,
                                        storage::Per per) const;

  storage::SpendLimits limits_;
  storage::Budgets budgets_;
  std::vector<storage::SpendLimit> configured_;
  TickLimit of_tick_;
};

/// Shares of a limit, in percent, at which its owner is told that it fills up.
inline constexpr std::int64_t kWarnPercents[] = {80, 95};

/// How full limits are, to be held against how full they are after something was settled. Whoever is told when
/// a share is passed is told once in each window, however many calls follow.
class LimitLevels {
 public:
  /// Of those `scopes` that are limited. Taken right before settling, at the same `now`.
  static base::Result<LimitLevels> of(storage::Budgets& budgets, const std::vector<storage::BudgetScope>& scopes,
                                      base::UnixTime now);
  /// A sentence for each limit of which a share was passed since, with the greatest share that was.
  base::Result<std::vector<std::string>> passed(storage::Budgets& budgets, base::UnixTime now) const;

 private:
  struct Level {
    storage::BudgetScope scope;
    base::Msat spent;
  };
  std::vector<Level> levels_;
};

/// "node day", "agent:main hour", "counterparty:* tick": how a limit is called on the command line.
std::string limit_name(storage::Dimension dimension, std::string_view name, storage::Per per);

}  // namespace orchestration
