// A map of bills, and balances that move with them.
#include "tests/orchestration/support/lightning.h"

#include "tests/nostr/nips/invoice_maker.h"

namespace lightning {

using base::Errc;
using base::fail;
using nostr::Transaction;
using nostr::TransactionType;

void Network::add_node(const std::string& name, base::Msat balance) {
  nodes_.insert_or_assign(name, Node{nostr::SecretKey::generate(rng_), balance});
}

nostr::NodeKey Network::key(const std::string& name) const {
  const nostr::Sha256 hash = nostr::sha256("whose invoice is this");
  return nostr::parse_invoice(nips_test::sign_invoice({.hrp = "lnbcrt1m",
                                                       .payment_hash = hash,
                                                       .description = "",
                                                       .description_hash = std::nullopt,
                                                       .expiry = std::nullopt},
                                                      nodes_.at(name).secret))
      ->payee;
}

std::string Network::make_invoice(const std::string& payee, const InvoiceWish& wish,
                                  base::UnixTime now) {
  const nostr::Preimage preimage(rng_.bytes<32>());
  const nostr::Sha256 hash = nostr::sha256(preimage.view());
  std::string hrp = "lnbcrt";
  if (wish.amount.value > 0) hrp += std::to_string(wish.amount.value * 10) + "p";
  std::string invoice = nips_test::sign_invoice({.hrp = hrp,
                                                 .payment_hash = hash,
                                                 .description = wish.description,
                                                 .description_hash = wish.description_hash,
                                                 .timestamp = base::to_unix(now),
                                                 .expiry = wish.expiry.count()},
                                                nodes_.at(payee).secret);
  Bill bill{.payee = payee, .payer = "", .preimage = preimage, .transaction = {}, .fee = {}};
  bill.transaction = {.type = TransactionType::kIncoming,
                      .state = "pending",
                      .invoice = invoice,
                      .description = wish.description,
                      .description_hash = wish.description_hash,
                      .preimage = std::nullopt,
                      .payment_hash = hash,
                      .amount = wish.amount,
                      .fees_paid = {},
                      .created_at = now,
                      .expires_at = now + wish.expiry,
                      .settled_at = std::nullopt};
  bills_.emplace(hash, std::move(bill));
  order_.push_back(hash);
  return invoice;
}

base::Result<nostr::Payment> Network::pay(const std::string& payer, const std::string& invoice,
                                          base::UnixTime now) {
  TRY(const nostr::Invoice read, nostr::parse_invoice(invoice));
  const auto found = bills_.find(read.payment_hash);
  if (found == bills_.end()) return fail(Errc::kNotFound, "no route to the payee");
  Bill& bill = found->second;
  Node& from = nodes_.at(payer);
  if (bill.paid > 0) return fail(Errc::kDenied, "the invoice is already paid");
  if (now > *bill.transaction.expires_at) return fail(Errc::kDenied, "the invoice has expired");
  if (from.balance < bill.transaction.amount + fee_)
    return fail(Errc::kDenied, "too little money");
  from.balance = from.balance - bill.transaction.amount - fee_;
  Node& to = nodes_.at(bill.payee);
  to.balance = to.balance + bill.transaction.amount;
  bill.payer = payer;
  bill.fee = fee_;
  ++bill.paid;
  ++payments_;
  bill.transaction.state = "settled";
  bill.transaction.settled_at = now;
  bill.transaction.preimage = bill.preimage;
  return nostr::Payment{.preimage = bill.preimage, .fees_paid = fee_};
}

Transaction Network::seen_by(const std::string& node, const Bill& bill) const {
  Transaction out = bill.transaction;
  if (bill.payer != node) return out;
  out.type = TransactionType::kOutgoing;
  out.fees_paid = bill.fee;
  return out;
}

std::optional<Transaction> Network::find(const std::string& node,
                                         const nostr::Sha256& hash) const {
  const auto found = bills_.find(hash);
  if (found == bills_.end()) return std::nullopt;
  if (found->second.payee != node && found->second.payer != node) return std::nullopt;
  return seen_by(node, found->second);
}

std::vector<Transaction> Network::transactions(const std::string& node) const {
  std::vector<Transaction> out;
  for (auto at = order_.rbegin(); at != order_.rend(); ++at)
    if (const auto seen = find(node, *at)) out.push_back(*seen);
  return out;
}

int Network::times_paid(const nostr::Sha256& hash) const {
  const auto found = bills_.find(hash);
  return found == bills_.end() ? 0 : found->second.paid;
}

}  // namespace lightning
