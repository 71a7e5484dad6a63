// Wallet services on a thread of their own: for tests of whole programs, and as sovereign-wallet-service.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/orchestration/support/wallet_service.h"

namespace wallet_service {

struct HostOptions {
  std::vector<std::string> relays;
  std::vector<std::pair<std::string, base::Msat>> nodes;  ///< name and balance; the first one is scripted
  std::vector<Rule> rules;
  base::Msat fee;
  Options service;
};

/// Runs from the moment it is made until it is destroyed. Any thread.
class WalletHost {
 public:
  /// Returns once every service is reachable over its relays.
  static std::unique_ptr<WalletHost> start(HostOptions options);
  ~WalletHost();

  /// The connection string of a node: a secret, as any.
  std::string uri(const std::string& node) const;
  /// A fresh invoice of `node`.
  std::string make_invoice(const std::string& node, base::Msat amount,
                           std::chrono::seconds expiry = std::chrono::seconds{3600});
  void add_rules(std::vector<Rule> rules);
  base::Msat balance(const std::string& node);
  int payments();  ///< that ever moved money
  int handled(const std::string& method);

 private:
  struct Impl;
  explicit WalletHost(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace wallet_service
