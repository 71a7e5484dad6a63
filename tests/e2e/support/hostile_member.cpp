// The wire of bifrost, spoken by hand.
#include "tests/e2e/support/hostile_member.h"

#include <fmt/format.h>

#include "frostr/wire/transport.h"
#include "node/runtime.h"
#include "nostr/event/event_json.h"
#include "tests/e2e/support/must.h"

namespace e2e {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

/// The connection: everything that comes for our share, sorted by the request it answers.
struct HostileMember::Line {
  Line(std::string url, const frostr::GroupPackage& group, nostr::SecretKey own)
      : key(std::move(own)), relay(std::move(url)), arrived(runtime.loop) {
    nostr::Filter filter = frostr::transport_filter(group, key.public_key());
    subscription =
        runtime.pool.subscribe({relay}, {std::move(filter)},
                               {.on_events =
                                    [this, &group](std::span<const nostr::Delivery> batch) {
                                      for (const nostr::Delivery& delivery : batch)
                                        take(*delivery.event, group);
                                    },
                                .on_eose =
                                    [this](const std::string&) {
                                      open = true;
                                      arrived.notify();
                                    },
                                .on_closed = {}});
    runtime.loop.run_until_complete(wait([this] { return open; }));
  }
  ~Line() {
    subscription.reset();
    runtime.loop.run_until_complete(runtime.pool.stop());
  }

  void take(const nostr::Event& event, const frostr::GroupPackage& group) {
    const auto opened = frostr::open_message(event, key, group, runtime.clock.now());
    if (!opened) return;
    const auto message = frostr::parse_rpc(opened->text);
    if (!message) return;
    if (const auto* accept = std::get_if<frostr::RpcAccept>(&*message)) {
      answers.emplace(accept->id, Spoken{.accepted = true, .reason = "", .data = accept->data});
    } else if (const auto* reject = std::get_if<frostr::RpcReject>(&*message)) {
      answers.emplace(reject->id, Spoken{.accepted = false, .reason = reject->reason, .data = {}});
    }
    arrived.notify();
  }

  base::Task<void> wait(std::function<bool()> done) {
    const auto deadline = steady_clock::now() + kPatience;
    while (!done()) {
      const auto left = std::chrono::duration_cast<milliseconds>(deadline - steady_clock::now());
      if (left <= milliseconds{0}) throw std::runtime_error("a co-signer gave no answer");
      co_await arrived.wait_for(left);
    }
  }

  node::Runtime runtime;
  nostr::SecretKey key;
  std::string relay;
  base::Signal arrived;
  bool open = false;
  std::map<std::string, Spoken> answers;  ///< by request id
  std::unique_ptr<nostr::Subscription> subscription;
};

HostileMember::HostileMember(World& world, int share)
    : group_(must(node::load_group((world.deal() / "group.txt").string()))),
      share_(
          must(node::load_share((world.deal() / fmt::format("share-{}.txt", share)).string(), "",
                                group_))),
      line_(std::make_unique<Line>(world.relay_urls().front(), group_,
                                   must(share_.transport_key()))) {}

HostileMember::~HostileMember() = default;

nostr::SecretKey HostileMember::transport_key() const {
  return line_->key.clone();
}
nostr::UnixTime HostileMember::now() const {
  return line_->runtime.clock.now();
}
base::Rng& HostileMember::rng() {
  return line_->runtime.rng;
}

nostr::PublicKey HostileMember::identity_of(int cosigner) const {
  return group_.find(frostr::ShareIndex{static_cast<std::uint32_t>(cosigner)})->identity();
}

nostr::Event HostileMember::seal(int cosigner, const std::string& text,
                                 const nostr::SecretKey& from, nostr::UnixTime at) {
  return must(frostr::seal_message(from, identity_of(cosigner), text, at, rng()));
}

void HostileMember::say(int cosigner, const std::string& text) {
  post(seal(cosigner, text, line_->key, now()));
}

void HostileMember::post(const nostr::Event& event) {
  const auto outcomes =
      line_->runtime.loop.run_until_complete(line_->runtime.pool.publish({line_->relay}, event));
  if (outcomes.front().state != nostr::PublishOutcome::State::kAccepted)
    throw std::runtime_error("the relay refuses a peer message: " + outcomes.front().message);
}

Spoken HostileMember::call(int cosigner, const frostr::RpcRequest& request) {
  line_->answers.erase(request.id);
  say(cosigner, must(frostr::to_text(request)));
  line_->runtime.loop.run_until_complete(
      line_->wait([&] { return line_->answers.contains(request.id); }));
  return line_->answers.extract(request.id).mapped();
}

Spoken HostileMember::sign(int cosigner, const frostr::SignRequest& request) {
  return call(cosigner, {frostr::new_rpc_id(rng()), "sign", {frostr::to_params(request)}});
}

Spoken HostileMember::ecdh(int cosigner, const frostr::EcdhPackage& request) {
  return call(cosigner, {frostr::new_rpc_id(rng()), "ecdh", {frostr::to_params(request)}});
}

std::size_t HostileMember::settle(int cosigner) {
  // Requests of one member are worked on in the order of the wire.
  const Spoken echo = call(cosigner, {frostr::new_rpc_id(rng()), "echo", {"still there?"}});
  if (!echo.accepted || echo.data != "still there?")
    throw std::runtime_error("a co-signer echoes something else");
  return line_->answers.size();
}

frostr::WireNonce HostileMember::take_nonce(int cosigner) {
  auto& stock = nonces_[cosigner];
  if (stock.empty()) {
    // We claim to hold none, so that new ones are issued.
    frostr::PingRequest ping;
    ping.pool_status.push_back({frostr::ShareIndex{static_cast<std::uint32_t>(cosigner)},
                                identity_of(cosigner), 0, true, true});
    const Spoken pong =
        call(cosigner, {frostr::new_rpc_id(rng()), "ping", {frostr::to_params(ping)}});
    stock = must(frostr::parse_ping_answer(pong.data)).nonces;
    if (stock.empty()) throw std::runtime_error("the co-signer issues no nonces to us");
  }
  const frostr::WireNonce nonce = stock.back();
  stock.pop_back();
  return nonce;
}

frostr::SignRequest HostileMember::session(int cosigner, const nostr::UnsignedEvent& event) {
  return session(cosigner, event, take_nonce(cosigner));
}

frostr::SignRequest HostileMember::session(int cosigner, const nostr::UnsignedEvent& event,
                                           const frostr::WireNonce& nonce) {
  const frostr::ShareIndex peer{static_cast<std::uint32_t>(cosigner)};
  const frostr::WireNonce own{frostr::NonceCode(rng().bytes<32>()),
                              frostr::NoncePair::generate(share_, rng()).commitment()};
  const std::string json = nostr::to_json(event);
  frostr::SignRequest request;
  request.content = base::Bytes(json.begin(), json.end());
  request.hashes.push_back({nostr::Sha256(nostr::compute_id(event).array()), {}});
  request.members = {std::min(share_.idx, peer), std::max(share_.idx, peer)};
  request.stamp = static_cast<std::uint32_t>(base::to_unix(now()));
  request.type = "event";
  request.gid = group_.id();
  request.nonces = {{share_.idx, own}, {peer, nonce}};
  request.sid = frostr::compute_session_id(request);
  return request;
}

frostr::EcdhPackage HostileMember::secret_with(int cosigner, const nostr::PublicKey& target,
                                               const std::string& tick) {
  const frostr::ShareIndex peer{static_cast<std::uint32_t>(cosigner)};
  return {share_.idx,
          {std::min(share_.idx, peer), std::max(share_.idx, peer)},
          {frostr::EcdhEntry{must(frostr::EcdhTarget::from_key(target)), std::nullopt}},
          frostr::EcdhReason{"self", tick, {}}};
}

}  // namespace e2e
