// Selling work to others (NIP-90), announced by NIP-89: take a request once, be paid, do it, answer once.
#pragma once

#include <chrono>
#include <functional>
#include <set>
#include <string>

#include "nostr/client/pool.h"
#include "nostr/nips/nip90.h"
#include "orchestration/money/wallet_client.h"
#include "storage/jobs.h"

namespace orchestration {

/// What is offered, and to what bounds.
struct JobOffer {
  nostr::Kind kind = 5050;
  std::string name;
  std::string about;
  base::Msat price;                              ///< in advance; 0: for free
  std::vector<std::string> relays;
  std::size_t max_input = 65'536;                ///< bytes of a request
  std::size_t max_open = 32;                     ///< jobs at a time, all customers together
  std::int64_t max_per_customer = 20;            ///< in an hour
  std::chrono::seconds max_age{600};             ///< of a request
  std::chrono::seconds invoice_expiry{600};
  std::chrono::milliseconds payment_poll{2'000}; ///< between two looks at an unpaid invoice
  std::function<bool()> admit = {};  ///< whether one more may be taken now, whoever asks; unset: always
  /// Why a request, opened, cannot be done, asked before any money is; unset: all can.
  std::function<base::Result<void>(const nostr::JobRequest&)> check = {};
};

/// The request with its private part opened, encrypted either way (NIP-44, NIP-04).
base::Result<nostr::JobRequest> open_job(const nostr::Event& request, const nostr::SecretKey& key);

/// A job to do, decrypted. The customer is a stranger.
struct JobTask {
  nostr::EventId request;
  nostr::PublicKey customer;
  nostr::JobRequest job;
};

/// App thread. References outlive it.
class JobProvider {
 public:
  /// Does the work; an error's detail is told to the customer.
  using Work = std::function<base::Task<base::Result<std::string>>(JobTask)>;
  struct Deps {
    nostr::Pool& pool;
    storage::Db& db;
    const nostr::SecretKey& key;
    const base::Clock& clock;
    base::Rng& rng;
    /// The wallet of now; null when there is none. Unset where the price is 0. What it returned
    /// before stays usable.
    std::function<WalletClient*()> wallet;
  };
  JobProvider(Deps deps, JobOffer offer, Work work);

  /// Announces the offer (31990), listens, and takes up what an earlier process left. kInvalid for a
  /// price without a wallet.
  base::Task<base::Result<void>> start();
  base::Task<void> stop();

 private:
  void hear(const nostr::Event& event);
  void hear_request(const nostr::Event& event);
  void hear_withdrawal(const nostr::Event& event);
  base::Task<void> run(nostr::EventId request);
  base::Task<base::Result<void>> advance(nostr::EventId request);
  base::Task<base::Result<void>> ask_money(storage::JobRow row);
  base::Task<base::Result<bool>> await_money(storage::JobRow row);
  base::Task<base::Result<void>> do_work(storage::JobRow row);
  base::Task<void> refuse(nostr::Event request, std::string why);
  base::Task<void> say(nostr::JobFeedback feedback, std::vector<std::string> relays);
  base::Result<std::string> seal(const nostr::Event& request, const std::string& text);
  std::vector<std::string> relays_for(const nostr::Event& request) const;
  WalletClient* wallet() const { return deps_.wallet ? deps_.wallet() : nullptr; }

  Deps deps_;
  const JobOffer offer_;
  const Work work_;
  storage::Jobs jobs_;
  std::set<nostr::EventId> running_;
  std::unique_ptr<nostr::Subscription> subscription_;
  base::Scope scope_;
};

}  // namespace orchestration
