// The shell's way out: messages, calls of ours and their answers, pings.
#include <fmt/format.h>

#include "frostr/bifrost_node.h"
#include "nostr/base/log.h"

namespace frostr {

using base::Errc;
using base::fail;
using base::Task;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

/// A request of ours that waits for its answer.
struct BifrostNode::Call {
  ShareIndex peer;
  steady_clock::time_point started = steady_clock::now();
  std::optional<RpcReply> reply;
  bool unsent = false;  ///< no relay took it
  bool lost = false;    ///< the peer has restarted
};

// --- calls -------------------------------------------------------------------------------------

BifrostNode::Pending& BifrostNode::Pending::operator=(Pending&& other) noexcept {
  std::swap(node_, other.node_);
  std::swap(id_, other.id_);
  std::swap(call_, other.call_);
  return *this;
}

BifrostNode::Pending::~Pending() {
  if (call_ != nullptr) node_->calls_.erase(id_);
}

ShareIndex BifrostNode::Pending::peer() const {
  return call_->peer;
}

milliseconds BifrostNode::Pending::age() const {
  return std::chrono::duration_cast<milliseconds>(steady_clock::now() - call_->started);
}

std::optional<Result<RpcReply>> BifrostNode::Pending::take() {
  if (call_->reply) return Result<RpcReply>(*std::move(call_->reply));
  if (call_->unsent)
    return fail(Errc::kUnavailable, "no relay took the message", "check the group's relays");
  if (call_->lost) return fail(Errc::kConflict, "restarted while it was asked");
  return std::nullopt;
}

/// We know its key, and it has said that it listens to ours.
bool BifrostNode::talks_apart(ShareIndex peer) const {
  const Peer* known = peers_.find(peer);
  return apart_ && known != nullptr && apart_->key_of(peer) &&
         known->notes.listens == own_->hello().boot;
}

Result<BifrostNode::Pending> BifrostNode::begin_call(ShareIndex peer, std::string method,
                                                     std::string params0) {
  const GroupMember* member = group_.find(peer);
  if (member == nullptr)
    return fail(Errc::kNotFound, fmt::format("member {} is not in the group", peer.value));
  // What is secret, or leads to a secret, stays apart from the shares where both sides can.
  const bool secret = method == "sign" || method == "ecdh";
  const auto apart = secret && talks_apart(peer) ? apart_->key_of(peer) : std::nullopt;
  RpcRequest request{new_rpc_id(deps_.rng), std::move(method), {}};
  request.params.push_back(std::move(params0));
  if (const auto& lease = options_.lease; lease && lease->runner != nullptr)
    request.params.push_back(seal_lease({lease->home, lease->generation, cosigner_.boot()}, request,
                                        {group_, share_.idx, peer}, *lease->runner,
                                        deps_.clock.now(), deps_.rng));
  TRY(auto text, to_text(request));
  if (scope_.running() >= options_.max_in_flight)
    return fail(Errc::kLimit, fmt::format("{} messages are under way", scope_.running()));
  const auto call = std::make_shared<Call>(Call{.peer = peer, .reply = {}});
  calls_.emplace(request.id, call);
  Transport& line = apart ? *apart_ : transport_;
  scope_.spawn("bifrost call",
               send(line, apart.value_or(member->identity()), std::move(text), request.id));
  return Pending(*this, std::move(request.id), call);
}

Task<void> BifrostNode::wait_for_news(milliseconds limit) {
  co_await news_.wait_for(limit);
}

Task<Result<RpcReply>> BifrostNode::call(ShareIndex peer, std::string method, std::string params0,
                                         milliseconds limit) {
  const std::string what = method;
  CO_TRY(auto pending, begin_call(peer, std::move(method), std::move(params0)));
  for (;;) {
    if (auto ended = pending.take()) {
      Result<RpcReply> answer = *std::move(ended);
      co_return answer;
    }
    const milliseconds left = limit - pending.age();
    if (left.count() <= 0) break;
    co_await news_.wait_for(left);
  }
  gave_up(peer);
  co_return fail(Errc::kTimeout, fmt::format("member {} did not answer {} within {} ms", peer.value,
                                             what, limit.count()));
}

void BifrostNode::on_reply(ShareIndex from, const std::string& id, RpcReply reply) {
  const auto it = calls_.find(id);
  if (it == calls_.end()) return;
  Call& call = *it->second;
  if (call.peer != from || call.reply) return;
  const auto took = std::chrono::duration_cast<milliseconds>(steady_clock::now() - call.started);
  peers_.on_answer(from, took, deps_.clock.now());
  call.reply = std::move(reply);
  news_.notify();
}

void BifrostNode::lose_calls(ShareIndex peer) {
  for (const auto& [id, call] : calls_)
    if (call->peer == peer && !call->reply) call->lost = true;
  news_.notify();
}

Task<void> BifrostNode::send(Transport& line, nostr::PublicKey to, std::string text,
                             std::string call_id) {
  auto sealed = line.seal(to, text, deps_.clock.now(), deps_.rng);
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
    news_.notify();
  }
}

// --- pings -------------------------------------------------------------------------------------

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
    cosigner_.add_notes(peer, ping.nonces, *body);
    params = base::json::dump(*body);
  }
  return params;
}

Task<Result<void>> BifrostNode::ping(ShareIndex peer) {
  std::string body = ping_body(peer);
  auto heard = co_await call(peer, "ping", std::move(body), options_.ping_timeout);
  // It came up while it was asked: the new process may not have heard the question.
  if (!heard && heard.error().code == Errc::kConflict) {
    body = ping_body(peer);
    heard = co_await call(peer, "ping", std::move(body), options_.ping_timeout);
  }
  CO_TRY(auto reply, std::move(heard));
  const auto* accept = std::get_if<RpcAccept>(&reply);
  if (accept == nullptr)
    co_return fail(Errc::kPeer, fmt::format("member {} rejected a ping", peer.value));
  const auto answer = parse_ping_answer(accept->data);
  if (!answer)
    co_return std::unexpected(
        base::in_context(fmt::format("member {}", peer.value), answer.error()));
  const bool was_fenced = lease_elsewhere().has_value();
  CO_TRY(cosigner_.take_notes(peer, accept->data, answer->nonces, deps_.clock.now()));
  if (!was_fenced && lease_elsewhere()) fenced_.notify();  // from now on more often
  follow_pins();
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
  CO_TRY(cosigner_.take_notes(peer, accept->data, answer->nonces, deps_.clock.now()));
  follow_pins();
  co_return Result<void>();
}

void BifrostNode::want_ping(ShareIndex peer) {
  if (leaving_) return;
  if (pinging_.insert(peer).second) scope_.spawn("bifrost ping", ping_once(peer));
}

bool BifrostNode::wants_ping(ShareIndex peer) const {
  if (!options_.coordinates || leaving_) return false;
  const Peer* known = peers_.find(peer);
  if (known != nullptr && known->notes.lease) return true;  // to keep it, or to hear when it is free
  return !peers_.online(peer, deps_.clock.now()) || nonces_.available(peer) < nonces_.low_water();
}

/// Pings and, where we coordinate, sees to it that there are nonces. Why there are none, or nothing.
Task<std::string> BifrostNode::contact(ShareIndex peer) {
  if (auto pinged = co_await ping(peer); !pinged) co_return pinged.error().detail;
  if (!options_.coordinates || nonces_.available(peer) > 0) co_return "";
  // A stock peer believes that an earlier run of ours still has what it gave it.
  if (auto onboarded = co_await onboard(peer); !onboarded)
    LOG(kDebug, "frost", "onboarding failed", {{"why", onboarded.error().detail}});
  if (nonces_.available(peer) > 0) co_return "";
  co_return "it gives us no nonces: its policy may not list this member as requester";
}

Task<void> BifrostNode::ping_once(ShareIndex peer) {
  // Also when the task is cancelled.
  struct Mark {
    std::set<ShareIndex>& pinging;
    ShareIndex peer;
    ~Mark() { pinging.erase(peer); }
  };
  std::string trouble;
  {
    const Mark mark{pinging_, peer};
    trouble = co_await contact(peer);
  }
  if (!trouble.empty())
    LOG(kDebug, "frost", "ping failed",
        {{"member", fmt::to_string(peer.value)}, {"why", trouble}});
  peers_.on_trouble(peer, std::move(trouble));
  news_.notify();
}

Task<void> BifrostNode::keep_pinging() {
  for (;;) {
    keep_house();
    for (const Peer& peer : peers_.all())
      if (wants_ping(peer.idx)) want_ping(peer.idx);
    co_await fenced_.wait_for(lease_elsewhere() ? options_.fenced_interval : options_.ping_interval);
  }
}

}  // namespace frostr
