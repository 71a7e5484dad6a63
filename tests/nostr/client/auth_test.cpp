// NIP-42 from the client's side: every way of demanding it, every policy about answering.
#include <set>

#include <gtest/gtest.h>

#include "nostr/client/pool.h"
#include "nostr/nips/nip42.h"
#include "tests/nostr/client/support/connection_fixture.h"
#include "tests/nostr/client/support/harness.h"

namespace nostr {
namespace {

using namespace std::chrono_literals;
using testing::ConnectionFixture;
using testing::Harness;
using testing::kind_filter;
using testing::kNow;
using testing::make_event;
using testing::make_key;
using testing::ScriptedRelay;
using testing::serve;
using testing::target;
using State = PublishOutcome::State;

/// A relay that wants AUTH before REQ, EVENT and COUNT; its challenge can be changed at any time,
/// which makes everybody a stranger again.
struct Guarded {
  struct Rules {
    std::mutex mutex;  ///< guards the rest, between the net thread and the test
    std::string challenge = "first";
    std::set<ConnectionId> known;
    ConnectionId last = 0;
  };

  Guarded(Harness& h, std::vector<Event> events) {
    relay = h.relay([rules = rules, inner = serve(std::move(events))](
                        ScriptedRelay& r, ConnectionId c, const ClientMessage& message) {
      const std::lock_guard lock(rules->mutex);
      if (const auto* auth = std::get_if<from_client::Auth>(&message)) {
        const bool right =
            check_auth(auth->event, rules->challenge, r.url(), auth->event.created_at).has_value();
        if (right) rules->known.insert(c);
        r.send(c, ok_frame(auth->event.id, right, right ? "" : "restricted: wrong"));
      } else if (const auto* count = std::get_if<from_client::Count>(&message)) {
        r.send(c, rules->known.contains(c) ? count_result_frame(count->sub, 7)
                                           : closed_frame(count->sub, "auth-required: who"));
      } else if (rules->known.contains(c)) {
        inner(r, c, message);
      } else if (const auto* req = std::get_if<from_client::Req>(&message)) {
        r.send(c, closed_frame(req->sub, "auth-required: who"));
      } else if (const auto* event = std::get_if<from_client::EventMessage>(&message)) {
        r.send(c, ok_frame(event->event.id, false, "auth-required: who"));
      }
    });
    relay->set_greeting([rules = rules](ScriptedRelay& r, ConnectionId c) {
      const std::lock_guard lock(rules->mutex);
      rules->last = c;
      r.send(c, auth_challenge_frame(rules->challenge));
    });
  }
  void rotate(const std::string& challenge) {
    const std::lock_guard lock(rules->mutex);
    rules->challenge = challenge;
    rules->known.clear();
    relay->send(rules->last, auth_challenge_frame(challenge));
  }

  std::shared_ptr<Rules> rules = std::make_shared<Rules>();
  std::shared_ptr<ScriptedRelay> relay;
};

TEST(Auth, ReqEventAndCountAreAllReplayedAlsoAfterTheChallengeRotates) {
  Harness h;
  KeySigner signer(make_key(5), h.clock, h.rng);
  Guarded guarded(h, {make_event(1, "x")});
  const std::string url = guarded.relay->url();
  h.pool->set_auth("", &signer);
  for (const char* challenge : {"second", "third"}) {
    const auto sub = h.pool->subscribe({url}, kind_filter(1), h.collect());
    h.until([&] { return !h.eoses.empty(); });
    const auto outcomes = h.loop.run_until_complete(h.pool->publish({url}, make_event(2, challenge)));
    EXPECT_EQ(outcomes[0].state, State::kAccepted) << outcomes[0].message;
    const auto count = h.loop.run_until_complete(h.pool->count(url, kind_filter(1), 30s));
    EXPECT_EQ(count->count, 7u);
    EXPECT_EQ(h.status(url).auth, AuthStanding::kDone);
    guarded.rotate(challenge);
    h.eoses.clear();
  }
  EXPECT_GE(guarded.relay->auths().size(), 2u);
  EXPECT_TRUE(h.closed.empty());
  EXPECT_EQ(guarded.relay->connections(), 1u);
}

TEST(Auth, IsOnlyEverSignedForTheRelayWeAreConnectedTo) {
  Harness h;
  KeySigner signer(make_key(5), h.clock, h.rng);
  const auto bank = h.relay(serve({}));
  // A liar passes on the challenge of another relay, in the hope of acting there in our name.
  const auto liar = h.relay([&](ScriptedRelay& r, ConnectionId c, const ClientMessage& message) {
    if (const auto* req = std::get_if<from_client::Req>(&message)) {
      r.send(c, "[\"AUTH\",\"challenge of the bank\",{\"relay\":\"" + bank->url() + "\"}]");
      r.send(c, closed_frame(req->sub, "auth-required: for " + bank->url()));
    }
  });
  h.pool->set_auth("", &signer);
  const auto sub = h.pool->subscribe({liar->url()}, kind_filter(1), h.collect());
  h.until([&] { return liar->auths().size() == 1; });
  const Event auth = liar->auths()[0].event;
  EXPECT_TRUE(check_auth(auth, "challenge of the bank", liar->url(), auth.created_at));
  EXPECT_FALSE(check_auth(auth, "challenge of the bank", bank->url(), auth.created_at));
}

TEST(Auth, EachRelayIsAnsweredByTheKeySetForItAndDeniedWhereThereIsNone) {
  Harness h;
  KeySigner common(make_key(5), h.clock, h.rng);
  KeySigner special(make_key(6), h.clock, h.rng);
  Guarded one(h, {});
  Guarded two(h, {});
  Guarded never(h, {});
  h.pool->set_auth("", &common);
  h.pool->set_auth(two.relay->url(), &special);
  h.pool->set_auth(never.relay->url(), nullptr);
  const auto sub = h.pool->subscribe({one.relay->url(), two.relay->url(), never.relay->url()},
                                     kind_filter(1), h.collect());
  h.until([&] { return h.eoses.size() == 2 && h.closed.size() == 1; });
  EXPECT_EQ(one.relay->auths().at(0).event.pubkey, common.public_key());
  EXPECT_EQ(two.relay->auths().at(0).event.pubkey, special.public_key());
  EXPECT_TRUE(never.relay->auths().empty());
  EXPECT_EQ(h.closed[0].first, never.relay->url());
}

base::Task<bool> answer_with(bool yes, std::vector<std::string>* asked, std::string relay) {
  asked->push_back(relay);
  co_await base::next_turn();
  co_return yes;
}

TEST(Auth, WhoMustBeAskedIsAskedOnceARelayAndItsNoIsFinal) {
  for (const bool yes : {true, false}) {
    Harness h;
    KeySigner signer(make_key(5), h.clock, h.rng);
    Guarded guarded(h, {});
    std::vector<std::string> asked;
    h.pool->set_auth("", &signer,
                     {.ask = [&](std::string relay) { return answer_with(yes, &asked, relay); }});
    const std::string url = guarded.relay->url();
    const auto sub = h.pool->subscribe({url}, kind_filter(1), h.collect());
    h.until([&] { return h.eoses.size() + h.closed.size() == 1; });
    guarded.relay->abort_all();
    h.until([&] { return h.eoses.size() + h.closed.size() == 2; });
    EXPECT_EQ(asked, std::vector{url});
    EXPECT_EQ(h.eoses.size(), yes ? 2u : 0u);
    EXPECT_EQ(guarded.relay->auths().size(), yes ? 2u : 0u);
    if (!yes)
      EXPECT_EQ(h.closed[0].second, "auth-required: our key is not to be shown to this relay");
  }
}

TEST(Auth, AnEagerIdentitySeesWhatARelayHidesFromStrangersWithoutAWord) {
  Harness h;
  KeySigner signer(make_key(5), h.clock, h.rng);
  const Event wrap = make_event(9, "sealed", 1059);
  auto known = std::make_shared<std::set<ConnectionId>>();
  const auto inbox = h.relay([=](ScriptedRelay& r, ConnectionId c, const ClientMessage& message) {
    if (const auto* auth = std::get_if<from_client::Auth>(&message)) {
      known->insert(c);
      return r.send(c, ok_frame(auth->event.id, true, ""));
    }
    serve(known->contains(c) ? std::vector{wrap} : std::vector<Event>{})(r, c, message);
  });
  inbox->set_greeting([](ScriptedRelay& r, ConnectionId c) { r.send(c, auth_challenge_frame("c")); });
  h.pool->set_auth("", &signer, {.eager = true});
  const auto sub = h.pool->subscribe({inbox->url()}, kind_filter(1059), h.collect());
  h.until([&] { return h.events.size() == 1; });
  EXPECT_EQ(inbox->auths().size(), 1u);
}

TEST(Auth, ADemandByNoticeIsUnderstoodToo) {
  ConnectionFixture f;
  f.connection.set_auth_policy(true);
  f.connection.opened(kNow);
  f.hear(from_relay::Auth{"c1"});
  f.connection.want(1, target(1), kNow);
  f.hear(from_relay::Notice{"restricted: we can't serve strangers"});
  EXPECT_EQ(f.challenges, std::vector<std::string>{"c1"});
  f.authenticate("c1");
  EXPECT_EQ(f.sent_count("[\"REQ\""), 2u);
}

TEST(Auth, ACountRefusedForAuthIsSentAgainAfterwards) {
  ConnectionFixture f;
  f.connection.set_auth_policy(true);
  f.connection.opened(kNow);
  f.hear(from_relay::Auth{"c1"});
  f.connection.count(1, kind_filter(1));
  f.hear(from_relay::Closed{f.wire(), "auth-required: who"});
  f.authenticate("c1");
  EXPECT_EQ(f.sent_count("[\"COUNT\""), 2u);
  f.hear(from_relay::Count{.sub = f.wire(), .count = 3});
  ASSERT_EQ(f.all<act::Counted>().size(), 1u);
  EXPECT_EQ(f.all<act::Counted>()[0].count->count, 3u);
}

TEST(Auth, AChallengeThatChangesEveryHourIsAnsweredForEver) {
  ConnectionFixture f;
  f.connection.set_auth_policy(true, /*eager=*/true);
  f.connection.opened(kNow);
  for (int i = 0; i < 24; ++i) {
    const std::string challenge = "c" + std::to_string(i);
    f.hear(from_relay::Auth{challenge}, kNow + i * 1h);
    f.authenticate(challenge);
  }
  EXPECT_EQ(f.challenges.size(), 24u);
}

TEST(Auth, ADenialOfTheSignerIsFinalForTheConnection) {
  ConnectionFixture f;
  f.connection.set_auth_policy(true);
  f.connection.opened(kNow);
  f.hear(from_relay::Auth{"c1"});
  f.connection.want(1, target(1), kNow);
  f.hear(from_relay::Closed{f.wire(), "auth-required: "});
  f.connection.auth_signed("c1", base::fail(base::Errc::kDenied, "policy"), kNow);
  ASSERT_EQ(f.all<act::SubClosed>().size(), 1u);
  EXPECT_TRUE(f.all<act::SubClosed>()[0].for_good);
}

}  // namespace
}  // namespace nostr
