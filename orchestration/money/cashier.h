// The cashier: the only one who spends. Every payment is a row of storage/payments, reserved before it
// is sent and settled after, and an outcome nobody told us is looked up, never guessed and never paid
// again.
//
//   open → (limits, operator) → pay → settled | failed | unknown → look_up → settled | failed
#pragma once

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "nostr/base/loop.h"
#include "orchestration/money/invoice_check.h"
#include "orchestration/money/limit_book.h"
#include "orchestration/money/wallet_client.h"
#include "storage/payments.h"

namespace orchestration {

/// The rails NIP-SA names; this program pays by lightning. kUnsupported for those it knows and does not
/// pay by, kInvalid for any other name.
base::Result<void> check_rail(std::string_view rail);

/// What shall be paid, and to which terms it was agreed.
struct PaymentOrder {
  std::string key;      ///< idempotency key: the same key is the same payment for ever
  std::string purpose;  ///< "invoice", "zap", "job", "skill"
  std::string rail = "lightning";
  Spender who;
  std::string invoice;
  InvoiceTerms terms;
  std::optional<base::Msat> max_fee;  ///< default: fee_allowance()
};

/// Whether limits hold, or the operator approved this very payment beyond them.
enum class Limits { kHold, kLifted };

/// App thread.
class Cashier {
 public:
  struct Deps {
    base::Loop& loop;
    storage::Db& db;
    const base::Clock& clock;
    WalletClient& wallet;
    std::function<void(const std::string& text)> tell = {};  ///< hears that a limit fills up
  };
  /// References outlive the cashier.
  Cashier(Deps deps, LimitBook limits);

  /// Checks the invoice against its terms and commits the intent; the row that stands when the key is
  /// known. Errors: as check_invoice() and check_rail(); kConflict as storage::Payments::add().
  base::Result<storage::PaymentRow> open(PaymentOrder order);
  /// The limits the payment would break now: what the operator is asked about.
  base::Result<std::vector<storage::Breach>> breaches(const storage::PaymentRow& row);
  /// Carries the payment as far as it goes: the row is then settled, failed or unknown. kLimit when a
  /// limit does not allow it: the row stays an intent. Asked twice at once, it pays once and both get
  /// the row.
  base::Task<base::Result<storage::PaymentRow>> pay(std::string key, Limits limits = Limits::kHold);
  /// intent → failed: the operator said no, or nobody wants it any more.
  base::Result<storage::PaymentRow> drop(std::string key, std::string why);
  /// Asks the wallet about a payment whose outcome is not known; the row as it then stands.
  base::Task<base::Result<storage::PaymentRow>> look_up(std::string key);
  /// Looks after everything that is open, once: what a killed process left, what was never answered,
  /// what expired before it was sent.
  base::Task<void> sweep();
  /// sweep() now and again until cancelled.
  base::Task<void> keep_sweeping(std::chrono::milliseconds pause = std::chrono::seconds{30});
  /// A payment_sent notification may settle what was unknown.
  void hear(const nostr::WalletNotification& notification);

  base::Result<std::optional<storage::PaymentRow>> find(std::string_view key);
  base::Result<std::vector<storage::PaymentRow>> list(std::int64_t limit);
  LimitBook& limits() { return limits_; }

 private:
  struct Hold;
  base::Task<base::Result<storage::PaymentRow>> send(storage::PaymentRow row);
  base::Task<base::Result<storage::PaymentRow>> conclude(
      storage::PaymentRow row, base::Result<nostr::WalletOutcome> outcome);
  base::Task<base::Result<storage::PaymentRow>> ask_wallet(storage::PaymentRow row, bool refused);
  base::Result<storage::PaymentRow> judge(const storage::PaymentRow& row,
                                          const nostr::Transaction& transaction, bool refused);
  base::Result<storage::PaymentRow> settle(const storage::PaymentRow& row, std::optional<nostr::Preimage> preimage,
                                           base::Msat fee, const std::string& detail);
  base::Result<storage::PaymentRow> not_known(const storage::PaymentRow& row, bool refused,
                                              const std::string& why);

  Deps deps_;
  LimitBook limits_;
  storage::Payments payments_;
  storage::Budgets budgets_;
  std::set<std::string> busy_;  ///< keys that are being paid or looked up
  base::Signal freed_;
};

}  // namespace orchestration
