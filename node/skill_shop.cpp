// taken → billed → paid → done: each arrow is a commit, with the message that tells of it.
#include "node/skill_shop.h"

#include <algorithm>

#include <fmt/format.h>

#include "nostr/base/failpoint.h"
#include "nostr/base/log.h"
#include "nostr/nips/nip59.h"
#include "orchestration/money/invoice_check.h"

namespace node {
namespace {

using base::Errc;
using base::fail;
using base::Result;
using base::Task;
using base::UnixTime;
using base::json::Value;
using orchestration::SkillOrder;
using storage::Durability;
using storage::SaleRow;
using storage::SaleState;
using storage::Tx;

constexpr std::int64_t kMaxOffers = 1'000;
constexpr std::int64_t kMaxListed = 500;
constexpr std::size_t kMaxRefusals = 600;               // an hour, to whoever
constexpr std::chrono::seconds kSkewFuture{300};
constexpr std::chrono::seconds kAgainPause{2};          // between answers to the same order
constexpr std::chrono::seconds kGrace{60};              // a wallet that is late about money
constexpr std::chrono::seconds kRetry{10};
constexpr std::chrono::seconds kAskAgain{3'600};        // an operator who refused or did not answer
constexpr std::chrono::milliseconds kLongestLook{10'000};

}  // namespace

SkillShop::SkillShop(Runtime& runtime, SkillSeller& seller, Treasury& treasury, ShopOptions options)
    : runtime_(runtime),
      seller_(seller),
      treasury_(treasury),
      options_(options),
      sales_(seller.db()),
      cursors_(seller.db()),
      refusals_(kMaxRefusals),
      scope_(runtime.loop) {}

Task<Result<void>> SkillShop::start() {
  CO_TRY(const auto offers, sales_.offers(kMaxOffers));
  if (offers.empty())
    co_return fail(Errc::kNotFound, "nothing is for sale", "sovereign skill offer DIR --price 2500");
  for (const storage::OfferRow& offer : offers) {
    CO_TRY(const auto listing, nipsa::parse_skill_listing(offer.listing));
    if (listing.sold || listing.price.value == 0) continue;
    if (const auto wallet = treasury_.wallet_client(); !wallet)
      co_return fail(Errc::kInvalid, "what costs something needs a wallet to be paid to",
                     "sovereign wallet connect < URIFILE");
    break;
  }
  const UnixTime since = runtime_.clock.now() - options_.max_age - nostr::kWrapBackdate;
  orders_ = std::make_unique<nostr::Feed>(
      runtime_.pool, runtime_.clock, seller_.relays(),
      nostr::Filters{{.kinds = {nostr::kinds::kGiftWrap},
                      .tags = {{'p', {seller_.desk().hex()}}},
                      .since = since}},
      nostr::FeedCallbacks{.on_events =
                               [this](std::span<const nostr::Delivery> batch) {
                                 for (const nostr::Delivery& delivery : batch)
                                   if (const auto heard = hear(*delivery.event);
                                       !heard && heard.error().code == Errc::kDatabase)
                                     return false;
                                 return true;
                               }},
      nostr::FeedOptions{.cursors = &cursors_});
  CO_TRY(const auto open, sales_.list_open());
  for (const SaleRow& sale : open) begin(sale.id);
  co_return Result<void>{};
}

Task<void> SkillShop::stop() {
  orders_.reset();
  co_await scope_.stop();
}

Result<void> SkillShop::hear(const nostr::Event& wrap) {
  TRY(const nostr::Rumor rumor, nostr::unwrap(wrap, seller_.signer().key()));
  const UnixTime now = runtime_.clock.now();
  if (rumor.event.created_at + options_.max_age < now || rumor.event.created_at > now + kSkewFuture)
    return {};
  TRY(const auto message, orchestration::parse_trade_message(rumor.event));
  if (!message) return {};
  const auto* order = std::get_if<SkillOrder>(&*message);
  return order ? take(*order, rumor.event.pubkey) : Result<void>{};
}

Result<void> SkillShop::take(const SkillOrder& order, const nostr::PublicKey& buyer) {
  TRY(const auto standing, sales_.get(order.id));
  if (standing) return standing->buyer == buyer ? answer_again(*standing) : Result<void>{};
  TRY(const std::string objection, this->objection(order, buyer));
  const UnixTime now = runtime_.clock.now();
  if (!objection.empty()) {
    if (!refusals_.take(now)) return {};
    return say(orchestration::SkillRefusal{order.id, objection}, buyer);
  }
  TRY(const auto offer, sales_.offer(order.skill.str()));
  TRY(const auto listing, nipsa::parse_skill_listing(offer->listing));
  TRY(const bool first, sales_.take({.id = order.id,
                                     .buyer = buyer,
                                     .agent = order.agent,
                                     .skill = offer->skill,
                                     .listing = offer->listing,
                                     .price = base::to_msat(listing.price),
                                     .created = now}));
  if (first) begin(order.id);
  return {};
}

Result<std::string> SkillShop::objection(const SkillOrder& order, const nostr::PublicKey& buyer) {
  TRY(const auto offer, sales_.offer(order.skill.str()));
  if (!offer || offer->sold) return "this skill is not for sale here";
  if (offer->listing.id != order.listing) return "the offer has changed since; look at it again";
  TRY(const auto listing, nipsa::parse_skill_listing(offer->listing));
  if (listing.manifest != order.manifest) return "the offer is of another version";
  const auto package = orchestration::read_package(offer->folder);
  if (!package) return "the seller cannot deliver it now";
  if (running_.size() >= options_.max_open) return "too many orders are open; come again later";
  TRY(const auto made,
      sales_.count_since(buyer, runtime_.clock.now() - std::chrono::hours(1)));
  if (made >= options_.max_per_buyer) return "too many orders of yours this hour";
  return std::string();
}

/// Whoever orders again has lost the answer, or never got it.
Result<void> SkillShop::answer_again(const SaleRow& sale) {
  const UnixTime now = runtime_.clock.now();
  UnixTime& last = answered_[sale.id];
  if (last + kAgainPause > now) return {};
  last = now;
  if (answered_.size() > 4 * options_.max_open) answered_.clear();
  switch (sale.state) {
    case SaleState::kTaken:
    case SaleState::kPaid:
      begin(sale.id);
      return {};
    case SaleState::kBilled:
      return say(orchestration::SkillBill{sale.id, sale.invoice}, sale.buyer);
    case SaleState::kDone:
      return seller_.deliver_again(sale.id);
    case SaleState::kFailed:
      return say(orchestration::SkillRefusal{sale.id, sale.detail}, sale.buyer);
  }
  return {};
}

Result<void> SkillShop::say(const orchestration::TradeMessage& message, const nostr::PublicKey& to) {
  const UnixTime now = runtime_.clock.now();
  const auto rumor = orchestration::build_trade_message(message, seller_.desk(), to, now);
  TRY(const nostr::Event wrap,
      nostr::wrap_rumor(rumor, seller_.signer().key(), to, now, runtime_.rng));
  return seller_.post(wrap, "trade");
}

void SkillShop::begin(const std::string& id) {
  if (running_.insert(id).second) scope_.spawn("order", run(id));
}

Task<void> SkillShop::run(std::string id) {
  struct Entry {
    std::set<std::string>& running;
    const std::string& id;
    ~Entry() { running.erase(id); }
  } const entry{running_, id};
  std::chrono::seconds pause{0};
  for (std::string told;; co_await base::sleep_for(pause)) {
    auto done = co_await advance(id);
    if (done) co_return;
    pause = waits_for_a_person(id, done.error().code) ? kAskAgain : kRetry;
    if (done.error().detail == told) continue;
    told = done.error().detail;
    LOG(kWarn, "shop", "an order stands still", {{"order", id}, {"detail", told}});
    if (auto noted = sales_.note(id, told, runtime_.clock.now()); !noted)
      LOG(kError, "shop", "an order cannot be noted", {{"detail", noted.error().detail}});
  }
}

/// Whether a licence that is owed was refused, or not decided about, by whoever has to be asked for it.
bool SkillShop::waits_for_a_person(const std::string& id, Errc code) {
  const auto sale = sales_.get(id);
  return sale && *sale && (*sale)->state == SaleState::kPaid && (code == Errc::kDenied || code == Errc::kTimeout);
}

Task<Result<void>> SkillShop::advance(std::string id) {
  CO_TRY(auto sale, sales_.get(id));
  if (!sale) co_return fail(Errc::kNotFound, "no such order");
  if (sale->state == SaleState::kTaken) {
    CO_TRY(co_await bill(*std::move(sale)));
    CO_TRY(sale, sales_.get(id));
  }
  if (sale->state == SaleState::kBilled) {
    CO_TRY(co_await await_money(*std::move(sale)));
    CO_TRY(sale, sales_.get(id));
  }
  if (sale->state == SaleState::kPaid) co_return co_await hand_over(*std::move(sale));
  co_return Result<void>{};
}

Task<Result<void>> SkillShop::bill(SaleRow sale) {
  if (sale.price.value == 0)
    co_return sales_.move(sale.id, SaleState::kPaid, "", runtime_.clock.now());
  CO_TRY(orchestration::WalletClient* const wallet, treasury_.wallet_client());
  CO_TRY(const nostr::Transaction made,
         orchestration::expect_outcome<nostr::Transaction>(
             co_await wallet->ask(nostr::MakeInvoice{.amount = sale.price,
                                                     .description = "skill licence " + sale.id,
                                                     .expiry = options_.bill_expiry.count()})));
  CO_TRY(const nostr::Invoice invoice,
         orchestration::check_invoice(made.invoice, {.amount = sale.price}, runtime_.clock.now()));
  CO_TRY(Tx tx, Tx::begin(seller_.db(), Durability::kFull));
  CO_TRY(sales_.set_billed(sale.id, made.invoice, invoice.payment_hash, runtime_.clock.now()));
  CO_TRY(say(orchestration::SkillBill{sale.id, made.invoice}, sale.buyer));
  CO_TRY(tx.commit());
  FAILPOINT("sale-billed");
  co_return Result<void>{};
}

/// Until the money is there, or can no longer come.
Task<Result<void>> SkillShop::await_money(SaleRow sale) {
  CO_TRY(const nostr::Invoice invoice, nostr::parse_invoice(sale.invoice));
  std::chrono::milliseconds pause = options_.look_every;
  for (int looks = 0;; ++looks) {
    CO_TRY(orchestration::WalletClient* const wallet, treasury_.wallet_client());
    const auto seen = orchestration::expect_outcome<nostr::Transaction>(co_await wallet->ask(
        nostr::LookupInvoice{.payment_hash = sale.payment_hash, .invoice = sale.invoice}));
    // A payment of ours by the same hash would say nothing about one to us.
    const bool incoming = seen && seen->type == nostr::TransactionType::kIncoming;
    if (incoming && (seen->settled_at || seen->state == "settled")) {
      CO_TRY(sales_.move(sale.id, SaleState::kPaid, "", runtime_.clock.now()));
      FAILPOINT("sale-paid");
      co_return Result<void>{};
    }
    // Only a wallet that answers can say that nothing came.
    if (incoming && nostr::expires_at(invoice) + kGrace < runtime_.clock.now())
      co_return refuse(sale, "the bill was not paid in time");
    co_await base::sleep_for(pause);
    if (looks > 20) pause = std::min(2 * pause, kLongestLook);
  }
}

Task<Result<void>> SkillShop::hand_over(SaleRow sale) {
  CO_TRY(const auto offer, sales_.offer(sale.skill));
  if (!offer) co_return fail(Errc::kNotFound, "what was sold is not offered any more");
  CO_TRY(const auto listing, nipsa::parse_skill_listing(sale.listing));
  IssueLicence wish{.folder = offer->folder,
                    .receiver = sale.buyer,
                    .grant = {.agent = sale.agent,
                              .terms = listing.terms,
                              .id = sale.id,
                              .payment_hash = sale.payment_hash,
                              .price = listing.price},
                    .also = [this, id = sale.id] {
                      return sales_.move(id, SaleState::kDone, "", runtime_.clock.now());
                    }};
  auto issued = co_await seller_.issue(std::move(wish));
  if (issued) co_return Result<void>{};
  CO_TRY(const auto now, sales_.get(sale.id));
  if (now->state == SaleState::kDone) co_return Result<void>{};  // committed; a relay will take it
  co_return std::unexpected(std::move(issued).error());
}

Result<void> SkillShop::refuse(const SaleRow& sale, const std::string& why) {
  TRY(Tx tx, Tx::begin(seller_.db(), Durability::kFull));
  TRY(sales_.move(sale.id, SaleState::kFailed, why, runtime_.clock.now()));
  TRY(say(orchestration::SkillRefusal{sale.id, why}, sale.buyer));
  return tx.commit();
}

Task<Result<Value>> SkillShop::answer(Value params) {
  const std::string verb = base::json::string_or(params, "verb");
  const std::int64_t limit =
      std::clamp<std::int64_t>(base::json::int_or(params, "limit", 50), 1, kMaxListed);
  if (verb == "list") co_return seller_.list(limit);
  if (verb == "orders") co_return seller_.orders(limit);
  if (verb == "revoke") {
    CO_TRY(std::string id, base::json::get_string(params, "licence"));
    co_return co_await seller_.revoke(std::move(id), base::json::string_or(params, "reason"));
  }
  co_return fail(Errc::kUnsupported, fmt::format("a shop has no verb \"{}\"", verb));
}

}  // namespace node
