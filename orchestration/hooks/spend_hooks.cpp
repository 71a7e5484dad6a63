// Reserve, settle, and what a crash left open.
#include "orchestration/hooks/spend_hooks.h"

#include <map>
#include <memory>

#include "nostr/base/log.h"
#include "orchestration/llm/reply_parts.h"

namespace orchestration {
namespace {

constexpr int kMaxRepeats = 1000;
constexpr const char* kPurpose = "model-call";

/// The reservations this process holds, by call key.
using Held = std::map<std::string, std::int64_t>;

/// A key the ledger has never seen: a call repeated after a crash is a call of its own.
base::Result<std::string> fresh_key(storage::Budgets& budgets, const std::string& wanted) {
  for (int i = 0; i < kMaxRepeats; ++i) {
    std::string key = i == 0 ? wanted : wanted + "+" + std::to_string(i);
    TRY(const auto existing, budgets.find(key));
    if (!existing) return key;
  }
  return base::fail(base::Errc::kLimit, "model call " + wanted + " was repeated too often");
}

base::Result<void> settle_one(storage::Budgets& budgets, const base::Clock& clock, std::int64_t id,
                              const ModelCall& call, const Charge& charge) {
  if (charge.unknown) {
    TRY(const base::Msat most, worst_case(call));
    TRY(budgets.settle(id, most, clock.now(), /*estimated=*/true));
    return {};
  }
  const Usage& usage = charge.usage;
  if (usage == Usage{}) {
    TRY(budgets.release(id, clock.now()));
    return {};
  }
  TRY(const base::Msat cost, cost_of(usage, call.backend->rates()));
  TRY(budgets.settle(id, cost, clock.now(), usage.estimated));
  return {};
}

void settle_leftovers(storage::Budgets& budgets, const base::Clock& clock,
                      const std::string& session) {
  auto open = budgets.list_open();
  if (!open) {
    LOG(kError, "budget", "open reservations cannot be read", {{"error", open.error().detail}});
    return;
  }
  for (const storage::Reservation& row : *open) {
    if (row.session != session || row.state != storage::ReservationState::kReserved) continue;
    auto settled = budgets.settle(row.id, row.reserved, clock.now(), /*estimated=*/true);
    if (!settled)
      LOG(kError, "budget", "left reserved", {{"key", row.key}, {"error", settled.error().detail}});
  }
}

}  // namespace

base::Result<std::vector<storage::BudgetScope>> scopes_of(storage::Db& db, const SpendLimits& limits, const ModelCall& call) {
  using storage::Dimension;
  using storage::Per;
  std::vector<storage::SpendLimit> configured = {{Dimension::kNode, "", Per::kDay, limits.node_daily, {}},
                                                 {Dimension::kNode, "", Per::kTick, limits.tick, {}}};
  if (limits.agent_daily) configured.push_back({Dimension::kAgent, call.agent, Per::kDay, limits.agent_daily, {}});
  TRY(std::vector<storage::BudgetScope> scopes,
      LimitBook(db, std::move(configured), limits.of_tick).scopes({.agent = call.agent, .tick = call.tick, .task = "", .skill = "", .counterparty = ""}));
  scopes.push_back({.key = "session:" + call.session, .limit = limits.session});
  scopes.push_back({.key = "backend:" + call.backend->id(), .limit = std::nullopt, .window = storage::Window::kDay});
  return scopes;
}

base::Result<base::Msat> worst_case(const ModelCall& call) {
  const Usage most{.prompt_tokens = estimate_tokens(prompt_bytes(*call.request)),
                   .completion_tokens = call.request->max_output_tokens};
  return cost_of(most, call.backend->rates());
}

namespace {

/// Tells of limits that what was settled has filled, but never fails for it: the money is accounted for.
void tell_levels(const base::Result<LimitLevels>& before, storage::Budgets& budgets, const base::Clock& clock,
                 const std::function<void(const std::string&)>& warn) {
  if (!before) return;
  const auto passed = before->passed(budgets, clock.now());
  if (!passed) return;
  for (const std::string& text : *passed) {
    LOG(kWarn, "budget", "a limit fills up", {{"limit", text}});
    if (warn) warn(text);
  }
}

}  // namespace

Hook budget_gate(storage::Db& db, const base::Clock& clock, SpendLimits limits,
                 std::function<void(const std::string&)> warn) {
  Hook hook{.name = "budget", .priority = 80, .guarded = true};
  auto held = std::make_shared<Held>();
  hook.reserve_model = [&db, &clock, limits, held](const ModelCall& call) -> base::Result<void> {
    storage::Budgets budgets(db);
    TRY(budgets.expire(kPurpose, clock.now() - kReservationLife, clock.now()));
    TRY(const base::Msat amount, worst_case(call));
    TRY(std::string key, fresh_key(budgets, call.call_key));
    TRY(auto scopes, scopes_of(db, limits, call));
    TRY(const storage::Reservation row, budgets.reserve({.key = std::move(key),
                                                         .purpose = kPurpose,
                                                         .agent = call.agent,
                                                         .tick = call.tick,
                                                         .session = call.session,
                                                         .amount = amount,
                                                         .scopes = std::move(scopes)},
                                                        clock.now()));
    (*held)[call.call_key] = row.id;
    return {};
  };
  hook.settle_model = [&db, &clock, limits, held, warn = std::move(warn)](const ModelCall& call,
                                                                          const Charge& charge) -> base::Result<void> {
    const auto found = held->find(call.call_key);
    if (found == held->end())
      return base::fail(base::Errc::kInternal,
                        "model call " + call.call_key + " was never reserved");
    const std::int64_t id = found->second;
    held->erase(found);
    storage::Budgets budgets(db);
    base::Result<LimitLevels> before;
    if (auto scopes = scopes_of(db, limits, call)) before = LimitLevels::of(budgets, *scopes, clock.now());
    TRY(settle_one(budgets, clock, id, call, charge));
    tell_levels(before, budgets, clock, warn);
    return {};
  };
  hook.on_session = [&db, &clock](const SessionNotice& notice) {
    // A session that ended on its own left nothing; one that was cut off may have.
    storage::Budgets budgets(db);
    if (notice.phase != SessionPhase::kStarted) settle_leftovers(budgets, clock, notice.session);
  };
  return hook;
}

}  // namespace orchestration
