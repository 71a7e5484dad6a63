// The way of a payment. Between two awaits the row is read again: it is the only truth.
#include "orchestration/money/cashier.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "nostr/base/log.h"

namespace orchestration {

namespace {

using base::Errc;
using base::fail;
using base::Msat;
using base::Result;
using base::Task;
using nostr::WalletErrc;
using storage::PaymentRow;
using storage::PaymentState;

/// How long after request and invoice have expired a wallet's clock may still disagree with ours.
constexpr std::chrono::seconds kGrace{300};
constexpr std::chrono::minutes kPatience{5};  // for another caller with the same key

constexpr std::array<std::string_view, 3> kOtherRails{"cashu", "fedimint", "envelope"};

/// Whether a refusal says for certain that no money moves. PAYMENT_FAILED does not: it is what wallets
/// answer when they gave up waiting.
bool is_certain(WalletErrc code) {
  switch (code) {
    case WalletErrc::kRateLimited:
    case WalletErrc::kNotImplemented:
    case WalletErrc::kInsufficientBalance:
    case WalletErrc::kQuotaExceeded:
    case WalletErrc::kRestricted:
    case WalletErrc::kUnauthorized:
    case WalletErrc::kUnsupportedEncryption:
      return true;
    case WalletErrc::kInternal:
    case WalletErrc::kPaymentFailed:
    case WalletErrc::kNotFound:
    case WalletErrc::kOther:
      return false;
  }
  return false;
}

bool is_final(PaymentState state) {
  return state == PaymentState::kSettled || state == PaymentState::kFailed;
}

}  // namespace

Result<void> check_rail(std::string_view rail) {
  if (rail == "lightning") return {};
  if (std::ranges::find(kOtherRails, rail) != kOtherRails.end())
    return fail(Errc::kUnsupported, fmt::format("this program does not pay by {}", rail),
                "lightning is the rail it pays by");
  return fail(Errc::kInvalid, fmt::format("there is no payment rail \"{}\"", rail),
              "lightning, cashu, fedimint and envelope are the rails of NIP-SA");
}

/// A key being worked on; nobody else works on it meanwhile.
struct Cashier::Hold {
  Hold(Cashier& owner, std::string held) : cashier(owner), key(std::move(held)) {
    cashier.busy_.insert(key);
  }
  ~Hold() {
    cashier.busy_.erase(key);
    cashier.freed_.notify();
  }
  Hold(const Hold&) = delete;
  Hold& operator=(const Hold&) = delete;

  Cashier& cashier;
  const std::string key;
};

Cashier::Cashier(Deps deps, LimitBook limits)
    : deps_(deps),
      limits_(std::move(limits)),
      payments_(deps.db),
      budgets_(deps.db),
      freed_(deps.loop) {}

Result<PaymentRow> Cashier::open(PaymentOrder order) {
  TRY(const auto standing, payments_.get(order.key));
  if (standing && standing->invoice == order.invoice && standing->amount == order.terms.amount)
    return *standing;  // however late it is asked for again
  TRY(check_rail(order.rail));
  TRY(const nostr::Invoice invoice, check_invoice(order.invoice, order.terms, deps_.clock.now()));
  // Whom the invoice pays is who its signature says, whatever name the order gives.
  if (order.who.counterparty.empty()) order.who.counterparty = invoice.payee.hex();
  return payments_.add({.key = std::move(order.key),
                        .purpose = std::move(order.purpose),
                        .rail = std::move(order.rail),
                        .agent = std::move(order.who.agent),
                        .tick = std::move(order.who.tick),
                        .task = std::move(order.who.task),
                        .skill = std::move(order.who.skill),
                        .counterparty = std::move(order.who.counterparty),
                        .amount = order.terms.amount,
                        .max_fee = order.max_fee.value_or(fee_allowance(order.terms.amount)),
                        .invoice = std::move(order.invoice),
                        .payment_hash = invoice.payment_hash,
                        .expires = nostr::expires_at(invoice),
                        .created = deps_.clock.now()});
}

Result<std::vector<storage::Breach>> Cashier::breaches(const PaymentRow& row) {
  TRY(const auto scopes,
      limits_.scopes({row.agent, row.tick, row.task, row.skill, row.counterparty}));
  return budgets_.breaches(scopes, row.worst(), deps_.clock.now());
}

Task<Result<PaymentRow>> Cashier::pay(std::string key, Limits limits) {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (busy_.contains(key)) {
    if (std::chrono::steady_clock::now() >= deadline)
      co_return fail(Errc::kTimeout, "payment " + key + " is still under way");
    co_await freed_.wait_for(std::chrono::seconds{1});
  }
  CO_TRY(auto found, payments_.get(key));
  if (!found) co_return fail(Errc::kNotFound, "no payment " + key);
  PaymentRow row = *std::move(found);
  if (row.state == PaymentState::kIntent && row.expires <= deps_.clock.now())
    co_return payments_.fail(key, "the invoice expired before it was paid", deps_.clock.now());
  if (row.state == PaymentState::kIntent) {
    CO_TRY(auto scopes,
           limits_.scopes({row.agent, row.tick, row.task, row.skill, row.counterparty}));
    if (limits == Limits::kLifted)
      for (storage::BudgetScope& scope : scopes) scope.limit.reset();
    CO_TRY(row, payments_.reserve(key, std::move(scopes), deps_.clock.now()));
  }
  if (row.state == PaymentState::kReserved) co_return co_await send(std::move(row));
  if (is_final(row.state)) co_return row;
  co_return co_await look_up(std::move(key));
}

Task<Result<PaymentRow>> Cashier::send(PaymentRow row) {
  const Hold hold(*this, row.key);
  auto message = co_await deps_.wallet.prepare(nostr::PayInvoice{.id = "", .invoice = row.invoice,
                                                                 .amount = std::nullopt});
  if (!message) co_return payments_.fail(row.key, message.error().detail, deps_.clock.now());
  if (row.expires <= deps_.clock.now())
    co_return payments_.fail(row.key, "the invoice expired before it was paid", deps_.clock.now());
  CO_TRY(row, payments_.set_sent(row.key, message->event.id, message->expires, deps_.clock.now()));
  auto outcome = co_await deps_.wallet.send(std::move(*message));
  co_return co_await conclude(std::move(row), std::move(outcome));
}

Task<Result<PaymentRow>> Cashier::conclude(PaymentRow row, Result<nostr::WalletOutcome> outcome) {
  const auto now = deps_.clock.now();
  if (!outcome) {
    const base::Error& error = outcome.error();
    if (error.code == Errc::kUnavailable || error.code == Errc::kLimit)
      co_return payments_.fail(row.key, error.detail, now);  // nothing ever left
    co_return payments_.set_unknown(row.key, error.detail, now);
  }
  if (const auto* refused = std::get_if<nostr::WalletError>(&*outcome)) {
    const std::string words = wallet_refusal(*refused).detail;
    if (is_certain(refused->code)) co_return payments_.fail(row.key, words, now);
    CO_TRY(row, payments_.set_unknown(row.key, words, now));
    co_return co_await ask_wallet(std::move(row), refused->code == WalletErrc::kPaymentFailed);
  }
  const auto* payment = std::get_if<nostr::Payment>(&*outcome);
  if (payment && payment->preimage && nostr::is_paid_by(row.payment_hash, *payment->preimage))
    co_return settle(row, payment->preimage, payment->fees_paid.value_or(Msat{}), "");
  CO_TRY(row, payments_.set_unknown(row.key, "the wallet's answer proves no payment", now));
  co_return co_await ask_wallet(std::move(row), /*refused=*/false);
}

Result<PaymentRow> Cashier::drop(std::string key, std::string why) {
  return payments_.fail(key, why, deps_.clock.now());
}

Task<Result<PaymentRow>> Cashier::look_up(std::string key) {
  CO_TRY(auto found, payments_.get(key));
  if (!found) co_return fail(Errc::kNotFound, "no payment " + key);
  PaymentRow row = *std::move(found);
  if (busy_.contains(key) ||
      (row.state != PaymentState::kSent && row.state != PaymentState::kUnknown))
    co_return row;
  const Hold hold(*this, key);
  if (row.state == PaymentState::kSent) {
    CO_TRY(row, payments_.set_unknown(key, "the process ended before an answer came",
                                      deps_.clock.now()));
  }
  co_return co_await ask_wallet(std::move(row), /*refused=*/false);
}

/// `refused`: the wallet said that it failed, and only a look-up that says otherwise counts more.
Task<Result<PaymentRow>> Cashier::ask_wallet(PaymentRow row, bool refused) {
  auto outcome = co_await deps_.wallet.ask(
      nostr::LookupInvoice{.payment_hash = row.payment_hash, .invoice = row.invoice});
  CO_TRY(auto current, payments_.get(row.key));
  row = *std::move(current);
  if (row.state != PaymentState::kUnknown) co_return row;  // a notification was faster
  if (!outcome) {
    // A wallet that cannot be asked has said all it ever will.
    if (refused && outcome.error().code == Errc::kUnsupported)
      co_return payments_.fail(row.key, row.detail, deps_.clock.now());
    co_return row;
  }
  if (const auto* transaction = std::get_if<nostr::Transaction>(&*outcome))
    co_return judge(row, *transaction, refused);
  const auto* error = std::get_if<nostr::WalletError>(&*outcome);
  if (error && error->code == WalletErrc::kNotFound)
    co_return not_known(row, refused, wallet_refusal(*error).detail);
  co_return row;
}

Result<PaymentRow> Cashier::judge(const PaymentRow& row, const nostr::Transaction& transaction,
                                  bool refused) {
  // The same hash as somebody's payment to us says nothing about ours.
  if (transaction.type != nostr::TransactionType::kOutgoing ||
      (transaction.payment_hash && *transaction.payment_hash != row.payment_hash))
    return not_known(row, refused, "the wallet knows no such payment");
  const bool proven =
      transaction.preimage && nostr::is_paid_by(row.payment_hash, *transaction.preimage);
  if (proven || transaction.state == "settled" || transaction.settled_at) {
    // What left beyond the amount is a cost, whatever the wallet calls it.
    const Msat beyond = std::max(Msat{}, transaction.amount - row.amount);
    return settle(row, proven ? transaction.preimage : std::nullopt, transaction.fees_paid + beyond,
                  proven ? "" : "the wallet says so and shows no proof");
  }
  if (transaction.state == "failed" || transaction.state == "expired")
    return payments_.fail(row.key, "wallet: " + transaction.state, deps_.clock.now());
  return row;
}

/// Settles, and tells whoever watches the limits which of them that filled.
Result<PaymentRow> Cashier::settle(const PaymentRow& row, std::optional<nostr::Preimage> preimage, Msat fee,
                                   const std::string& detail) {
  const auto now = deps_.clock.now();
  Result<LimitLevels> before;
  if (auto scopes = limits_.scopes({row.agent, row.tick, row.task, row.skill, row.counterparty}))
    before = LimitLevels::of(budgets_, *scopes, now);
  TRY(PaymentRow settled, payments_.settle(row.key, preimage, fee, detail, now));
  const auto passed = before ? before->passed(budgets_, now) : std::vector<std::string>{};
  if (passed && deps_.tell)
    for (const std::string& text : *passed) deps_.tell(text);
  return settled;
}

/// The wallet does not know the payment. It may still take our request up, or pay the invoice, until
/// both have expired.
Result<PaymentRow> Cashier::not_known(const PaymentRow& row, bool refused, const std::string& why) {
  const auto last = std::max(row.expires, row.request_expires.value_or(row.expires)) + kGrace;
  if (!refused && deps_.clock.now() <= last) return row;
  return payments_.fail(row.key, refused ? row.detail : why, deps_.clock.now());
}

Task<void> Cashier::sweep() {
  const auto open = payments_.list_open();
  if (!open) {
    LOG(kError, "money", "open payments cannot be read", {{"detail", open.error().detail}});
    co_return;
  }
  for (const PaymentRow& row : *open) {
    if (busy_.contains(row.key)) continue;
    const bool unsent = row.state == PaymentState::kIntent || row.state == PaymentState::kReserved;
    if (unsent && row.expires > deps_.clock.now()) continue;
    if (unsent) {
      (void)payments_.fail(row.key, "the invoice expired before it was paid", deps_.clock.now());
      continue;
    }
    const auto looked = co_await look_up(row.key);
    if (!looked)
      LOG(kError, "money", "a payment cannot be looked up",
          {{"payment", row.key}, {"detail", looked.error().detail}});
  }
}

Task<void> Cashier::keep_sweeping(std::chrono::milliseconds pause) {
  for (;;) {
    co_await sweep();
    co_await base::sleep_for(pause);
  }
}

void Cashier::hear(const nostr::WalletNotification& notification) {
  const nostr::Transaction& transaction = notification.transaction;
  if (notification.type != "payment_sent" || !transaction.payment_hash || !transaction.preimage)
    return;
  const auto row = payments_.by_hash(*transaction.payment_hash);
  if (!row || !*row || (*row)->state != PaymentState::kUnknown) return;
  if (!nostr::is_paid_by((*row)->payment_hash, *transaction.preimage)) return;
  (void)settle(**row, transaction.preimage, transaction.fees_paid, "");
}

Result<std::optional<PaymentRow>> Cashier::find(std::string_view key) {
  return payments_.get(key);
}

Result<std::vector<PaymentRow>> Cashier::list(std::int64_t limit) {
  return payments_.list(limit);
}

}  // namespace orchestration
