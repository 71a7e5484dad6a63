// SkillBuyer: from "I want that skill" to the skill on the shelf.
//
//~ quote → wanted → (operator) → ordered → (bill) → billed → (money) → paid → (licence, delivery) → done
//
// An operator orders through the control socket, an agent by the tool skill_buy; the way is the same, and what
// an agent wants is always put to the operator. Every arrow is a commit of storage/purchases, and the purchase's id is the order's, the payment's and
// the licence's: killed anywhere, a purchase goes on where it was, is paid at most once, and what was paid
// for is asked for until it is here.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "nipsa/skill_listing.h"
#include "node/outside.h"
#include "node/pause.h"
#include "node/skill_evidence.h"
#include "node/skill_shelf.h"
#include "node/treasury.h"
#include "nostr/client/feed.h"
#include "orchestration/autonomy.h"
#include "orchestration/marketplace/skill_market.h"
#include "orchestration/marketplace/trade.h"
#include "storage/holdings.h"
#include "storage/payments.h"
#include "storage/purchases.h"

namespace node {

/// What one seller would take for a skill, and what is known of it.
struct SkillQuote {
  nostr::Event listing_event;
  nipsa::SkillListing listing;
  nostr::Event manifest;
  nipsa::TrustDecision trust;
};

struct BuyerOptions {
  std::chrono::seconds seller_patience{600};   ///< for a bill
  std::chrono::seconds order_again{20};        ///< first time; then ever less often
  std::chrono::seconds agent_patience{180};    ///< of an agent, once its order is out
};

/// App thread. References outlive it.
class SkillBuyer final : public orchestration::SkillMarket {
 public:
  struct Deps {
    Runtime& runtime;
    storage::Db& db;
    const nostr::KeySigner& node;
    nostr::PublicKey agent;
    Publisher& publisher;
    const std::vector<std::string>& relays;
    Treasury& treasury;
    NodeOutside& outside;
    SkillShelf& shelf;
    const Home& home;
  };
  SkillBuyer(Deps deps, orchestration::AutonomyRules autonomy, BuyerOptions options = {});

  /// Goes on with the purchases that are under way.
  base::Result<void> start();
  base::Task<void> stop();

  base::Task<base::Result<base::json::Value>> search(orchestration::SkillSearch what) override;
  base::Task<base::Result<base::json::Value>> show(nostr::Address skill) override;
  base::Task<base::Result<base::json::Value>> quote(nostr::Address skill,
                                                    std::optional<nostr::PublicKey> seller) override;
  base::Task<base::Result<orchestration::PurchaseOrder>> order(orchestration::SkillWish wish) override;
  /// Fulfils the order of an agent's call, once, and tells how it ended; kPending when that takes too long.
  /// Errors: not decided yet, nothing lost.
  base::Task<base::Result<orchestration::ActionResult>> act(orchestration::ActionRequest request);

  /// Whether a private message is of a trade rather than talk: nobody is woken by it.
  bool expects(const nostr::UnsignedEvent& rumor) const;

  /// `skill quote|buy|purchase|purchases` through the control socket: params hold "verb".
  base::Task<base::Result<base::json::Value>> answer(base::json::Value params);

 private:
  /// Whether a purchase is over.
  enum class Step { kGoOn, kWait, kOver };
  /// What somebody would buy now.
  struct Wanted {
    nostr::Address skill;
    std::optional<nostr::PublicKey> seller;
    bool untrusted = false;  ///< though nobody vouches for it
    bool again = false;      ///< though a licence is held
  };

  /// Offers by issuers the operator trusts, or by `seller` only, cheapest first, of the version that stands.
  base::Task<base::Result<std::vector<SkillQuote>>> offers(nostr::Address skill,
                                                           std::optional<nostr::PublicKey> seller);
  /// The first of them. kNotFound when there is none.
  base::Task<base::Result<SkillQuote>> best_offer(nostr::Address skill,
                                                  std::optional<nostr::PublicKey> seller);
  /// The same, where nothing speaks against buying it.
  base::Task<base::Result<SkillQuote>> worth_buying(Wanted wish);
  storage::PurchaseRow wish_of(const SkillQuote& quoted) const;
  base::Task<base::Result<base::json::Value>> buy(base::json::Value params);
  base::Task<base::Result<storage::PurchaseRow>> open(orchestration::ActionRequest request);
  base::Task<base::Result<orchestration::ActionResult>> outcome(std::string id);
  base::Result<orchestration::ActionResult> result_of(const storage::PurchaseRow& row);
  base::Result<base::json::Value> view(const storage::PurchaseRow& row);
  orchestration::Spender spender(const storage::PurchaseRow& row) const;
  base::Result<bool> asks(base::Msat price, const std::vector<std::string>& exceeds) const;

  void listen();
  base::Result<void> hear(const nostr::Event& wrap);
  base::Result<void> hear_bill(const storage::PurchaseRow& row, const orchestration::SkillBill& bill);
  void begin(const std::string& id);
  base::Task<void> run(std::string id);
  base::Task<base::Result<Step>> advance(std::string id);
  base::Task<base::Result<Step>> ask_operator(storage::PurchaseRow row);
  base::Task<base::Result<Step>> await_bill(storage::PurchaseRow row);
  base::Task<base::Result<Step>> pay(storage::PurchaseRow row);
  base::Task<base::Result<Step>> fetch(storage::PurchaseRow row);
  base::Task<base::Result<std::string>> doubt(storage::PurchaseRow row);
  /// The act the operator decides about: the agent's call, or one of its own.
  static orchestration::ActionKey question_key(const storage::PurchaseRow& row);
  base::Result<base::json::Value> question(const storage::PurchaseRow& row);
  base::Result<nostr::Event> order_of(const storage::PurchaseRow& row);
  base::Result<void> order_when_due(const storage::PurchaseRow& row);
  base::Result<Step> end(const storage::PurchaseRow& row, storage::PurchaseState state,
                         const std::string& detail);
  std::string licence_of(const storage::PurchaseRow& row) const;
  /// Who takes the order and bills it: whom the offer names.
  static base::Result<nostr::PublicKey> trader_of(const storage::PurchaseRow& row);

  /// When an order is sent again.
  struct Reminder {
    base::UnixTime due;
    std::chrono::seconds pause;
  };

  Deps deps_;
  orchestration::AutonomyRules autonomy_;
  const BuyerOptions options_;
  storage::Purchases purchases_;
  storage::Payments payments_;
  storage::Holdings holdings_;
  storage::Actions actions_;
  PauseSwitch pause_;
  std::unique_ptr<nostr::Feed> letters_;
  std::set<std::string> running_;
  std::map<std::string, Reminder> reminders_;
  base::Signal changed_;
  base::Scope scope_;
};

}  // namespace node
