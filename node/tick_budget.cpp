#include "node/tick_budget.h"

#include "nostr/event/event_json.h"
#include "storage/ticks.h"

namespace node {

std::optional<nipsa::Budget> budget_to_claim(base::Msat per_tick) {
  const base::Sat whole{per_tick.value / 1000};
  if (whole.value < 1) return std::nullopt;
  return nipsa::Budget{.amount = whole};
}

orchestration::TickLimit claimed_budgets(storage::Db& db) {
  return [&db](const std::string& slot) -> base::Result<std::optional<base::Msat>> {
    storage::Ticks ticks(db);
    TRY(const auto row, ticks.get(slot));
    if (!row || row->claim_json.empty()) return std::nullopt;
    TRY(const nostr::Event claim, nostr::parse_event(row->claim_json));
    TRY(const nipsa::TickRequest request, nipsa::parse_tick_request(claim));
    if (!request.budget) return std::nullopt;
    if (!nipsa::is_spendable(*request.budget)) return base::Msat{0};
    return base::to_msat(request.budget->amount);
  };
}

}  // namespace node
