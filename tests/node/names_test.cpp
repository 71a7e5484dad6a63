// Names asked for at a domain, believed for a while, and never at our own network.
#include "node/names.h"

#include <gtest/gtest.h>

#include <atomic>

#include "nostr/net/ws_server.h"
#include "nostr/nips/nip19.h"
#include "tests/node/support/temp_dir.h"
#include "tests/nostr/client/support/harness.h"

namespace node {
namespace {

using base::Errc;

const std::string kHex = nostr::testing::make_key(5).public_key().hex();

/// Serves one document for any path, and counts.
class Domain final : public nostr::WsServerHandler {
 public:
  explicit Domain(nostr::HttpResponse response) : response_(std::move(response)) {}
  void on_connect(nostr::ConnectionId, std::string) override {}
  void on_frame(nostr::ConnectionId, nostr::Frame) override {}
  void on_drained(nostr::ConnectionId) override {}
  void on_disconnect(nostr::ConnectionId) override {}
  nostr::HttpResponse on_http(const nostr::HttpRequest&) override {
    ++requests;
    return response_;
  }
  std::atomic<int> requests = 0;

 private:
  const nostr::HttpResponse response_;
};

class NamesTest : public ::testing::Test {
 protected:
  void serve(nostr::HttpResponse response) {
    domain_ = std::make_shared<Domain>(std::move(response));
    server_ = *nostr::WsServer::listen(net_, {}, domain_);
    name_ = "bob@127.0.0.1:" + std::to_string(server_->port());
  }
  base::Result<nostr::PublicKey> find(const std::string& text, NameOptions options) {
    Names names(loop_, clock_, std::move(options));
    return loop_.run_until_complete(names.find(text));
  }
  NameOptions local() const {
    return {.cache = home_ / "names.json", .trust_local = true};
  }

  testing::TempDir home_;
  base::Loop loop_;
  base::ManualClock clock_{base::unix_time(1'760'000'000)};
  nostr::NetThread net_;
  std::shared_ptr<Domain> domain_;
  std::shared_ptr<nostr::WsServer> server_;
  std::string name_;
};

TEST_F(NamesTest, KeysAreReadWithoutAskingAnybody) {
  const auto key = nostr::testing::make_key(5).public_key();
  EXPECT_EQ(find(kHex, {}).value(), key);
  EXPECT_EQ(find(nostr::encode_npub(key), {}).value(), key);
  EXPECT_FALSE(find("npub1wrong", {}).has_value());
}

TEST_F(NamesTest, ANameIsAskedForOnceAnHour) {
  serve({.status = 200, .body = R"({"names":{"bob":")" + kHex + R"("}})"});
  for (int i = 0; i < 2; ++i) {
    const auto found = find(name_, local());
    ASSERT_TRUE(found.has_value()) << found.error().detail;
    EXPECT_EQ(found->hex(), kHex);
  }
  EXPECT_EQ(domain_->requests, 1);
  clock_.advance(std::chrono::hours{2});
  EXPECT_TRUE(find(name_, local()).has_value());
  EXPECT_EQ(domain_->requests, 2);
}

TEST_F(NamesTest, ARedirectIsNotFollowed) {
  serve({.status = 302, .body = ""});
  EXPECT_EQ(find(name_, local()).error().code, Errc::kPeer);
}

TEST_F(NamesTest, OurOwnNetworkIsNotAskedForAStranger) {
  serve({.status = 200, .body = R"({"names":{"bob":")" + kHex + R"("}})"});
  EXPECT_FALSE(find(name_, {}).has_value());
  EXPECT_EQ(domain_->requests, 0);
}

}  // namespace
}  // namespace node
