// Scope keys are those model calls are counted under: a limit is one for both.
#include "orchestration/money/limit_book.h"

#include <algorithm>
#include <ranges>

#include <fmt/format.h>

namespace orchestration {

namespace {

using base::Msat;
using base::Result;
using storage::BudgetScope;
using storage::Dimension;
using storage::Per;
using storage::SpendLimit;
using storage::Window;

constexpr Per kPers[] = {Per::kTick, Per::kHour, Per::kDay};

std::string subject_key(Dimension dimension, const std::string& name) {
  std::string out(storage::name_of(dimension));
  if (dimension != Dimension::kNode) out += ":" + name;
  return out;
}

std::string scope_key(Dimension dimension, const std::string& name, Per per,
                      const std::string& tick) {
  const std::string subject = subject_key(dimension, name);
  if (per != Per::kTick) return subject;
  return dimension == Dimension::kNode ? "tick:" + tick : subject + "/tick:" + tick;
}

Window window_of(Per per) {
  switch (per) {
    case Per::kTick:
      return Window::kTotal;
    case Per::kHour:
      return Window::kHour;
    case Per::kDay:
      return Window::kDay;
  }
  return Window::kTotal;
}

}  // namespace

LimitBook::LimitBook(storage::Db& db, std::vector<SpendLimit> configured, TickLimit of_tick)
    : limits_(db), budgets_(db), configured_(std::move(configured)), of_tick_(std::move(of_tick)) {}

const SpendLimit* LimitBook::configured(Dimension dimension, std::string_view name,
                                        Per per) const {
  const auto found = std::ranges::find_if(configured_, [&](const SpendLimit& limit) {
    return limit.dimension == dimension && limit.name == name && limit.per == per;
  });
  return found == configured_.end() ? nullptr : &*found;
}

Result<std::optional<Msat>> LimitBook::limit_of(Dimension dimension, const std::string& name,
                                                Per per) {
  for (const std::string& subject : {name, std::string(storage::kEveryone)}) {
    TRY(const auto set, limits_.get(dimension, subject, per));
    if (set) return set->limit;
    if (const SpendLimit* fixed = configured(dimension, subject, per)) return fixed->limit;
  }
  return std::nullopt;
}

Result<std::vector<BudgetScope>> LimitBook::scopes(const Spender& who) {
  const std::pair<Dimension, std::string> subjects[] = {
      {Dimension::kNode, ""},           {Dimension::kAgent, who.agent},
      {Dimension::kTask, who.task},     {Dimension::kSkill, who.skill},
      {Dimension::kCounterparty, who.counterparty}};
  std::vector<BudgetScope> out;
  for (const auto& [dimension, name] : subjects) {
    if (name.empty() && dimension != Dimension::kNode) continue;
    for (const Per per : kPers) {
      if (per == Per::kTick && who.tick.empty()) continue;
      TRY(auto limit, limit_of(dimension, name, per));
      if (dimension == Dimension::kNode && per == Per::kTick) {
        TRY(limit, tick_limit(limit, of_tick_, who.tick));
      }
      out.push_back({scope_key(dimension, name, per, who.tick), limit, window_of(per)});
    }
  }
  return out;
}

Result<std::vector<LimitLine>> LimitBook::lines(base::UnixTime now) {
  TRY(const auto set, limits_.list());
  std::vector<LimitLine> out;
  for (const SpendLimit& limit : set)
    out.push_back({limit.dimension, limit.name, limit.per, limit.limit, true, std::nullopt});
  for (const SpendLimit& limit : configured_) {
    const bool overruled = std::ranges::any_of(set, [&](const SpendLimit& other) {
      return other.dimension == limit.dimension && other.name == limit.name &&
             other.per == limit.per;
    });
    if (!overruled)
      out.push_back({limit.dimension, limit.name, limit.per, limit.limit, false, std::nullopt});
  }
  std::ranges::sort(out, {}, [](const LimitLine& line) {
    return std::tuple(line.dimension, line.name, line.per);
  });
  for (LimitLine& line : out) {
    if (line.per == Per::kTick || line.name == storage::kEveryone) continue;
    TRY(line.totals, budgets_.totals({scope_key(line.dimension, line.name, line.per, ""),
                                      line.limit, window_of(line.per)},
                                     now));
  }
  return out;
}

base::Result<LimitLevels> LimitLevels::of(storage::Budgets& budgets, const std::vector<BudgetScope>& scopes,
                                          base::UnixTime now) {
  LimitLevels out;
  for (const BudgetScope& scope : scopes) {
    if (!scope.limit || scope.limit->value <= 0) continue;
    TRY(const storage::BudgetTotals totals, budgets.totals(scope, now));
    out.levels_.push_back({scope, totals.spent});
  }
  return out;
}

Result<std::vector<std::string>> LimitLevels::passed(storage::Budgets& budgets, base::UnixTime now) const {
  // Amounts are below 2^62, limits too: a product with a percentage needs more room.
  __extension__ using Wide = __int128;
  std::vector<std::string> out;
  for (const Level& level : levels_) {
    TRY(const storage::BudgetTotals totals, budgets.totals(level.scope, now));
    const auto reached = [&](Msat spent, std::int64_t percent) {
      return Wide{spent.value} * 100 >= Wide{level.scope.limit->value} * percent;
    };
    const auto share = std::ranges::find_if(std::views::reverse(kWarnPercents), [&](std::int64_t percent) {
      return !reached(level.spent, percent) && reached(totals.spent, percent);
    });
    if (share != std::views::reverse(kWarnPercents).end())
      out.push_back(fmt::format("Budget {}{}: {} % of {} msat are spent ({} msat).", level.scope.key,
                                storage::window_words(level.scope.window), *share, level.scope.limit->value,
                                totals.spent.value));
  }
  return out;
}

std::string limit_name(Dimension dimension, std::string_view name, Per per) {
  return subject_key(dimension, std::string(name)) + " " + std::string(storage::name_of(per));
}

}  // namespace orchestration
