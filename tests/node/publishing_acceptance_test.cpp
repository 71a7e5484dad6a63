// Publishing that never lies: three relays in three states, answers that get lost, signatures that
// age, processes that die — against the embedded relay, and relays scripted to misbehave.
#include <gtest/gtest.h>

#include <filesystem>

#include "node/outbox_view.h"
#include "node/publisher.h"
#include "nostr/server/relay.h"
#include "storage/schema.h"
#include "tests/node/support/temp_dir.h"
#include "tests/nostr/client/support/harness.h"

namespace node {
namespace {

using namespace std::chrono_literals;
using base::json::Value;
using nostr::ClientMessage;
using nostr::ConnectionId;
using nostr::Event;
using nostr::testing::Harness;
using nostr::testing::ScriptedRelay;
using storage::OutboxState;
using storage::RelayState;
using storage::Signing;

template <class T>
T must(base::Result<T> result) {
  if (!result) {
    ADD_FAILURE() << base::errc_name(result.error().code) << ": " << result.error().detail;
    std::abort();
  }
  if constexpr (!std::is_void_v<T>) return *std::move(result);
}

base::Task<void> stop(Publisher* publisher) {
  co_await publisher->stop();
}

/// Refuses every event with `message`.
ScriptedRelay::Script refusing(std::string message) {
  return [message](ScriptedRelay& relay, ConnectionId connection, const ClientMessage& frame) {
    if (const auto* event = std::get_if<nostr::from_client::EventMessage>(&frame))
      relay.send(connection, nostr::ok_frame(event->event.id, false, message));
  };
}

/// Keeps every event and drops the connection instead of saying OK to the first `lost` of them.
/// `forgetful`: does not even keep those.
ScriptedRelay::Script losing_oks(int lost, bool forgetful = false) {
  struct Shelf {
    int left;
    std::vector<Event> events;
  };
  const auto shelf = std::make_shared<Shelf>(Shelf{lost, {}});  // net thread only
  return [shelf, forgetful](ScriptedRelay& relay, ConnectionId connection,
                            const ClientMessage& frame) {
    if (const auto* sent = std::get_if<nostr::from_client::EventMessage>(&frame)) {
      const bool lose = shelf->left > 0;
      if (!lose || !forgetful) shelf->events.push_back(sent->event);
      if (!lose) return relay.send(connection, nostr::ok_frame(sent->event.id, true, ""));
      --shelf->left;
      return relay.abort_all();
    }
    if (const auto* req = std::get_if<nostr::from_client::Req>(&frame)) {
      for (const Event& event : shelf->events)
        if (nostr::matches_any(req->filters, event))
          relay.send(connection, nostr::relay_event_frame(req->sub, event));
      relay.send(connection, nostr::eose_frame(req->sub));
    }
  };
}

class PublishingTest : public ::testing::Test {
 protected:
  /// A real relay and its store.
  struct Embedded {
    std::unique_ptr<storage::Db> db = must(storage::open_database(":memory:"));
    storage::EventDb store{*db};
    std::unique_ptr<nostr::Relay> relay;
  };

  PublishingTest() { start(); }
  ~PublishingTest() override { stop_publisher(); }

  void start() {
    db_ = must(storage::open_database((home_ / "sovereign.db").string()));
    publisher_ = std::make_unique<Publisher>(h_.loop, *h_.pool, *db_, clock_);
    publisher_->sign_for(signer_);
    publisher_->start();
  }
  /// As a process that dies: sends under way get no answer.
  void stop_publisher() {
    h_.loop.run_until_complete(stop(publisher_.get()));
    publisher_.reset();
    db_.reset();
  }
  void restart() {
    stop_publisher();
    start();
  }
  void pass(std::chrono::seconds time) {
    clock_.advance(time);
    publisher_->wake();
  }

  std::unique_ptr<Embedded> embedded(std::uint16_t port = 0) {
    auto out = std::make_unique<Embedded>();
    nostr::RelayOptions options;
    options.server.port = port;
    out->relay = must(nostr::Relay::start(h_.loop, h_.net, out->store, clock_, h_.rng, options));
    return out;
  }
  /// A port where nobody listens now, and where a relay can be put later.
  std::uint16_t dead_port() { return embedded()->relay->port(); }
  static std::string url_of(std::uint16_t port) {
    return "ws://127.0.0.1:" + std::to_string(port);
  }
  std::vector<Event> stored(Embedded& relay) {
    return must(relay.store.query({nostr::Filter{}}, 100, clock_.now()));
  }

  storage::Outbox outbox() { return storage::Outbox(*db_); }
  storage::OutboxRow row(std::int64_t id) { return *must(outbox().get(id)); }
  storage::OutboxRelay at(std::int64_t id, const std::string& url) {
    for (storage::OutboxRelay& relay : row(id).relays)
      if (relay.url == url) return relay;
    ADD_FAILURE() << url;
    return {};
  }
  void until(std::int64_t id, const std::string& url, RelayState state) {
    h_.until([&] { return at(id, url).state == state; });
  }
  std::int64_t post_draft(std::string content, std::vector<std::string> relays,
                          nostr::Kind kind = 1) {
    return must(publisher_->post_draft(signer_.public_key(), {kind, {}, {}, std::move(content)},
                                       relays, "note", 86'400s));
  }
  std::int64_t post(const Event& event, std::vector<std::string> relays) {
    must(publisher_->post(event, relays, "note", 86'400s));
    return must(outbox().find(event.id))->id;
  }
  Event note(std::string content) {
    return nostr::testing::make_event(1, std::move(content), 1, {}, base::to_unix(clock_.now()));
  }
  static std::int64_t age(const Event& event, base::UnixTime now) {
    return (now - event.created_at).count();
  }

  /// The client's own pause after `rate-limited` runs on the machine's clock; here time is the outbox's.
  static nostr::PoolOptions patient() {
    nostr::PoolOptions options = Harness::quick();
    options.connection.slow_initial = options.connection.slow_max = std::chrono::milliseconds(0);
    options.connection.slow_patience = std::chrono::milliseconds(-1);
    return options;
  }

  testing::TempDir home_;
  Harness h_{patient()};
  base::ManualClock clock_{base::unix_time(1'760'000'000)};
  nostr::KeySigner signer_{nostr::testing::make_key(1), clock_, h_.rng};
  std::unique_ptr<storage::Db> db_;
  std::unique_ptr<Publisher> publisher_;
};

// ---- acceptance 5 ------------------------------------------------------------------------------

TEST_F(PublishingTest, OneTakesItOneAsksToWaitOneIsDead_ThreeStates_AndTheOutboxFinishesLater) {
  auto a = embedded();
  auto busy = embedded();
  const auto limit = busy->relay->faults().add(
      {{.direction = nostr::Direction::kIn, .verb = "EVENT"},
       nostr::fault::Reject{"rate-limited: too fast, try again in 60 seconds"}});
  const std::uint16_t b = busy->relay->port();
  const std::uint16_t c = dead_port();
  const auto id = post_draft("to three relays", {a->relay->url(), url_of(b), url_of(c)});
  until(id, a->relay->url(), RelayState::kAccepted);
  until(id, url_of(b), RelayState::kRetrying);
  until(id, url_of(c), RelayState::kRetrying);
  EXPECT_EQ(row(id).state, OutboxState::kDone) << "one of three was asked for";

  // What status says of it.
  const Value view = must(answer_outbox(*std::make_unique<storage::Outbox>(*db_),
                                        {{"event", row(id).event_id->hex()}}));
  std::map<std::string, Value> by_relay;
  for (const Value& relay : view.at(0).at("relays")) by_relay[relay.at("relay")] = relay;
  EXPECT_EQ(by_relay[a->relay->url()].at("status"), "accepted");
  EXPECT_EQ(by_relay[url_of(b)].at("prefix"), "rate-limited");
  EXPECT_EQ(by_relay[url_of(b)].at("next_try"), base::to_unix(clock_.now()) + 60);
  EXPECT_EQ(by_relay[url_of(c)].at("status"), "retrying");

  // The process dies, the relays come round.
  restart();
  EXPECT_EQ(busy->relay->faults().hits(limit), 1u);
  busy->relay->faults().clear();
  auto c_again = embedded(c);
  pass(61s);
  until(id, url_of(b), RelayState::kAccepted);
  until(id, url_of(c), RelayState::kAccepted);
  EXPECT_EQ(stored(*busy), stored(*a)) << "a relay had it: everybody gets that very event";
  EXPECT_EQ(stored(*c_again), stored(*a));
}

TEST_F(PublishingTest, AQuorumIsReachedOrOutOfReach) {
  auto a = embedded();
  auto b = embedded();
  auto no = h_.relay(refusing("blocked: no"));
  const auto settled = [&](std::vector<std::string> relays, int quorum) {
    static int number = 0;
    const Event event = note(std::to_string(++number));
    must(publisher_->post(event, relays, "note", 1h, quorum));
    return must(h_.loop.run_until_complete(publisher_->settled(event.id)));
  };
  EXPECT_TRUE(settled({a->relay->url(), b->relay->url(), no->url()}, 2));
  EXPECT_FALSE(settled({a->relay->url(), no->url()}, 2));
}

TEST_F(PublishingTest, WhatNobodyTookInTimeIsSignedAgain) {
  auto busy = h_.relay(refusing("rate-limited: slow down"));
  const std::uint16_t b = busy->port();
  const std::uint16_t c = dead_port();
  const auto id = post_draft("late", {url_of(b), url_of(c)});
  until(id, url_of(b), RelayState::kRetrying);
  until(id, url_of(c), RelayState::kRetrying);
  const nostr::EventId first = *row(id).event_id;
  EXPECT_EQ(row(id).signing, Signing::kSigned);

  restart();
  busy->stop();
  auto b_again = embedded(b);
  auto c_again = embedded(c);
  pass(2h);
  until(id, url_of(b), RelayState::kAccepted);
  until(id, url_of(c), RelayState::kAccepted);
  ASSERT_EQ(stored(*b_again).size(), 1u);
  EXPECT_NE(stored(*b_again)[0].id, first);
  EXPECT_EQ(stored(*b_again)[0].content, "late");
  EXPECT_EQ(age(stored(*b_again)[0], clock_.now()), 0);
  EXPECT_EQ(stored(*c_again), stored(*b_again)) << "signed again once, not per relay";
  EXPECT_EQ(row(id).signing, Signing::kKept);
}

TEST_F(PublishingTest, AnEventThatCameSignedIsSentAsItIsHoweverLate) {
  const std::uint16_t c = dead_port();
  const Event event = note("bound elsewhere");
  const auto id = post(event, {url_of(c)});
  until(id, url_of(c), RelayState::kRetrying);
  auto c_again = embedded(c);
  pass(2h);
  until(id, url_of(c), RelayState::kAccepted);
  EXPECT_EQ(stored(*c_again), std::vector<Event>{event});
}

TEST_F(PublishingTest, ARelayWithATighterWindowGetsAFreshSignature) {
  const std::uint16_t port = dead_port();
  const auto id = post_draft("x", {url_of(port)});
  until(id, url_of(port), RelayState::kRetrying);
  // Takes nothing that was signed before now.
  const base::UnixTime opened = clock_.now() + 300s;
  auto strict = h_.relay(
      [opened](ScriptedRelay& relay, ConnectionId connection, const ClientMessage& frame) {
        const auto* sent = std::get_if<nostr::from_client::EventMessage>(&frame);
        if (!sent) return;
        const bool ok = sent->event.created_at >= opened;
        relay.send(connection, nostr::ok_frame(sent->event.id, ok,
                                               ok ? "" : "invalid: created_at is too old"));
      },
      port);
  pass(300s);
  h_.until([&] { return row(id).signing == Signing::kDraft; });
  pass(10s);
  until(id, url_of(port), RelayState::kAccepted);
  EXPECT_EQ(strict->count_events(), 2u);
}

TEST_F(PublishingTest, AFreshEventRefusedForItsTimeIsNotSignedOverAndOver) {
  auto ahead = h_.relay(refusing("invalid: created_at is in the past"));
  const auto id = post_draft("x", {ahead->url()});
  until(id, ahead->url(), RelayState::kRejected);
  EXPECT_EQ(row(id).state, OutboxState::kFailed);
  EXPECT_EQ(ahead->count_events(), 1u);
}

TEST_F(PublishingTest, OnceARelayHasItAnothersWindowChangesNothing) {
  auto good = embedded();
  const std::uint16_t port = dead_port();
  const auto id = post_draft("x", {good->relay->url(), url_of(port)});
  until(id, good->relay->url(), RelayState::kAccepted);
  until(id, url_of(port), RelayState::kRetrying);
  auto strict = h_.relay(refusing("invalid: created_at is too old"), port);
  pass(1h);
  until(id, url_of(port), RelayState::kRejected);
  EXPECT_EQ(strict->count_events(), 1u);
  EXPECT_EQ(stored(*good).size(), 1u);
  EXPECT_EQ(row(id).state, OutboxState::kDone);
}

// ---- acceptance 6 ------------------------------------------------------------------------------

TEST_F(PublishingTest, AnOkThatGotLostIsSettledByAskingAndNothingIsSentTwice) {
  auto a = embedded();
  nostr::FaultEngine& faults = a->relay->faults();
  const nostr::FaultMatch first_ok{.verb = "OK", .times = 1};
  faults.add({first_ok, nostr::fault::Disconnect{.reset = true}});
  faults.add({first_ok, nostr::fault::Drop{}});
  const auto sent = faults.add({{.direction = nostr::Direction::kIn, .verb = "EVENT"},
                                nostr::fault::Delay{}});  // only to count them
  const std::string url = a->relay->url();
  const Event event = note("x");
  const auto id = post(event, {url});
  until(id, url, RelayState::kUnknown);
  h_.until([&] { return !at(id, url).reason.empty(); });
  EXPECT_EQ(stored(*a), std::vector<Event>{event}) << "it is there, only nobody said so";
  pass(5s);
  until(id, url, RelayState::kAccepted);
  EXPECT_EQ(at(id, url).reason, "found there by its id");
  EXPECT_EQ(faults.hits(sent), 1u);
}

TEST_F(PublishingTest, AnOkThatGotLostKeepsTheIdOfADraftToo) {
  auto relay = h_.relay(losing_oks(1));
  const auto id = post_draft("x", {relay->url()});
  until(id, relay->url(), RelayState::kUnknown);
  h_.until([&] { return !at(id, relay->url()).reason.empty(); });
  const auto first = row(id).event_id;
  restart();
  pass(2h);  // stale by now, but the relay may have it
  until(id, relay->url(), RelayState::kAccepted);
  EXPECT_EQ(row(id).event_id, first);
  EXPECT_EQ(row(id).signing, Signing::kKept);
  EXPECT_EQ(relay->count_events(), 1u);
}

TEST_F(PublishingTest, WhatTheRelayLostWithTheOkIsSentAgain) {
  auto relay = h_.relay(losing_oks(1, /*forgetful=*/true));
  const Event event = note("x");
  const auto id = post(event, {relay->url()});
  until(id, relay->url(), RelayState::kUnknown);
  h_.until([&] { return !at(id, relay->url()).reason.empty(); });
  pass(5s);
  until(id, relay->url(), RelayState::kAccepted);
  EXPECT_EQ(relay->count_events(), 2u);
  EXPECT_EQ(relay->count_reqs(), 1u);
}

TEST_F(PublishingTest, AnOkForAnotherEventSettlesNothing) {
  auto relay = h_.relay([](ScriptedRelay& self, ConnectionId connection,
                           const ClientMessage& frame) {
    if (const auto* sent = std::get_if<nostr::from_client::EventMessage>(&frame)) {
      nostr::EventId other = sent->event.id;
      other.data()[0] ^= 1;
      self.send(connection, nostr::ok_frame(other, true, ""));
      self.send(connection, nostr::ok_frame(sent->event.id, false, "blocked: no"));
    }
  });
  const auto id = post(note("x"), {relay->url()});
  until(id, relay->url(), RelayState::kRejected);
}

TEST_F(PublishingTest, ARelayWithSomethingNewerIsNotPressed) {
  auto relay = h_.relay(refusing("replaced: have newer event"));
  const auto id = post(note("x"), {relay->url()});
  until(id, relay->url(), RelayState::kRejected);
  EXPECT_EQ(relay->count_events(), 1u);
}

// ---- keeping pace ------------------------------------------------------------------------------

TEST_F(PublishingTest, ARelayThatAskedToWaitIsLeftInPeaceByAllEvents) {
  auto busy = h_.relay(refusing("rate-limited: wait 5 minutes"));
  const auto first = post(note("1"), {busy->url()});
  until(first, busy->url(), RelayState::kRetrying);
  auto other = embedded();
  const auto second = post(note("2"), {busy->url(), other->relay->url()});
  until(second, other->relay->url(), RelayState::kAccepted);
  pass(299s);
  const auto third = post(note("3"), {other->relay->url()});
  until(third, other->relay->url(), RelayState::kAccepted);
  EXPECT_EQ(busy->count_events(), 1u);
  pass(2s);
  until(second, busy->url(), RelayState::kRetrying);
  EXPECT_GE(busy->count_events(), 2u);
}

TEST_F(PublishingTest, WhatIsOverIsForgottenAfterTheTimeSet) {
  auto relay = embedded();
  const auto id = post(note("x"), {relay->relay->url()});
  until(id, relay->relay->url(), RelayState::kAccepted);
  pass(86'400s + 7 * 86'400s - 1s);
  post(note("y"), {relay->relay->url()});
  EXPECT_TRUE(must(outbox().get(id)).has_value());
  pass(2s);
  h_.until([&] { return !must(outbox().get(id)).has_value(); });
}

TEST_F(PublishingTest, ADraftWhoseKeyIsElsewhereWaitsAndSaysNothing) {
  auto relay = embedded();
  const auto id = must(publisher_->post_draft(nostr::testing::make_key(2).public_key(),
                                              {1, {}, {}, "x"}, {relay->relay->url()}, "x", 1h));
  const auto other = post(note("y"), {relay->relay->url()});
  until(other, relay->relay->url(), RelayState::kAccepted);
  EXPECT_EQ(at(id, relay->relay->url()).state, RelayState::kPending);
  EXPECT_EQ(row(id).signing, Signing::kDraft);
  EXPECT_EQ(stored(*relay).size(), 1u);
}

}  // namespace
}  // namespace node
