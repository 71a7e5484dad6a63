// The app's side of NIP-46.
#include "tests/orchestration/support/signer_app.h"

#include <algorithm>

#include "nostr/event/event_json.h"
#include "nostr/nips/nip44.h"

namespace orchestration::testing {
namespace {

constexpr const char* kSecret = "let me in";

}  // namespace

SignerApp::SignerApp(RelayWorld& world, const Person& user)
    : world_(world), user_(user), key_(nostr::SecretKey::generate(world.rng)) {
  subscription_ = world.pool.subscribe(
      {world.url()},
      {{.kinds = {nostr::kinds::kNostrConnect}, .tags = {{'p', {key_.public_key().hex()}}}}},
      {.on_events =
           [this](std::span<const nostr::Delivery> batch) {
             for (const nostr::Delivery& delivery : batch) take(*delivery.event);
           },
       .on_eose = {},
       .on_closed = {}});
  world.settle();
}

nostr::BunkerUri SignerApp::uri() const { return {key_.public_key(), {world_.url()}, kSecret}; }

void SignerApp::take(const nostr::Event& event) {
  const auto conversation = must(nostr::nip44_conversation_key(key_, event.pubkey));
  const auto json = nostr::nip44_decrypt(conversation, event.content);
  if (!json) return;
  const auto request = must(nostr::parse_signer_request(*json));
  if (request.method == "connect") {
    ++pairings_;
    reply(event.pubkey, {request.id, "ack", ""});
  } else if (request.method == "get_public_key") {
    reply(event.pubkey, {request.id, user_.pubkey().hex(), ""});
  } else if (request.method == "sign_event") {
    const auto known = std::ranges::find(shown_, request.id, &Shown::id);
    if (known != shown_.end()) {
      ++known->times;
      return;
    }
    shown_.push_back({request.id, event.pubkey,
                      must(nostr::parse_sign_template(request.params.at(0), user_.pubkey())), 1});
    if (eager_) sign(shown_.size() - 1);
  }
}

void SignerApp::reply(const nostr::PublicKey& to, const nostr::SignerResponse& response) {
  const auto conversation = must(nostr::nip44_conversation_key(key_, to));
  nostr::Draft draft = nostr::build_signer_event(
      to, must(nostr::nip44_encrypt(conversation, nostr::build_signer_response(response), world_.rng)),
      world_.clock.now());
  nostr::Event event = nostr::sign_event(std::move(draft), key_, world_.rng);
  world_.pool.spawn("signer app", [](nostr::Pool& pool, std::string url, nostr::Event what) -> base::Task<void> {
    co_await pool.publish({std::move(url)}, std::move(what));
  }(world_.pool, world_.url(), std::move(event)));
}

void SignerApp::answer(const Shown& shown, bool yes, nostr::Draft draft) {
  if (!yes) return reply(shown.from, {shown.id, std::nullopt, "user rejected"});
  const nostr::Event event = nostr::sign_event(std::move(draft), user_.key(), world_.rng);
  reply(shown.from, {shown.id, nostr::to_json(event), ""});
}

}  // namespace orchestration::testing
