// The publisher against relays that take, refuse, lose answers, or are away.
#include "node/publisher.h"

#include <gtest/gtest.h>

#include "nostr/event/message.h"
#include "storage/schema.h"
#include "tests/nostr/client/support/harness.h"

namespace node {
namespace {

using nostr::ClientMessage;
using nostr::ConnectionId;
using nostr::Event;
using nostr::testing::Harness;
using nostr::testing::ScriptedRelay;
using std::chrono::seconds;
using storage::OutboxState;
using storage::RelayState;

/// Answers every EVENT with OK `accepted`, and `message`.
ScriptedRelay::Script answering(bool accepted, std::string message) {
  return [accepted, message](ScriptedRelay& relay, ConnectionId connection,
                             const ClientMessage& frame) {
    if (const auto* event = std::get_if<nostr::from_client::EventMessage>(&frame))
      relay.send(connection, nostr::ok_frame(event->event.id, accepted, message));
  };
}

/// Takes everything and says nothing.
ScriptedRelay::Script silent() {
  return [](ScriptedRelay&, ConnectionId, const ClientMessage&) {};
}

class PublisherTest : public ::testing::Test {
 protected:
  PublisherTest()
      : db_(*storage::open_database(":memory:")), publisher_(h_.loop, *h_.pool, *db_, h_.clock) {
    publisher_.start();
  }
  ~PublisherTest() override {
    struct Stop {
      static base::Task<void> run(Publisher* publisher) { co_await publisher->stop(); }
    };
    h_.loop.run_until_complete(Stop::run(&publisher_));
    h_.stop_pool();
  }
  Event note(const std::string& content) { return nostr::testing::make_event(1, content); }
  storage::OutboxRow row(const Event& event) { return **storage::Outbox(*db_).find(event.id); }
  void post(const Event& event, std::vector<std::string> relays) {
    EXPECT_TRUE(publisher_.post(event, relays, "test", seconds(3'600)).has_value());
  }
  bool settled(const Event& event) {
    return h_.loop.run_until_complete(publisher_.settled(event.id)).value();
  }
  const storage::OutboxRelay& relay_of(const storage::OutboxRow& row, const std::string& url) {
    for (const storage::OutboxRelay& relay : row.relays)
      if (relay.url == url) return relay;
    ADD_FAILURE() << url;
    return row.relays.front();
  }

  Harness h_;
  std::unique_ptr<storage::Db> db_;
  Publisher publisher_;
};

TEST(RetryPause, DoublesFromASecondToFiveMinutes) {
  EXPECT_EQ(retry_pause(-1), seconds(1));
  EXPECT_EQ(retry_pause(0), seconds(1));
  EXPECT_EQ(retry_pause(1), seconds(2));
  EXPECT_EQ(retry_pause(8), seconds(256));
  EXPECT_EQ(retry_pause(9), seconds(300));
  EXPECT_EQ(retry_pause(1'000'000), seconds(300));
}

TEST_F(PublisherTest, AcceptedEventIsDone) {
  auto relay = h_.relay(answering(true, ""));
  const Event event = note("a");
  post(event, {relay->url()});
  EXPECT_TRUE(settled(event));
  EXPECT_EQ(relay_of(row(event), relay->url()).state, RelayState::kAccepted);
}

TEST_F(PublisherTest, DuplicateCountsAsAccepted) {
  auto relay = h_.relay(answering(true, "duplicate: already have it"));
  const Event event = note("a");
  post(event, {relay->url()});
  EXPECT_TRUE(settled(event));
}

TEST_F(PublisherTest, FinalRefusalFailsAtOnceAndKeepsTheWords) {
  auto relay = h_.relay(answering(false, "blocked: you are not welcome"));
  const Event event = note("a");
  post(event, {relay->url()});
  EXPECT_FALSE(settled(event));
  EXPECT_EQ(relay_of(row(event), relay->url()).state, RelayState::kRejected);
  EXPECT_EQ(relay_of(row(event), relay->url()).reason, "blocked: you are not welcome");
  EXPECT_EQ(relay->count_events(), 1u);
}

TEST_F(PublisherTest, PassingRefusalIsTriedAgain) {
  auto tries = std::make_shared<std::atomic<int>>(0);
  auto relay =
      h_.relay([tries](ScriptedRelay& self, ConnectionId connection, const ClientMessage& frame) {
        if (const auto* event = std::get_if<nostr::from_client::EventMessage>(&frame))
          self.send(connection, ++*tries == 1 ? nostr::ok_frame(event->event.id, false,
                                                                "rate-limited: slow down")
                                              : nostr::ok_frame(event->event.id, true, ""));
      });
  const Event event = note("a");
  post(event, {relay->url()});
  EXPECT_TRUE(settled(event));
  EXPECT_EQ(*tries, 2);
}

TEST_F(PublisherTest, OneRefusalAndOneYesIsDone) {
  auto good = h_.relay(answering(true, ""));
  auto bad = h_.relay(answering(false, "invalid: no"));
  const Event event = note("a");
  post(event, {bad->url(), good->url()});
  EXPECT_TRUE(settled(event));
  h_.until([&] { return relay_of(row(event), bad->url()).state == RelayState::kRejected; });
  EXPECT_EQ(row(event).state, OutboxState::kDone);
}

TEST_F(PublisherTest, LostAnswerIsUnknownAndAskedForBeforeItIsSentAgain) {
  auto tries = std::make_shared<std::atomic<int>>(0);
  auto relay =
      h_.relay([tries](ScriptedRelay& self, ConnectionId connection, const ClientMessage& frame) {
        if (const auto* asked = std::get_if<nostr::from_client::Req>(&frame))
          self.send(connection, nostr::eose_frame(asked->sub));
        const auto* event = std::get_if<nostr::from_client::EventMessage>(&frame);
        if (!event) return;
        if (++*tries == 1)
          self.abort_all();  // taken, but the answer never arrives
        else
          self.send(connection, nostr::ok_frame(event->event.id, true, "duplicate: yes"));
      });
  const Event event = note("a");
  post(event, {relay->url()});
  EXPECT_TRUE(settled(event));
  EXPECT_EQ(*tries, 2);
}

TEST_F(PublisherTest, RelayThatIsAwayGetsItWhenItComesBack) {
  auto relay = h_.relay(answering(true, ""));
  const std::uint16_t port = relay->port();
  const std::string url = relay->url();
  relay->stop();
  const Event event = note("a");
  post(event, {url});
  h_.until([&] {
    return relay_of(row(event), url).attempts >= 1 && !relay_of(row(event), url).reason.empty();
  });
  EXPECT_EQ(row(event).state, OutboxState::kOpen);
  auto again = h_.relay(answering(true, ""), port);
  EXPECT_TRUE(settled(event));
}

TEST_F(PublisherTest, SilentRelayDoesNotHoldUpAnother) {
  auto mute = h_.relay(silent());
  auto good = h_.relay(answering(true, ""));
  for (int i = 0; i < 100; ++i) post(note("mute" + std::to_string(i)), {mute->url()});
  const Event event = note("good");
  post(event, {good->url()});
  EXPECT_TRUE(settled(event));
  EXPECT_LE(mute->count_events(), 16u);
}

TEST_F(PublisherTest, BacklogDrainsWithoutPauses) {
  auto relay = h_.relay(answering(true, ""));
  const auto before = std::chrono::steady_clock::now();
  std::vector<Event> events;
  for (int i = 0; i < 200; ++i) events.push_back(note(std::to_string(i)));
  for (const Event& event : events) post(event, {relay->url()});
  for (const Event& event : events) EXPECT_TRUE(settled(event));
  EXPECT_EQ(relay->count_events(), 200u);
  RecordProperty("milliseconds",
                 static_cast<int>((std::chrono::steady_clock::now() - before).count() / 1'000'000));
}

TEST_F(PublisherTest, UnknownEventIsNotFound) {
  const auto result = h_.loop.run_until_complete(publisher_.settled(note("never posted").id));
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().code, base::Errc::kNotFound);
}

TEST_F(PublisherTest, NowhereToPublishIsAnError) {
  EXPECT_FALSE(publisher_.post(note("a"), {}, "test", seconds(1)).has_value());
}

}  // namespace
}  // namespace node
