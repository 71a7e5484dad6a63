// Real sockets on loopback: order, size, silence, abuse and the end of websocket connections.
#include <gtest/gtest.h>

#include <atomic>
#include <latch>

#include "nostr/net/net_thread.h"
#include "nostr/net/ws_client.h"
#include "nostr/net/ws_server.h"
#include "tests/nostr/net/support/raw_client.h"
#include "tests/nostr/net/support/raw_server.h"
#include "tests/nostr/net/support/ws_peers.h"

namespace nostr {
namespace {

using test::EchoHandler;
using test::Recorder;

class WebSocket : public ::testing::Test {
 protected:
  explicit WebSocket(NetOptions options = {}) : net_(options) { listen(0); }

  void listen(std::uint16_t port, std::size_t max_connections = 1024) {
    handler_ = std::make_shared<EchoHandler>();
    auto server =
        WsServer::listen(net_, {.port = port, .max_connections = max_connections}, handler_);
    ASSERT_TRUE(server.has_value()) << server.error().detail;
    server_ = *std::move(server);
    handler_->attach(server_.get());
  }
  std::string url() const { return "ws://127.0.0.1:" + std::to_string(server_->port()) + "/"; }

  NetThread net_;
  std::shared_ptr<EchoHandler> handler_;
  std::unique_ptr<WsServer> server_;
};

class SmallLimits : public WebSocket {
 protected:
  SmallLimits() : WebSocket({.max_frame_bytes = 64u << 10, .max_queued_bytes = 4u << 20}) {}
};

TEST_F(WebSocket, TenThousandMessagesComeBackInOrder) {
  auto recorder = std::make_shared<Recorder>();
  WsClient client(net_, url(), recorder);
  constexpr std::size_t kCount = 10'000;
  for (std::size_t i = 0; i < kCount; ++i)
    ASSERT_TRUE(client.send("message " + std::to_string(i)).has_value());
  const auto frames = recorder->wait_frames(kCount);
  ASSERT_EQ(frames.size(), kCount);
  for (std::size_t i = 0; i < kCount; ++i) ASSERT_EQ(frames[i], "message " + std::to_string(i));
  EXPECT_EQ(handler_->peer(), "127.0.0.1");
}

TEST_F(WebSocket, LargeMessagesAreReassembled) {
  auto recorder = std::make_shared<Recorder>();
  WsClient client(net_, url(), recorder);
  std::vector<std::string> sent;
  for (const std::size_t size : {1u, 125u, 126u, 65'535u, 65'536u, 300'000u, 1u << 20}) {
    std::string text(size, 'a');
    for (std::size_t i = 0; i < size; i += 97) text[i] = static_cast<char>('b' + i % 20);
    sent.push_back(text);
    ASSERT_TRUE(client.send(text).has_value());
  }
  EXPECT_EQ(recorder->wait_frames(sent.size()), sent);
}

TEST_F(WebSocket, FramesCarryReadablePadding) {
  struct Check final : WsClientHandler {
    void on_open() override {}
    void on_frame(Frame frame) override {
      padded = frame->capacity() >= frame->size() + 64;
      done.count_down();
    }
    void on_closed(std::string) override {}
    std::atomic<bool> padded{false};
    std::latch done{1};
  };
  auto check = std::make_shared<Check>();
  WsClient client(net_, url(), check);
  ASSERT_TRUE(client.send("hello").has_value());
  check->done.wait();
  EXPECT_TRUE(check->padded.load());
}

TEST_F(SmallLimits, OversizedMessageClosesTheConnection) {
  auto recorder = std::make_shared<Recorder>();
  WsClient client(net_, url(), recorder);
  ASSERT_TRUE(client.send(std::string(65'537, 'x')).has_value());
  // A reset for what was never read may overtake the server's goodbye.
  const std::string reason = recorder->wait_closed();
  EXPECT_TRUE(reason.starts_with("peer closed 1009") || reason == "connection lost") << reason;
  handler_->wait_disconnects(1);
  EXPECT_TRUE(recorder->wait_frames(0).empty());
}

TEST_F(SmallLimits, OversizedQueueRefusesTheMessage) {
  auto recorder = std::make_shared<Recorder>();
  WsClient client(net_, url(), recorder);
  const auto refused = client.send(std::string(5u << 20, 'x'));
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, base::Errc::kLimit);
}

TEST_F(WebSocket, CloseFlushesFirstAndReportsOnce) {
  auto recorder = std::make_shared<Recorder>();
  WsClient client(net_, url(), recorder);
  ASSERT_TRUE(recorder->wait_open());
  ASSERT_TRUE(client.send("last words").has_value());
  EXPECT_EQ(recorder->wait_frames(1).at(0), "last words");
  client.close();
  client.close();
  EXPECT_EQ(recorder->wait_closed(), "closed");
  handler_->wait_disconnects(1);
  EXPECT_EQ(client.send("too late").error().code, base::Errc::kClosed);
  EXPECT_EQ(recorder->closings(), 1U);
}

TEST_F(WebSocket, DestroyingTheClientCloses) {
  auto recorder = std::make_shared<Recorder>();
  {
    WsClient client(net_, url(), recorder);
    ASSERT_TRUE(recorder->wait_open());
  }
  EXPECT_EQ(recorder->wait_closed(), "closed");
  handler_->wait_disconnects(1);
}

TEST_F(WebSocket, ServerGoodbyeCarriesItsCode) {
  auto recorder = std::make_shared<Recorder>();
  WsClient client(net_, url(), recorder);
  ASSERT_TRUE(client.send("bye").has_value());
  EXPECT_EQ(recorder->wait_closed().substr(0, 16), "peer closed 1000");
}

TEST_F(WebSocket, ServerAbortIsALostConnection) {
  auto recorder = std::make_shared<Recorder>();
  WsClient client(net_, url(), recorder);
  ASSERT_TRUE(client.send("abort").has_value());
  EXPECT_EQ(recorder->wait_closed(), "connection lost");
  EXPECT_EQ(recorder->closings(), 1U);
  handler_->wait_disconnects(1);
}

TEST_F(WebSocket, RefusedConnectionSaysSo) {
  auto recorder = std::make_shared<Recorder>();
  WsClient client(net_, "ws://127.0.0.1:" + std::to_string(test::closed_port()), recorder);
  EXPECT_NE(recorder->wait_closed().find("refused"), std::string::npos) << recorder->wait_closed();
}

TEST_F(WebSocket, BadUrlsAndNamesAreReportedThroughOnClosed) {
  for (const char* bad : {"http://127.0.0.1/", "ws://", "ws://user@host/", "ws://host:99999/"}) {
    auto recorder = std::make_shared<Recorder>();
    WsClient client(net_, bad, recorder);
    EXPECT_NE(recorder->wait_closed().find("not a websocket URL"), std::string::npos) << bad;
  }
  auto recorder = std::make_shared<Recorder>();
  WsClient client(net_, "ws://name.invalid/", recorder);
  EXPECT_NE(recorder->wait_closed().find("cannot resolve name.invalid"), std::string::npos);
}

TEST_F(WebSocket, NamesAreResolved) {
  auto recorder = std::make_shared<Recorder>();
  WsClient client(net_, "ws://localhost:" + std::to_string(server_->port()) + "/path?q=1",
                  recorder);
  EXPECT_TRUE(recorder->wait_open());
}

TEST_F(WebSocket, PrivateAddressesCanBeForbidden) {
  for (const std::string host : {"127.0.0.1", "localhost", "10.1.2.3", "[::1]"}) {
    auto recorder = std::make_shared<Recorder>();
    WsClient client(net_, "ws://" + host + ":" + std::to_string(server_->port()), recorder,
                    {.allow_private_addresses = false});
    EXPECT_NE(recorder->wait_closed().find("private"), std::string::npos) << host;
  }
  EXPECT_EQ(handler_->connects(), 0);
}

TEST_F(WebSocket, SilentServerRunsIntoTheConnectTimeout) {
  test::RawServer silent([](test::RawConnection& peer) { peer.wait_for_end(); });
  auto recorder = std::make_shared<Recorder>();
  WsClient client(net_, silent.url("ws"), recorder, {.connect_timeout = std::chrono::seconds(1)});
  EXPECT_EQ(recorder->wait_closed(), "no connection within 1 s");
}

TEST_F(WebSocket, HttpReplyInsteadOfAnUpgradeIsAnError) {
  test::RawServer web([](test::RawConnection& peer) {
    peer.read_until("\r\n\r\n");
    peer.write("HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n");
  });
  auto recorder = std::make_shared<Recorder>();
  WsClient client(net_, web.url("ws"), recorder);
  EXPECT_FALSE(recorder->wait_closed().empty());
  EXPECT_FALSE(recorder->wait_open());
}

/// Finishes the upgrade and then never says anything again.
void upgrade_and_freeze(test::RawConnection& peer) {
  const std::string request = peer.read_until("\r\n\r\n");
  peer.write(test::upgrade_reply(request));
  peer.wait_for_end();
}

TEST_F(WebSocket, HalfOpenConnectionIsFoundByPing) {
  test::RawServer frozen(upgrade_and_freeze);
  auto recorder = std::make_shared<Recorder>();
  WsClient client(
      net_, frozen.url("ws"), recorder,
      {.ping_interval = std::chrono::seconds(1), .pong_timeout = std::chrono::seconds(1)});
  ASSERT_TRUE(recorder->wait_open());
  EXPECT_EQ(recorder->wait_closed(), "half open: no answer to a ping within 1 s");
}

TEST_F(WebSocket, AnsweredPingsKeepTheConnection) {
  auto idle = std::make_shared<Recorder>();
  WsClient kept(
      net_, url(), idle,
      {.ping_interval = std::chrono::seconds(1), .pong_timeout = std::chrono::seconds(1)});
  ASSERT_TRUE(idle->wait_open());
  test::RawServer frozen(upgrade_and_freeze);
  auto measure = std::make_shared<Recorder>();
  WsClient lost(
      net_, frozen.url("ws"), measure,
      {.ping_interval = std::chrono::seconds(2), .pong_timeout = std::chrono::seconds(1)});
  measure->wait_closed();  // by now the idle one has been pinged twice
  EXPECT_EQ(idle->closings(), 0U);
}

TEST_F(WebSocket, TwoHundredConnectionsAtOnce) {
  constexpr int kCount = 200;
  std::vector<std::shared_ptr<Recorder>> recorders;
  std::vector<std::unique_ptr<WsClient>> clients;
  for (int i = 0; i < kCount; ++i) {
    recorders.push_back(std::make_shared<Recorder>());
    clients.push_back(std::make_unique<WsClient>(net_, url(), recorders.back()));
    ASSERT_TRUE(clients.back()->send("hello " + std::to_string(i)).has_value());
  }
  for (int i = 0; i < kCount; ++i) {
    const auto frames = recorders[static_cast<std::size_t>(i)]->wait_frames(1);
    ASSERT_EQ(frames.size(), 1U);
    EXPECT_EQ(frames[0], "hello " + std::to_string(i));
  }
  EXPECT_EQ(handler_->connects(), kCount);
  clients.clear();
  handler_->wait_disconnects(kCount);
}

TEST_F(WebSocket, ConnectionsBeyondTheLimitAreTurnedAway) {
  listen(0, 2);
  std::vector<std::shared_ptr<Recorder>> recorders;
  std::vector<std::unique_ptr<WsClient>> clients;
  for (int i = 0; i < 3; ++i) {
    recorders.push_back(std::make_shared<Recorder>());
    clients.push_back(std::make_unique<WsClient>(net_, url(), recorders.back()));
    const bool opened = recorders.back()->wait_open();
    EXPECT_EQ(opened, i < 2);
  }
}

TEST_F(WebSocket, TakenPortIsNamedAndReleasedPortIsFree) {
  const std::uint16_t port = server_->port();
  const auto second = WsServer::listen(net_, {.port = port}, handler_);
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().code, base::Errc::kIo);
  EXPECT_NE(second.error().detail.find("127.0.0.1:" + std::to_string(port)), std::string::npos);
  server_.reset();
  listen(port);
  EXPECT_EQ(server_->port(), port);
}

TEST_F(WebSocket, DestroyedServerHasReportedEveryDisconnect) {
  auto recorder = std::make_shared<Recorder>();
  WsClient client(net_, url(), recorder);
  ASSERT_TRUE(recorder->wait_open());
  server_.reset();
  EXPECT_EQ(handler_->disconnects(), 1);
  recorder->wait_closed();
}

TEST_F(WebSocket, AServerThatDiesListensNoMoreWhenItsClientsFall) {
  struct Watch final : WsServerHandler {
    void on_connect(ConnectionId, std::string) override { connected.count_down(); }
    void on_frame(ConnectionId, Frame) override {}
    void on_disconnect(ConnectionId) override { listens_still = test::is_listening(port); }
    void on_drained(ConnectionId) override {}
    HttpResponse on_http(const HttpRequest&) override { return {}; }
    std::latch connected{1};
    std::uint16_t port = 0;
    std::atomic<bool> listens_still{true};
  };
  const auto watch = std::make_shared<Watch>();
  const auto server = WsServer::listen(net_, {}, watch);
  ASSERT_TRUE(server.has_value()) << server.error().detail;
  watch->port = (*server)->port();
  auto recorder = std::make_shared<Recorder>();
  NetThread other;
  WsClient client(other, "ws://127.0.0.1:" + std::to_string(watch->port) + "/", recorder);
  watch->connected.wait();
  (*server)->abort_all();
  EXPECT_FALSE(watch->listens_still);
  EXPECT_EQ(recorder->wait_closed(), "connection lost");
}

TEST_F(SmallLimits, SlowReaderIsBounded) {
  // The raw side never reads, so that the kernel's buffers fill and the queue reaches its bound.
  const std::uint16_t port = server_->port();
  test::RawClient slow(port);
  slow.write(test::upgrade_request(port));
  slow.read_until("\r\n\r\n");
  slow.write(test::masked_text("flood"));
  handler_->wait_limit();
  EXPECT_LE(server_->queued_bytes(handler_->last()), 4u << 20);
  slow.drain(4'000'000);  // nearly all; the kernel holds the rest
  handler_->wait_drained(1);
  server_->abort(handler_->last());
  handler_->wait_disconnects(1);
}

TEST_F(WebSocket, ShutdownWithTrafficInFlight) {
  std::vector<std::shared_ptr<Recorder>> recorders;
  {
    NetThread net;
    auto handler = std::make_shared<EchoHandler>();
    auto server = WsServer::listen(net, {}, handler);
    ASSERT_TRUE(server.has_value());
    handler->attach(server->get());
    const std::string target = "ws://127.0.0.1:" + std::to_string((*server)->port());
    std::vector<std::unique_ptr<WsClient>> clients;
    for (int i = 0; i < 20; ++i) {
      recorders.push_back(std::make_shared<Recorder>());
      clients.push_back(std::make_unique<WsClient>(net, target, recorders.back()));
      for (int k = 0; k < 200; ++k) (void)clients.back()->send(std::string(500, 'x'));
    }
    recorders.front()->wait_frames(10);
  }
  for (const auto& recorder : recorders) EXPECT_EQ(recorder->closings(), 1U);
}

TEST_F(WebSocket, PlainHttpIsAnswered) {
  const std::uint16_t port = server_->port();
  const std::string host = "127.0.0.1:" + std::to_string(port);
  test::RawClient get(port);
  get.write("GET /info?x=1 HTTP/1.1\r\nHost: " + host +
            "\r\nAccept: application/nostr+json\r\nConnection: close\r\n\r\n");
  const std::string reply = get.read_all();
  EXPECT_EQ(reply.substr(0, 12), "HTTP/1.1 200");
  EXPECT_NE(reply.find("access-control-allow-origin: *"), std::string::npos) << reply;
  EXPECT_NE(reply.find("GET /info?x=1 application/nostr+json"), std::string::npos) << reply;

  test::RawClient post(port);
  post.write("POST /missing HTTP/1.1\r\nHost: " + host +
             "\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello");
  const std::string answer = post.read_all();
  EXPECT_EQ(answer.substr(0, 12), "HTTP/1.1 404");
  EXPECT_NE(answer.find("POST /missing  hello"), std::string::npos) << answer;
}

}  // namespace
}  // namespace nostr
