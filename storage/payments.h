// Payments: what was meant, promised, sent and learnt about each, so that no money leaves twice.
//
// A payment is a row before it is anything else. Its amount is reserved in the budget before a request
// may leave, and the row says "sent" before the first byte does: after a crash at any instruction the
// row tells whether money can have moved.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "nostr/crypto/hash.h"
#include "nostr/nips/bolt11.h"
#include "storage/budgets.h"
#include "storage/events.h"

namespace storage {

/// Legal moves:
///   intent   → reserved failed
///   reserved → sent failed
///   sent     → settled failed unknown
///   unknown  → settled failed
/// settled and failed are final. kUnknown: the wallet may have paid; only a look-up can tell.
enum class PaymentState { kIntent, kReserved, kSent, kSettled, kFailed, kUnknown };

template <>
struct EnumText<PaymentState> {
  static constexpr std::array<std::string_view, 6> kNames{"intent",  "reserved", "sent",
                                                          "settled", "failed",   "unknown"};
};

bool may_move(PaymentState from, PaymentState to);

struct PaymentRow {
  std::string key;           ///< idempotency key: one per intent, unique for ever
  PaymentState state = PaymentState::kIntent;
  std::string purpose;       ///< "invoice", "zap", "job", "skill"
  std::string rail;          ///< "lightning"
  std::string agent;
  std::string tick;
  std::string task;
  std::string skill;
  std::string counterparty;  ///< whom it is for, as limits name them: npub hex, address, node key
  Msat amount;               ///< to the payee; the fee comes on top
  Msat max_fee;              ///< reserved for it
  std::string invoice;
  nostr::Sha256 payment_hash;
  UnixTime expires;          ///< after this nobody pays the invoice
  std::optional<std::int64_t> reservation;
  std::optional<EventId> request;           ///< what carried it to the wallet
  std::optional<UnixTime> request_expires;  ///< after this the wallet must not act on it
  std::optional<nostr::Preimage> preimage;  ///< always one that fits payment_hash
  Msat fee;
  std::string detail;  ///< why it failed or is unknown; may hold the wallet's words
  UnixTime created;
  UnixTime changed;

  Msat worst() const { return amount + max_fee; }
};

/// App thread. Every change is kFull and moves the budget in the same commit.
class Payments {
 public:
  explicit Payments(Db& db) : db_(db), budgets_(db) {}

  /// Opens `intent`, or returns the row that stands under its key. kConflict when that one has other
  /// terms, or when its invoice is being paid or was paid under another key.
  Result<PaymentRow> add(const PaymentRow& intent);
  /// intent → reserved, the worst case counted in every scope; kLimit (and no change) when it does not
  /// fit. A row that is past this is returned as it is.
  Result<PaymentRow> reserve(std::string_view key, std::vector<BudgetScope> scopes, UnixTime now);
  /// reserved → sent. Commit this before the request leaves.
  Result<PaymentRow> set_sent(std::string_view key, const EventId& request,
                              UnixTime request_expires, UnixTime now);
  /// → settled; the budget is charged amount + fee. kCrypto, and no change, when `preimage` does not
  /// open the payment hash. Without one the wallet's word is all there is: the money counts as spent.
  Result<PaymentRow> settle(std::string_view key, const std::optional<nostr::Preimage>& preimage,
                            Msat fee, std::string_view detail, UnixTime now);
  /// → failed; what was reserved is given back. Only when it is certain that no money moved.
  Result<PaymentRow> fail(std::string_view key, std::string_view detail, UnixTime now);
  /// sent → unknown; stays reserved.
  Result<PaymentRow> set_unknown(std::string_view key, std::string_view detail, UnixTime now);

  Result<std::optional<PaymentRow>> get(std::string_view key);
  /// The payment of `hash` that has not failed.
  Result<std::optional<PaymentRow>> by_hash(const nostr::Sha256& hash);
  /// All that are not final, oldest first: what a restart has to resolve.
  Result<std::vector<PaymentRow>> list_open();
  /// The latest `limit`, newest first.
  Result<std::vector<PaymentRow>> list(std::int64_t limit);

 private:
  Result<PaymentRow> must_get(std::string_view key);
  Db& db_;
  Budgets budgets_;
};

}  // namespace storage
