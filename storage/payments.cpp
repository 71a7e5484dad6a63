// Each transition is one conditional UPDATE and, where money is concerned, one change of the budget,
// in one commit.
#include "storage/payments.h"

#include <algorithm>

#include <fmt/format.h>

#include "nostr/base/failpoint.h"

namespace storage {

namespace {

#define PAYMENT_COLUMNS                                                                         \
  "SELECT key, state, purpose, rail, agent, tick, task, skill, counterparty, amount, max_fee, " \
  "invoice, payment_hash, expires, reservation, request, request_expires, preimage, fee, "      \
  "detail, created, changed FROM payments "

constexpr const char* kAdd =
    "INSERT INTO payments (key, state, purpose, rail, agent, tick, task, skill, counterparty, "
    "amount, max_fee, invoice, payment_hash, expires, created, changed) "
    "VALUES (?,'intent',?,?,?,?,?,?,?,?,?,?,?,?,?,?)";
constexpr const char* kReserve =
    "UPDATE payments SET state = 'reserved', reservation = ?, changed = ? "
    "WHERE key = ? AND state = 'intent'";
constexpr const char* kSend =
    "UPDATE payments SET state = 'sent', request = ?, request_expires = ?, changed = ? "
    "WHERE key = ? AND state = 'reserved'";
constexpr const char* kSettle =
    "UPDATE payments SET state = 'settled', preimage = ?, fee = ?, detail = ?, changed = ? "
    "WHERE key = ? AND state = ?";
constexpr const char* kEnd =
    "UPDATE payments SET state = ?, detail = ?, changed = ? WHERE key = ? AND state = ?";
constexpr const char* kGet = PAYMENT_COLUMNS "WHERE key = ?";
constexpr const char* kByHash = PAYMENT_COLUMNS "WHERE payment_hash = ? AND state <> 'failed'";
constexpr const char* kListOpen = PAYMENT_COLUMNS
    "WHERE state IN ('intent','reserved','sent','unknown') ORDER BY created";
constexpr const char* kList = PAYMENT_COLUMNS "ORDER BY created DESC, rowid DESC LIMIT ?";

#undef PAYMENT_COLUMNS

PaymentRow read_payment(Row& r) {
  return {.key = r.take<std::string>(),
          .state = r.take<PaymentState>(),
          .purpose = r.take<std::string>(),
          .rail = r.take<std::string>(),
          .agent = r.take<std::string>(),
          .tick = r.take<std::string>(),
          .task = r.take<std::string>(),
          .skill = r.take<std::string>(),
          .counterparty = r.take<std::string>(),
          .amount = r.take<Msat>(),
          .max_fee = r.take<Msat>(),
          .invoice = r.take<std::string>(),
          .payment_hash = r.take<nostr::Sha256>(),
          .expires = r.take<UnixTime>(),
          .reservation = r.take<std::optional<std::int64_t>>(),
          .request = r.take<std::optional<EventId>>(),
          .request_expires = r.take<std::optional<UnixTime>>(),
          .preimage = r.take<std::optional<nostr::Preimage>>(),
          .fee = r.take<Msat>(),
          .detail = r.take<std::string>(),
          .created = r.take<UnixTime>(),
          .changed = r.take<UnixTime>()};
}

bool same_terms(const PaymentRow& a, const PaymentRow& b) {
  return a.purpose == b.purpose && a.rail == b.rail && a.amount == b.amount &&
         a.invoice == b.invoice && a.payment_hash == b.payment_hash &&
         a.counterparty == b.counterparty;
}

Result<void> check_amounts(const PaymentRow& intent) {
  if (intent.amount.value > 0 && intent.amount <= base::kMaxMsat && intent.max_fee.value >= 0 &&
      intent.max_fee <= base::kMaxMsat)
    return {};
  return base::fail(Errc::kInvalid, fmt::format("a payment of {} msat with a fee of up to {} msat",
                                                intent.amount.value, intent.max_fee.value));
}

std::unexpected<base::Error> illegal(const PaymentRow& row, PaymentState to) {
  return base::fail(Errc::kConflict,
                    fmt::format("payment {} is {}, it cannot become {}", row.key,
                                name_of(row.state), name_of(to)));
}

}  // namespace

bool may_move(PaymentState from, PaymentState to) {
  switch (from) {
    case PaymentState::kIntent:
      return to == PaymentState::kReserved || to == PaymentState::kFailed;
    case PaymentState::kReserved:
      return to == PaymentState::kSent || to == PaymentState::kFailed;
    case PaymentState::kSent:
      return to == PaymentState::kSettled || to == PaymentState::kFailed ||
             to == PaymentState::kUnknown;
    case PaymentState::kUnknown:
      return to == PaymentState::kSettled || to == PaymentState::kFailed;
    case PaymentState::kSettled:
    case PaymentState::kFailed:
      return false;
  }
  return false;
}

Result<PaymentRow> Payments::add(const PaymentRow& intent) {
  TRY(check_amounts(intent));
  TRY(Tx tx, Tx::begin(db_, Durability::kFull));
  TRY(const auto standing, get(intent.key));
  if (standing) {
    if (!same_terms(*standing, intent))
      return base::fail(Errc::kConflict, "payment key " + intent.key + " was used for another payment");
    return *standing;
  }
  TRY(const auto other, by_hash(intent.payment_hash));
  if (other)
    return base::fail(Errc::kConflict, fmt::format("this invoice belongs to payment {}, which is {}",
                                                   other->key, name_of(other->state)));
  TRY(db_.run(kAdd, intent.key, intent.purpose, intent.rail, intent.agent, intent.tick, intent.task,
              intent.skill, intent.counterparty, intent.amount, intent.max_fee, intent.invoice,
              intent.payment_hash, intent.expires, intent.created, intent.created));
  TRY(PaymentRow row, must_get(intent.key));
  TRY(tx.commit());
  FAILPOINT("payment-intent");
  return row;
}

Result<PaymentRow> Payments::reserve(std::string_view key, std::vector<BudgetScope> scopes,
                                     UnixTime now) {
  TRY(Tx tx, Tx::begin(db_, Durability::kFull));
  TRY(const PaymentRow row, must_get(key));
  if (row.state != PaymentState::kIntent) return row;
  TRY(const Reservation held, budgets_.reserve({.key = "payment:" + row.key,
                                                .purpose = "payment",
                                                .agent = row.agent,
                                                .tick = row.tick,
                                                .session = "",
                                                .amount = row.worst(),
                                                .scopes = std::move(scopes)},
                                               now));
  TRY(const auto changed, db_.run(kReserve, held.id, now, key));
  TRY(expect_one(changed, "payment"));
  TRY(PaymentRow after, must_get(key));
  FAILPOINT("payment-before-reserved");
  TRY(tx.commit());
  FAILPOINT("payment-reserved");
  return after;
}

Result<PaymentRow> Payments::set_sent(std::string_view key, const EventId& request,
                                      UnixTime request_expires, UnixTime now) {
  TRY(Tx tx, Tx::begin(db_, Durability::kFull));
  TRY(const PaymentRow row, must_get(key));
  if (!may_move(row.state, PaymentState::kSent)) return illegal(row, PaymentState::kSent);
  TRY(const auto changed, db_.run(kSend, request, request_expires, now, key));
  TRY(expect_one(changed, "payment"));
  TRY(PaymentRow after, must_get(key));
  FAILPOINT("payment-before-sent");
  TRY(tx.commit());
  FAILPOINT("payment-sent");
  return after;
}

Result<PaymentRow> Payments::settle(std::string_view key,
                                    const std::optional<nostr::Preimage>& preimage, Msat fee,
                                    std::string_view detail, UnixTime now) {
  TRY(Tx tx, Tx::begin(db_, Durability::kFull));
  TRY(const PaymentRow row, must_get(key));
  if (!may_move(row.state, PaymentState::kSettled)) return illegal(row, PaymentState::kSettled);
  if (preimage && !nostr::is_paid_by(row.payment_hash, *preimage))
    return base::fail(Errc::kCrypto, "the preimage does not open the payment hash");
  // What a wallet calls its fee may be anything; the ledger holds no more than there is.
  fee = std::min(fee, base::kMaxMsat - row.amount);
  TRY(budgets_.settle(*row.reservation, row.amount + fee, now));
  TRY(const auto changed, db_.run(kSettle, preimage, fee, detail, now, key, row.state));
  TRY(expect_one(changed, "payment"));
  TRY(PaymentRow after, must_get(key));
  FAILPOINT("payment-before-settled");
  TRY(tx.commit());
  FAILPOINT("payment-settled");
  return after;
}

Result<PaymentRow> Payments::fail(std::string_view key, std::string_view detail, UnixTime now) {
  TRY(Tx tx, Tx::begin(db_, Durability::kFull));
  TRY(const PaymentRow row, must_get(key));
  if (!may_move(row.state, PaymentState::kFailed)) return illegal(row, PaymentState::kFailed);
  if (row.reservation) TRY(budgets_.release(*row.reservation, now));
  TRY(const auto changed, db_.run(kEnd, PaymentState::kFailed, detail, now, key, row.state));
  TRY(expect_one(changed, "payment"));
  TRY(PaymentRow after, must_get(key));
  TRY(tx.commit());
  FAILPOINT("payment-failed");
  return after;
}

Result<PaymentRow> Payments::set_unknown(std::string_view key, std::string_view detail,
                                         UnixTime now) {
  TRY(Tx tx, Tx::begin(db_, Durability::kFull));
  TRY(const PaymentRow row, must_get(key));
  if (!may_move(row.state, PaymentState::kUnknown)) return illegal(row, PaymentState::kUnknown);
  TRY(budgets_.mark_unknown(*row.reservation, now));
  TRY(const auto changed, db_.run(kEnd, PaymentState::kUnknown, detail, now, key, row.state));
  TRY(expect_one(changed, "payment"));
  TRY(PaymentRow after, must_get(key));
  TRY(tx.commit());
  FAILPOINT("payment-unknown");
  return after;
}

Result<std::optional<PaymentRow>> Payments::get(std::string_view key) {
  return db_.one(kGet, read_payment, key);
}

Result<PaymentRow> Payments::must_get(std::string_view key) {
  TRY(auto row, get(key));
  if (!row) return base::fail(Errc::kNotFound, fmt::format("no payment {}", key));
  return *std::move(row);
}

Result<std::optional<PaymentRow>> Payments::by_hash(const nostr::Sha256& hash) {
  return db_.one(kByHash, read_payment, hash);
}

Result<std::vector<PaymentRow>> Payments::list_open() {
  return db_.all(kListOpen, read_payment);
}

Result<std::vector<PaymentRow>> Payments::list(std::int64_t limit) {
  return db_.all(kList, read_payment, limit);
}

}  // namespace storage
