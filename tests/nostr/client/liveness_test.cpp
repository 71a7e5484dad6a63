// The client never goes quiet: silence, half-open connections, REQs without an answer.
#include <gtest/gtest.h>

#include "nostr/client/connection.h"
#include "nostr/client/pool.h"
#include "tests/nostr/client/support/cable.h"
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
using testing::ScriptedRelay;
using testing::serve;
using testing::target;

// --- half open: over sockets ---

TEST(Liveness, TheDefaultsFindAHalfOpenConnectionWithinAMinute) {
  const PoolOptions options;
  EXPECT_LE(options.socket.ping_interval + options.socket.pong_timeout, 60s);
  EXPECT_LE(options.connection.canary_after + options.connection.canary_timeout, 60s);
}

TEST(Liveness, SwallowedPacketsAreFoundOutAndTheSubscriptionIsRestored) {
  PoolOptions options = Harness::quick();
  options.socket.ping_interval = 40ms;
  options.socket.pong_timeout = 200ms;
  Harness h(options);
  auto stored = std::make_shared<std::vector<Event>>();
  stored->push_back(make_event(1, "before"));
  const auto relay = h.relay([=](ScriptedRelay& r, ConnectionId c, const ClientMessage& message) {
    serve(*stored)(r, c, message);
  });
  testing::Cable cable(relay->port());
  const auto sub = h.pool->subscribe({cable.url()}, kind_filter(1), h.collect());
  h.until([&] { return h.eoses.size() == 1; });
  h.until([&] { return h.status(cable.url()).latency.has_value(); });
  stored->push_back(make_event(1, "while deaf"));
  cable.swallow();
  h.until([&] { return h.eoses.size() == 2; });
  EXPECT_TRUE(h.status(cable.url()).last_error.starts_with("half open"))
      << h.status(cable.url()).last_error;
  ASSERT_EQ(h.events.size(), 2u);
  EXPECT_EQ(h.events.back().event->content, "while deaf");
}

TEST(Liveness, ARelayThatAnswersPingsButNoReqIsLeftForANewConnection) {
  PoolOptions options = Harness::quick();
  options.connection.canary_after = 30ms;
  options.connection.canary_timeout = 100ms;
  Harness h(options);
  auto inner = serve({make_event(1, "x")});
  // The program behind the socket hangs after its first answer.
  const auto relay = h.relay([=](ScriptedRelay& r, ConnectionId c, const ClientMessage& message) {
    if (r.connections() > 1 || r.count_reqs() == 1) inner(r, c, message);
  });
  std::vector<RelayState> states;
  h.pool->on_status([&](const RelayStatus& status) { states.push_back(status.state); });
  const auto sub = h.pool->subscribe({relay->url()}, kind_filter(1), h.collect());
  h.until([&] { return h.eoses.size() == 2; });
  EXPECT_TRUE(h.status(relay->url()).last_error.starts_with("half open: silent"));
  EXPECT_NE(std::ranges::find(states, RelayState::kSuspect), states.end());
}

TEST(Liveness, StatusChangesComeApartFromDataAndTellTheWholeStory) {
  PoolOptions options = Harness::quick();
  options.idle_close = 30ms;
  Harness h(options);
  std::vector<RelayState> states;
  h.pool->on_status([&](const RelayStatus& status) {
    states.push_back(status.state);
    EXPECT_EQ(status.state == RelayState::kBackingOff, status.until.has_value());
    h.note();
  });
  const auto relay = h.relay(serve({make_event(1, "x")}));
  auto sub = h.pool->subscribe({relay->url()}, kind_filter(1), h.collect());
  h.until([&] { return h.eoses.size() == 1; });
  relay->abort_all();
  h.until([&] { return h.eoses.size() == 2; });
  EXPECT_TRUE(h.status(relay->url()).last_event.has_value());
  EXPECT_TRUE(h.status(relay->url()).last_eose.has_value());
  EXPECT_EQ(h.status(relay->url()).connections, 2u);
  sub.reset();
  h.until([&] { return !states.empty() && states.back() == RelayState::kIdle; });
  EXPECT_EQ(states, (std::vector{RelayState::kConnecting, RelayState::kOpen, RelayState::kBackingOff,
                                 RelayState::kConnecting, RelayState::kOpen, RelayState::kIdle}));
}

TEST(Liveness, AClosedFromOneOfThreeRelaysLeavesTheOthersAloneAndIsAskedAgain) {
  PoolOptions options = Harness::quick();
  options.connection.retry_initial = 20ms;
  Harness h(options);
  const auto a = h.relay(serve({make_event(1, "a")}));
  const auto c = h.relay(serve({make_event(3, "c")}));
  auto inner = serve({make_event(2, "b")});
  const auto b = h.relay([=](ScriptedRelay& r, ConnectionId id, const ClientMessage& message) {
    const auto* req = std::get_if<from_client::Req>(&message);
    if (req != nullptr && r.count_reqs() < 3)
      return r.send(id, closed_frame(req->sub, "error: shutting down idle subscription"));
    inner(r, id, message);
  });
  const auto sub =
      h.pool->subscribe({a->url(), b->url(), c->url()}, kind_filter(1), h.collect());
  h.until([&] { return h.eoses.size() == 3; });
  EXPECT_EQ(h.events.size(), 3u);
  EXPECT_EQ(b->count_reqs(), 3u);
  EXPECT_EQ(a->count_reqs(), 1u);
  EXPECT_EQ(c->count_reqs(), 1u);
  EXPECT_TRUE(h.closed.empty()) << "nothing has ended for good";
}

// --- silence: the state machine under a clock of our own ---

struct Served : ConnectionFixture {
  Served() {
    connection.opened(kNow);
    connection.want(1, target(1), kNow);
    hear(from_relay::Eose{wire()});
    sent.clear();
  }
};

TEST(Liveness, SilenceIsAnsweredByACanaryAndItsAnswerEndsTheSuspicion) {
  Served f;
  f.connection.tick(kNow + 39s);
  EXPECT_EQ(f.sent_count("[\"REQ\""), 0u);
  EXPECT_EQ(f.connection.next_due(), kNow + 40s);
  f.connection.tick(kNow + 40s);
  EXPECT_TRUE(f.connection.suspect());
  ASSERT_EQ(f.sent_count("[\"REQ\""), 1u);
  const std::string canary = f.wire();
  f.hear(from_relay::Eose{canary}, kNow + 41s);
  EXPECT_FALSE(f.connection.suspect());
  EXPECT_EQ(f.sent.back(), close_frame(canary));
  f.connection.tick(kNow + 80s);
  EXPECT_EQ(f.sent_count("[\"REQ\""), 1u);
  EXPECT_TRUE(f.all<act::Dead>().empty());
}

TEST(Liveness, AnyAnswerToTheCanaryWillDo) {
  for (const bool notice : {true, false}) {
    Served f;
    f.connection.tick(kNow + 40s);
    f.take();
    const std::string canary = f.wire();
    if (notice)
      f.hear(from_relay::Notice{"what?"}, kNow + 41s);
    else
      f.hear(from_relay::Closed{canary, "auth-required: no"}, kNow + 41s);
    f.connection.tick(kNow + 60s);
    EXPECT_TRUE(f.all<act::Dead>().empty());
    EXPECT_TRUE(f.challenges.empty()) << "a canary is not worth a signature";
  }
}

TEST(Liveness, NoAnswerToTheCanaryIsTheEndOfTheConnection) {
  Served f;
  f.connection.tick(kNow + 40s);
  EXPECT_EQ(f.connection.next_due(), kNow + 55s);
  f.connection.tick(kNow + 55s);
  ASSERT_EQ(f.all<act::Dead>().size(), 1u);
  EXPECT_EQ(f.all<act::Dead>()[0].reason,
            "half open: silent, and no answer to a REQ within 15 s");
}

TEST(Liveness, NobodyIsAskedForALifeSignWhereNothingIsSubscribed) {
  ConnectionFixture f;
  f.connection.opened(kNow);
  f.connection.tick(kNow + 1h);
  EXPECT_TRUE(f.sent.empty());
}

TEST(Liveness, AnEoseThatNeverComesIsToldAndTheReqRepeatedBesideTheOldOne) {
  ConnectionFixture f;
  f.connection.opened(kNow);
  const TargetPtr wish = target(1);
  f.connection.want(1, wish, kNow);
  const std::string first = f.wire();
  f.connection.begin_run(wish, kNow + 20s);  // still bringing events: not stalled
  f.connection.tick(kNow + 49s);
  EXPECT_TRUE(f.all<act::SubClosed>().empty());
  f.connection.tick(kNow + 50s);
  ASSERT_EQ(f.all<act::SubClosed>().size(), 1u);
  EXPECT_EQ(f.all<act::SubClosed>()[0].message, "no EOSE within 30 s");
  EXPECT_FALSE(f.all<act::SubClosed>()[0].for_good);
  EXPECT_TRUE(f.connection.take_table()->live.contains(first)) << "its events are still welcome";
  f.connection.tick(kNow + 65s);
  EXPECT_EQ(f.sent_count("[\"REQ\""), 2u);
  const auto table = f.connection.take_table();
  EXPECT_TRUE(table->live.contains(first));
  EXPECT_TRUE(table->live.contains(f.wire()));
  f.hear(from_relay::Eose{f.wire()}, kNow + 66s);
  EXPECT_EQ(f.sent.back(), close_frame(first));
}

TEST(Liveness, ANoticeInsteadOfAnEoseIsAFailureThatIsToldAndRetriedWithBackoff) {
  ConnectionFixture f;
  f.connection.opened(kNow);
  f.connection.want(1, target(1), kNow);
  f.hear(from_relay::Notice{"ERROR: bad req: provided filter is not an object"}, kNow + 1s);
  f.connection.tick(kNow + 9s);
  EXPECT_TRUE(f.all<act::SubClosed>().empty()) << "the EOSE may still come";
  f.connection.tick(kNow + 10s);
  ASSERT_EQ(f.all<act::SubClosed>().size(), 1u);
  EXPECT_EQ(f.all<act::SubClosed>()[0].message,
            "no EOSE, only the notice: ERROR: bad req: provided filter is not an object");
  f.connection.tick(kNow + 25s);
  EXPECT_EQ(f.sent_count("[\"REQ\""), 2u);
  f.hear(from_relay::Notice{"ERROR: bad req"}, kNow + 26s);
  f.connection.tick(kNow + 35s);
  f.connection.tick(kNow + 60s);
  EXPECT_EQ(f.sent_count("[\"REQ\""), 2u) << "the second wait is twice the first";
  f.connection.tick(kNow + 65s);
  EXPECT_EQ(f.sent_count("[\"REQ\""), 3u);
}

}  // namespace
}  // namespace nostr
