// wss:// believes only certificates that chain to the bundle and carry the name that was dialled.
#include <gtest/gtest.h>

#include "nostr/net/http_client.h"
#include "nostr/net/net_thread.h"
#include "nostr/net/ws_client.h"
#include "tests/nostr/net/support/tls_server.h"
#include "tests/nostr/net/support/ws_peers.h"

namespace nostr {
namespace {

class Tls : public ::testing::Test {
 protected:
  /// Whether a connection to `host` opens; the reason it did not is kept.
  bool opens(NetOptions options, const std::string& host) {
    NetThread net(std::move(options));
    auto seen = std::make_shared<test::Recorder>();
    WsClient client(net, "wss://" + host + ":" + std::to_string(server_.port()), seen);
    const bool opened = seen->wait_open();
    if (!opened) reason_ = seen->wait_closed();
    return opened;
  }
  test::TlsServer server_{"localhost"};
  std::string reason_;
};

TEST_F(Tls, KnownAuthorityAndNameAreAccepted) {
  EXPECT_TRUE(opens({.ca_file = server_.ca_file()}, "localhost")) << reason_;
}

TEST_F(Tls, UnknownAuthorityIsRefused) {
  EXPECT_FALSE(opens({}, "localhost"));
  EXPECT_FALSE(reason_.empty());
}

TEST_F(Tls, WrongNameIsRefused) {
  EXPECT_FALSE(opens({.ca_file = server_.ca_file()}, "127.0.0.1"));
  EXPECT_FALSE(reason_.empty());
}

TEST_F(Tls, HttpsBelievesNoStrangerEither) {
  base::Loop loop;
  HttpClient http(loop);
  const auto reply = loop.run_until_complete(http.perform(
      {.method = "POST", .url = "https://localhost:" + std::to_string(server_.port()) + "/v1", .body = "a secret"}));
  ASSERT_FALSE(reply.has_value());
  EXPECT_EQ(reply.error().code, base::Errc::kUnavailable) << "nothing of it was sent";
  EXPECT_NE(reply.error().detail.find("certificate"), std::string::npos) << reply.error().detail;
}

TEST_F(Tls, VerificationCanBeSwitchedOffForTests) {
  EXPECT_TRUE(opens({.verify_tls = false}, "127.0.0.1")) << reason_;
}

}  // namespace
}  // namespace nostr
