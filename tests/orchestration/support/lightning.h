// Lightning in one process: nodes with balances, real BOLT-11 invoices, and a ledger that never pays
// the same invoice twice. For tests, and behind sovereign-wallet-service.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "nostr/base/rng.h"
#include "nostr/nips/nip47.h"

namespace lightning {

/// What a node asks to be paid for.
struct InvoiceWish {
  base::Msat amount;
  std::string description;
  std::optional<nostr::Sha256> description_hash;
  std::chrono::seconds expiry{3600};
};

/// App thread, or whoever owns it alone.
class Network {
 public:
  explicit Network(base::Rng& rng) : rng_(rng) {}

  /// Opens a node with `balance`.
  void add_node(const std::string& name, base::Msat balance);
  bool has_node(const std::string& name) const { return nodes_.contains(name); }
  base::Msat balance(const std::string& name) const { return nodes_.at(name).balance; }
  nostr::NodeKey key(const std::string& name) const;

  /// A signed invoice of `payee`, on the network "bcrt".
  std::string make_invoice(const std::string& payee, const InvoiceWish& wish, base::UnixTime now);
  /// Moves the money, at once and once. kDenied: already paid, expired, or too little money;
  /// kNotFound: nobody here made that invoice.
  base::Result<nostr::Payment> pay(const std::string& payer, const std::string& invoice,
                                   base::UnixTime now);
  /// Charged on top of each payment from now on.
  void set_fee(base::Msat fee) { fee_ = fee; }

  /// As `node` sees it; its own payment rather than its own invoice where it made both.
  std::optional<nostr::Transaction> find(const std::string& node, const nostr::Sha256& hash) const;
  /// All of `node`, newest first.
  std::vector<nostr::Transaction> transactions(const std::string& node) const;
  /// How often an invoice was paid, over all time: the number every test looks at.
  int times_paid(const nostr::Sha256& hash) const;
  int payments() const { return payments_; }

 private:
  struct Node {
    nostr::SecretKey secret;
    base::Msat balance;
  };
  struct Bill {
    std::string payee;
    std::string payer;  ///< "" until paid
    nostr::Preimage preimage;
    nostr::Transaction transaction;  ///< as the payee sees it
    base::Msat fee;
    int paid = 0;
  };
  nostr::Transaction seen_by(const std::string& node, const Bill& bill) const;

  base::Rng& rng_;
  std::map<std::string, Node> nodes_;
  std::map<nostr::Sha256, Bill> bills_;
  std::vector<nostr::Sha256> order_;
  base::Msat fee_;
  int payments_ = 0;
};

}  // namespace lightning
