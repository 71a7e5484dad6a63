// A wallet with money behind a relay, a shop that writes invoices, and a cashier with a database that
// survives it.
#pragma once

#include <filesystem>

#include "orchestration/money/cashier.h"
#include "tests/orchestration/support/relay_world.h"
#include "tests/orchestration/support/wallet_service.h"

namespace orchestration::testing {

/// For a request whose answer never comes; what is answered waits as long as it takes.
inline constexpr std::chrono::milliseconds kSilence{100};
inline constexpr std::chrono::milliseconds kAnyAnswer{30'000};

class MoneyWorld {
 public:
  /// The wallet of node "ours" holds `balance`; `options` are what its service offers.
  explicit MoneyWorld(base::Msat balance = base::Msat{1'000'000},
                      wallet_service::Options options = {});
  ~MoneyWorld();

  /// Runs a task of the cashier or the wallet to its end.
  template <class T>
  T run(base::Task<T> task) {
    return world.loop.run_until_complete(std::move(task));
  }
  /// The wallet misbehaves once for the next `method`.
  void misbehave(const std::string& method, wallet_service::Fault fault,
                 nostr::WalletErrc code = nostr::WalletErrc::kPaymentFailed);
  /// An invoice of the shop.
  std::string bill(base::Msat amount, std::chrono::seconds expiry = std::chrono::seconds{3600});
  /// Opens and pays an order under `key`; asks for all that matters.
  PaymentOrder order(std::string key, const std::string& invoice, base::Msat amount);
  base::Result<storage::PaymentRow> pay(std::string key, const std::string& invoice,
                                        base::Msat amount, Limits limits = Limits::kHold);
  storage::PaymentRow row(const std::string& key) { return *must(cashier->find(key)); }
  int times_paid(const std::string& invoice) const;
  /// Ends cashier and database as a kill would, and starts them again.
  void restart();
  /// The same with another time that answers are waited for.
  void restart_waiting(std::chrono::milliseconds patience) {
    patience_ = patience;
    restart();
  }
  void set_limit(storage::Dimension dimension, std::string name, storage::Per per,
                 std::int64_t msat);
  storage::BudgetTotals node_today();

  RelayWorld world;
  nostr::Pool wallet_pool;  ///< the wallet service's own connections
  lightning::Network network{world.rng};
  std::unique_ptr<wallet_service::WalletService> service;
  std::unique_ptr<WalletClient> wallet;
  std::unique_ptr<storage::Db> db;
  std::unique_ptr<Cashier> cashier;
  std::vector<nostr::WalletNotification> notices;
  std::vector<storage::SpendLimit> configured;
  std::vector<std::string> told;  ///< of limits that fill up

 private:
  void open();
  std::filesystem::path directory_;
  std::chrono::milliseconds patience_ = kAnyAnswer;
};

}  // namespace orchestration::testing
