// Wishes to buy: what a skill costs, what speaks against it, and how a purchase begins — for the
// operator's commands and for the agent's tools.
#include <algorithm>

#include <fmt/format.h>

#include "nipsa/kinds.h"
#include "node/group_voice.h"
#include "node/skill_buyer.h"
#include "node/skill_search.h"
#include "nostr/nips/nip19.h"

namespace node {
namespace {

using base::Errc;
using base::fail;
using base::Msat;
using base::Result;
using base::Task;
using base::UnixTime;
using base::json::Value;
using orchestration::ActionResult;
using orchestration::ActionStatus;
using storage::PurchaseRow;
using storage::PurchaseState;

constexpr std::chrono::seconds kFetchPatience{8};
constexpr std::chrono::milliseconds kLook{1'000};
constexpr std::uint32_t kMaxListings = 100;
constexpr std::int64_t kMaxListed = 500;

Value terms_view(const nipsa::LicenceTerms& terms) {
  Value out = {{"type", nipsa::licence_type_name(terms.type)}};
  if (terms.max_uses) out["max_uses"] = *terms.max_uses;
  if (terms.max_per_day) out["max_per_day"] = *terms.max_per_day;
  if (terms.lasts) out["lasts_s"] = terms.lasts->count();
  return out;
}

/// What a purchase that is under way waits for.
std::string_view waits_for(PurchaseState state) {
  switch (state) {
    case PurchaseState::kWanted:
      return "operator";
    case PurchaseState::kOrdered:
      return "bill";
    case PurchaseState::kBilled:
      return "wallet";
    case PurchaseState::kPaid:
      return "licence";
    case PurchaseState::kDone:
    case PurchaseState::kRefused:
    case PurchaseState::kFailed:
      return "";
  }
  return "";
}

/// An offer as its seller signed it.
Value offer_view(const SkillQuote& quoted) {
  const Msat price = base::to_msat(quoted.listing.price);
  return {{"seller", quoted.listing.seller.hex()},
          {"listing", quoted.listing_event.id.hex()},
          {"price_msat", price.value},
          {"fee_up_to_msat", price.value > 0 ? orchestration::fee_allowance(price).value : 0},
          {"terms", terms_view(quoted.listing.terms)}};
}

Result<std::optional<nostr::PublicKey>> seller_in(const Value& params) {
  const std::string from = base::json::string_or(params, "from");
  if (from.empty()) return std::optional<nostr::PublicKey>();
  TRY(const nostr::PublicKey seller, nostr::parse_public_key(from));
  return std::optional(seller);
}

/// Errors after which the same order may do better.
bool is_for_later(Errc code) {
  return code == Errc::kUnavailable || code == Errc::kDatabase || code == Errc::kTimeout;
}

}  // namespace

// ---- what it costs --------------------------------------------------------------------------

Task<Result<std::vector<SkillQuote>>> SkillBuyer::offers(nostr::Address skill,
                                                         std::optional<nostr::PublicKey> seller) {
  const SkillRules& rules = deps_.shelf.rules();
  std::vector<nostr::PublicKey> sellers = rules.issuers;
  if (seller && std::ranges::find(sellers, *seller) == sellers.end())
    co_return fail(Errc::kDenied, "the operator trusts no licence of that seller",
                   "skills.issuers");
  if (seller) sellers = {*seller};
  if (sellers.empty())
    co_return fail(Errc::kDenied, "the operator trusts nobody's licences", "skills.issuers");
  CO_TRY(const SkillEvidence evidence,
         co_await find_evidence(deps_.runtime.pool, deps_.relays, skill, std::nullopt));
  if (!evidence.head) co_return fail(Errc::kNotFound, "no relay has that skill");
  nostr::Filters filters{{.authors = std::move(sellers),
                          .kinds = {nostr::kinds::kClassified},
                          .tags = {{'a', {skill.str()}}},
                          .limit = kMaxListings}};
  const nostr::FetchResult found =
      co_await deps_.runtime.pool.fetch(deps_.relays, std::move(filters), kFetchPatience);
  if (found.complete.empty()) co_return fail(Errc::kUnavailable, "no relay answered");
  std::map<std::string, nostr::Event> heads;  // a relay may lag behind another
  for (const nostr::EventPtr& event : found.events) {
    const auto address = nostr::address_of(*event);
    if (!address) continue;
    const auto [at, first] = heads.try_emplace(address->str(), *event);
    if (!first && nostr::replaces(*event, at->second)) at->second = *event;
  }
  const nipsa::TrustDecision trust = judge_skill(*evidence.head, evidence, rules.trust,
                                                 {skill, {}, {}}, deps_.runtime.clock.now());
  std::vector<SkillQuote> out;
  bool outdated = false;
  for (const auto& [address, event] : heads) {
    auto listing = nipsa::parse_skill_listing(event);
    if (!listing || listing->sold || listing->skill != skill) continue;
    if (listing->manifest == evidence.head->id)
      out.push_back({.listing_event = event,
                     .listing = *std::move(listing),
                     .manifest = *evidence.head,
                     .trust = trust});
    else
      outdated = true;
  }
  if (out.empty() && outdated)
    co_return fail(Errc::kNotFound, "it is offered in another version than the one that stands",
                   "the seller has to offer the new version, if it should be bought at all");
  std::ranges::sort(out, {}, [](const SkillQuote& q) {
    return std::pair(q.listing.price.value, q.listing_event.id);
  });
  co_return out;
}

Task<Result<SkillQuote>> SkillBuyer::best_offer(nostr::Address skill,
                                                std::optional<nostr::PublicKey> seller) {
  CO_TRY(auto found, co_await offers(std::move(skill), seller));
  if (found.empty())
    co_return fail(Errc::kNotFound, "nobody whose licences the operator trusts sells it",
                   "skills.issuers");
  co_return std::move(found.front());
}

Result<bool> SkillBuyer::asks(Msat price, const std::vector<std::string>& exceeds) const {
  using orchestration::Need;
  switch (orchestration::need(autonomy_, orchestration::ActionClass::kPurchase, price)) {
    case Need::kDeny:
      return fail(Errc::kDenied, "this agent buys nothing");
    case Need::kAsk:
      return true;
    case Need::kAuto:
      return !exceeds.empty();
  }
  return true;
}

Task<Result<Value>> SkillBuyer::quote(nostr::Address skill,
                                      std::optional<nostr::PublicKey> seller) {
  CO_TRY(const SkillQuote quoted, co_await best_offer(skill, seller));
  const Msat price = base::to_msat(quoted.listing.price);
  CO_TRY(const auto exceeds, deps_.treasury.breaches({.skill = skill.str(),
                                                      .counterparty = quoted.listing.seller.hex()},
                                                     price, std::nullopt));
  CO_TRY(const bool asked, asks(price, exceeds));
  Value out = skill_view(quoted.manifest, quoted.trust);
  out.update(offer_view(quoted));
  out["asks_operator"] = asked;
  out["exceeds"] = exceeds;
  co_return out;
}

Task<Result<SkillQuote>> SkillBuyer::worth_buying(Wanted wish) {
  CO_TRY(SkillQuote quoted, co_await best_offer(wish.skill, wish.seller));
  if (!passes_gate(quoted.trust, wish.untrusted))
    co_return fail(Errc::kDenied, doubt_text(quoted.trust),
                   quoted.trust.trust == nipsa::Trust::kUntrusted
                       ? "--untrusted lets it pass all the same"
                       : "");
  CO_TRY(const bool held, deps_.shelf.holds(wish.skill.str(), quoted.listing.version));
  if (held && !wish.again)
    co_return fail(
        Errc::kConflict,
        fmt::format("a licence of {} {} is held already", wish.skill.d, quoted.listing.version),
        "--again buys another one, when its uses are spent for example");
  const Msat price = base::to_msat(quoted.listing.price);
  if (price.value > 0) CO_TRY(deps_.treasury.cashier());
  CO_TRY(asks(price, {}));
  co_return quoted;
}

PurchaseRow SkillBuyer::wish_of(const SkillQuote& quoted) const {
  return {.id = deps_.runtime.rng.hex(16),
          .skill = quoted.listing.skill.str(),
          .slug = quoted.listing.skill.d,
          .version = quoted.listing.version,
          .seller = quoted.listing.seller,
          .listing = quoted.listing_event,
          .manifest = quoted.manifest.id,
          .price = base::to_msat(quoted.listing.price),
          .created = deps_.runtime.clock.now()};
}

// ---- an agent's ---------------------------------------------------------------------------------

Task<Result<Value>> SkillBuyer::search(orchestration::SkillSearch what) {
  co_return co_await search_skills(deps_.runtime.pool, deps_.relays, deps_.shelf.rules().trust,
                                   std::move(what), deps_.runtime.clock.now());
}

Task<Result<Value>> SkillBuyer::show(nostr::Address skill) {
  CO_TRY(Value out, co_await show_skill(deps_.runtime.pool, deps_.relays, deps_.shelf.rules().trust,
                                        skill, deps_.runtime.clock.now()));
  const auto found = co_await offers(skill, std::nullopt);
  if (!found && is_for_later(found.error().code)) co_return std::unexpected(found.error());
  out["offers"] = Value::array();
  if (found)
    for (const SkillQuote& offer : *found) out["offers"].push_back(offer_view(offer));
  co_return out;
}

Task<Result<orchestration::PurchaseOrder>> SkillBuyer::order(orchestration::SkillWish wish) {
  CO_TRY(const SkillQuote quoted,
         co_await worth_buying({.skill = wish.skill, .seller = wish.seller, .again = wish.again}));
  const Msat price = base::to_msat(quoted.listing.price);
  if (quoted.listing.version != wish.version || price != wish.price)
    co_return fail(Errc::kConflict,
                   fmt::format("what is offered is version {} for {} msat; ask for a quote again",
                               quoted.listing.version, price.value));
  co_return orchestration::PurchaseOrder{.agent = "",
                                         .skill = wish.skill.str(),
                                         .version = quoted.listing.version,
                                         .manifest = quoted.manifest.id,
                                         .seller = quoted.listing.seller,
                                         .listing = quoted.listing_event.id,
                                         .price = price,
                                         .again = wish.again};
}

/// The purchase of that call: the one there is, or a new one of exactly what was ordered.
Task<Result<PurchaseRow>> SkillBuyer::open(orchestration::ActionRequest request) {
  CO_TRY(auto known, purchases_.of_call(request.key.tick, request.key.call_id));
  if (known) co_return *std::move(known);
  if (!request.purchase) co_return fail(Errc::kInternal, "a purchase without an order");
  const orchestration::PurchaseOrder& order = *request.purchase;
  CO_TRY(const nostr::Address skill, nostr::Address::parse(order.skill));
  CO_TRY(const SkillQuote quoted,
         co_await worth_buying({.skill = skill, .seller = order.seller, .again = order.again}));
  PurchaseRow wish = wish_of(quoted);
  if (quoted.listing_event.id != order.listing || wish.manifest != order.manifest ||
      wish.price != order.price)
    co_return fail(Errc::kConflict, "the offer has changed since; nothing was bought");
  wish.agent = order.agent;
  wish.tick = request.key.tick;
  wish.call_id = request.key.call_id;
  wish.reason = request.reason;
  CO_TRY(PurchaseRow row, purchases_.add(wish));
  if (row.listing.id != order.listing)
    co_return fail(Errc::kConflict, "another purchase of this skill is under way");
  co_return row;
}

Task<Result<ActionResult>> SkillBuyer::act(orchestration::ActionRequest request) {
  auto row = co_await open(std::move(request));
  if (!row) {
    if (is_for_later(row.error().code)) co_return std::unexpected(std::move(row).error());
    ActionResult out;
    out.status = row.error().code == Errc::kDenied ? ActionStatus::kRefused : ActionStatus::kFailed;
    out.text = row.error().detail;
    co_return out;
  }
  begin(row->id);
  co_return co_await outcome(row->id);
}

/// Waits for the end, but no longer than a tick can wait for a seller.
Task<Result<ActionResult>> SkillBuyer::outcome(std::string id) {
  std::optional<UnixTime> ordered;
  for (;;) {
    CO_TRY(const auto row, purchases_.get(id));
    if (!row) co_return fail(Errc::kDatabase, "a purchase is missing");
    if (storage::is_over(row->state)) co_return result_of(*row);
    const UnixTime now = deps_.runtime.clock.now();
    if (row->state != PurchaseState::kWanted && !ordered) ordered = now;
    if (ordered && *ordered + options_.agent_patience < now) {
      ActionResult out;
      out.status = ActionStatus::kPending;
      out.text = fmt::format("it waits for the {}", waits_for(row->state));
      if (!row->detail.empty()) out.text += ": " + row->detail;
      co_return out;
    }
    co_await changed_.wait_for(kLook);
  }
}

Result<ActionResult> SkillBuyer::result_of(const PurchaseRow& row) {
  const orchestration::ActionKey key = question_key(row);
  TRY(const auto asked, actions_.get(key.tick, key.call_id));
  ActionResult out;
  if (asked) out.decision = asked->decision;
  out.text = row.detail;
  switch (row.state) {
    case PurchaseState::kDone: {
      out.status = ActionStatus::kBought;
      TRY(const auto payment, payments_.get(row.payment_key()));
      out.text = fmt::format("licence {} of {} {}", licence_of(row), row.slug, row.version);
      if (payment)
        out.text +=
            fmt::format("; {} msat and a fee of {} msat were paid; payment hash {}",
                        payment->amount.value, payment->fee.value, payment->payment_hash.hex());
      if (!row.detail.empty()) out.text += "; " + row.detail;
      break;
    }
    case PurchaseState::kRefused:
      // Denied, expired, withdrawn and undeliverable are not the same.
      out.status = asked ? node::result_of(*asked).status : ActionStatus::kRefused;
      break;
    case PurchaseState::kWanted:
    case PurchaseState::kOrdered:
    case PurchaseState::kBilled:
    case PurchaseState::kPaid:
    case PurchaseState::kFailed:
      out.status = ActionStatus::kFailed;
      break;
  }
  return out;
}

// ---- the operator's -------------------------------------------------------------------------

Task<Result<Value>> SkillBuyer::buy(Value params) {
  CO_TRY(const std::string text, base::json::get_string(params, "skill"));
  CO_TRY(const nostr::Address skill, nostr::parse_address(text));
  // The same wish again, by somebody who lost sight of it.
  CO_TRY(const auto standing, purchases_.under_way(skill.str()));
  if (standing) {
    begin(standing->id);
    Value out;
    CO_TRY(out, view(*standing));
    out["resumed"] = true;
    co_return out;
  }
  CO_TRY(const auto seller, seller_in(params));
  const bool untrusted = params.value("untrusted", false);
  CO_TRY(const SkillQuote quoted,
         co_await worth_buying({skill, seller, untrusted, params.value("again", false)}));
  PurchaseRow wish = wish_of(quoted);
  if (const std::int64_t most = base::json::int_or(params, "max_msat", -1);
      most >= 0 && wish.price.value > most)
    co_return fail(Errc::kDenied, fmt::format("it costs {} sat, more than was meant to be paid",
                                              quoted.listing.price.value));
  wish.untrusted = untrusted;
  CO_TRY(const PurchaseRow row, purchases_.add(wish));
  begin(row.id);
  co_return view(row);
}

Result<Value> SkillBuyer::view(const PurchaseRow& row) {
  Value out = {{"purchase", row.id},
               {"state", storage::name_of(row.state)},
               {"skill", row.skill},
               {"name", row.slug},
               {"version", row.version},
               {"seller", row.seller.hex()},
               {"price_msat", row.price.value},
               {"created_at", base::to_unix(row.created)},
               {"changed_at", base::to_unix(row.changed)}};
  if (!row.detail.empty()) out["detail"] = row.detail;
  if (const auto what = waits_for(row.state); !what.empty()) out["waits_for"] = what;
  if (row.state == PurchaseState::kDone) out["licence"] = licence_of(row);
  TRY(const auto payment, payments_.get(row.payment_key()));
  if (payment) {
    out["payment"] = storage::name_of(payment->state);
    out["payment_hash"] = payment->payment_hash.hex();
    out["fee_msat"] = payment->fee.value;
  }
  return out;
}

Task<Result<Value>> SkillBuyer::answer(Value params) {
  const std::string verb = base::json::string_or(params, "verb");
  if (verb == "quote") {
    CO_TRY(const std::string text, base::json::get_string(params, "skill"));
    CO_TRY(const nostr::Address skill, nostr::parse_address(text));
    CO_TRY(const auto seller, seller_in(params));
    co_return co_await quote(skill, seller);
  }
  if (verb == "buy") co_return co_await buy(std::move(params));
  if (verb == "purchase") {
    CO_TRY(const std::string id, base::json::get_string(params, "purchase"));
    CO_TRY(const auto row, purchases_.get(id));
    if (!row) co_return fail(Errc::kNotFound, "no such purchase", "sovereign skill purchases");
    co_return view(*row);
  }
  CO_TRY(const auto rows, purchases_.list(std::clamp<std::int64_t>(
                              base::json::int_or(params, "limit", 50), 1, kMaxListed)));
  Value out = Value::array();
  for (const PurchaseRow& row : rows) {
    CO_TRY(Value one, view(row));
    out.push_back(std::move(one));
  }
  co_return out;
}

}  // namespace node
