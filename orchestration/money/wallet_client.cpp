// Requests wait by id; whatever arrives finds its waiter or nobody.
#include "orchestration/money/wallet_client.h"

#include <algorithm>
#include <unordered_map>

#include "nostr/base/log.h"
#include "nostr/nips/nip04.h"
#include "nostr/nips/nip44.h"

namespace orchestration {

namespace {

using base::Errc;
using base::fail;
using base::Result;
using base::Task;
using nostr::WalletEncryption;
using nostr::WalletMethod;
using nostr::WalletOutcome;
using nostr::WalletResponse;

constexpr std::chrono::milliseconds kPublishPatience{10'000};
/// Answers are encrypted either way; the legacy form carries its own mark.
constexpr std::string_view kLegacyMark = "?iv=";

}  // namespace

struct WalletClient::Impl : std::enable_shared_from_this<Impl> {
  /// One request under way.
  struct Waiting {
    explicit Waiting(base::Loop& loop) : changed(loop) {}
    base::Signal changed;
    std::optional<Result<WalletResponse>> answer;
    bool unsent = false;
  };

  Impl(nostr::Pool& p, const base::Clock& c, base::Rng& r, nostr::WalletUri u,
       WalletClientOptions o, OnNotification n)
      : pool(p),
        clock(c),
        rng(r),
        uri(std::move(u)),
        options(o),
        on_notification(std::move(n)),
        served(p.loop()) {}

  Result<std::string> encrypt(WalletEncryption encryption, const std::string& text) {
    if (encryption == WalletEncryption::kNip04) {
      TRY(const nostr::SharedX shared, nostr::ecdh(uri.secret, uri.wallet));
      return nostr::nip04_encrypt(shared, text, rng);
    }
    TRY(const nostr::ConversationKey key, nostr::nip44_conversation_key(uri.secret, uri.wallet));
    return nostr::nip44_encrypt(key, text, rng);
  }

  Result<std::string> decrypt(const std::string& payload) {
    if (payload.find(kLegacyMark) != std::string::npos) {
      if (!options.allow_nip04) return fail(Errc::kDenied, "the wallet wrote NIP-04");
      TRY(const nostr::SharedX shared, nostr::ecdh(uri.secret, uri.wallet));
      return nostr::nip04_decrypt(shared, payload);
    }
    TRY(const nostr::ConversationKey key, nostr::nip44_conversation_key(uri.secret, uri.wallet));
    return nostr::nip44_decrypt(key, payload, nostr::kMaxWalletMessage);
  }

  void listen();
  Task<Result<void>> reach();
  void hear(const nostr::Event& event);
  void hear_answer(const nostr::Event& event);
  void hear_notification(const nostr::Event& event);
  static Task<void> publish(std::shared_ptr<Impl> self, nostr::Event event,
                            std::shared_ptr<Waiting> waiting);

  nostr::Pool& pool;
  const base::Clock& clock;
  base::Rng& rng;
  const nostr::WalletUri uri;
  const WalletClientOptions options;
  const OnNotification on_notification;
  std::optional<nostr::WalletService> known;
  std::unordered_map<nostr::EventId, std::shared_ptr<Waiting>> waiting;
  base::Signal served;       ///< a relay has answered our subscription
  bool is_served = false;
  std::unique_ptr<nostr::Subscription> subscription;
};

/// Answers are ephemeral: who is not subscribed when they pass has lost them.
void WalletClient::Impl::listen() {
  if (subscription) return;
  nostr::Filter filter{.authors = {uri.wallet},
                       .kinds = {nostr::kinds::kWalletResponse, nostr::kinds::kWalletNotification,
                                 nostr::kinds::kWalletNotificationLegacy},
                       .tags = {{'p', {uri.secret.public_key().hex()}}},
                       .since = clock.now() - options.request_life};
  const std::weak_ptr<Impl> weak = weak_from_this();
  subscription =
      pool.subscribe(uri.relays, {std::move(filter)},
                     {.on_events =
                          [weak](std::span<const nostr::Delivery> batch) {
                            for (const nostr::Delivery& delivery : batch)
                              if (const auto self = weak.lock()) self->hear(*delivery.event);
                          },
                      .on_eose =
                          [weak](const std::string&) {
                            const auto self = weak.lock();
                            if (!self) return;
                            self->is_served = true;
                            self->served.notify();
                          },
                      .on_closed = {}});
}

Task<Result<void>> WalletClient::Impl::reach() {
  listen();
  const auto self = shared_from_this();
  const auto deadline = std::chrono::steady_clock::now() + options.reach_timeout;
  while (!is_served) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(
        deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0)
      co_return fail(Errc::kUnavailable, "no relay of the wallet can be reached",
                     "check the relays in the connection string");
    co_await served.wait_for(left);
  }
  co_return Result<void>{};
}

void WalletClient::Impl::hear(const nostr::Event& event) {
  if (event.kind == nostr::kinds::kWalletResponse)
    hear_answer(event);
  else
    hear_notification(event);
}

void WalletClient::Impl::hear_answer(const nostr::Event& event) {
  const auto id = nostr::EventId::from_hex(nostr::tag_value(event.tags, "e").value_or(""));
  if (!id) return;
  const auto found = waiting.find(*id);
  if (found == waiting.end() || found->second->answer) return;  // late, or said twice
  const auto text = decrypt(event.content);
  auto answer = text ? nostr::parse_wallet_response(*text)
                     : Result<WalletResponse>(std::unexpected(text.error()));
  if (!answer)
    answer = fail(Errc::kPeer, "the wallet's answer cannot be read: " + answer.error().detail);
  found->second->answer = std::move(answer);
  found->second->changed.notify();
}

void WalletClient::Impl::hear_notification(const nostr::Event& event) {
  if (!on_notification) return;
  const auto text = decrypt(event.content);
  if (!text) return;
  if (const auto notification = nostr::parse_wallet_notification(*text))
    on_notification(*notification);
}

Task<void> WalletClient::Impl::publish(std::shared_ptr<Impl> self, nostr::Event event,
                                       std::shared_ptr<Waiting> waiting) {
  using State = nostr::PublishOutcome::State;
  const auto outcomes = co_await self->pool.publish(
      self->uri.relays, std::move(event), {.limit = kPublishPatience, .repeat = false});
  // A relay that says no may have passed it on all the same: only what never left is certain.
  waiting->unsent =
      std::ranges::all_of(outcomes, [](const auto& o) { return o.state == State::kUnsent; });
  waiting->changed.notify();
}

WalletClient::WalletClient(nostr::Pool& pool, const base::Clock& clock, base::Rng& rng,
                           nostr::WalletUri uri, WalletClientOptions options,
                           OnNotification on_notification)
    : impl_(std::make_shared<Impl>(pool, clock, rng, std::move(uri), options,
                                   std::move(on_notification))) {
  if (impl_->on_notification) impl_->listen();
}

WalletClient::~WalletClient() = default;

const nostr::PublicKey& WalletClient::wallet() const {
  return impl_->uri.wallet;
}
const std::vector<std::string>& WalletClient::relays() const {
  return impl_->uri.relays;
}
const std::string& WalletClient::lud16() const {
  return impl_->uri.lud16;
}

Task<Result<nostr::WalletService>> WalletClient::service() {
  const auto impl = impl_;
  if (impl->known) co_return *impl->known;
  nostr::Filters filters{{.authors = {impl->uri.wallet}, .kinds = {nostr::kinds::kWalletInfo}}};
  const nostr::FetchResult found = co_await impl->pool.fetch(
      impl->uri.relays, std::move(filters), impl->options.reach_timeout);
  if (found.events.empty()) {
    if (found.complete.empty())
      co_return fail(Errc::kUnavailable, "no relay of the wallet can be reached",
                     "check the relays in the connection string");
    co_return fail(Errc::kNotFound, "the wallet says nothing of itself",
                   "the connection may have been revoked: make a new one");
  }
  CO_TRY(impl->known, nostr::parse_wallet_service(*found.events.front()));
  co_return *impl->known;
}

Task<Result<WalletMessage>> WalletClient::prepare(nostr::WalletRequest request) {
  const auto impl = impl_;
  CO_TRY(const nostr::WalletService offered, co_await service());
  const WalletMethod method = nostr::method_of(request);
  const std::string name(nostr::wallet_method_name(method));
  if (std::ranges::find(offered.methods, name) == offered.methods.end())
    co_return fail(Errc::kUnsupported, "the wallet does not offer " + name);
  const WalletEncryption encryption = nostr::preferred_encryption(offered);
  if (encryption == WalletEncryption::kNip04 && !impl->options.allow_nip04)
    co_return fail(Errc::kUnsupported, "the wallet reads NIP-04 only, which is switched off");
  CO_TRY(std::string encrypted, impl->encrypt(encryption, nostr::build_wallet_request(request)));
  const base::UnixTime now = impl->clock.now();
  const base::UnixTime expires = now + impl->options.request_life;
  nostr::Draft draft = nostr::build_wallet_request_event(impl->uri.wallet, std::move(encrypted),
                                                         encryption, now, expires);
  co_return WalletMessage{nostr::sign_event(std::move(draft), impl->uri.secret, impl->rng), method,
                          encryption, expires};
}

Task<Result<WalletOutcome>> WalletClient::send(WalletMessage message) {
  const auto impl = impl_;
  if (impl->waiting.size() >= impl->options.max_waiting)
    co_return fail(Errc::kLimit, "too many requests wait for the wallet");
  CO_TRY(co_await impl->reach());
  const nostr::EventId id = message.event.id;
  const auto waiting = std::make_shared<Impl::Waiting>(impl->pool.loop());
  // Taken back however this coroutine ends, cancelled ones included.
  struct Entry {
    Impl& impl;
    nostr::EventId id;
    ~Entry() { impl.waiting.erase(id); }
  } const entry{*impl, id};
  impl->waiting.emplace(id, waiting);
  impl->pool.spawn("wallet-request", Impl::publish(impl, std::move(message.event), waiting));
  const auto deadline = std::chrono::steady_clock::now() + impl->options.answer_timeout;
  while (!waiting->answer && !waiting->unsent) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(
        deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0)
      co_return fail(Errc::kTimeout, "the wallet did not answer",
                     "it may have acted: look before asking again");
    co_await waiting->changed.wait_for(left);
  }
  if (!waiting->answer)
    co_return fail(Errc::kUnavailable, "the request reached no relay of the wallet");
  CO_TRY(WalletResponse response, std::move(*waiting->answer));
  if (std::holds_alternative<nostr::WalletError>(response.outcome))
    co_return std::move(response.outcome);
  if (response.method != nostr::wallet_method_name(message.method))
    co_return fail(Errc::kPeer, "the wallet answered another request than the one it names");
  co_return std::move(response.outcome);
}

Task<Result<WalletOutcome>> WalletClient::ask(nostr::WalletRequest request) {
  CO_TRY(WalletMessage message, co_await prepare(std::move(request)));
  co_return co_await send(std::move(message));
}

base::Error wallet_refusal(const nostr::WalletError& error) {
  constexpr std::size_t kMaxWords = 300;
  std::string detail = "wallet: " + std::string(nostr::wallet_errc_name(error.code));
  if (!error.message.empty()) detail += ": " + error.message.substr(0, kMaxWords);
  return {Errc::kDenied, std::move(detail), ""};
}

}  // namespace orchestration
