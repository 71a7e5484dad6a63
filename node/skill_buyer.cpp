// Buying: each state of a purchase has one function that tries to leave it. How one begins is in
// skill_wishes.cpp.
#include "node/skill_buyer.h"

#include <algorithm>

#include <fmt/format.h>

#include "nipsa/kinds.h"
#include "nostr/base/failpoint.h"
#include "nostr/base/log.h"
#include "nostr/nips/nip19.h"
#include "nostr/nips/nip59.h"

namespace node {
namespace {

using base::Errc;
using base::fail;
using base::Msat;
using base::Result;
using base::Task;
using base::UnixTime;
using base::json::Value;
using orchestration::ActionStatus;
using storage::Durability;
using storage::PaymentRow;
using storage::PaymentState;
using storage::PurchaseRow;
using storage::PurchaseState;
using storage::Tx;

constexpr std::chrono::milliseconds kLook{1'000};
constexpr std::chrono::milliseconds kSlowLook{15'000};
constexpr int kQuickLooks = 30;
constexpr std::chrono::seconds kLongestReminder{600};
constexpr std::chrono::seconds kOrderPatience{600};

std::string terms_text(const nipsa::LicenceTerms& terms) {
  std::string out(nipsa::licence_type_name(terms.type));
  if (terms.max_uses) out += fmt::format(", {} uses", *terms.max_uses);
  if (terms.max_per_day) out += fmt::format(", {} a day", *terms.max_per_day);
  if (terms.lasts) out += fmt::format(", for {} s", terms.lasts->count());
  return out;
}

}  // namespace

SkillBuyer::SkillBuyer(Deps deps, orchestration::AutonomyRules autonomy, BuyerOptions options)
    : deps_(deps),
      autonomy_(std::move(autonomy)),
      options_(options),
      purchases_(deps.db),
      payments_(deps.db),
      holdings_(deps.db),
      actions_(deps.db),
      pause_(deps.home),
      changed_(deps.runtime.loop),
      scope_(deps.runtime.loop) {}

Result<void> SkillBuyer::start() {
  TRY(const auto open, purchases_.list_open());
  for (const PurchaseRow& row : open) begin(row.id);
  return {};
}

Task<void> SkillBuyer::stop() {
  letters_.reset();
  co_await scope_.stop();
}

// ---- what sellers write ------------------------------------------------------------------------

bool SkillBuyer::expects(const nostr::UnsignedEvent& rumor) const {
  const auto message = orchestration::parse_trade_message(rumor);
  return !message || message->has_value();
}

void SkillBuyer::listen() {
  if (letters_) return;
  letters_ = std::make_unique<nostr::Feed>(
      deps_.runtime.pool, deps_.runtime.clock, deps_.relays,
      nostr::Filters{{.kinds = {nostr::kinds::kGiftWrap},
                      .tags = {{'p', {deps_.node.public_key().hex()}}},
                      .since = deps_.runtime.clock.now() - nostr::kWrapBackdate}},
      nostr::FeedCallbacks{.on_events = [this](std::span<const nostr::Delivery> batch) {
        for (const nostr::Delivery& delivery : batch)
          if (const auto heard = hear(*delivery.event);
              !heard && heard.error().code == Errc::kDatabase)
            return false;
        return true;
      }});
}

Result<void> SkillBuyer::hear(const nostr::Event& wrap) {
  TRY(const nostr::Rumor rumor, nostr::unwrap(wrap, deps_.node.key()));
  if (rumor.event.kind == nipsa::kinds::kSkillDelivery) changed_.notify();
  TRY(const auto message, orchestration::parse_trade_message(rumor.event));
  if (!message) return {};
  TRY(const auto row, purchases_.get(orchestration::order_of(*message)));
  if (!row || row->state != PurchaseState::kOrdered) return {};
  TRY(const nostr::PublicKey trader, trader_of(*row));
  if (trader != rumor.event.pubkey) return {};
  if (const auto* bill = std::get_if<orchestration::SkillBill>(&*message))
    return hear_bill(*row, *bill);
  if (const auto* refusal = std::get_if<orchestration::SkillRefusal>(&*message)) {
    TRY(end(*row, PurchaseState::kFailed, "the seller: " + refusal->why));
    changed_.notify();
  }
  return {};
}

/// What is billed must be what was offered, to the millisatoshi.
Result<void> SkillBuyer::hear_bill(const PurchaseRow& row, const orchestration::SkillBill& bill) {
  const UnixTime now = deps_.runtime.clock.now();
  const auto invoice = orchestration::check_invoice(bill.invoice, {.amount = row.price}, now);
  if (!invoice || row.price.value == 0) {
    TRY(end(row, PurchaseState::kFailed,
            "the bill is not what was offered: " +
                (invoice ? "it costs nothing" : invoice.error().detail)));
  } else {
    TRY(purchases_.set_billed(row.id, bill.invoice, invoice->payment_hash, now));
    FAILPOINT("purchase-billed");
  }
  changed_.notify();
  return {};
}

// ---- the way of one purchase -------------------------------------------------------------------

void SkillBuyer::begin(const std::string& id) {
  listen();
  if (running_.insert(id).second) scope_.spawn("purchase", run(id));
}

Task<void> SkillBuyer::run(std::string id) {
  struct Entry {
    SkillBuyer& owner;
    const std::string& id;
    ~Entry() {
      owner.running_.erase(id);
      owner.reminders_.erase(id);
    }
  } const entry{*this, id};
  std::string told;
  for (int looks = 0;; ++looks) {
    const auto step = co_await advance(id);
    if (step && *step == Step::kOver) co_return;
    if (step && *step == Step::kGoOn) {
      looks = 0;
      continue;
    }
    if (!step && step.error().detail != told) {
      told = step.error().detail;
      LOG(kDebug, "market", "a purchase stands still", {{"purchase", id}, {"detail", told}});
      if (auto noted = purchases_.note(id, told, deps_.runtime.clock.now()); !noted)
        LOG(kError, "market", "a purchase cannot be noted", {{"detail", noted.error().detail}});
    }
    // Whatever a seller sends wakes it at once.
    co_await changed_.wait_for(looks < kQuickLooks ? kLook : kSlowLook);
  }
}

Task<Result<SkillBuyer::Step>> SkillBuyer::advance(std::string id) {
  CO_TRY(auto found, purchases_.get(id));
  if (!found) co_return Step::kOver;
  PurchaseRow row = *std::move(found);
  // What was paid for is fetched all the same.
  if (const auto paused = pause_.reason(); paused && row.state != PurchaseState::kPaid)
    co_return fail(Errc::kUnavailable, "everything is paused: " + *paused);
  switch (row.state) {
    case PurchaseState::kWanted:
      co_return co_await ask_operator(std::move(row));
    case PurchaseState::kOrdered:
      co_return co_await await_bill(std::move(row));
    case PurchaseState::kBilled:
      co_return co_await pay(std::move(row));
    case PurchaseState::kPaid:
      co_return co_await fetch(std::move(row));
    case PurchaseState::kDone:
    case PurchaseState::kRefused:
    case PurchaseState::kFailed:
      break;
  }
  co_return Step::kOver;
}

Result<SkillBuyer::Step> SkillBuyer::end(const PurchaseRow& row, PurchaseState state,
                                         const std::string& detail) {
  TRY(purchases_.move(row.id, state, detail, deps_.runtime.clock.now()));
  LOG(kInfo, "market", "a purchase is over",
      {{"purchase", row.id}, {"skill", row.slug}, {"state", std::string(storage::name_of(state))}});
  return Step::kOver;
}

orchestration::Spender SkillBuyer::spender(const PurchaseRow& row) const {
  return {.agent = row.agent,
          .tick = row.tick,
          .task = "",
          .skill = row.skill,
          .counterparty = row.seller.hex()};
}

std::string SkillBuyer::licence_of(const PurchaseRow& row) const {
  nipsa::Licence licence;
  licence.id = row.id;
  licence.issuer = row.seller;
  licence.agent = deps_.agent;
  return licence.address().str();
}

orchestration::ActionKey SkillBuyer::question_key(const PurchaseRow& row) {
  if (row.tick.empty()) return {"buy:" + row.id, "purchase"};
  return {row.tick, row.call_id};
}

/// What the operator decides about, as it was first put; null when nobody has to be asked.
Result<Value> SkillBuyer::question(const PurchaseRow& row) {
  const orchestration::ActionKey key = question_key(row);
  TRY(const auto asked, actions_.get(key.tick, key.call_id));
  if (asked) {
    TRY(const Value body, base::json::parse(asked->draft_json));
    return base::json::get_object(body, "params");
  }
  std::vector<std::string> exceeds;
  if (row.price.value > 0) {
    TRY(exceeds, deps_.treasury.breaches(spender(row), row.price, std::nullopt));
  }
  TRY(const bool asked_for, asks(row.price, exceeds));
  if (!asked_for && row.tick.empty()) return Value();
  TRY(const auto listing, nipsa::parse_skill_listing(row.listing));
  Value out = {{"amount_msat", row.price.value},
               {"destination", fmt::format("{} for a licence of {} {}",
                                           nostr::encode_npub(row.seller), row.slug, row.version)},
               {"skill", row.skill},
               {"version", row.version},
               {"manifest", row.manifest.hex()},
               {"offer", row.listing.id.hex()},
               {"terms", terms_text(listing.terms)},
               {"seller", row.seller.hex()}};
  if (listing.desk) out["trades_by"] = listing.desk->hex();
  if (row.price.value > 0) out["fee_up_to_msat"] = orchestration::fee_allowance(row.price).value;
  if (row.untrusted) out["trust"] = "nobody you trust vouches for it";
  if (!exceeds.empty()) out["exceeds"] = exceeds;
  return out;
}

Task<Result<SkillBuyer::Step>> SkillBuyer::ask_operator(PurchaseRow row) {
  CO_TRY(Value params, question(row));
  const UnixTime now = deps_.runtime.clock.now();
  if (!params.is_null()) {
    // An agent's question belongs to its tick, which has a claim.
    if (!row.claim && row.tick.empty()) {
      CO_TRY(row.claim, co_await deps_.shelf.claim_for_operator());
      CO_TRY(purchases_.set_claim(row.id, *row.claim, now));
    }
    const bool beyond = params.contains("exceeds");
    const Msat fee = row.price.value > 0 ? orchestration::fee_allowance(row.price) : Msat{};
    orchestration::LocalAction action{.key = question_key(row),
                                      .action = orchestration::ActionClass::kPurchase,
                                      .params = std::move(params),
                                      .cost = row.price + fee,
                                      .reason = row.reason,
                                      .claim = row.claim};
    CO_TRY(const orchestration::ActionResult answer,
           co_await deps_.outside.approve(std::move(action)));
    if (answer.status != ActionStatus::kApproved)
      co_return end(
          row, PurchaseState::kRefused,
          fmt::format("the operator: {}", orchestration::action_status_name(answer.status)));
    // Only a question that named the limits can lift them.
    if (beyond) CO_TRY(purchases_.set_lifted(row.id, now));
  }
  CO_TRY(const nostr::Event order, order_of(row));
  CO_TRY(Tx tx, Tx::begin(deps_.db, Durability::kFull));
  CO_TRY(purchases_.move(row.id, PurchaseState::kOrdered, "", deps_.runtime.clock.now()));
  CO_TRY(deps_.publisher.post(order, deps_.relays, "order", kOrderPatience));
  CO_TRY(tx.commit());
  FAILPOINT("purchase-ordered");
  reminders_[row.id] = {deps_.runtime.clock.now() + options_.order_again, options_.order_again};
  co_return Step::kGoOn;
}

Result<nostr::PublicKey> SkillBuyer::trader_of(const PurchaseRow& row) {
  TRY(const auto listing, nipsa::parse_skill_listing(row.listing));
  return listing.trader();
}

Result<nostr::Event> SkillBuyer::order_of(const PurchaseRow& row) {
  TRY(const nostr::Address skill, nostr::Address::parse(row.skill));
  TRY(const nostr::PublicKey trader, trader_of(row));
  const UnixTime now = deps_.runtime.clock.now();
  const auto rumor =
      orchestration::build_trade_message(orchestration::SkillOrder{.id = row.id,
                                                                   .skill = skill,
                                                                   .manifest = row.manifest,
                                                                   .listing = row.listing.id,
                                                                   .agent = deps_.agent},
                                         deps_.node.public_key(), trader, now);
  return nostr::wrap_rumor(rumor, deps_.node.key(), trader, now, deps_.runtime.rng);
}

/// The seller answers the same order with the same bill or the same licence; a process that has
/// just begun asks at once, for it cannot know what it missed.
Result<void> SkillBuyer::order_when_due(const PurchaseRow& row) {
  const UnixTime now = deps_.runtime.clock.now();
  Reminder& reminder =
      reminders_.try_emplace(row.id, Reminder{now, options_.order_again}).first->second;
  if (reminder.due > now) return {};
  TRY(const nostr::Event order, order_of(row));
  TRY(deps_.publisher.post(order, deps_.relays, "order", kOrderPatience));
  reminder.due = now + reminder.pause;
  reminder.pause = std::min(2 * reminder.pause, kLongestReminder);
  return {};
}

Task<Result<SkillBuyer::Step>> SkillBuyer::await_bill(PurchaseRow row) {
  if (row.price.value == 0) co_return co_await fetch(std::move(row));
  if (row.changed + options_.seller_patience < deps_.runtime.clock.now())
    co_return end(row, PurchaseState::kFailed, "the seller sent no bill; nothing was paid");
  CO_TRY(order_when_due(row));
  co_return Step::kWait;
}

/// Why the skill must not be paid for now, though it could be when it was ordered; "" when all is
/// well.
Task<Result<std::string>> SkillBuyer::doubt(PurchaseRow row) {
  CO_TRY(const nostr::Address skill, nostr::Address::parse(row.skill));
  CO_TRY(const SkillEvidence evidence,
         co_await find_evidence(deps_.runtime.pool, deps_.relays, skill, row.manifest));
  if (!evidence.head || evidence.head->id != row.manifest)
    co_return std::string("another version was published since it was ordered");
  const auto decision = judge_skill(*evidence.head, evidence, deps_.shelf.rules().trust,
                                    {skill, row.manifest, {}}, deps_.runtime.clock.now());
  co_return passes_gate(decision, row.untrusted) ? std::string() : doubt_text(decision);
}

Task<Result<SkillBuyer::Step>> SkillBuyer::pay(PurchaseRow row) {
  const std::string key = row.payment_key();
  CO_TRY(orchestration::Cashier * cashier, deps_.treasury.cashier());
  CO_TRY(const auto standing, payments_.get(key));
  if (!standing || standing->state == PaymentState::kIntent) {
    CO_TRY(const std::string why, co_await doubt(row));
    if (!why.empty()) {
      if (standing) CO_TRY(payments_.fail(key, why, deps_.runtime.clock.now()));
      co_return end(row, PurchaseState::kFailed, why + "; nothing was paid");
    }
    CO_TRY(cashier, deps_.treasury.cashier());  // another may have been connected meanwhile
    const auto opened =
        cashier->open({.key = key,
                       .purpose = "skill",
                       .who = spender(row),
                       .invoice = row.invoice,
                       .terms = {.amount = row.price, .payment_hash = row.payment_hash},
                       .max_fee = std::nullopt});
    if (!opened && opened.error().code == Errc::kDatabase)
      co_return std::unexpected(opened.error());
    if (!opened)
      co_return end(row, PurchaseState::kFailed, opened.error().detail + "; nothing was paid");
    FAILPOINT("purchase-payable");
  }
  auto paid = co_await cashier->pay(
      key, row.lifted ? orchestration::Limits::kLifted : orchestration::Limits::kHold);
  if (!paid && paid.error().code == Errc::kLimit) {
    CO_TRY(payments_.fail(key, paid.error().detail, deps_.runtime.clock.now()));
    co_return end(row, PurchaseState::kFailed, paid.error().detail + "; nothing was paid");
  }
  if (!paid) co_return std::unexpected(std::move(paid).error());
  if (paid->state == PaymentState::kFailed)
    co_return end(row, PurchaseState::kFailed, paid->detail + "; nothing was paid");
  if (paid->state != PaymentState::kSettled)
    co_return fail(Errc::kTimeout, "it is not known whether the payment arrived: " + paid->detail);
  CO_TRY(purchases_.move(row.id, PurchaseState::kPaid, "", deps_.runtime.clock.now()));
  FAILPOINT("purchase-paid");
  reminders_[row.id] = {deps_.runtime.clock.now() + options_.order_again, options_.order_again};
  co_return Step::kGoOn;
}

/// Licence and delivery, if they are here; else they are asked for again.
Task<Result<SkillBuyer::Step>> SkillBuyer::fetch(PurchaseRow row) {
  CO_TRY(co_await deps_.shelf.refresh());
  CO_TRY(const auto held, holdings_.get(licence_of(row)));
  if (!held) {
    // What costs nothing may be refused as well, and then nothing is lost.
    if (row.price.value == 0 && row.changed + options_.seller_patience < deps_.runtime.clock.now())
      co_return end(row, PurchaseState::kFailed, "the seller sent no licence");
    CO_TRY(order_when_due(row));
    co_return Step::kWait;
  }
  CO_TRY(co_await deps_.shelf.complete(*held));
  CO_TRY(const auto licence, nipsa::parse_licence(held->event));
  CO_TRY(const auto listing, nipsa::parse_skill_listing(row.listing));
  const auto kept = nipsa::check_terms_kept(listing.terms, licence);
  const auto over = end(row, PurchaseState::kDone, kept ? "" : kept.error().detail);
  FAILPOINT("purchase-done");
  co_return over;
}

}  // namespace node
