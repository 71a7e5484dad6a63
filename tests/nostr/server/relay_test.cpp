// The relay over real sockets: order across the threads, slow readers, NIP-11, the end.
#include "nostr/server/relay.h"

#include <gtest/gtest.h>

#include <thread>

#include "nostr/event/message.h"
#include "tests/nostr/net/support/raw_client.h"
#include "tests/nostr/net/support/ws_peers.h"
#include "tests/nostr/server/support/memory_store.h"

namespace nostr {
namespace {

using test::Recorder;
using test::test_event;

constexpr std::int64_t kAt = 1'700'000'000;

/// The loop runs on a thread of its own, so that tests may block on what their clients see.
class RelayTest : public ::testing::Test {
 protected:
  RelayTest() {
    auto relay = Relay::start(loop_, net_, store_, clock_, rng_, {});
    EXPECT_TRUE(relay.has_value());
    relay_ = *std::move(relay);
    thread_ = std::thread([this] { loop_.run(); });
  }
  ~RelayTest() override {
    loop_.post([this] {
      relay_.reset();
      loop_.stop();
    });
    thread_.join();
  }
  struct Client {
    std::shared_ptr<Recorder> seen = std::make_shared<Recorder>();
    std::unique_ptr<WsClient> socket;
    void say(const std::string& frame) const { EXPECT_TRUE(socket->send(frame).has_value()); }
  };
  Client connect() {
    Client out;
    out.socket = std::make_unique<WsClient>(net_, relay_->url(), out.seen);
    EXPECT_EQ(out.seen->wait_frames(1).at(0).substr(0, 9), R"(["AUTH",")");
    return out;
  }

  base::Loop loop_;
  NetThread net_;
  test::MemoryStore store_;
  base::ManualClock clock_{base::unix_time(kAt)};
  base::SystemRng rng_;
  SecretKey alice_ = test::test_key(1);
  std::unique_ptr<Relay> relay_;
  std::thread thread_;
};

TEST_F(RelayTest, PublishedEventReachesSubscribersAndItsAuthor) {
  const Client reader = connect();
  const Client author = connect();
  reader.say(R"(["REQ","r",{"kinds":[20001]}])");
  author.say(R"(["REQ","a",{"kinds":[20001]}])");
  EXPECT_EQ(reader.seen->wait_frames(2).at(1), test::eose_finish("r"));
  EXPECT_EQ(author.seen->wait_frames(2).at(1), test::eose_finish("a"));
  const Event event = test_event(alice_, 20'001, kAt, "ping");
  author.say(event_frame(event));
  EXPECT_EQ(reader.seen->wait_frames(3).at(2), relay_event_frame("r", event));
  const auto frames = author.seen->wait_frames(4);
  EXPECT_EQ(frames.at(2), ok_frame(event.id, true, ""));
  EXPECT_EQ(frames.at(3), relay_event_frame("a", event));
}

TEST_F(RelayTest, FramesOfOneClientAreAnsweredInOrder) {
  const Client client = connect();
  std::vector<std::string> want;
  for (int i = 0; i < 300; ++i) {
    const Event event = test_event(alice_, 1, kAt, std::to_string(i));
    want.push_back(ok_frame(event.id, true, ""));
    client.say(event_frame(event));
  }
  auto frames = client.seen->wait_frames(301);
  frames.erase(frames.begin());
  EXPECT_EQ(frames, want);
}

TEST_F(RelayTest, LargeBacklogArrivesCompleteAndBoundedByTheReader) {
  const std::string filler(4000, 'x');
  const Event base_event = test_event(alice_, 1, kAt, filler);
  constexpr int kCount = 3000;
  for (int i = 0; i < kCount; ++i) {
    Event event = base_event;  // the store does not look at signatures
    event.created_at = base::unix_time(kAt - i);
    base::SeededRng rng(static_cast<std::uint64_t>(i));
    event.id = EventId(rng.bytes<32>());
    ASSERT_TRUE(store_.insert(event, clock_.now()).has_value());
  }
  store_.largest_answer = 0;
  const Client reader = connect();
  // A second client asks and never reads: about 13 MB wait for it, which the relay must not hold.
  test::RawClient slow(relay_->port());
  slow.write(test::upgrade_request(relay_->port()));
  slow.read_until("\r\n\r\n");
  slow.write(test::masked_text(R"(["REQ","slow",{}])"));
  reader.say(R"(["REQ","s",{"kinds":[1]}])");
  const auto frames = reader.seen->wait_frames(kCount + 2);
  ASSERT_EQ(frames.size(), std::size_t{kCount + 2});
  EXPECT_EQ(frames.back(), test::eose_finish("s"));
  EXPECT_LE(store_.largest_answer.load(), 401U);
  slow.drain(std::size_t{kCount} * 4000);  // and yet it gets all once it reads
}

TEST_F(RelayTest, InformationDocumentOverHttp) {
  test::RawClient http(relay_->port());
  http.write("GET / HTTP/1.1\r\nHost: localhost\r\nAccept: application/nostr+json\r\n"
             "Connection: close\r\n\r\n");
  const std::string reply = http.read_all();
  EXPECT_NE(reply.find("content-type: application/nostr+json"), std::string::npos) << reply;
  EXPECT_NE(reply.find("access-control-allow-origin: *"), std::string::npos) << reply;
  EXPECT_NE(reply.find("\"supported_nips\":[1,9,11,40,42,45,62,67,70,77]"), std::string::npos) << reply;
}

TEST_F(RelayTest, FloodOfFramesIsAnsweredCompletely) {
  const Client client = connect();
  const std::string text = "[\"CLOSE\",\"" + std::string(60, 'x') + "\"]";
  for (int i = 0; i < 20'000; ++i) ASSERT_TRUE(client.socket->send(text).has_value());
  client.say(R"(["REQ","end",{"limit":0}])");
  EXPECT_EQ(client.seen->wait_frames(2).at(1), eose_frame("end"));
}

TEST_F(RelayTest, StopsWithClientsConnectedAndTalking) {
  std::vector<Client> clients;
  for (int i = 0; i < 10; ++i) clients.push_back(connect());
  for (const Client& client : clients)
    for (int k = 0; k < 50; ++k) client.say(R"(["REQ","s",{}])");
  // The destructor of the fixture stops the relay in the middle of this.
}

}  // namespace
}  // namespace nostr
