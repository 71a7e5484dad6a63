// The shell: subscriptions and dispatch. No decision is taken here; calls are in bifrost_calls.cpp.
#include "frostr/bifrost_node.h"

#include <fmt/format.h>

#include "frostr/reject.h"
#include "nostr/base/log.h"
#include "nostr/nips/nip65.h"

namespace frostr {

using base::Errc;
using base::fail;
using base::Task;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

namespace {

constexpr base::seconds kHousePeriod{600};
constexpr milliseconds kGoodbyeWait{300};

}  // namespace

Result<std::unique_ptr<BifrostNode>> BifrostNode::create(Deps deps, GroupPackage group,
                                                         SecretShare share,
                                                         BifrostOptions options) {
  TRY(check_share(share, group));
  TRY(auto identity, share.transport_key());
  if (options.relays.empty())
    return fail(Errc::kInvalid, "no relay for the group's messages", "name one with --relay");
  std::unique_ptr<BifrostNode> node(new BifrostNode(
      deps, std::move(group), std::move(share), std::move(identity), std::move(options)));
  if (node->options_.own_mode) TRY(node->begin_life());
  return node;
}

/// Our own mode needs the group where it will stay, so it begins once the node stands.
Result<void> BifrostNode::begin_life() {
  auto key = options_.transport_key ? options_.transport_key->clone()
                                    : nostr::SecretKey::generate(deps_.rng);
  TRY(own_, OwnMode::begin(deps_.db, group_, share_, std::move(key), deps_.clock.now(), deps_.rng));
  apart_.emplace(own_->transport().clone(), share_.idx);
  cosigner_.set_own_mode(own_.get());
  return {};
}

BifrostNode::BifrostNode(Deps deps, GroupPackage group, SecretShare share,
                         nostr::SecretKey identity, BifrostOptions options)
    : deps_(deps),
      group_(std::move(group)),
      share_(std::move(share)),
      transport_(std::move(identity), group_),
      options_(std::move(options)),
      ledger_(deps_.db),
      nonces_(share_, ledger_, deps_.rng, options_.nonces),
      peers_(group_, share_.idx),
      cosigner_(deps_.db, group_, share_, nonces_, peers_, deps_.rng, options_.policy,
                options_.approvals, options_.cosigner),
      connected_(deps_.loop),
      news_(deps_.loop),
      fenced_(deps_.loop),
      scope_(deps_.loop) {}

BifrostNode::~BifrostNode() = default;

Task<Result<void>> BifrostNode::start() {
  const auto now = deps_.clock.now();
  CO_TRY(const auto forgotten, nonces_.forget_earlier(now));
  if (forgotten > 0)
    LOG(kInfo, "frost", "voided nonces of an earlier run", {{"count", fmt::to_string(forgotten)}});
  if (options_.follow) {
    cosigner_.set_ready(false);
    follow();
  }
  nostr::SubscriptionCallbacks callbacks;
  callbacks.on_events = [this](std::span<const nostr::Delivery> events) {
    for (const nostr::Delivery& delivery : events) on_message(*delivery.event);
  };
  callbacks.on_eose = [this](const std::string&) {
    is_connected_ = true;
    connected_.notify();
  };
  messages_ = deps_.pool.subscribe(options_.relays, message_filters(), std::move(callbacks));
  if (!is_connected_) co_await connected_.wait_for(options_.connect_wait);
  greet();
  scope_.spawn("bifrost pings", keep_pinging());
  if (!is_connected_)
    co_return fail(Errc::kUnavailable, fmt::format("no relay of the group answered within {} ms",
                                                   options_.connect_wait.count()));
  co_return Result<void>();
}

/// Who asks us, or is asked by us, learns at once that our earlier nonces are dead, and gets new ones.
void BifrostNode::greet() {
  for (const Peer& peer : peers_.all())
    if (options_.coordinates || cosigner_.policy().requester(peer.idx.value) != nullptr)
      want_ping(peer.idx);
}

Task<void> BifrostNode::say_goodbye(ShareIndex peer) {
  base::json::Value body = {{"version", 2}, {"leaving", true}};
  auto ignored = co_await call(peer, "ping", base::json::dump(body), kGoodbyeWait);
  if (!ignored)
    LOG(kDebug, "frost", "a goodbye was not heard", {{"member", fmt::to_string(peer.value)}});
}

/// A process that stops lets the next one begin at once.
Task<void> BifrostNode::give_up_leases() {
  leaving_ = true;
  base::Scope goodbyes(deps_.loop);
  for (const Peer& peer : peers_.all())
    if (peer.notes.lease && peer.notes.lease->held)
      goodbyes.spawn("bifrost goodbye", say_goodbye(peer.idx));
  const auto deadline = steady_clock::now() + 2 * kGoodbyeWait;
  while (goodbyes.running() > 0 && steady_clock::now() < deadline)
    co_await base::sleep_for(milliseconds{5});
  co_await goodbyes.stop();
}

Task<void> BifrostNode::stop() {
  if (options_.lease && messages_) co_await give_up_leases();
  messages_.reset();
  heads_.reset();
  co_await scope_.stop();
}

std::vector<std::string> BifrostNode::follow_relays() const {
  std::vector<std::string> relays = cosigner_.policy().follow_relays;
  return relays.empty() ? options_.relays : relays;
}

void BifrostNode::follow() {
  nostr::FeedCallbacks callbacks;
  callbacks.on_events = [this](std::span<const nostr::Delivery> events) {
    return on_followed(events);
  };
  unheard_.clear();
  for (const std::string& relay : follow_relays())
    unheard_.insert(nostr::normalize_relay_url(relay));
  view_relays_ = unheard_.size();
  callbacks.on_complete = [this](const std::string& relay) { on_view(relay); };
  heads_ = std::make_unique<nostr::Feed>(
      deps_.pool, deps_.clock, follow_relays(),
      cosigner_.facts().followed(cosigner_.policy(), deps_.clock.now()), std::move(callbacks));
}

/// One relay alone must not make an empty view of the others: all are heard, or had their chance.
void BifrostNode::on_view(const std::string& relay) {
  const bool first = unheard_.size() == view_relays_;
  unheard_.erase(relay);
  if (unheard_.empty()) cosigner_.set_ready(true);
  else if (first) scope_.spawn("follow grace", end_grace());
}

Task<void> BifrostNode::end_grace() {
  co_await base::sleep_for(options_.follow_grace);
  cosigner_.set_ready(true);
}

bool BifrostNode::on_followed(std::span<const nostr::Delivery> events) {
  bool kept = true;
  for (const nostr::Delivery& delivery : events) {
    const auto stored = cosigner_.facts().events().insert(*delivery.event, deps_.clock.now());
    if (!stored)
      LOG(kError, "frost", "a followed event was not stored", {{"error", stored.error().detail}});
    kept = kept && stored.has_value();
  }
  return kept;
}

void BifrostNode::set_policy(Policy policy) {
  cosigner_.set_policy(std::move(policy));
  if (heads_ != nullptr) follow();
}

bool BifrostNode::within_rate(ShareIndex from) {
  const auto now = deps_.clock.now();
  auto& [second, count] = rate_[from];
  if (second != now) {
    second = now;
    count = 0;
  }
  return ++count <= options_.max_requests_per_second;
}

nostr::Filters BifrostNode::message_filters() const {
  nostr::Filters filters{transport_.filter()};
  if (apart_) filters.push_back(apart_->filter());
  return filters;
}

Transport* BifrostNode::line_of(const nostr::PublicKey& author) {
  if (transport_.knows(author)) return &transport_;
  return apart_ && apart_->knows(author) ? &*apart_ : nullptr;
}

/// Listens to the keys members talk under now. Called before anything is said to them, so that their
/// answer finds us listening.
void BifrostNode::follow_pins() {
  if (!own_) return;
  bool changed = false;
  for (const Peer& peer : peers_.all()) {
    const Hello* hello = own_->pinned(peer.idx);
    const auto key = hello != nullptr ? std::optional(hello->key) : std::nullopt;
    const auto before = apart_->key_of(peer.idx);
    if (before == key) continue;
    changed = true;
    lose_calls(peer.idx);  // what was said to its process of before, or before it was there
    if (key) apart_->pin(peer.idx, *key);
    else apart_->unpin(peer.idx);
    // It told us its key before it knew ours: a ping lets it say that it listens, before anything
    // secret has to be said under the shares.
    if (key && options_.coordinates && !talks_apart(peer.idx)) want_ping(peer.idx);
  }
  if (changed && messages_ != nullptr) messages_->update(message_filters());
}

void BifrostNode::doubt(std::string_view why) {
  if (auto dropped = cosigner_.doubt(why, deps_.clock.now()); !dropped)
    LOG(kError, "frost", "a doubt was not recorded", {{"error", dropped.error().detail}});
  greet();
}

void BifrostNode::check_clock() {
  const auto now = deps_.clock.now();
  if (!own_ || cosigner_.policy().requesters.empty() ||
      !own_->clock_jumped(now, steady_clock::now()))
    return;
  if (auto begun = own_->begin_again(now); !begun)
    LOG(kError, "frost", "a new life was not recorded", {{"error", begun.error().detail}});
  doubt("the clock jumped: this machine was suspended, restored or set");
}

void BifrostNode::on_message(const nostr::Event& event) {
  Transport* line = line_of(event.pubkey);
  if (line == nullptr) return;
  const ShareIndex from = *line->member_of(event.pubkey);
  const auto drop = [&](const std::string& why) {
    LOG(kDebug, "frost", "message dropped", {{"member", fmt::to_string(from.value)}, {"why", why}});
    cosigner_.report(from, "transport", "dropped", why, deps_.clock.now());
  };
  if (!within_rate(from)) return drop("too-many: messages in one second");
  check_clock();
  const auto opened = line->open_verified(event, deps_.clock.now());
  if (!opened) return drop("forged: " + opened.error().detail);
  const auto message = parse_rpc(opened->text);
  if (!message) return drop("malformed: " + message.error().detail);
  if (!opened->from_self) peers_.on_message(opened->from, deps_.clock.now());
  if (const auto* request = std::get_if<RpcRequest>(&*message))
    return on_request(*line, *opened, *request);
  if (const auto* accept = std::get_if<RpcAccept>(&*message))
    return on_reply(opened->from, accept->id, *accept);
  if (const auto* reject = std::get_if<RpcReject>(&*message))
    return on_reply(opened->from, reject->id, *reject);
}

void BifrostNode::on_request(Transport& line, const OpenedMessage& message,
                             const RpcRequest& request) {
  if (message.from_self && request.method != "echo") return;
  auto outcome = cosigner_.handle(message.from, request, deps_.clock.now(), Cosigner::Look::kFirst);
  follow_pins();
  if (auto* answer = std::get_if<Cosigner::Reply>(&outcome))
    return reply(line, message.author, std::move(answer->text));
  if (auto* refresh = std::get_if<Cosigner::Refresh>(&outcome)) {
    if (scope_.running() >= options_.max_in_flight) return;
    scope_.spawn("bifrost refresh", refresh_and_answer(line, message.from, message.author, request,
                                                       std::move(refresh->filters)));
  }
}

Task<void> BifrostNode::refresh_and_answer(Transport& line, ShareIndex from,
                                           nostr::PublicKey author, RpcRequest request,
                                           nostr::Filters filters) {
  const auto found =
      co_await deps_.pool.fetch(follow_relays(), std::move(filters), options_.refresh_timeout);
  for (const nostr::EventPtr& event : found.events) {
    const auto stored = cosigner_.facts().events().insert(*event, deps_.clock.now());
    if (!stored)
      LOG(kError, "frost", "a fetched event was not stored", {{"error", stored.error().detail}});
  }
  auto outcome = cosigner_.handle(from, request, deps_.clock.now(), Cosigner::Look::kFinal);
  if (auto* answer = std::get_if<Cosigner::Reply>(&outcome))
    reply(line, author, std::move(answer->text));
}

void BifrostNode::reply(Transport& line, nostr::PublicKey to, std::string text) {
  if (scope_.running() >= options_.max_in_flight) return;
  scope_.spawn("bifrost reply", send(line, to, std::move(text), ""));
}

void BifrostNode::keep_house() {
  const auto now = deps_.clock.now();
  if (now - kept_house_ < kHousePeriod) return;
  kept_house_ = now;
  auto kept = cosigner_.keep_house(now);
  if (kept) kept = nonces_.keep_house(now);
  if (!kept) LOG(kError, "frost", "old records were not removed", {{"error", kept.error().detail}});
}

}  // namespace frostr
