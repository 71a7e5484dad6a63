// The treasury: this home's wallet, its payments and its limits, for the agent, the command line and
// whoever asks through the control socket.
#pragma once

#include <memory>

#include "node/config.h"
#include "node/home.h"
#include "node/runtime.h"
#include "nostr/base/json.h"
#include "orchestration/money/cashier.h"
#include "orchestration/money/lnurl.h"
#include "orchestration/money/zaps.h"

namespace node {

/// A wish to pay: an invoice, a lightning address or an lnurl, and how much.
struct PaymentWish {
  std::string key;
  std::string purpose;
  orchestration::Spender who;
  std::string destination;
  base::Msat amount;
  std::string comment;  ///< for the payee, where it takes one
  std::optional<base::Msat> max_fee;
};

/// App thread. References outlive it.
class Treasury {
 public:
  struct Deps {
    Runtime& runtime;
    storage::Db& db;
    const Home& home;
    const Config& config;
    std::function<void(const std::string& text)> tell = {};  ///< hears that a limit fills up
  };
  explicit Treasury(Deps deps, orchestration::LnurlOptions lnurl = {});
  ~Treasury();

  /// Looks after open payments until stop(), where there is a wallet.
  void start();
  base::Task<void> stop();

  /// Who spends. kNotFound while no wallet is connected.
  base::Result<orchestration::Cashier*> cashier();
  /// The wallet to ask for invoices. kNotFound likewise. It may be another after every wait.
  base::Result<orchestration::WalletClient*> wallet_client();
  /// Finds out what `wish` means and commits the intent; the row that stands when the key is known.
  base::Task<base::Result<storage::PaymentRow>> open(PaymentWish wish);
  /// The limits a payment as wished for would break now, in words.
  base::Result<std::vector<std::string>> breaches(const orchestration::Spender& who,
                                                  base::Msat amount,
                                                  std::optional<base::Msat> max_fee);

  /// `sovereign wallet VERB` and `sovereign budget VERB`: params hold "verb" and what it takes.
  base::Task<base::Result<base::json::Value>> wallet(base::json::Value params);
  base::Result<base::json::Value> budget(const base::json::Value& params);

 private:
  base::Result<void> load();
  base::Result<void> use(nostr::WalletUri uri);
  base::Task<base::Result<base::json::Value>> connect(base::json::Value params);
  base::Task<base::Result<base::json::Value>> pay(base::json::Value params);
  base::Task<base::Result<base::json::Value>> zap(base::json::Value params);
  base::Task<base::Result<base::json::Value>> make_invoice(base::json::Value params);
  base::Task<base::Result<base::json::Value>> balance();
  base::Task<base::Result<base::json::Value>> list(base::json::Value params);
  base::Task<base::Result<base::json::Value>> look_up(base::json::Value params);
  base::Task<base::Result<base::json::Value>> finish(storage::PaymentRow row, bool over_limit);
  base::Result<void> refuse_doubles(const PaymentWish& wish);
  base::Result<void> refuse_while_under_way();

  Deps deps_;
  orchestration::LimitBook limits_;
  orchestration::Lnurl lnurl_;
  orchestration::Zapper zapper_;
  std::unique_ptr<orchestration::WalletClient> client_;
  std::unique_ptr<orchestration::Cashier> cashier_;
  /// Wallets connected before: somebody may still wait for an answer of theirs.
  std::vector<std::pair<std::unique_ptr<orchestration::WalletClient>,
                        std::unique_ptr<orchestration::Cashier>>>
      retired_;
  bool started_ = false;
  std::unique_ptr<base::Scope> scope_;
};

/// The limits the configuration sets.
std::vector<storage::SpendLimit> configured_limits(const Config& config);
/// A payment as JSON: what `wallet pay|list|lookup` print.
base::json::Value payment_view(const storage::PaymentRow& row);

}  // namespace node
