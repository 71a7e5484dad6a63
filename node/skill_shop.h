// SkillShop: a seller that is open — takes orders for what it offers, bills them through its wallet, and
// hands over a licence for each that was paid. Every step is a row of storage/sales first, so a restart
// goes on with all of them, and an order that comes again gets the same answer.
//
//   order → taken → (bill) → billed → (money) → paid → (licence and delivery) → done
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "node/hourly_cap.h"
#include "node/skill_seller.h"
#include "node/treasury.h"
#include "nostr/client/feed.h"
#include "orchestration/marketplace/trade.h"
#include "storage/cursors.h"
#include "storage/sales.h"

namespace node {

struct ShopOptions {
  std::chrono::seconds bill_expiry{600};
  std::chrono::milliseconds look_every{1'000};   ///< for the money of a fresh bill; later ever less often
  std::size_t max_open = 256;                    ///< orders at a time
  std::int64_t max_per_buyer = 60;               ///< orders an hour
  std::chrono::seconds max_age{3'600};           ///< of an order
};

/// App thread. References outlive it.
class SkillShop {
 public:
  SkillShop(Runtime& runtime, SkillSeller& seller, Treasury& treasury, ShopOptions options = {});

  /// Goes on with open orders and takes new ones. kInvalid when something costs money and there is no
  /// wallet to pay it to.
  base::Task<base::Result<void>> start();
  base::Task<void> stop();

  /// `seller` through the control socket: params hold "verb".
  base::Task<base::Result<base::json::Value>> answer(base::json::Value params);

 private:
  base::Result<void> hear(const nostr::Event& wrap);
  base::Result<void> take(const orchestration::SkillOrder& order, const nostr::PublicKey& buyer);
  /// Why an order is not taken; "" when it may be.
  base::Result<std::string> objection(const orchestration::SkillOrder& order,
                                      const nostr::PublicKey& buyer);
  base::Result<void> answer_again(const storage::SaleRow& sale);
  base::Result<void> say(const orchestration::TradeMessage& message, const nostr::PublicKey& to);
  void begin(const std::string& id);
  base::Task<void> run(std::string id);
  bool waits_for_a_person(const std::string& id, base::Errc code);
  base::Task<base::Result<void>> advance(std::string id);
  base::Task<base::Result<void>> bill(storage::SaleRow sale);
  base::Task<base::Result<void>> await_money(storage::SaleRow sale);
  base::Task<base::Result<void>> hand_over(storage::SaleRow sale);
  base::Result<void> refuse(const storage::SaleRow& sale, const std::string& why);

  Runtime& runtime_;
  SkillSeller& seller_;
  Treasury& treasury_;
  const ShopOptions options_;
  storage::Sales sales_;
  storage::Cursors cursors_;
  std::unique_ptr<nostr::Feed> orders_;
  std::set<std::string> running_;
  std::map<std::string, base::UnixTime> answered_;  ///< when an order was last answered again
  HourlyCap refusals_;
  base::Scope scope_;
};

}  // namespace node
