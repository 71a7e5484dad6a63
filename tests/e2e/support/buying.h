// Buying: a world whose node has a wallet, and a shop it trusts that sells one skill, "echo" 1.0.0.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "tests/e2e/support/shop.h"
#include "tests/e2e/support/story.h"
#include "tests/orchestration/support/wallet_host.h"

namespace e2e {

inline constexpr int kMarket =
    World::kFirstCosigner;                   ///< the co-signer that holds the shop's licences good
inline constexpr std::int64_t kPrice = 250;  ///< sat
inline constexpr base::Msat kPurse{5'000'000};

class Buying : public ::testing::Test {
 protected:
  explicit Buying(WorldOptions options = {});

  /// The agent's autonomy, before its node starts; it is "bounded".
  void set_level(const std::string& level);
  Exit at_node(std::vector<std::string> arguments);
  /// `skill buy` of echo.
  Exit buy(std::vector<std::string> more = {});
  /// The question to the operator about buying echo, whole.
  Message await_question();
  /// Answers it: "yes" or "no".
  void answer(const std::string& word);
  static base::json::Value object(const Exit& ended);
  /// What commands logged.
  std::string said() const;
  std::vector<base::json::Value> purchases();
  /// The only purchase, when it is over.
  base::json::Value await_end();
  /// Whether the latest payment's outcome is not known and looking it up does not tell.
  bool stays_unknown();
  /// Buyer's, wallets' and seller's books say the same, and the licence is there.
  void expect_bought_once();

  World world_;
  Shop shop_;
  std::unique_ptr<wallet_service::WalletHost> host_;
};

}  // namespace e2e
