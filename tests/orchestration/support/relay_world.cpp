// The relay and the people of approval and node tests.
#include "tests/orchestration/support/relay_world.h"

#include <algorithm>

#include "nostr/nips/nip04.h"
#include "nostr/nips/nip17.h"
#include "nostr/nips/nip59.h"

namespace orchestration::testing {

namespace {

constexpr int kPatienceTurns = 3'000;  // of 10 ms: only a failing test waits so long

nostr::PoolOptions quick_pool() {
  nostr::PoolOptions options;
  options.backoff_initial = std::chrono::milliseconds(20);
  options.backoff_max = std::chrono::milliseconds(100);
  options.ok_timeout = std::chrono::milliseconds(2'000);
  return options;
}

base::Task<bool> wait_until(const std::function<bool()>* condition) {
  for (int turn = 0; turn < kPatienceTurns; ++turn) {
    if ((*condition)()) co_return true;
    co_await base::sleep_for(std::chrono::milliseconds(turn < 20 ? 1 : 10));
  }
  co_return (*condition)();
}

base::Task<void> stop_pool(nostr::Pool* pool) {
  co_await pool->stop();
}

}  // namespace

RelayWorld::RelayWorld()
    : pool(loop, net, workers, clock, rng, quick_pool()),
      relay_db(must(storage::open_database(":memory:"))),
      relay_store(*relay_db) {
  relay_up();
}

RelayWorld::~RelayWorld() {
  loop.run_until_complete(stop_pool(&pool));
}

void RelayWorld::relay_up() {
  nostr::RelayOptions options;
  options.server.port = port_;
  options.rules.auth_for_private = false;
  relay = must(nostr::Relay::start(loop, net, relay_store, clock, rng, std::move(options)));
  port_ = relay->port();
}

void RelayWorld::relay_down() {
  relay.reset();
}

void RelayWorld::until(const std::function<bool()>& condition) {
  EXPECT_TRUE(loop.run_until_complete(wait_until(&condition)))
      << "what was waited for did not happen";
}

void RelayWorld::settle() {
  for (int round = 0; round < 2; ++round) {
    Person marker(*this);
    bool seen = false;
    nostr::Filter filter{.authors = {marker.pubkey()}};
    auto subscription =
        pool.subscribe({url()}, {std::move(filter)},
                       {.on_events = [&](std::span<const nostr::Delivery>) { seen = true; },
                        .on_eose = {},
                        .on_closed = {}});
    marker.publish(1, {}, std::to_string(++markers_));
    until([&] { return seen; });
  }
}

void Person::open_inbox() {
  publish(nostr::sign_event(nostr::build_dm_relays({world_.url()}, world_.clock.now()), key_,
                            world_.rng));
}

void Person::publish(const nostr::Event& event) {
  const auto outcomes = world_.loop.run_until_complete(world_.pool.publish({world_.url()}, event));
  ASSERT_EQ(outcomes.size(), 1u);
  EXPECT_EQ(outcomes[0].state, nostr::PublishOutcome::State::kAccepted) << outcomes[0].message;
}

nostr::EventId Person::publish(nostr::Kind kind, nostr::Tags tags, std::string content,
                               std::chrono::seconds later) {
  const nostr::Event event = nostr::sign_event(
      {kind, world_.clock.now() + later, std::move(tags), std::move(content)}, key_, world_.rng);
  publish(event);
  return event.id;
}

nostr::EventId Person::write_legacy(const nostr::PublicKey& to, std::string_view text) {
  const auto shared = nostr::ecdh(key_, to);
  return publish(nostr::kinds::kLegacyDm, {{"p", to.hex()}},
                 nostr::nip04_encrypt(*shared, text, world_.rng));
}

nostr::UnsignedEvent Person::compose(const nostr::PublicKey& to, std::string text,
                                     std::vector<nostr::EventId> refers_to,
                                     std::chrono::seconds later) const {
  nostr::UnsignedEvent rumor{.pubkey = key_.public_key(),
                             .created_at = world_.clock.now() + later,
                             .kind = nostr::kinds::kPrivateMessage,
                             .tags = {{"p", to.hex()}},
                             .content = std::move(text)};
  for (const nostr::EventId& id : refers_to) rumor.tags.push_back({"e", id.hex(), "", "reply"});
  return rumor;
}

void Person::send_wrapped(const nostr::UnsignedEvent& rumor, const nostr::PublicKey& to) {
  publish(must(nostr::wrap_rumor(rumor, key_, to, world_.clock.now(), world_.rng)));
}

nostr::EventId Person::write(const nostr::PublicKey& to, std::string text,
                             std::vector<nostr::EventId> refers_to, std::chrono::seconds later) {
  const nostr::UnsignedEvent rumor = compose(to, std::move(text), std::move(refers_to), later);
  send_wrapped(rumor, to);
  return nostr::compute_id(rumor);
}

std::vector<Shown> Person::inbox() {
  nostr::Filters filters{{.kinds = {nostr::kinds::kGiftWrap, nostr::kinds::kLegacyDm},
                          .tags = {{'p', {pubkey().hex()}}}}};
  const nostr::FetchResult found = world_.loop.run_until_complete(
      world_.pool.fetch({world_.url()}, std::move(filters), std::chrono::seconds(10)));
  std::vector<std::pair<base::UnixTime, Shown>> dated;
  for (const nostr::EventPtr& event : found.events) {
    if (event->kind == nostr::kinds::kGiftWrap) {
      const nostr::Rumor rumor = must(nostr::unwrap(*event, key_));
      dated.push_back(
          {rumor.event.created_at, {"nip17", rumor.id, rumor.event.pubkey, rumor.event.content}});
    } else {
      const auto shared = nostr::ecdh(key_, event->pubkey);
      dated.push_back({event->created_at,
                       {"nip04", event->id, event->pubkey,
                        must(nostr::nip04_decrypt(*shared, event->content))}});
    }
  }
  // Within a second numbered parts are in the order of their numbers.
  std::sort(dated.begin(), dated.end(), [](const auto& a, const auto& b) {
    return std::tie(a.first, a.second.text) < std::tie(b.first, b.second.text);
  });
  std::vector<Shown> out;
  for (auto& [at, shown] : dated) out.push_back(std::move(shown));
  return out;
}

std::vector<Shown> Person::wait_inbox(std::size_t count) {
  std::vector<Shown> shown = inbox();
  for (int turn = 0; turn < 300 && shown.size() < count; ++turn) {
    world_.settle();
    shown = inbox();
  }
  EXPECT_EQ(shown.size(), count);
  return shown;
}

}  // namespace orchestration::testing
