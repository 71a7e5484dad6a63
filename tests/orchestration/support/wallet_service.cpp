// Requests come in, are judged by age and id, met by a rule or not, and answered.
#include "tests/orchestration/support/wallet_service.h"

#include <algorithm>
#include <array>
#include <map>

#include "nostr/nips/nip04.h"
#include "nostr/nips/nip40.h"
#include "nostr/nips/nip44.h"

namespace wallet_service {

using base::Errc;
using base::Result;
using base::Task;
using nostr::WalletEncryption;
using nostr::WalletErrc;
using nostr::WalletError;
using nostr::WalletOutcome;
using nostr::WalletRequest;

namespace {

constexpr std::array<std::string_view, 13> kFaults{
    "slow",      "ignore",   "lose-answer",    "refuse",      "fail-after",   "duplicate", "contradict",
    "garbage",   "mismatch", "wrong-preimage", "no-preimage", "wrong-amount", "stranger"};
constexpr base::Msat kTooMuch{1'000};

/// Every code a rule may name.
constexpr WalletErrc kCodes[] = {
    WalletErrc::kRateLimited,         WalletErrc::kNotImplemented,        WalletErrc::kQuotaExceeded,
    WalletErrc::kInsufficientBalance, WalletErrc::kRestricted,            WalletErrc::kUnauthorized,
    WalletErrc::kInternal,            WalletErrc::kUnsupportedEncryption, WalletErrc::kPaymentFailed,
    WalletErrc::kNotFound,            WalletErrc::kOther};

Result<Rule> parse_rule(const base::json::Value& value) {
  Rule out{.method = base::json::string_or(value, "method")};
  TRY(const std::string fault, base::json::get_string(value, "fault"));
  const auto found = std::ranges::find(kFaults, fault);
  if (found == kFaults.end()) return base::fail(Errc::kInvalid, "there is no fault " + fault);
  out.fault = static_cast<Fault>(found - kFaults.begin());
  out.times = static_cast<int>(base::json::int_or(value, "times", 1));
  out.wait = std::chrono::milliseconds(base::json::int_or(value, "ms"));
  const std::string code = base::json::string_or(value, "code", "PAYMENT_FAILED");
  const auto named = std::ranges::find(kCodes, code, nostr::wallet_errc_name);
  if (named == std::end(kCodes)) return base::fail(Errc::kInvalid, "there is no error " + code);
  out.code = *named;
  return out;
}

}  // namespace

Result<std::vector<Rule>> parse_rules(const base::json::Value& script) {
  std::vector<Rule> out;
  if (!script.is_array()) return base::fail(Errc::kInvalid, "a fault script is a JSON array");
  for (const auto& item : script) {
    TRY(Rule rule, parse_rule(item));
    out.push_back(std::move(rule));
  }
  return out;
}

struct WalletService::Impl : std::enable_shared_from_this<Impl> {
  Impl(nostr::Pool& p, const base::Clock& c, base::Rng& r, lightning::Network& n, std::string name,
       std::vector<std::string> urls, Options o)
      : pool(p),
        clock(c),
        rng(r),
        network(n),
        node(std::move(name)),
        relays(std::move(urls)),
        options(std::move(o)),
        service(nostr::SecretKey::generate(r)),
        client(nostr::SecretKey::generate(r)),
        ready(p.loop()) {}

  std::string encrypt(WalletEncryption encryption, const std::string& text);
  Result<std::string> decrypt(const nostr::Event& request, WalletEncryption encryption);
  std::optional<Rule> take_rule(const std::string& method);
  void hear(const nostr::Event& request);
  static Task<void> answer(std::shared_ptr<Impl> self, nostr::Event request);
  static Task<void> publish(std::shared_ptr<Impl> self, nostr::Event event);
  void send(nostr::Event event) {
    pool.spawn("wallet-service", publish(shared_from_this(), std::move(event)));
  }
  WalletOutcome act(const WalletRequest& request, const std::optional<Rule>& rule);
  WalletOutcome pay(const nostr::PayInvoice& request, bool silent);
  WalletOutcome make(const nostr::MakeInvoice& request, bool wrong);
  WalletOutcome look_up(const nostr::LookupInvoice& request, bool wrong);
  nostr::TransactionList list(const nostr::ListTransactions& request);
  nostr::Event reply(const nostr::Event& request, WalletEncryption encryption,
                     const std::string& method, const WalletOutcome& outcome);
  void say(const nostr::Event& request, WalletEncryption encryption, const std::string& method,
           WalletOutcome outcome, const std::optional<Rule>& rule);
  void notify(const nostr::PayInvoice& request);

  nostr::Pool& pool;
  const base::Clock& clock;
  base::Rng& rng;
  lightning::Network& network;
  const std::string node;
  const std::vector<std::string> relays;
  const Options options;
  const nostr::SecretKey service;
  const nostr::SecretKey client;
  base::Signal ready;
  bool is_ready = false;
  std::vector<Rule> rules;
  std::set<nostr::EventId> seen;  ///< kept before acting: nothing is done twice
  std::map<std::string, int> handled;
  int expired = 0;
  std::function<void()> on_handled;
  std::unique_ptr<nostr::Subscription> subscription;
};

std::string WalletService::Impl::encrypt(WalletEncryption encryption, const std::string& text) {
  if (encryption == WalletEncryption::kNip04)
    return nostr::nip04_encrypt(*nostr::ecdh(service, client.public_key()), text, rng);
  const auto key = nostr::nip44_conversation_key(service, client.public_key());
  return *nostr::nip44_encrypt(*key, text, rng);
}

Result<std::string> WalletService::Impl::decrypt(const nostr::Event& request,
                                                 WalletEncryption encryption) {
  if (encryption == WalletEncryption::kNip04) {
    TRY(const nostr::SharedX shared, nostr::ecdh(service, request.pubkey));
    return nostr::nip04_decrypt(shared, request.content);
  }
  TRY(const auto key, nostr::nip44_conversation_key(service, request.pubkey));
  return nostr::nip44_decrypt(key, request.content);
}

std::optional<Rule> WalletService::Impl::take_rule(const std::string& method) {
  const auto found = std::ranges::find_if(rules, [&](const Rule& rule) {
    return rule.times > 0 && (rule.method.empty() || rule.method == method);
  });
  if (found == rules.end()) return std::nullopt;
  --found->times;
  return *found;
}

void WalletService::Impl::hear(const nostr::Event& request) {
  if (request.pubkey != client.public_key() || !seen.insert(request.id).second) return;
  if (nostr::is_expired(request, clock.now())) {
    ++expired;
    return;
  }
  pool.spawn("wallet-service", answer(shared_from_this(), request));
}

Task<void> WalletService::Impl::answer(std::shared_ptr<Impl> self, nostr::Event request) {
  const auto encryption = nostr::wallet_encryption_of(request);
  if (!encryption) {
    self->say(request, WalletEncryption::kNip44, "", WalletError{WalletErrc::kUnsupportedEncryption, ""},
              std::nullopt);
    co_return;
  }
  const auto text = self->decrypt(request, *encryption);
  if (!text) co_return;
  const auto json = base::json::parse(*text);
  const std::string method = json ? base::json::string_or(*json, "method") : "";
  const auto parsed = nostr::parse_wallet_request(*text);
  if (!parsed) {
    const auto code =
        parsed.error().code == Errc::kUnsupported ? WalletErrc::kNotImplemented : WalletErrc::kOther;
    self->say(request, *encryption, method, WalletError{code, parsed.error().detail}, std::nullopt);
    co_return;
  }
  const auto rule = self->take_rule(method);
  if (rule && rule->wait.count() > 0) co_await base::sleep_for(rule->wait);
  if (!rule || rule->fault != Fault::kIgnore) {
    WalletOutcome outcome = self->act(*parsed, rule);
    self->say(request, *encryption, method, std::move(outcome), rule);
  }
  ++self->handled[method];
  if (self->on_handled) self->on_handled();
}

Task<void> WalletService::Impl::publish(std::shared_ptr<Impl> self, nostr::Event event) {
  co_await self->pool.publish(self->relays, std::move(event));
}

WalletOutcome WalletService::Impl::act(const WalletRequest& request,
                                       const std::optional<Rule>& rule) {
  if (rule && rule->fault == Fault::kRefuse) return WalletError{rule->code, "as the script says"};
  const bool wrong = rule && rule->fault == Fault::kWrongAmount;
  const bool silent = rule && rule->fault == Fault::kLoseAnswer;
  const std::string method(nostr::wallet_method_name(nostr::method_of(request)));
  if (std::ranges::find(options.methods, method) == options.methods.end())
    return WalletError{WalletErrc::kNotImplemented, ""};
  if (const auto* wish = std::get_if<nostr::PayInvoice>(&request)) return pay(*wish, silent);
  if (const auto* wish = std::get_if<nostr::MakeInvoice>(&request)) return make(*wish, wrong);
  if (const auto* wish = std::get_if<nostr::LookupInvoice>(&request)) return look_up(*wish, wrong);
  if (const auto* wish = std::get_if<nostr::ListTransactions>(&request)) return list(*wish);
  if (std::holds_alternative<nostr::GetBalance>(request))
    return nostr::Balance{network.balance(node)};
  if (std::holds_alternative<nostr::GetInfo>(request))
    return nostr::WalletInfo{.alias = node,
                             .color = "",
                             .pubkey = network.key(node).hex(),
                             .network = "regtest",
                             .methods = options.methods,
                             .notifications = {"payment_received", "payment_sent"}};
  return WalletError{WalletErrc::kNotImplemented, ""};
}

WalletOutcome WalletService::Impl::pay(const nostr::PayInvoice& request, bool silent) {
  auto paid = network.pay(node, request.invoice, clock.now());
  if (paid) {
    if (options.notify && !silent) notify(request);
    return *paid;
  }
  if (paid.error().detail == "too little money")
    return WalletError{WalletErrc::kInsufficientBalance, paid.error().detail};
  return WalletError{WalletErrc::kPaymentFailed, paid.error().detail};
}

WalletOutcome WalletService::Impl::make(const nostr::MakeInvoice& request, bool wrong) {
  const base::Msat amount = wrong ? request.amount + kTooMuch : request.amount;
  const std::string invoice =
      network.make_invoice(node,
                           {.amount = amount,
                            .description = request.description,
                            .description_hash = request.description_hash,
                            .expiry = std::chrono::seconds(request.expiry.value_or(3600))},
                           clock.now());
  return *network.find(node, nostr::parse_invoice(invoice)->payment_hash);
}

WalletOutcome WalletService::Impl::look_up(const nostr::LookupInvoice& request, bool wrong) {
  auto hash = request.payment_hash;
  if (!hash)
    if (const auto invoice = nostr::parse_invoice(request.invoice)) hash = invoice->payment_hash;
  auto found = hash ? network.find(node, *hash) : std::nullopt;
  if (!found) return WalletError{WalletErrc::kNotFound, "no such payment"};
  if (wrong) found->amount = found->amount + kTooMuch;
  return *found;
}

nostr::TransactionList WalletService::Impl::list(const nostr::ListTransactions& request) {
  nostr::TransactionList out;
  auto skip = request.offset.value_or(0);
  for (auto& transaction : network.transactions(node)) {
    if (request.type && transaction.type != *request.type) continue;
    if (!request.unpaid && !transaction.settled_at) continue;
    if (request.from && transaction.created_at < *request.from) continue;
    if (request.until && transaction.created_at > *request.until) continue;
    if (skip-- > 0) continue;
    if (request.limit && out.transactions.size() >= static_cast<std::size_t>(*request.limit)) break;
    out.transactions.push_back(std::move(transaction));
  }
  return out;
}

nostr::Event WalletService::Impl::reply(const nostr::Event& request, WalletEncryption encryption,
                                        const std::string& method, const WalletOutcome& outcome) {
  std::string text = nostr::build_wallet_response({.method = method, .outcome = outcome});
  return nostr::sign_event(
      nostr::build_wallet_response_event(request, encrypt(encryption, text), "", clock.now()),
      service, rng);
}

void WalletService::Impl::say(const nostr::Event& request, WalletEncryption encryption,
                              const std::string& method, WalletOutcome outcome,
                              const std::optional<Rule>& rule) {
  const Fault fault = rule ? rule->fault : Fault::kSlow;
  const WalletError failed{rule ? rule->code : WalletErrc::kOther, "as the script says"};
  std::string answered = method;
  if (fault == Fault::kLoseAnswer) return;
  if (fault == Fault::kFailAfter) outcome = failed;
  if (fault == Fault::kMismatch) {
    answered = "get_balance";
    outcome = nostr::Balance{network.balance(node)};
  }
  if (auto* payment = std::get_if<nostr::Payment>(&outcome)) {
    if (fault == Fault::kWrongPreimage) payment->preimage = nostr::Preimage(rng.bytes<32>());
    if (fault == Fault::kNoPreimage) payment->preimage.reset();
  }
  if (auto* transaction = std::get_if<nostr::Transaction>(&outcome)) {
    if (fault == Fault::kWrongPreimage) transaction->preimage = nostr::Preimage(rng.bytes<32>());
    if (fault == Fault::kNoPreimage) transaction->preimage.reset();
  }
  nostr::Event event = reply(request, encryption, answered, outcome);
  if (fault == Fault::kGarbage)
    event = nostr::sign_event(
        nostr::build_wallet_response_event(request, "AgARBAGE", "", clock.now()), service, rng);
  if (fault == Fault::kStranger)
    send(nostr::sign_event({event.kind, event.created_at, event.tags, event.content},
                           nostr::SecretKey::generate(rng), rng));
  send(std::move(event));
  if (fault == Fault::kDuplicate) send(reply(request, encryption, answered, outcome));
  if (fault == Fault::kContradict) send(reply(request, encryption, answered, failed));
}

void WalletService::Impl::notify(const nostr::PayInvoice& request) {
  const auto invoice = nostr::parse_invoice(request.invoice);
  const std::string text = nostr::build_wallet_notification(
      {.type = "payment_sent", .transaction = *network.find(node, invoice->payment_hash)});
  for (const auto encryption : options.encryptions)
    send(nostr::sign_event(
        nostr::build_wallet_notification_event(client.public_key(), encrypt(encryption, text),
                                               encryption, clock.now()),
        service, rng));
}

WalletService::WalletService(nostr::Pool& pool, const base::Clock& clock, base::Rng& rng,
                             lightning::Network& network, std::string node,
                             std::vector<std::string> relays, Options options)
    : impl_(std::make_shared<Impl>(pool, clock, rng, network, std::move(node), std::move(relays),
                                   std::move(options))) {}

WalletService::~WalletService() {
  impl_->subscription.reset();
}

Task<void> WalletService::start() {
  const auto impl = impl_;
  nostr::WalletService offer{.methods = impl->options.methods,
                             .notifications = {},
                             .encryptions = impl->options.encryptions};
  if (impl->options.notify) offer.notifications = {"payment_received", "payment_sent"};
  nostr::Filter filter{.kinds = {nostr::kinds::kWalletRequest},
                       .tags = {{'p', {impl->service.public_key().hex()}}},
                       .since = impl->clock.now()};
  const std::weak_ptr<Impl> weak = impl;
  impl->subscription =
      impl->pool.subscribe(impl->relays, {std::move(filter)},
                           {.on_events =
                                [weak](std::span<const nostr::Delivery> batch) {
                                  for (const nostr::Delivery& delivery : batch)
                                    if (const auto self = weak.lock()) self->hear(*delivery.event);
                                },
                            .on_eose =
                                [weak](const std::string&) {
                                  const auto self = weak.lock();
                                  if (!self) return;
                                  self->is_ready = true;
                                  self->ready.notify();
                                },
                            .on_closed = {}});
  co_await impl->pool.publish(
      impl->relays, nostr::sign_event(nostr::build_wallet_service(offer, impl->clock.now()),
                                      impl->service, impl->rng));
  while (!impl->is_ready) co_await impl->ready.wait_for(std::chrono::seconds{1});
}

std::string WalletService::uri() const {
  return nostr::build_wallet_uri({.wallet = impl_->service.public_key(),
                                  .relays = impl_->relays,
                                  .secret = impl_->client.clone(),
                                  .lud16 = ""});
}

const nostr::PublicKey& WalletService::key() const {
  return impl_->service.public_key();
}

void WalletService::add_rules(std::vector<Rule> rules) {
  impl_->rules.insert(impl_->rules.end(), rules.begin(), rules.end());
}

void WalletService::on_handled(std::function<void()> callback) {
  impl_->on_handled = std::move(callback);
}

int WalletService::handled(const std::string& method) const {
  const auto found = impl_->handled.find(method);
  return found == impl_->handled.end() ? 0 : found->second;
}

int WalletService::expired() const {
  return impl_->expired;
}

}  // namespace wallet_service
