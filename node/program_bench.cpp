#include "node/program_bench.h"

#include <fmt/format.h>

#include "node/agent_config.h"
#include "orchestration/hooks/spend_hooks.h"

namespace node {

base::Result<void> ProgramBench::open_ledger(const Home& home, const Config& config, const Options& options) {
  TRY(home.ensure());
  auto db = storage::open_database(home.database().string());
  if (!db && db.error().code == base::Errc::kConflict)
    return base::fail(db.error().code, "the node of this home is running and keeps its ledger to itself",
                      "stop it, use another --home, or ask for --rules");
  if (!db) return std::unexpected(db.error());
  db_ = *std::move(db);
  budgets_ = std::make_unique<storage::Budgets>(*db_);
  answers_ = std::make_unique<storage::Answers>(*db_);
  const base::Msat most = options.most.value_or(config.budget.per_tick);
  return hooks_.add(orchestration::budget_gate(*db_, clock_, {.node_daily = config.budget.per_day,
                                                             .session = most,
                                                             .tick = config.budget.per_tick}));
}

base::Result<std::unique_ptr<ProgramBench>> ProgramBench::open(const Home& home, Options options) {
  std::unique_ptr<ProgramBench> bench(new ProgramBench);
  bench->session_ = fmt::format("programs-{:x}", bench->rng_.below(1ull << 48));
  std::string primary;
  if (!options.rules_only) {
    TRY(const Config config, load_config(home));
    primary = primary_id(config);
    if (!config.backends.empty()) {
      TRY(bench->open_ledger(home, config, options));
      TRY(bench->minds_, Minds::build({bench->loop_, bench->http_, bench->clock_, bench->rng_, home.database().parent_path()}, config));
      bench->router_ = &bench->minds_.router();
    }
  }
  bench->runner_ = std::make_unique<orchestration::Runner>(
      orchestration::RunnerDeps{.caller = {.router = bench->router_ ? *bench->router_ : bench->nobody_, .hooks = bench->hooks_, .rng = bench->rng_, .retry = {}},
                                .answers = bench->answers_.get(),
                                .clock = bench->clock_,
                                .rng = bench->rng_},
      orchestration::Runner::Origin{.session = bench->session_, .tick = "", .primary = primary});
  return bench;
}

base::Msat ProgramBench::spent() const {
  if (!budgets_) return {};
  const auto totals = budgets_->totals({.key = "session:" + session_, .limit = std::nullopt}, clock_.now());
  return totals ? totals->spent : base::Msat{};
}

}  // namespace node
