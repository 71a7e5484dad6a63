// Buying work from others (NIP-90): ask, judge the answers, pay once, take the result.
#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "nostr/client/pool.h"
#include "orchestration/jobs/job_watch.h"
#include "orchestration/money/cashier.h"

namespace orchestration {

struct JobOrder {
  nostr::Kind kind = 5050;
  std::vector<nostr::JobInput> inputs;
  std::vector<nostr::JobParam> params;
  std::string output;                        ///< MIME type wished for
  base::Msat max_price;                      ///< the bid: more is never paid; 0 pays nothing
  std::vector<nostr::PublicKey> providers;   ///< empty: whoever answers first
  bool encrypted = false;                    ///< for exactly one provider; so is whatever is too long for a tag
  bool legacy_encryption = false;            ///< NIP-04, for a provider that reads nothing else
  std::vector<std::string> relays;
  std::chrono::milliseconds patience{60'000};
  std::size_t max_bytes = 262'144;           ///< of a result
  Spender who;                               ///< on whose budget
};

struct JobOutcome {
  nostr::EventId request;
  nostr::PublicKey worker;
  std::string content;  ///< a stranger's words, whoever wrote them
  base::Msat paid;      ///< fee included
  std::string unpaid;   ///< why a result that asks for money was not paid for; "" otherwise
};

/// Pays what a worker asks, once per `key` whatever is asked again; what it cost, fee included. A
/// payment whose outcome is not known counts as made.
using JobPayer = std::function<base::Task<base::Result<base::Msat>>(std::string key, Spender who,
                                                                    nostr::JobPrice price)>;

/// App thread. References outlive it.
class JobCustomer {
 public:
  using OnProgress = std::function<void(const JobProgress&)>;

  /// Who pays now; null while nobody does.
  using FindCashier = std::function<Cashier*()>;

  JobCustomer(nostr::Pool& pool, const nostr::SecretKey& key, const base::Clock& clock,
              base::Rng& rng, FindCashier cashier);
  /// `cashier` may be null: then nothing is ever paid.
  JobCustomer(nostr::Pool& pool, const nostr::SecretKey& key, const base::Clock& clock,
              base::Rng& rng, Cashier* cashier);
  /// For a customer whose purse another process holds; an empty `payer` pays nothing.
  JobCustomer(nostr::Pool& pool, const nostr::SecretKey& key, const base::Clock& clock,
              base::Rng& rng, JobPayer payer)
      : pool_(pool),
        key_(key),
        clock_(clock),
        rng_(rng),
        payer_(std::move(payer)),
        farewells_(pool.loop()) {}
  /// Waits until every request that was cut off is taken back, or its relays were silent too long.
  base::Task<void> settle();
  /// Before destruction, where an order may have been cut off: withdrawals under way end.
  base::Task<void> stop() { return farewells_.stop(); }

  /// Has a job done. kLimit: more is asked than bid, or a limit does not allow it; kDenied: the worker
  /// says it failed; kTimeout: nobody delivered in time, and the request was withdrawn (kind 5), as it is
  /// when the task is cancelled. A payment is one per job and worker, whatever is asked again.
  base::Task<base::Result<JobOutcome>> order(JobOrder order, OnProgress on_progress = {});

 private:
  struct Talk;
  class Recall;
  base::Result<void> fit_inputs(JobOrder& order);
  base::Result<nostr::Event> build(const JobOrder& order);
  base::Result<std::string> open(const JobOrder& order, const nostr::PublicKey& worker,
                                 std::string content);
  base::Task<base::Result<base::Msat>> pay(Spender who, base::Msat bid, nostr::EventId request,
                                           nostr::JobPrice price);
  base::Task<base::Result<JobOutcome>> deliver(JobOrder order, JobOutcome outcome, JobDone done);
  base::Task<void> withdraw(std::vector<std::string> relays, nostr::EventId request,
                            nostr::Kind kind);

  nostr::Pool& pool_;
  const nostr::SecretKey& key_;
  const base::Clock& clock_;
  base::Rng& rng_;
  JobPayer payer_;
  base::Scope farewells_;
};

}  // namespace orchestration
