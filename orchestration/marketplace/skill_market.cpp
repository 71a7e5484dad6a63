// Four tools: three that look, one that turns a wish into an order for Outside::act().
#include "orchestration/marketplace/skill_market.h"

#include <fmt/format.h>

#include "nostr/nips/nip19.h"
#include "orchestration/envelope.h"
#include "orchestration/tools/local_tool.h"
#include "orchestration/tools/schema.h"

namespace orchestration {
namespace {

using base::Errc;
using base::Result;
using base::Task;
using base::json::int_or;
using base::json::string_or;
using base::json::Value;

constexpr std::int64_t kMaxAddress = 600;
constexpr std::int64_t kMaxSats = 2'100'000'000'000'000;
constexpr std::int64_t kMaxFound = 20;
constexpr std::size_t kMaxInList = 2'000;

Value skill_param() {
  return text_param("33400:KEY:NAME or naddr, as skill_search tells it", kMaxAddress);
}

/// A skill: what we decided about it, then what its publisher and sellers say.
std::string told(const Value& skill, std::size_t most) {
  const auto key = nostr::PublicKey::from_hex(string_or(skill, "publisher"));
  return fmt::format("trust: {} (row {} of the gate)\n{}\n", string_or(skill, "trust"),
                     int_or(skill, "row"),
                     enclose({.source = "skill",
                              .author = key ? nostr::encode_npub(*key) : "",
                              .trust = Trust::kStranger,
                              .id = string_or(skill, "manifest")},
                             base::json::dump(skill), most));
}

std::string price_text(std::int64_t msat) {
  return msat % 1000 == 0 ? fmt::format("{} sat", msat / 1000) : fmt::format("{} msat", msat);
}

/// An offer in words of ours: nothing of it is anybody's text.
std::string offer_text(const Value& offer) {
  const Value terms = offer.value("terms", Value::object());
  std::string out = fmt::format("price: {}, and a fee of up to {}\nseller: {}\nlicence: {}",
                                price_text(int_or(offer, "price_msat")),
                                price_text(int_or(offer, "fee_up_to_msat")),
                                string_or(offer, "seller"), string_or(terms, "type"));
  if (terms.contains("max_uses")) out += fmt::format(", {} uses", int_or(terms, "max_uses"));
  if (terms.contains("max_per_day")) out += fmt::format(", {} a day", int_or(terms, "max_per_day"));
  if (terms.contains("lasts_s")) out += fmt::format(", for {} s", int_or(terms, "lasts_s"));
  return out + "\n";
}

class LookingTool : public LocalTool {
 public:
  LookingTool(SkillMarket& market, ToolSpec spec)
      : LocalTool({.spec = std::move(spec),
                   .capability = Capability::kQuery,
                   .action = ActionClass::kSearch,
                   .subject_param = "skill"}),
        market_(market) {}

 protected:
  SkillMarket& market_;
};

class SearchSkills final : public LookingTool {
 public:
  explicit SearchSkills(SkillMarket& market)
      : LookingTool(
            market,
            {"skill_search",
             "Look for skills on the relays, each with the decision whether it may be "
             "trusted. Every condition narrows.",
             object_schema({{"words", text_param("Part of its name or description.", 200)},
                            {"topic", text_param("A keyword it carries.", 100)},
                            {"publisher", text_param("npub or hex", 200)},
                            {"limit", int_param("At most so many; 10 if left out.", 1, kMaxFound)}},
                           Value::array())}) {}

  Task<Result<std::string>> run(ToolContext, Value params) override {
    SkillSearch what{.words = string_or(params, "words"),
                     .topic = string_or(params, "topic"),
                     .author = std::nullopt,
                     .limit = static_cast<std::uint32_t>(int_or(params, "limit", 10))};
    if (const std::string named = string_or(params, "publisher"); !named.empty()) {
      CO_TRY(what.author, nostr::parse_public_key(named));
    }
    CO_TRY(const Value found, co_await market_.search(std::move(what)));
    if (found.empty()) co_return std::string("No skill matches.");
    std::string out;
    for (const Value& skill : found) out += told(skill, kMaxInList);
    co_return out;
  }
};

class ShowSkill final : public LookingTool {
 public:
  explicit ShowSkill(SkillMarket& market)
      : LookingTool(market,
                    {"skill_show",
                     "One skill: its versions, whether it may be trusted and why, and who of the "
                     "operator's sellers offers it.",
                     object_schema({{"skill", skill_param()}}, {"skill"})}) {}

  Task<Result<std::string>> run(ToolContext, Value params) override {
    CO_TRY(const nostr::Address skill, nostr::parse_address(string_or(params, "skill")));
    CO_TRY(const Value found, co_await market_.show(skill));
    std::string out;
    for (const Value& offer : found.value("offers", Value::array())) out += offer_text(offer);
    if (out.empty()) out = "Nobody whose licences the operator trusts offers it.\n";
    co_return out + told(found, kMaxEnvelopeBytes);
  }
};

class QuoteSkill final : public LookingTool {
 public:
  explicit QuoteSkill(SkillMarket& market)
      : LookingTool(
            market,
            {"skill_quote",
             "What a licence of a skill costs now, by whom and on which terms. Nothing is "
             "bought.",
             object_schema({{"skill", skill_param()},
                            {"seller", text_param("npub or hex; the cheapest if left out", 200)}},
                           {"skill"})}) {}

  Task<Result<std::string>> run(ToolContext, Value params) override {
    CO_TRY(const nostr::Address skill, nostr::parse_address(string_or(params, "skill")));
    std::optional<nostr::PublicKey> seller;
    if (const std::string named = string_or(params, "seller"); !named.empty()) {
      CO_TRY(seller, nostr::parse_public_key(named));
    }
    CO_TRY(Value quoted, co_await market_.quote(skill, seller));
    quoted.erase("asks_operator");  // that is how it would be if the operator bought; an agent's
                                    // wish is always asked about
    std::string out = offer_text(quoted) + "The operator will be asked before it is bought.\n";
    if (!quoted.value("exceeds", Value::array()).empty())
      out += "This is beyond a limit of the operator's, who would have to lift it.\n";
    co_return out + told(quoted, kMaxEnvelopeBytes);
  }
};

class BuySkill final : public Tool {
 public:
  BuySkill(SkillMarket& market, std::string agent) : market_(market), agent_(std::move(agent)) {}
  const ToolSpec& spec() const override { return spec_; }
  Capability capability() const override { return Capability::kSpend; }
  ActionClass action() const override { return ActionClass::kPurchase; }
  bool is_outward() const override { return true; }
  std::optional<nostr::Kind> sign_kind() const override { return std::nullopt; }
  std::string subject(const Value& params) const override { return string_or(params, "skill"); }

  Task<Result<ActionRequest>> prepare(ToolContext context, Value params) override {
    SkillWish wish{.version = string_or(params, "version"),
                   .price = base::to_msat({int_or(params, "price_sats")}),
                   .again = params.value("again", false)};
    CO_TRY(wish.skill, nostr::parse_address(string_or(params, "skill")));
    CO_TRY(wish.seller, nostr::parse_public_key(string_or(params, "seller")));
    CO_TRY(PurchaseOrder order, co_await market_.order(std::move(wish)));
    order.agent = agent_;
    // Always asked: no level and no rule lets an agent buy words that will then tell it what to do.
    co_return ActionRequest{.key = {.tick = context.trigger.tick, .call_id = context.call_id},
                            .action = ActionClass::kPurchase,
                            .draft = {},
                            .reason = string_or(params, "reason"),
                            .purchase = std::move(order),
                            .ask = true};
  }
  Task<Result<std::string>> run(ToolContext, Value) override {
    co_return base::fail(Errc::kInternal, "skill_buy only acts");
  }

 private:
  SkillMarket& market_;
  const std::string agent_;
  const ToolSpec spec_{
      "skill_buy",
      "Buy a licence of a skill, as skill_quote told it: this version, of this seller, at this "
      "price, or "
      "nothing. The operator is asked first. When it is bought, use_skill opens it.",
      object_schema(
          {{"skill", skill_param()},
           {"version", text_param("The version that was quoted.", 100)},
           {"seller", text_param("Its seller, npub or hex.", 200)},
           {"price_sats", int_param("Its price in satoshi, exactly.", 0, kMaxSats)},
           {"again",
            {{"type", "boolean"},
             {"description", "Though a licence is held, when its uses are spent."}}},
           {"reason", text_param("One line for the operator: why you want this.", 300, 0)}},
          {"skill", "version", "seller", "price_sats"})};
};

}  // namespace

std::vector<std::unique_ptr<Tool>> make_market_tools(SkillMarket& market, std::string agent) {
  std::vector<std::unique_ptr<Tool>> out;
  out.push_back(std::make_unique<SearchSkills>(market));
  out.push_back(std::make_unique<ShowSkill>(market));
  out.push_back(std::make_unique<QuoteSkill>(market));
  out.push_back(std::make_unique<BuySkill>(market, std::move(agent)));
  return out;
}

}  // namespace orchestration
