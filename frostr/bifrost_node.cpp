// The shell: subscriptions, dispatch, calls, pings. No decision is taken here.
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

/// A request of ours that waits for its answer.
struct BifrostNode::Call {
  Call(base::Loop& loop, ShareIndex to) : peer(to), done(loop) {}
  ShareIndex peer;
  base::Signal done;
  std::optional<RpcReply> reply;
  bool unsent = false;  ///< no relay took it
};

Result<std::unique_ptr<BifrostNode>> BifrostNode::create(Deps deps, GroupPackage group,
                                                         SecretShare share,
                                                         BifrostOptions options) {
  TRY(check_share(share, group));
  TRY(auto transport, share.transport_key());
  if (options.relays.empty())
    return fail(Errc::kInvalid, "no relay for the group's messages", "name one with --relay");
  return std::unique_ptr<BifrostNode>(new BifrostNode(deps, std::move(group), std::move(share),
                                                      std::move(transport), std::move(options)));
}

BifrostNode::BifrostNode(Deps deps, GroupPackage group, SecretShare share,
                         nostr::SecretKey transport, BifrostOptions options)
    : deps_(deps),
      group_(std::move(group)),
      share_(std::move(share)),
      transport_(std::move(transport), group_),
      options_(std::move(options)),
      ledger_(deps_.db),
      nonces_(share_, ledger_, deps_.rng, options_.nonces),
      peers_(group_, share_.idx),
      cosigner_(deps_.db, group_, share_, nonces_, peers_, deps_.rng, options_.policy,
                options_.approvals, options_.cosigner),
      connected_(deps_.loop),
      ping_wanted_(deps_.loop),
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
  messages_ = deps_.pool.subscribe(
      options_.relays, {transport_filter(group_, transport_.public_key())}, std::move(callbacks));
  // A peer that asks us learns at once that our earlier nonces are dead, and gets new ones.
  for (const Peer& peer : peers_.all())
    if (options_.coordinates || cosigner_.policy().requester(peer.idx.value) != nullptr)
      ping_now_.insert(peer.idx);
  if (!is_connected_) co_await connected_.wait_for(options_.connect_wait);
  scope_.spawn("bifrost pings", keep_pinging());
  if (!is_connected_)
    co_return fail(Errc::kUnavailable, fmt::format("no relay of the group answered within {} ms",
                                                   options_.connect_wait.count()));
  co_return Result<void>();
}

Task<void> BifrostNode::say_goodbye(ShareIndex peer) {
  base::json::Value body = {{"version", 2}, {"leaving", true}};
  auto ignored = co_await call(peer, "ping", base::json::dump(body), kGoodbyeWait);
  if (!ignored)
    LOG(kDebug, "frost", "a goodbye was not heard", {{"member", fmt::to_string(peer.value)}});
}

/// A process that stops lets the next one begin at once.
Task<void> BifrostNode::give_up_leases() {
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

void BifrostNode::on_message(const nostr::Event& event) {
  const GroupMember* author = group_.find(event.pubkey);
  if (author == nullptr || !within_rate(author->idx)) return;
  const auto opened = transport_.open_verified(event, deps_.clock.now());
  if (!opened) {
    LOG(kDebug, "frost", "message dropped", {{"why", opened.error().detail}});
    return;
  }
  const auto message = parse_rpc(opened->text);
  if (!message) {
    LOG(kDebug, "frost", "message not understood", {{"why", message.error().detail}});
    return;
  }
  if (!opened->from_self) peers_.on_message(opened->from, deps_.clock.now());
  if (const auto* request = std::get_if<RpcRequest>(&*message))
    return on_request(*opened, *request);
  if (const auto* accept = std::get_if<RpcAccept>(&*message))
    return on_reply(opened->from, accept->id, *accept);
  if (const auto* reject = std::get_if<RpcReject>(&*message))
    return on_reply(opened->from, reject->id, *reject);
}

void BifrostNode::on_request(const OpenedMessage& message, const RpcRequest& request) {
  if (message.from_self && request.method != "echo") return;
  auto outcome = cosigner_.handle(message.from, request, deps_.clock.now(), Cosigner::Look::kFirst);
  if (auto* answer = std::get_if<Cosigner::Reply>(&outcome))
    return reply(message.author, std::move(answer->text));
  if (auto* refresh = std::get_if<Cosigner::Refresh>(&outcome)) {
    if (scope_.running() >= options_.max_in_flight) return;
    scope_.spawn("bifrost refresh", refresh_and_answer(message.from, message.author, request,
                                                       std::move(refresh->filters)));
  }
}

Task<void> BifrostNode::refresh_and_answer(ShareIndex from, nostr::PublicKey author,
                                           RpcRequest request, nostr::Filters filters) {
  const auto found =
      co_await deps_.pool.fetch(follow_relays(), std::move(filters), options_.refresh_timeout);
  for (const nostr::EventPtr& event : found.events) {
    const auto stored = cosigner_.facts().events().insert(*event, deps_.clock.now());
    if (!stored)
      LOG(kError, "frost", "a fetched event was not stored", {{"error", stored.error().detail}});
  }
  auto outcome = cosigner_.handle(from, request, deps_.clock.now(), Cosigner::Look::kFinal);
  if (auto* answer = std::get_if<Cosigner::Reply>(&outcome)) reply(author, std::move(answer->text));
}

void BifrostNode::reply(nostr::PublicKey to, std::string text) {
  if (scope_.running() >= options_.max_in_flight) return;
  scope_.spawn("bifrost reply", send(to, std::move(text), ""));
}

Task<void> BifrostNode::send(nostr::PublicKey to, std::string text, std::string call_id) {
  auto sealed = transport_.seal(to, text, deps_.clock.now(), deps_.rng);
  base::wipe(text);
  bool taken = false;
  std::string why;
  if (sealed) {
    const auto outcomes = co_await deps_.pool.publish(options_.relays, *std::move(sealed));
    for (const nostr::PublishOutcome& outcome : outcomes) {
      // An unknown outcome may have arrived: only plain rejections count against the call.
      taken = taken || outcome.state != nostr::PublishOutcome::State::kRejected;
      if (outcome.state != nostr::PublishOutcome::State::kAccepted) why = outcome.message;
    }
  } else {
    why = sealed.error().detail;
  }
  if (taken) co_return;
  LOG(kWarn, "frost", "message not sent", {{"why", why}});
  if (const auto call = calls_.find(call_id); call != calls_.end()) {
    call->second->unsent = true;
    call->second->done.notify();
  }
}

void BifrostNode::on_reply(ShareIndex from, const std::string& id, RpcReply reply) {
  const auto call = calls_.find(id);
  if (call == calls_.end() || call->second->peer != from || call->second->reply) return;
  call->second->reply = std::move(reply);
  call->second->done.notify();
}

Task<Result<RpcReply>> BifrostNode::call(ShareIndex peer, std::string method, std::string params0,
                                         milliseconds limit) {
  const GroupMember* member = group_.find(peer);
  if (member == nullptr)
    co_return fail(Errc::kNotFound, fmt::format("member {} is not in the group", peer.value));
  const nostr::PublicKey to = member->identity();
  RpcRequest request{new_rpc_id(deps_.rng), std::move(method), {}};
  request.params.push_back(std::move(params0));
  if (const auto& lease = options_.lease; lease && lease->runner != nullptr)
    request.params.push_back(seal_lease({lease->home, lease->generation, cosigner_.notes().boot},
                                        request, {group_, share_.idx, peer}, *lease->runner,
                                        deps_.clock.now(), deps_.rng));
  CO_TRY(auto text, to_text(request));
  if (scope_.running() >= options_.max_in_flight)
    co_return fail(Errc::kLimit, fmt::format("{} messages are under way", scope_.running()));

  const auto call = std::make_shared<Call>(deps_.loop, peer);
  // The entry leaves with this frame, also when the task is cancelled.
  struct Entry {
    std::map<std::string, std::shared_ptr<Call>>& calls;
    std::string id;
    ~Entry() { calls.erase(id); }
  } entry{calls_, request.id};
  calls_.emplace(request.id, call);
  const auto started = steady_clock::now();
  scope_.spawn("bifrost call", send(to, std::move(text), request.id));
  const auto deadline = started + limit;
  while (!call->reply && !call->unsent) {
    const auto left = std::chrono::duration_cast<milliseconds>(deadline - steady_clock::now());
    if (left.count() <= 0) break;
    co_await call->done.wait_for(left);
  }
  if (call->reply) {
    const auto took = std::chrono::duration_cast<milliseconds>(steady_clock::now() - started);
    peers_.on_answer(peer, took, deps_.clock.now());
    RpcReply answer = *std::move(call->reply);
    co_return answer;
  }
  if (call->unsent)
    co_return fail(Errc::kUnavailable, "no relay took the message", "check the group's relays");
  peers_.on_silence(peer);
  co_return fail(Errc::kTimeout, fmt::format("member {} did not answer {} within {} ms", peer.value,
                                             request.method, limit.count()));
}

std::string BifrostNode::ping_body(ShareIndex peer) {
  PingRequest ping;
  const auto now = deps_.clock.now();
  const auto available = static_cast<std::uint32_t>(nonces_.available(peer));
  if (const GroupMember* member = group_.find(peer))
    ping.pool_status.push_back(
        {peer, member->identity(), available, available < nonces_.low_water(), available == 0});
  if (auto fresh = cosigner_.nonces_for(peer, std::nullopt, now)) ping.nonces = *std::move(fresh);
  std::string params = to_params(ping);
  if (auto body = base::json::parse(params)) {
    cosigner_.notes().add_to(*body);
    params = base::json::dump(*body);
  }
  return params;
}

Task<Result<void>> BifrostNode::ping(ShareIndex peer) {
  std::string body = ping_body(peer);
  CO_TRY(auto reply, co_await call(peer, "ping", std::move(body), options_.ping_timeout));
  const auto* accept = std::get_if<RpcAccept>(&reply);
  if (accept == nullptr)
    co_return fail(Errc::kPeer, fmt::format("member {} rejected a ping", peer.value));
  const auto answer = parse_ping_answer(accept->data);
  if (!answer)
    co_return std::unexpected(
        base::in_context(fmt::format("member {}", peer.value), answer.error()));
  const bool was_fenced = lease_elsewhere().has_value();
  if (peers_.on_notes(peer, PeerNotes::read(accept->data))) nonces_.drop_received(peer);
  nonces_.receive(peer, answer->nonces);
  if (!was_fenced && lease_elsewhere()) ping_wanted_.notify();  // from now on more often
  co_return Result<void>();
}

Task<Result<void>> BifrostNode::onboard(ShareIndex peer) {
  std::string body = onboard_params(share_.idx, group_.find(share_.idx)->pubkey);
  CO_TRY(auto reply, co_await call(peer, "onboard", std::move(body), options_.ping_timeout));
  const auto* accept = std::get_if<RpcAccept>(&reply);
  if (accept == nullptr)
    co_return fail(Errc::kPeer, fmt::format("member {} rejected onboarding", peer.value));
  const auto answer = parse_onboard_answer(accept->data);
  if (!answer)
    co_return std::unexpected(
        base::in_context(fmt::format("member {}", peer.value), answer.error()));
  if (answer->group.id() != group_.id())
    co_return fail(Errc::kPeer, fmt::format("member {} belongs to another group", peer.value));
  nonces_.receive(peer, answer->nonces);
  co_return Result<void>();
}

void BifrostNode::want_ping(ShareIndex peer) {
  ping_now_.insert(peer);
  ping_wanted_.notify();
}

bool BifrostNode::wants_ping(ShareIndex peer) const {
  if (ping_now_.contains(peer)) return true;
  if (!options_.coordinates) return false;
  const Peer* known = peers_.find(peer);
  if (known != nullptr && known->notes.lease) return true;  // to keep it, or to hear when it is free
  return !peers_.online(peer, deps_.clock.now()) || nonces_.available(peer) < nonces_.low_water();
}

Task<void> BifrostNode::ping_once(ShareIndex peer) {
  const auto pinged = co_await ping(peer);
  if (!pinged)
    LOG(kDebug, "frost", "ping failed",
        {{"member", fmt::to_string(peer.value)}, {"why", pinged.error().detail}});
}

void BifrostNode::keep_house() {
  const auto now = deps_.clock.now();
  if (now - kept_house_ < kHousePeriod) return;
  kept_house_ = now;
  auto kept = cosigner_.keep_house(now);
  if (kept) kept = nonces_.keep_house(now);
  if (!kept) LOG(kError, "frost", "old records were not removed", {{"error", kept.error().detail}});
}

Task<void> BifrostNode::keep_pinging() {
  for (;;) {
    keep_house();
    for (const Peer& peer : peers_.all())
      if (wants_ping(peer.idx)) scope_.spawn("bifrost ping", ping_once(peer.idx));
    ping_now_.clear();
    co_await ping_wanted_.wait_for(lease_elsewhere() ? options_.fenced_interval
                                                     : options_.ping_interval);
  }
}

}  // namespace frostr
