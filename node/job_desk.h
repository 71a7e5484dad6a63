// Jobs at a home (NIP-90): one bought from the command line, and a shop that sells the agent's answers.
#pragma once

#include <memory>

#include "node/treasury.h"
#include "nostr/signer/key_signer.h"
#include "orchestration/hooks/hook.h"
#include "orchestration/jobs/customer.h"
#include "orchestration/jobs/provider.h"
#include "orchestration/llm/backend.h"

namespace node {

/// `sovereign job request`: has a job done under the home's node key, paid by its treasury. Params:
/// kind, input, provider (or none), bid_msat, relays, encrypted, params {name: value}, timeout.
base::Task<base::Result<base::json::Value>> request_job(Runtime& runtime, Treasury& treasury,
                                                        const Home& home, const Config& config,
                                                        base::json::Value params);

/// Sells what the agent's model answers, when [jobs] says so. App thread. References outlive it.
class JobShop {
 public:
  struct Deps {
    Runtime& runtime;
    storage::Db& db;
    const nostr::KeySigner& node;
    Treasury& treasury;
    orchestration::Backend& backend;
  };
  JobShop(Deps deps, const Config& config);
  ~JobShop();

  /// Opens the shop; nothing happens where jobs.kind is 0.
  base::Task<base::Result<void>> start();
  base::Task<void> stop();

 private:
  base::Task<base::Result<std::string>> work(orchestration::JobTask task);

  Deps deps_;
  const Config& config_;
  storage::Budgets budgets_;
  orchestration::HookChain hooks_;  ///< the model's own cost is reserved and settled as ever
  std::unique_ptr<orchestration::JobProvider> provider_;
};

}  // namespace node
