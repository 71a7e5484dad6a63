// Profile, request, invoice; later the receipt that names them all.
#include "orchestration/money/zaps.h"

#include "nostr/base/json.h"
#include "nostr/event/event_json.h"

namespace orchestration {

namespace {

using base::Errc;
using base::fail;
using base::Result;
using base::Task;

constexpr std::chrono::milliseconds kFetchPatience{8'000};
constexpr std::size_t kMaxReceiptRelays = 8;
/// A provider's clock may be behind ours when it dates a receipt.
constexpr std::chrono::seconds kReceiptSkew{600};

}  // namespace

Task<Result<std::string>> Zapper::address_of(nostr::PublicKey who, std::vector<std::string> relays) {
  nostr::Filters filters{{.authors = {who}, .kinds = {nostr::kinds::kMetadata}, .limit = 1}};
  const nostr::FetchResult found =
      co_await pool_.fetch(std::move(relays), std::move(filters), kFetchPatience);
  if (found.events.empty())
    co_return found.complete.empty() ? fail(Errc::kUnavailable, "no relay answered")
                                     : fail(Errc::kNotFound, "no relay has a profile of " + who.hex());
  CO_TRY(const base::json::Value profile, base::json::parse(found.events.front()->content));
  std::string address = base::json::string_or(profile, "lud16");
  if (address.empty()) address = base::json::string_or(profile, "lud06");
  if (address.empty())
    co_return fail(Errc::kNotFound, "the profile names no lightning address", "pay an invoice instead");
  co_return address;
}

Task<Result<ZapOffer>> Zapper::offer(ZapWish wish, nostr::Signer& signer) {
  CO_TRY(std::string address, co_await address_of(wish.to, wish.relays));
  CO_TRY(Payee payee, co_await lnurl_.find(address));
  if (!payee.terms.provider)
    co_return fail(Errc::kUnsupported, payee.name + " takes no zaps", "pay without one");
  if (wish.relays.size() > kMaxReceiptRelays) wish.relays.resize(kMaxReceiptRelays);
  nostr::Draft draft = nostr::build_zap_request({.to = wish.to,
                                                 .amount = wish.amount,
                                                 .relays = wish.relays,
                                                 .lnurl = payee.lnurl,
                                                 .event = wish.event,
                                                 .address = std::nullopt,
                                                 .kind = wish.kind,
                                                 .comment = wish.comment},
                                                clock_.now());
  CO_TRY(nostr::Event request, co_await signer.sign(std::move(draft)));
  const nostr::PublicKey provider = *payee.terms.provider;
  CO_TRY(std::string invoice, co_await lnurl_.zap_invoice(std::move(payee), request, wish.amount,
                                                          clock_.now()));
  co_return ZapOffer{.request = std::move(request),
                     .address = std::move(address),
                     .provider = provider,
                     .invoice = std::move(invoice),
                     .relays = std::move(wish.relays)};
}

Task<Result<nostr::Zap>> Zapper::receipt(ZapOffer offer, std::chrono::milliseconds limit) {
  CO_TRY(const nostr::Invoice invoice, nostr::parse_invoice(offer.invoice));
  struct Found {
    explicit Found(base::Loop& loop) : changed(loop) {}
    base::Signal changed;
    std::optional<nostr::Zap> zap;
  };
  const auto found = std::make_shared<Found>(pool_.loop());
  const std::string to(nostr::tag_value(offer.request.tags, "p").value_or(""));
  nostr::Filter filter{.authors = {offer.provider},
                       .kinds = {nostr::kinds::kZapReceipt},
                       .tags = {{'p', {to}}},
                       .since = offer.request.created_at - kReceiptSkew};
  const auto look = [found, provider = offer.provider, hash = invoice.payment_hash,
                     from = offer.request.pubkey](std::span<const nostr::Delivery> batch) {
    for (const nostr::Delivery& delivery : batch) {
      auto zap = nostr::check_zap_receipt(*delivery.event, provider);
      if (!zap || zap->payment_hash != hash || zap->from != from) continue;
      found->zap = *std::move(zap);
      found->changed.notify();
    }
  };
  const auto subscription = pool_.subscribe(
      offer.relays, {std::move(filter)}, {.on_events = look, .on_eose = {}, .on_closed = {}});
  const auto deadline = std::chrono::steady_clock::now() + limit;
  while (!found->zap) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(
        deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0)
      co_return fail(Errc::kTimeout, "the provider has published no receipt",
                     "what the wallet says about the payment counts");
    co_await found->changed.wait_for(left);
  }
  co_return *found->zap;
}

}  // namespace orchestration
