// Faults over real sockets: what a client sees when the relay is told to misbehave, and that it is a
// good relay again afterwards.
#include <gtest/gtest.h>

#include <future>
#include <thread>

#include "nostr/event/message.h"
#include "nostr/server/relay.h"
#include "tests/nostr/net/support/ws_peers.h"
#include "tests/nostr/server/support/memory_store.h"

namespace nostr {
namespace {

using test::Recorder;
using test::test_event;

constexpr std::int64_t kAt = 1'700'000'000;

/// The loop runs on a thread of its own, so that tests may block on what their clients see.
class RelayFaultsTest : public ::testing::Test {
 protected:
  RelayFaultsTest() {
    auto relay = Relay::start(loop_, net_, store_, clock_, rng_, {});
    EXPECT_TRUE(relay.has_value());
    relay_ = *std::move(relay);
    thread_ = std::thread([this] { loop_.run(); });
  }
  ~RelayFaultsTest() override {
    on_loop([this] { relay_.reset(); });
    loop_.stop();
    thread_.join();
  }
  /// Runs `what` on the app thread and waits for it.
  void on_loop(std::function<void()> what) {
    std::promise<void> done;
    loop_.post([&] {
      what();
      done.set_value();
    });
    done.get_future().wait();
  }
  FaultEngine::RuleId add(FaultMatch match, Fault fault) {
    FaultEngine::RuleId out = 0;
    on_loop([&] { out = relay_->faults().add({std::move(match), std::move(fault)}); });
    return out;
  }
  /// Waits until the rule has hit once.
  void wait_for_hit(FaultEngine::RuleId rule) {
    std::uint64_t hits = 0;
    while (hits == 0) on_loop([&] { hits = relay_->faults().hits(rule); });
  }
  struct Client {
    std::shared_ptr<Recorder> seen = std::make_shared<Recorder>();
    std::unique_ptr<WsClient> socket;
    void say(const std::string& frame) const { EXPECT_TRUE(socket->send(frame).has_value()); }
    std::string frame(std::size_t index) const { return seen->wait_frames(index + 1).at(index); }
  };
  Client connect() {
    Client out;
    out.socket = std::make_unique<WsClient>(net_, relay_->url(), out.seen);
    EXPECT_TRUE(out.frame(0).starts_with(R"(["AUTH",")"));
    return out;
  }
  /// Connects until somebody listens who greets: the socket of before may still take one more.
  Client connect_again() {
    for (;;) {
      Client out;
      out.socket = std::make_unique<WsClient>(net_, relay_->url(), out.seen);
      if (out.seen->wait_open() && !out.seen->wait_frames(1).empty()) return out;
    }
  }

  base::Loop loop_;
  NetThread net_;
  test::MemoryStore store_;
  base::ManualClock clock_{base::unix_time(kAt)};
  base::SystemRng rng_;
  std::unique_ptr<Relay> relay_;
  std::thread thread_;
};

TEST_F(RelayFaultsTest, rules_come_and_go_while_clients_are_connected) {
  const Client client = connect();
  const auto rule = add({.verb = "EOSE", .times = 1}, fault::Notice{.message = "no EOSE"});
  client.say(R"(["REQ","a",{"limit":0}])");
  EXPECT_EQ(client.frame(1), notice_frame("no EOSE"));
  client.say(R"(["REQ","b",{"limit":0}])");
  EXPECT_EQ(client.frame(2), eose_frame("b"));
  on_loop([&] {
    EXPECT_EQ(relay_->faults().hits(rule), 1U);
    EXPECT_TRUE(relay_->faults().remove(rule));
  });
}

TEST_F(RelayFaultsTest, delayed_frames_keep_their_order_and_reordered_ones_do_not) {
  const Client client = connect();
  add({.verb = "EOSE", .nth = 1}, fault::Delay{.by = milliseconds{40}});
  add({.verb = "EOSE", .nth = 4}, fault::Reorder{.by = milliseconds{40}});
  for (const char* sub : {"1", "2", "3", "4", "5"}) client.say(req_frame(sub, {{.limit = 0}}));
  std::vector<std::string> want;
  for (const char* sub : {"1", "2", "3"}) want.push_back(eose_frame(sub));
  auto got = client.seen->wait_frames(6);
  got.erase(got.begin());
  // The fourth is late by itself; the fifth waits only for the delay of the first, as all do.
  EXPECT_EQ(std::vector(got.begin(), got.begin() + 3), want);
  EXPECT_EQ(got[3], eose_frame("5"));
  EXPECT_EQ(got[4], eose_frame("4"));
}

TEST_F(RelayFaultsTest, a_half_open_connection_stays_and_says_nothing) {
  const Client deaf = connect();
  const auto rule = add({.direction = Direction::kIn, .verb = "REQ"}, fault::HalfOpen{});
  deaf.say(R"(["REQ","a",{"limit":0}])");
  wait_for_hit(rule);
  on_loop([&] { relay_->faults().clear(); });
  // Others are served, the published event reaches them, and the deaf one is still connected.
  const Client author = connect();
  const Client reader = connect();
  reader.say(R"(["REQ","r",{"kinds":[1]}])");
  EXPECT_EQ(reader.frame(1), test::eose_finish("r"));
  const Event event = test_event(test::test_key(1), 1, kAt, "x");
  author.say(event_frame(event));
  EXPECT_EQ(reader.frame(2), relay_event_frame("r", event));
  EXPECT_EQ(deaf.seen->closings(), 0U);
  EXPECT_EQ(deaf.seen->wait_frames(1).size(), 1U) << "not even the EOSE";
  on_loop([&] { EXPECT_EQ(relay_->connections(), 3U); });
}

TEST_F(RelayFaultsTest, a_restart_resets_everybody_and_listens_again_at_the_same_port) {
  const Client first = connect();
  const std::string url = relay_->url();
  first.say(R"(["REQ","a",{"limit":0}])");
  EXPECT_EQ(first.frame(1), eose_frame("a"));
  on_loop([&] { relay_->restart(milliseconds{30}); });
  first.seen->wait_closed();
  const Client second = connect_again();
  second.say(R"(["REQ","b",{"limit":0}])");
  EXPECT_EQ(second.frame(1), eose_frame("b"));
  EXPECT_EQ(relay_->url(), url);
}

TEST_F(RelayFaultsTest, a_restart_may_be_scripted) {
  add({.direction = Direction::kIn, .verb = "EVENT", .nth = 2}, fault::Restart{});
  const Client first = connect();
  first.say(event_frame(test_event(test::test_key(1), 1, kAt, "1")));
  first.say(event_frame(test_event(test::test_key(1), 1, kAt, "2")));
  first.seen->wait_closed();
  const Client second = connect_again();
  second.say(R"(["COUNT","c",{"kinds":[1]}])");
  EXPECT_EQ(second.frame(1), count_result_frame("c", 2)) << "stored, whether or not the OK arrived";
}

TEST_F(RelayFaultsTest, connections_can_be_dropped_and_challenges_rotated) {
  const Client client = connect();
  const std::string challenge = client.frame(0);
  on_loop([&] { relay_->rotate_challenges(); });
  EXPECT_TRUE(client.frame(1).starts_with(R"(["AUTH",")"));
  EXPECT_NE(client.frame(1), challenge);
  on_loop([&] { relay_->drop_connections(); });
  client.seen->wait_closed();
  connect();
}

TEST_F(RelayFaultsTest, what_is_throttled_arrives_whole_and_in_order) {
  const Client client = connect();
  add({.verb = "EVENT"}, fault::Throttle{.bytes_per_second = 200'000});
  std::vector<std::string> want;
  for (int i = 0; i < 40; ++i) {
    const Event event = test_event(test::test_key(1), 1, kAt - i, std::to_string(i));
    ASSERT_TRUE(store_.insert(event, clock_.now()).has_value());
    want.push_back(relay_event_frame("s", event));
  }
  want.push_back(test::eose_finish("s"));
  client.say(R"(["REQ","s",{}])");
  auto got = client.seen->wait_frames(42);
  got.erase(got.begin());
  EXPECT_EQ(got, want);
}

TEST_F(RelayFaultsTest, reading_can_stop_for_a_while) {
  const Client client = connect();
  add({.direction = Direction::kIn, .verb = "CLOSE"}, fault::StopReading{.lasting = milliseconds{30}});
  client.say(close_frame("x"));
  client.say(R"(["REQ","a",{"limit":0}])");
  EXPECT_EQ(client.frame(1), eose_frame("a"));
}

TEST_F(RelayFaultsTest, stops_with_frames_held_back) {
  const Client client = connect();
  add({.verb = "EOSE"}, fault::Delay{.by = std::chrono::hours(1)});
  for (int i = 0; i < 20; ++i) client.say(req_frame(std::to_string(i), {{.limit = 0}}));
  client.say(R"(["NOPE"])");
  // The destructor of the fixture stops the relay while they wait.
  on_loop([] {});
}

}  // namespace
}  // namespace nostr
