// JobShop: the work this node sells (NIP-90), as [jobs.NAME] says: each order is a tick of an agent
// that has the customer's text and nothing else.
//
//~ taken → invoiced → paid (orchestration/jobs) → tick planned → … → reported → delivered.
//~ The slot of the tick is the request's, so a restart finds the tick it began, or its end.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "node/config.h"
#include "node/hourly_cap.h"
#include "node/runtime.h"
#include "nostr/signer/key_signer.h"
#include "orchestration/jobs/provider.h"
#include "storage/ticks.h"

namespace node {

class TickRunner;
class Treasury;

/// Bytes of a job's text that an agent is shown; longer orders are refused before money is asked.
inline constexpr std::size_t kMaxJobText = 12'000;

/// What an agent reads of a job: its inputs, then its parameters.
std::string job_text(const nostr::JobRequest& job);
/// kInvalid, in words for the customer, for a job that is not all text, or too much of it, or none.
base::Result<void> check_job(const nostr::JobRequest& job);

/// Speaks with the node's key. App thread. References outlive it.
class JobShop {
 public:
  struct Deps {
    Runtime& runtime;
    storage::Db& db;
    const nostr::KeySigner& node;
    Treasury& treasury;
    TickRunner& runner;
  };
  JobShop(Deps deps, const std::vector<JobConfig>& jobs, std::vector<std::string> relays);
  ~JobShop();

  /// Announces every enabled offer and takes orders. One with a price waits for a wallet.
  void start();
  base::Task<void> stop();
  /// Some tick has ended; it may be a job's.
  void tick_ended() { changed_.notify(); }

 private:
  struct Counter;
  base::Task<void> open(Counter& counter);
  base::Task<base::Result<std::string>> work(orchestration::JobTask task);
  base::Result<std::string> outcome(const storage::TickRow& tick);

  Deps deps_;
  std::vector<std::unique_ptr<Counter>> counters_;
  base::Signal changed_;
  base::Scope scope_;
};

}  // namespace node
