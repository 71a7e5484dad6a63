// ProgramBench: what programs are asked with outside a running node — the home's models, its ledger and its
// kept answers.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "node/minds.h"
#include "nostr/base/rng.h"
#include "orchestration/programs/predict.h"
#include "orchestration/programs/saved.h"
#include "storage/schema.h"

namespace node {

/// Where a home keeps programs that were compiled: with its configuration, so that a backup holds them.
inline orchestration::ProgramShelf program_shelf(const Home& home) {
  return orchestration::ProgramShelf(home.config_dir / "programs");
}

class ProgramBench {
 public:
  struct Options {
    bool rules_only = false;               ///< no model is asked, and no database opened
    std::optional<base::Msat> most;        ///< what all runs together may cost; else budget.per_tick
  };
  /// kConflict when the home's node is running: its ledger is in use. A home without backends has rules only.
  static base::Result<std::unique_ptr<ProgramBench>> open(const Home& home, Options options);

  orchestration::Runner& runner() { return *runner_; }
  base::Loop& loop() { return loop_; }
  /// What the runs of this bench have cost.
  base::Msat spent() const;
  std::string model_of(const std::string& agent) const { return minds_router().first_model(agent); }

 private:
  ProgramBench() = default;
  base::Result<void> open_ledger(const Home& home, const Config& config, const Options& options);
  const orchestration::Router& minds_router() const { return router_ ? *router_ : nobody_; }

  // Members die in reverse.
  base::SystemClock clock_;
  base::SystemRng rng_;
  base::Loop loop_;
  nostr::HttpClient http_{loop_};
  std::unique_ptr<storage::Db> db_;
  std::unique_ptr<storage::Budgets> budgets_;
  std::unique_ptr<storage::Answers> answers_;
  orchestration::HookChain hooks_;
  Minds minds_;
  orchestration::Router nobody_;
  orchestration::Router* router_ = nullptr;
  std::string session_;
  std::unique_ptr<orchestration::Runner> runner_;
};

}  // namespace node
