// An agent at the market: it looks for skills, asks what they cost and wishes to buy one. Looking,
// judging and buying are `node`'s; here are the words in which a model asks and is answered.
//
// What is published about a skill is a stranger's text and reaches the model in an envelope; the
// decision about it, price and seller stand before it. A wish names version, seller and price: what
// is bought is exactly that, after the operator said yes to exactly that, or nothing.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "nostr/event/event.h"
#include "orchestration/tools/tool.h"

namespace orchestration {

/// Which skills are looked for; what is empty narrows nothing.
struct SkillSearch {
  std::string words;  ///< in name or description, whatever the case
  std::string topic;
  std::optional<nostr::PublicKey> author;
  std::uint32_t limit = 50;
};

/// What the agent means to buy.
struct SkillWish {
  nostr::Address skill;
  std::string version;
  nostr::PublicKey seller;
  base::Msat price;
  bool again = false;  ///< though a licence is held
};

/// Implemented by `node`. App thread. Answers are as `skill list|show|quote --json` print them.
class SkillMarket {
 public:
  virtual ~SkillMarket() = default;
  virtual base::Task<base::Result<base::json::Value>> search(SkillSearch what) = 0;
  /// Its versions, and its offers by sellers the operator trusts.
  virtual base::Task<base::Result<base::json::Value>> show(nostr::Address skill) = 0;
  /// The cheapest offer, or that of `seller`.
  virtual base::Task<base::Result<base::json::Value>> quote(
      nostr::Address skill, std::optional<nostr::PublicKey> seller) = 0;
  /// The order that fulfils `wish`. kConflict when what is offered is not what is wished for, or is
  /// held already; kDenied when it must not be bought.
  virtual base::Task<base::Result<PurchaseOrder>> order(SkillWish wish) = 0;
};

/// skill_search, skill_show, skill_quote and skill_buy. `market` outlives them; `agent` is on whose
/// budget.
std::vector<std::unique_ptr<Tool>> make_market_tools(SkillMarket& market, std::string agent);

}  // namespace orchestration
