// A wallet service that speaks NIP-47 over real relays, with a ledger behind it, and misbehaves on
// request: for tests of clients, and as sovereign-wallet-service.
//
// A fault script is a list of rules; each request is met by the first rule left that names its method,
// and a rule is used up by `times` requests (default 1):
//   { "method": "pay_invoice", "fault": "lose-answer", "times": 1, "ms": 0, "code": "PAYMENT_FAILED" }
//
//   slow            acts and answers after `ms`
//   ignore          neither acts nor answers
//   lose-answer     acts, and nothing of it is ever sent: neither answer nor notification
//   refuse          does not act, answers with `code`
//   fail-after      acts, and answers with `code` all the same
//   duplicate       acts once, answers twice
//   contradict      acts, answers, then says it failed
//   garbage         acts, and the answer cannot be decrypted
//   mismatch        acts, and answers as if it had been asked something else
//   wrong-preimage  acts, and shows another preimage
//   no-preimage     acts, and shows none
//   wrong-amount    invoices and transactions name 1 000 msat more
//   stranger        acts; a stranger's key answers first, then the wallet
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "nostr/base/json.h"
#include "nostr/client/pool.h"
#include "nostr/nips/nip47.h"
#include "tests/orchestration/support/lightning.h"

namespace wallet_service {

enum class Fault {
  kSlow,
  kIgnore,
  kLoseAnswer,
  kRefuse,
  kFailAfter,
  kDuplicate,
  kContradict,
  kGarbage,
  kMismatch,
  kWrongPreimage,
  kNoPreimage,
  kWrongAmount,
  kStranger,
};

struct Rule {
  std::string method;  ///< "" for any
  Fault fault = Fault::kSlow;
  int times = 1;
  std::chrono::milliseconds wait{0};
  nostr::WalletErrc code = nostr::WalletErrc::kPaymentFailed;
};
/// kInvalid naming the rule that makes no sense.
base::Result<std::vector<Rule>> parse_rules(const base::json::Value& script);

struct Options {
  std::vector<nostr::WalletEncryption> encryptions{nostr::WalletEncryption::kNip44,
                                                   nostr::WalletEncryption::kNip04};
  std::vector<std::string> methods{"pay_invoice",       "make_invoice", "lookup_invoice",
                                   "list_transactions", "get_balance",  "get_info"};
  bool notify = true;
};

/// One connection to one node of `network`. App thread.
class WalletService {
 public:
  /// All references outlive the service.
  WalletService(nostr::Pool& pool, const base::Clock& clock, base::Rng& rng,
                lightning::Network& network, std::string node, std::vector<std::string> relays,
                Options options = {});
  ~WalletService();

  /// Publishes the 13194 and listens; done when a relay serves the subscription.
  base::Task<void> start();
  /// The connection string: a secret, as any.
  std::string uri() const;
  const nostr::PublicKey& key() const;
  void add_rules(std::vector<Rule> rules);
  /// Called after each request was dealt with.
  void on_handled(std::function<void()> callback);

  /// Requests that were acted on, by method; a request seen twice is acted on once.
  int handled(const std::string& method) const;
  int expired() const;  ///< requests that came after their `expiration`

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace wallet_service
