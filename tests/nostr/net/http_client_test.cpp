// HTTP against a scripted server: streams, statuses, truncation, deadlines and cancellation.
#include "nostr/net/http_client.h"

#include <gtest/gtest.h>

#include <latch>

#include "tests/nostr/net/support/raw_server.h"

namespace nostr {
namespace {

using base::Errc;
using test::RawConnection;
using test::RawServer;

std::string reply_with(std::string_view status, std::string_view headers, std::string_view body) {
  return "HTTP/1.1 " + std::string(status) + "\r\n" + std::string(headers) +
         "content-length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
}

class Http : public ::testing::Test {
 protected:
  base::Result<HttpReply> perform(HttpCall call) {
    return loop_.run_until_complete(client_.perform(std::move(call)));
  }
  base::Loop loop_;
  HttpClient client_{loop_};
};

TEST_F(Http, RequestAndReplyPassUnchanged) {
  std::string head;
  std::string body;
  RawServer server([&](RawConnection& peer) {
    head = peer.read_until("\r\n\r\n");
    body = peer.read_until("}");
    peer.write(reply_with("200 OK", "X-Thing: a b\r\n", "fine"));
  });
  const auto reply = perform({.method = "POST",
                              .url = server.url("http", "/v1?x=1"),
                              .headers = {{"content-type", "application/json"}},
                              .body = "{\"a\":1}"});
  ASSERT_TRUE(reply.has_value()) << reply.error().detail;
  EXPECT_EQ(reply->status, 200);
  EXPECT_EQ(reply->body, "fine");
  EXPECT_EQ(reply->header("x-thing"), "a b");
  EXPECT_EQ(reply->header("absent"), "");
  EXPECT_EQ(head.substr(0, 23), "POST /v1?x=1 HTTP/1.1\r\n");
  EXPECT_NE(head.find("content-type: application/json"), std::string::npos);
  EXPECT_EQ(body, "{\"a\":1}");
}

TEST_F(Http, ErrorStatusIsAValueWithHeaders) {
  RawServer server([](RawConnection& peer) {
    peer.read_until("\r\n\r\n");
    peer.write(reply_with("429 Too Many Requests", "Retry-After: 7\r\n", "slow down"));
  });
  std::string streamed;
  const auto reply = loop_.run_until_complete(
      client_.stream({.url = server.url("http")}, [&](std::string_view data) {
        streamed += data;
        return true;
      }));
  ASSERT_TRUE(reply.has_value());
  EXPECT_EQ(reply->status, 429);
  EXPECT_EQ(reply->header("retry-after"), "7");
  EXPECT_EQ(reply->body, "slow down");
  EXPECT_EQ(streamed, "");
}

TEST_F(Http, StreamArrivesPieceByPiece) {
  std::latch first_seen(1);
  RawServer server([&](RawConnection& peer) {
    peer.read_until("\r\n\r\n");
    peer.write("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n6\r\nfirst \r\n");
    first_seen.wait();  // the receiver has the first piece before the second is sent
    peer.write("6\r\nsecond\r\n0\r\n\r\n");
  });
  std::string streamed;
  bool opened = false;
  const auto reply = loop_.run_until_complete(
      client_.stream({.url = server.url("http")}, [&](std::string_view data) {
        streamed += data;
        if (!std::exchange(opened, true)) first_seen.count_down();
        return true;
      }));
  ASSERT_TRUE(reply.has_value()) << reply.error().detail;
  EXPECT_EQ(streamed, "first second");
  EXPECT_EQ(reply->body, "");
}

TEST_F(Http, LargeStreamIsCompleteDespiteBackpressure) {
  const std::string body(12u << 20, 'y');
  RawServer server([&](RawConnection& peer) {
    peer.read_until("\r\n\r\n");
    peer.write(reply_with("200 OK", "", body));
  });
  std::size_t total = 0;
  const auto reply = loop_.run_until_complete(
      client_.stream({.url = server.url("http")}, [&](std::string_view data) {
        total += data.size();
        return true;
      }));
  ASSERT_TRUE(reply.has_value()) << reply.error().detail;
  EXPECT_EQ(total, body.size());
}

TEST_F(Http, TruncatedBodiesAreErrors) {
  for (const char* start : {"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nshort",
                            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nshort\r\n",
                            "HTTP/1.1 200 OK\r\ncontent-"}) {
    RawServer server([&](RawConnection& peer) {
      peer.read_until("\r\n\r\n");
      peer.write(start);
    });
    const auto reply = perform({.url = server.url("http")});
    ASSERT_FALSE(reply.has_value()) << start;
    EXPECT_EQ(reply.error().code, Errc::kIo) << start;
  }
}

TEST_F(Http, BodyLimitHolds) {
  RawServer server([](RawConnection& peer) {
    peer.read_until("\r\n\r\n");
    peer.write(reply_with("200 OK", "", std::string(5000, 'z')));
  });
  const auto reply = perform({.url = server.url("http"), .max_body_bytes = 4999});
  ASSERT_FALSE(reply.has_value());
  EXPECT_EQ(reply.error().code, Errc::kLimit);
}

TEST_F(Http, RefusedAndDeadlineAndPolicyAreTold) {
  const auto refused =
      perform({.url = "http://127.0.0.1:" + std::to_string(test::closed_port()) + "/"});
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, Errc::kUnavailable);  // nothing was sent

  RawServer silent([](RawConnection& peer) { peer.wait_for_end(); });
  const auto late =
      perform({.url = silent.url("http"), .total_timeout = std::chrono::milliseconds(50)});
  ASSERT_FALSE(late.has_value());
  EXPECT_EQ(late.error().code, Errc::kTimeout);

  const auto denied = perform({.url = silent.url("http"), .allow_private_addresses = false});
  ASSERT_FALSE(denied.has_value());
  EXPECT_EQ(denied.error().code, Errc::kDenied);

  EXPECT_EQ(perform({.url = "file:///etc/passwd"}).error().code, Errc::kInvalid);
  EXPECT_EQ(perform({.url = silent.url("http"), .headers = {{"a", "b\r\nc: d"}}}).error().code,
            Errc::kInvalid);
}

TEST_F(Http, AStreamThatDoesNotBeginOrPausesIsGivenUp) {
  RawServer silent([](RawConnection& peer) {
    peer.read_until("\r\n\r\n");
    peer.write("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n");
    peer.wait_for_end();
  });
  RawServer pausing([](RawConnection& peer) {
    peer.read_until("\r\n\r\n");
    peer.write("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nshort");
    peer.wait_for_end();
  });
  const auto stream = [this](RawServer& server) {
    return loop_.run_until_complete(client_.stream({.url = server.url("http"),
                                                    .first_byte_timeout = std::chrono::milliseconds(50),
                                                    .idle_timeout = std::chrono::milliseconds(50)},
                                                   [](std::string_view) { return true; }));
  };
  const auto never = stream(silent);
  ASSERT_FALSE(never.has_value());
  EXPECT_EQ(never.error().code, Errc::kTimeout);
  EXPECT_NE(never.error().detail.find("did not begin"), std::string::npos);
  const auto paused = stream(pausing);
  ASSERT_FALSE(paused.has_value());
  EXPECT_EQ(paused.error().code, Errc::kTimeout);
  EXPECT_NE(paused.error().detail.find("paused"), std::string::npos);
}

TEST_F(Http, ReceiverMayStopTheStream) {
  RawServer server([](RawConnection& peer) {
    peer.read_until("\r\n\r\n");
    peer.write("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nshort");
    peer.wait_for_end();
  });
  const auto reply = loop_.run_until_complete(
      client_.stream({.url = server.url("http")}, [](std::string_view) { return false; }));
  ASSERT_FALSE(reply.has_value());
  EXPECT_EQ(reply.error().code, Errc::kCancelled);
}

base::Task<void> stream_until_cancelled(HttpClient& client, std::string url, base::Signal& seen,
                                        bool& returned) {
  (void)co_await client.stream({.url = std::move(url)}, [&seen](std::string_view) {
    seen.notify();
    return true;
  });
  returned = true;
}

base::Task<void> cancel_after_data(base::Scope& scope, base::Signal& seen) {
  co_await seen.wait_for(std::chrono::hours(1));
  co_await scope.stop();
}

TEST_F(Http, CancellingTheTaskAbortsTheTransfer) {
  std::latch peer_gone(1);
  RawServer server([&](RawConnection& peer) {
    peer.read_until("\r\n\r\n");
    peer.write("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nshort");
    peer.wait_for_end();  // returns only because the client hangs up
    peer_gone.count_down();
  });
  base::Signal seen(loop_);
  base::Scope scope(loop_);
  bool returned = false;
  scope.spawn("stream", stream_until_cancelled(client_, server.url("http"), seen, returned));
  loop_.run_until_complete(cancel_after_data(scope, seen));
  peer_gone.wait();
  EXPECT_FALSE(returned);
}

TEST_F(Http, RedirectsOnlyWhenAsked) {
  RawServer target([](RawConnection& peer) {
    peer.read_until("\r\n\r\n");
    peer.write(reply_with("200 OK", "", "there"));
  });
  RawServer server([&](RawConnection& peer) {
    peer.read_until("\r\n\r\n");
    peer.write(reply_with("302 Found", "location: " + target.url("http") + "\r\n", ""));
  });
  EXPECT_EQ(perform({.url = server.url("http")})->status, 302);
  const auto followed = perform({.url = server.url("http"), .follow_redirects = true});
  ASSERT_TRUE(followed.has_value()) << followed.error().detail;
  EXPECT_EQ(followed->body, "there");
}

}  // namespace
}  // namespace nostr
