// nostr/client/pool.h over real sockets against relays that follow a script, good or hostile.
#include "nostr/client/pool.h"

#include <set>

#include <gtest/gtest.h>

#include "tests/nostr/client/support/harness.h"

namespace nostr {
namespace {

using namespace std::chrono_literals;
using testing::Harness;
using testing::kind_filter;
using testing::make_event;
using testing::make_key;
using testing::ScriptedRelay;
using testing::serve;
using testing::with_wrong_content;
using testing::with_wrong_signature;
using State = PublishOutcome::State;

constexpr auto kLong = 30'000ms;

std::vector<Event> numbered(std::size_t count, std::uint64_t authors = 3) {
  std::vector<Event> out;
  for (std::size_t i = 0; i < count; ++i)
    out.push_back(make_event(i % authors, "number " + std::to_string(i), 1, {},
                             1'700'000'000 + static_cast<std::int64_t>(i)));
  return out;
}

TEST(Pool, DeliversInTheOrderOfTheRelayWithEoseAfterwards) {
  Harness h;
  const auto stored = numbered(300);
  const auto relay = h.relay(serve(stored));
  const auto sub = h.pool->subscribe({relay->url()}, kind_filter(1), h.collect());
  h.until([&] { return !h.eoses.empty(); });
  ASSERT_EQ(h.events.size(), stored.size());
  for (std::size_t i = 0; i < stored.size(); ++i) EXPECT_EQ(*h.events[i].event, stored[i]);
  EXPECT_TRUE(h.events.front().stored);
  EXPECT_EQ(h.events.front().relay, relay->url());
  EXPECT_EQ(h.status(relay->url()).events, stored.size());
}

TEST(Pool, ABacklogHoldsTheRelayBackInsteadOfLosingEvents) {
  Harness h;
  std::vector<Event> stored;
  for (std::size_t i = 0; i < 2'000; ++i)
    stored.push_back(make_event(i % 3, std::to_string(i) + std::string(3'000, 'x')));
  const auto relay = h.relay(serve(stored));
  const auto sub = h.pool->subscribe({relay->url()}, kind_filter(1), h.collect());
  h.until([&] { return !h.eoses.empty(); });
  EXPECT_EQ(h.events.size(), stored.size());
  EXPECT_EQ(h.status(relay->url()).dropped, 0u);
}

TEST(Pool, OneEventFromThreeRelaysIsDeliveredAndVerifiedOnce) {
  Harness h;
  const auto stored = numbered(200);
  const auto a = h.relay(serve(stored));
  const auto b = h.relay(serve(stored));
  const auto c = h.relay(serve(stored));
  const auto sub = h.pool->subscribe({a->url(), b->url(), c->url()}, kind_filter(1), h.collect());
  h.until([&] { return h.eoses.size() == 3; });
  EXPECT_EQ(h.events.size(), stored.size());
  EXPECT_EQ(h.pool->verifications(), stored.size());
}

TEST(Pool, ASecondSubscriptionGetsWhatTheFirstOneHad) {
  Harness h;
  const auto relay = h.relay(serve(numbered(3'000)));
  const auto first = h.pool->subscribe({relay->url()}, kind_filter(1), h.collect());
  h.until([&] { return h.eoses.size() == 1; });
  ASSERT_EQ(h.events.size(), 3'000u);
  const auto second = h.pool->subscribe({relay->url()}, kind_filter(1), h.collect());
  h.until([&] { return h.eoses.size() == 2; });
  EXPECT_EQ(h.events.size(), 6'000u);
  EXPECT_EQ(h.pool->verifications(), 3'000u);
}

TEST(Pool, TwoSpellingsOfARelayAreOneConnection) {
  Harness h;
  const auto relay = h.relay(serve(numbered(2)));
  const std::string shouted = "WS://127.0.0.1:" + std::to_string(relay->port()) + "/";
  const auto sub = h.pool->subscribe({relay->url(), shouted}, kind_filter(1), h.collect());
  h.until([&] { return !h.eoses.empty(); });
  EXPECT_EQ(h.events.size(), 2u);
  EXPECT_EQ(relay->connections(), 1u);
}

TEST(Pool, ReconnectsAndSubscribesAgainDeliveringEachIdOnce) {
  Harness h;
  const auto stored = numbered(5);
  const auto relay = h.relay(serve(stored));
  const auto sub = h.pool->subscribe({relay->url()}, kind_filter(1), h.collect());
  h.until([&] { return h.eoses.size() == 1; });
  relay->abort_all();
  h.until([&] { return h.eoses.size() == 2; });
  EXPECT_EQ(relay->connections(), 2u);
  EXPECT_EQ(h.events.size(), stored.size());
}

TEST(Pool, ARelayThatRestartsIsFoundAgain) {
  Harness h;
  auto relay = h.relay(serve(numbered(1)));
  const std::string url = relay->url();
  const std::uint16_t port = relay->port();
  const auto sub = h.pool->subscribe({url}, kind_filter(1), h.collect());
  h.until([&] { return h.eoses.size() == 1; });
  relay->stop();
  h.until([&] { return h.status(url).attempts >= 2; });
  EXPECT_FALSE(h.status(url).connected);
  EXPECT_FALSE(h.status(url).last_error.empty());
  relay = h.relay(serve(numbered(3)), port);
  h.until([&] { return h.eoses.size() == 2; });
  EXPECT_EQ(h.events.size(), 3u);
}

TEST(Pool, DestroyingTheHandleSendsClose) {
  Harness h;
  const auto relay = h.relay(serve({}));
  auto sub = h.pool->subscribe({relay->url()}, kind_filter(1), h.collect());
  h.until([&] { return h.eoses.size() == 1; });
  sub.reset();
  h.until([&] { return relay->count_closes() == 1; });
}

TEST(Pool, AHandleMayDieInItsOwnCallback) {
  Harness h;
  const auto relay = h.relay(serve(numbered(500)));
  std::unique_ptr<Subscription> sub;
  std::size_t calls = 0;
  SubscriptionCallbacks callbacks;
  callbacks.on_events = [&](std::span<const Delivery>) {
    ++calls;
    sub.reset();
    h.note();
  };
  sub = h.pool->subscribe({relay->url()}, kind_filter(1), std::move(callbacks));
  h.until([&] { return calls > 0 && relay->count_closes() == 1; });
  EXPECT_EQ(calls, 1u);
}

TEST(Pool, UpdatedFiltersBringNewEventsAndNoOldOnes) {
  Harness h;
  auto stored = numbered(5);
  stored.push_back(make_event(1, "+", 7));
  const auto relay = h.relay(serve(stored));
  const auto sub = h.pool->subscribe({relay->url()}, kind_filter(1), h.collect());
  h.until([&] { return h.eoses.size() == 1; });
  Filters both = kind_filter(1);
  both.push_back(kind_filter(7)[0]);
  sub->update(both);
  h.until([&] { return h.eoses.size() == 2; });
  EXPECT_EQ(h.events.size(), 6u);
  EXPECT_EQ(h.events.back().event->kind, 7);
  EXPECT_EQ(h.status(relay->url()).rejected, 0u);
}

TEST(Pool, BadEventsAreCountedAndGoodOnesAmongThemDelivered) {
  Harness h;
  const Event good = make_event(1, "good");
  const auto relay = h.relay([&](ScriptedRelay& r, ConnectionId c, const ClientMessage& message) {
    const auto* req = std::get_if<from_client::Req>(&message);
    if (!req) return;
    r.send(c, relay_event_frame(req->sub, with_wrong_content(good)));
    r.send(c, relay_event_frame(req->sub, with_wrong_signature(make_event(2, "x"))));
    r.send(c, relay_event_frame(req->sub, make_event(2, "unmatched", 30'000)));
    r.send(c, relay_event_frame("never-asked", good));
    std::string truncated = relay_event_frame(req->sub, good);
    truncated.resize(truncated.size() - 40);
    r.send(c, truncated);
    r.send(c, "[]");
    r.send(c, relay_event_frame(req->sub, good));
    r.send(c, relay_event_frame(req->sub, good));
    r.send(c, eose_frame(req->sub));
  });
  const auto sub = h.pool->subscribe({relay->url()}, kind_filter(1), h.collect());
  h.until([&] { return !h.eoses.empty(); });
  ASSERT_EQ(h.events.size(), 1u);
  EXPECT_EQ(*h.events[0].event, good);
  const RelayStatus status = h.status(relay->url());
  EXPECT_EQ(status.rejected, 6u);
  EXPECT_EQ(status.malformed + status.forged + status.unmatched, 6u);
  EXPECT_GT(status.forged, 0u);
  EXPECT_TRUE(h.status(relay->url()).connected);
}

TEST(Pool, AFloodOfForgeriesLeavesTheRelayAndSaysWhy) {
  Harness h;
  std::vector<Event> forged;
  for (int i = 0; i < 150; ++i)
    forged.push_back(with_wrong_content(make_event(1, std::to_string(i))));
  const auto relay = h.relay(serve(forged));
  const auto sub = h.pool->subscribe({relay->url()}, kind_filter(1), h.collect());
  h.until([&] { return h.status(relay->url()).last_error.contains("forged"); });
  EXPECT_FALSE(h.status(relay->url()).connected);
  EXPECT_TRUE(h.events.empty());
  // Whoever needs that relay now is told at once instead of waiting for it.
  const auto outcomes =
      h.loop.run_until_complete(h.pool->publish({relay->url()}, make_event(1, "x")));
  EXPECT_EQ(outcomes[0].state, State::kUnsent);
  EXPECT_TRUE(outcomes[0].message.contains("forged")) << outcomes[0].message;
  const auto fetched =
      h.loop.run_until_complete(h.pool->fetch({relay->url()}, kind_filter(1), kLong));
  ASSERT_EQ(fetched.failed.size(), 1u);
  EXPECT_EQ(relay->connections(), 1u);
}

TEST(Pool, AnOversizedFrameEndsTheConnectionNotThePool) {
  Harness h;
  const auto relay = h.relay([](ScriptedRelay& r, ConnectionId c, const ClientMessage& message) {
    if (const auto* req = std::get_if<from_client::Req>(&message))
      r.send(c, relay_event_frame(req->sub, make_event(1, std::string(2u << 20, 'x'))));
  });
  const auto good = h.relay(serve(numbered(3)));
  const auto sub = h.pool->subscribe({relay->url(), good->url()}, kind_filter(1), h.collect());
  h.until([&] { return !h.eoses.empty() && !h.status(relay->url()).last_error.empty(); });
  EXPECT_EQ(h.events.size(), 3u);
  EXPECT_TRUE(h.status(relay->url()).last_error.contains("1048576"))
      << h.status(relay->url()).last_error;
}

// --- NIP-42 ---

/// Asks for AUTH before anything else; remembers who proved it with the latest challenge.
ScriptedRelay::Script gated(std::vector<Event> events, std::shared_ptr<std::string> challenge) {
  auto known = std::make_shared<std::set<ConnectionId>>();
  auto inner = serve(std::move(events));
  return [=](ScriptedRelay& relay, ConnectionId c, const ClientMessage& message) {
    if (const auto* auth = std::get_if<from_client::Auth>(&message)) {
      const bool right = check(auth->event).has_value() &&
                         tag_value(auth->event.tags, "challenge") == *challenge &&
                         tag_value(auth->event.tags, "relay") == relay.url();
      if (right) known->insert(c);
      relay.send(c, ok_frame(auth->event.id, right, right ? "" : "restricted: wrong"));
    } else if (known->contains(c)) {
      inner(relay, c, message);
    } else if (const auto* req = std::get_if<from_client::Req>(&message)) {
      relay.send(c, closed_frame(req->sub, "auth-required: who are you"));
    } else if (const auto* event = std::get_if<from_client::EventMessage>(&message)) {
      relay.send(c, ok_frame(event->event.id, false, "auth-required: who are you"));
    }
  };
}

struct Gate {
  explicit Gate(Harness& h, std::vector<Event> events = {}) {
    relay = h.relay(gated(std::move(events), challenge));
    relay->set_greeting([challenge = challenge](ScriptedRelay& r, ConnectionId c) {
      r.send(c, auth_challenge_frame(*challenge));
    });
  }
  std::shared_ptr<std::string> challenge = std::make_shared<std::string>("abc");
  std::shared_ptr<ScriptedRelay> relay;
};

TEST(PoolAuth, AClosedReqIsSentAgainAfterAuthAndAfterEveryReconnect) {
  Harness h;
  KeySigner signer(make_key(5), h.clock, h.rng);
  Gate gate(h, numbered(4));
  h.pool->set_auth("", &signer);
  const auto sub = h.pool->subscribe({gate.relay->url()}, kind_filter(1), h.collect());
  h.until([&] { return h.eoses.size() == 1; });
  EXPECT_EQ(h.events.size(), 4u);
  gate.relay->abort_all();
  h.until([&] { return h.eoses.size() == 2; });
  ASSERT_EQ(gate.relay->auths().size(), 2u);
  EXPECT_EQ(gate.relay->auths()[0].event.pubkey, signer.public_key());
  EXPECT_EQ(gate.relay->auths()[0].event.kind, kinds::kClientAuth);
  EXPECT_TRUE(h.closed.empty());
}

TEST(PoolAuth, ARefusedEventIsSentAgainAfterAuth) {
  Harness h;
  KeySigner signer(make_key(5), h.clock, h.rng);
  Gate gate(h);
  h.pool->set_auth(gate.relay->url(), &signer);
  const auto outcomes =
      h.loop.run_until_complete(h.pool->publish({gate.relay->url()}, make_event(1, "x")));
  EXPECT_EQ(outcomes[0].state, State::kAccepted) << outcomes[0].message;
  EXPECT_EQ(gate.relay->count_events(), 2u);
}

TEST(PoolAuth, WithoutAnIdentityTheRefusalIsReported) {
  Harness h;
  Gate gate(h, numbered(4));
  const auto sub = h.pool->subscribe({gate.relay->url()}, kind_filter(1), h.collect());
  h.until([&] { return h.closed.size() == 1; });
  EXPECT_EQ(h.closed[0].second, "auth-required: who are you");
  const auto outcomes =
      h.loop.run_until_complete(h.pool->publish({gate.relay->url()}, make_event(1, "x")));
  EXPECT_EQ(outcomes[0].state, State::kRejected);
  EXPECT_EQ(outcomes[0].reason, Reason::kAuthRequired);
  EXPECT_TRUE(gate.relay->auths().empty());
}

TEST(PoolAuth, AnIdentityForAnotherRelayIsNotUsed) {
  Harness h;
  KeySigner signer(make_key(5), h.clock, h.rng);
  Gate gate(h);
  h.pool->set_auth("wss://elsewhere.example", &signer);
  const auto outcomes =
      h.loop.run_until_complete(h.pool->publish({gate.relay->url()}, make_event(1, "x")));
  EXPECT_EQ(outcomes[0].state, State::kRejected);
  EXPECT_TRUE(gate.relay->auths().empty());
}

// --- publish ---

TEST(PoolPublish, OneOutcomePerRelayInTheOrderGiven) {
  Harness h;
  const auto answering = [&](bool accepted, std::string text) {
    return h.relay([=](ScriptedRelay& r, ConnectionId c, const ClientMessage& message) {
      if (const auto* event = std::get_if<from_client::EventMessage>(&message))
        r.send(c, ok_frame(event->event.id, accepted, text));
    });
  };
  const auto yes = answering(true, "");
  const auto twice = answering(false, "duplicate: already here");
  const auto no = answering(false, "blocked: not you");
  auto dead = answering(true, "");
  const std::string dead_url = dead->url();
  dead->stop();
  const std::vector<std::string> relays = {no->url(), dead_url, "http://nonsense", yes->url(),
                                           twice->url()};
  const auto outcomes = h.loop.run_until_complete(h.pool->publish(relays, make_event(1, "x")));
  ASSERT_EQ(outcomes.size(), relays.size());
  for (std::size_t i = 0; i < relays.size(); ++i) EXPECT_EQ(outcomes[i].relay, relays[i]);
  EXPECT_EQ(outcomes[0].state, State::kRejected);
  EXPECT_EQ(outcomes[0].reason, Reason::kBlocked);
  EXPECT_EQ(outcomes[1].state, State::kUnsent);
  EXPECT_FALSE(outcomes[1].message.empty());
  EXPECT_EQ(outcomes[2].state, State::kUnsent);
  EXPECT_EQ(outcomes[2].message, "not a relay url");
  EXPECT_EQ(outcomes[3].state, State::kAccepted);
  EXPECT_EQ(outcomes[4].state, State::kAccepted);
  EXPECT_EQ(outcomes[4].reason, Reason::kDuplicate);
}

TEST(PoolPublish, SilenceEndsAtTheDeadline) {
  PoolOptions options = Harness::quick();
  options.ok_timeout = 50ms;
  Harness h(options);
  const auto silent = h.relay([](ScriptedRelay&, ConnectionId, const ClientMessage&) {});
  const auto outcomes =
      h.loop.run_until_complete(h.pool->publish({silent->url()}, make_event(1, "x")));
  EXPECT_EQ(outcomes[0].state, State::kUnknown);
  EXPECT_EQ(outcomes[0].message, "no OK within 50 ms");
}

TEST(PoolPublish, AnEventLostWithItsConnectionIsSentAgain) {
  Harness h;
  auto cut = std::make_shared<bool>(false);
  const auto relay = h.relay([cut](ScriptedRelay& r, ConnectionId c, const ClientMessage& message) {
    const auto* event = std::get_if<from_client::EventMessage>(&message);
    if (!event) return;
    if (!std::exchange(*cut, true)) return r.abort_all();
    r.send(c, ok_frame(event->event.id, true, ""));
  });
  const auto outcomes =
      h.loop.run_until_complete(h.pool->publish({relay->url()}, make_event(1, "x")));
  EXPECT_EQ(outcomes[0].state, State::kAccepted) << outcomes[0].message;
  EXPECT_EQ(relay->count_events(), 2u);
}

// --- fetch and count ---

TEST(PoolFetch, CollectsEachEventOnceNewestFirst) {
  Harness h;
  const auto all = numbered(60);
  const auto a = h.relay(serve({all.begin(), all.begin() + 40}));
  const auto b = h.relay(serve({all.begin() + 20, all.end()}));
  const auto result =
      h.loop.run_until_complete(h.pool->fetch({a->url(), b->url()}, kind_filter(1), kLong));
  ASSERT_EQ(result.events.size(), all.size());
  EXPECT_EQ(*result.events.front(), all.back());
  EXPECT_EQ(*result.events.back(), all.front());
  EXPECT_EQ(result.complete.size(), 2u);
  EXPECT_TRUE(result.failed.empty());
  h.until([&] { return a->count_closes() == 1 && b->count_closes() == 1; });
}

TEST(PoolFetch, PrivateAddressesAreForTrustedRelaysOnly) {
  Harness h;
  const auto trusted = h.relay(serve(numbered(2)));
  const auto stranger = h.relay(serve(numbered(2)));
  h.pool->restrict_private({trusted->url()});
  const auto result = h.loop.run_until_complete(
      h.pool->fetch({trusted->url(), stranger->url()}, kind_filter(1), kLong));
  EXPECT_EQ(result.complete, std::vector{trusted->url()});
  ASSERT_EQ(result.failed.size(), 1u);
  EXPECT_EQ(result.failed[0].first, stranger->url());
  EXPECT_EQ(stranger->connections(), 0u);
}

TEST(PoolFetch, NamesTheRelaysThatDidNotAnswer) {
  Harness h;
  const auto good = h.relay(serve(numbered(2)));
  const auto refusing = h.relay([](ScriptedRelay& r, ConnectionId c, const ClientMessage& message) {
    if (const auto* req = std::get_if<from_client::Req>(&message))
      r.send(c, closed_frame(req->sub, "error: shutting down"));
  });
  const auto silent = h.relay([](ScriptedRelay&, ConnectionId, const ClientMessage&) {});
  auto dead = h.relay(serve({}));
  const std::string dead_url = dead->url();
  dead->stop();
  const auto result = h.loop.run_until_complete(
      h.pool->fetch({good->url(), refusing->url(), silent->url(), dead_url, "gopher://x"},
                    kind_filter(1), 300ms));
  EXPECT_EQ(result.complete, std::vector<std::string>{good->url()});
  EXPECT_EQ(result.events.size(), 2u);
  std::map<std::string, std::string> failed(result.failed.begin(), result.failed.end());
  EXPECT_EQ(failed[refusing->url()], "error: shutting down");
  EXPECT_EQ(failed[silent->url()], "no EOSE within 300 ms");
  EXPECT_FALSE(failed[dead_url].empty());
  EXPECT_EQ(failed["gopher://x"], "not a relay url");
}

TEST(PoolFetch, GoesOnAfterALostConnection) {
  Harness h;
  const auto all = numbered(4);
  auto inner = serve(all);
  auto cut = std::make_shared<bool>(false);
  const auto relay = h.relay([=](ScriptedRelay& r, ConnectionId c, const ClientMessage& message) {
    if (!std::exchange(*cut, true)) return r.abort_all();
    inner(r, c, message);
  });
  const auto result =
      h.loop.run_until_complete(h.pool->fetch({relay->url()}, kind_filter(1), kLong));
  EXPECT_EQ(result.events.size(), all.size());
  EXPECT_EQ(result.complete.size(), 1u);
}

TEST(PoolFetch, StopsAtItsBound) {
  PoolOptions options = Harness::quick();
  options.max_fetched = 10;
  Harness h(options);
  const auto relay = h.relay(serve(numbered(50)));
  const auto result =
      h.loop.run_until_complete(h.pool->fetch({relay->url()}, kind_filter(1), kLong));
  EXPECT_EQ(result.events.size(), 10u);
  ASSERT_EQ(result.failed.size(), 1u);
  EXPECT_EQ(result.failed[0].second, "more than 10 events");
}

TEST(PoolCount, AnswersOrSaysUnsupported) {
  Harness h;
  const auto counting = h.relay([](ScriptedRelay& r, ConnectionId c, const ClientMessage& message) {
    if (const auto* count = std::get_if<from_client::Count>(&message))
      r.send(c, count_result_frame(count->sub, 42));
  });
  const auto silent = h.relay([](ScriptedRelay&, ConnectionId, const ClientMessage&) {});
  EXPECT_EQ(h.loop.run_until_complete(h.pool->count(counting->url(), kind_filter(1), kLong))->count, 42u);
  const auto none = h.loop.run_until_complete(h.pool->count(silent->url(), kind_filter(1), 50ms));
  ASSERT_FALSE(none.has_value());
  EXPECT_EQ(none.error().code, base::Errc::kUnsupported);
}

// --- ends ---

base::Task<void> fetch_into(Pool& pool, std::string url, std::optional<FetchResult>* out) {
  *out = co_await pool.fetch({url}, kind_filter(1), kLong);
}

base::Task<void> publish_into(Pool& pool, std::string url, Event event,
                              std::optional<std::vector<PublishOutcome>>* out) {
  *out = co_await pool.publish({url}, std::move(event));
}

TEST(PoolStop, IsCleanWithTrafficInFlightAndAnswersEverybody) {
  Harness h;
  const auto relay = h.relay(serve(numbered(2'000)));
  const auto silent = h.relay([](ScriptedRelay&, ConnectionId, const ClientMessage&) {});
  const auto sub = h.pool->subscribe({relay->url()}, kind_filter(1), h.collect());
  base::Scope scope(h.loop);
  std::optional<FetchResult> fetched;
  std::optional<std::vector<PublishOutcome>> published;
  scope.spawn("fetch", fetch_into(*h.pool, silent->url(), &fetched));
  scope.spawn("publish", publish_into(*h.pool, silent->url(), make_event(1, "x"), &published));
  h.until([&] { return !h.events.empty() && silent->received().size() == 2; });
  h.loop.run_until_complete(h.pool->stop());
  const std::size_t before = h.events.size();
  h.until([&] { return fetched && published; });
  EXPECT_EQ(fetched->failed.at(0).second, "the pool has stopped");
  EXPECT_EQ(published->at(0).state, State::kUnknown);
  EXPECT_EQ(published->at(0).message, "the pool has stopped");
  EXPECT_EQ(h.events.size(), before);
  h.loop.run_until_complete(scope.stop());
  const auto late = h.loop.run_until_complete(h.pool->publish({relay->url()}, make_event(1, "x")));
  EXPECT_EQ(late[0].message, "the pool has stopped");
}

TEST(PoolStop, AConnectionNobodyNeedsIsClosed) {
  PoolOptions options = Harness::quick();
  options.idle_close = 20ms;
  Harness h(options);
  const auto relay = h.relay(serve({}));
  h.loop.run_until_complete(h.pool->publish({relay->url()}, make_event(1, "x")));
  h.until([&] { return h.pool->status().empty(); });
  const auto outcomes =
      h.loop.run_until_complete(h.pool->publish({relay->url()}, make_event(1, "y")));
  EXPECT_EQ(outcomes[0].state, State::kAccepted) << "and made again when needed";
  EXPECT_EQ(relay->connections(), 2u);
}

}  // namespace
}  // namespace nostr
