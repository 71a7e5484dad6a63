// URLs in parts, and which addresses count as private.
#include "nostr/net/address.h"

#include <gtest/gtest.h>

namespace nostr {
namespace {

TEST(WsUrl, Parts) {
  struct Case {
    const char* url;
    bool tls;
    const char* host;
    std::uint16_t port;
    const char* path;
    const char* authority;
  };
  const Case cases[] = {
      {"ws://relay.example", false, "relay.example", 80, "/", "relay.example"},
      {"wss://Relay.Example/", true, "relay.example", 443, "/", "relay.example"},
      {"WSS://r.example:8443/a/b?c=d", true, "r.example", 8443, "/a/b?c=d", "r.example:8443"},
      {"ws://[::1]:7000?x", false, "::1", 7000, "/?x", "[::1]:7000"},
      {"ws://127.0.0.1:80", false, "127.0.0.1", 80, "/", "127.0.0.1"},
  };
  for (const Case& c : cases) {
    const auto url = parse_ws_url(c.url);
    ASSERT_TRUE(url.has_value()) << c.url;
    EXPECT_EQ(url->tls, c.tls) << c.url;
    EXPECT_EQ(url->host, c.host) << c.url;
    EXPECT_EQ(url->port, c.port) << c.url;
    EXPECT_EQ(url->path, c.path) << c.url;
    EXPECT_EQ(url->authority(), c.authority) << c.url;
  }
}

TEST(WsUrl, Refused) {
  for (const char* bad :
       {"", "ws", "wss", "ws:", "ws://", "http://a", "ws://a b", "ws://a:0", "ws://a:70000",
        "ws://a:", "ws://u@a", "ws://[::1", "ws://[::1]x", "ws://a/#f", "ws://a\\b", "wsx://a"})
    EXPECT_FALSE(parse_ws_url(bad).has_value()) << bad;
}

TEST(AddressPolicy, PrivateAndPublic) {
  for (const char* text : {"127.0.0.1",        "10.0.0.1",        "172.16.0.1",    "172.31.255.255",
                           "192.168.1.1",      "169.254.1.1",     "100.64.0.1",    "0.0.0.0",
                           "224.0.0.1",        "255.255.255.255", "::1",           "::",
                           "fe80::1",          "fc00::1",         "fd12::1",       "ff02::1",
                           "::ffff:127.0.0.1", "64:ff9b::a00:1",  "2002:7f00:1::", "2001:db8::1",
                           "no address"})
    EXPECT_TRUE(is_private_address(std::string(text))) << text;
  for (const char* text : {"1.1.1.1", "8.8.8.8", "172.32.0.1", "100.128.0.1", "193.0.0.1",
                           "2606:4700:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"})
    EXPECT_FALSE(is_private_address(std::string(text))) << text;
}

TEST(Resolve, NumericAndLocal) {
  EXPECT_EQ(resolve("127.0.0.1").value(), std::vector<std::string>{"127.0.0.1"});
  EXPECT_TRUE(is_numeric_address("::1"));
  EXPECT_FALSE(is_numeric_address("localhost"));
  EXPECT_EQ(resolve("localhost").value(), (std::vector<std::string>{"127.0.0.1", "::1"}));
  EXPECT_EQ(resolve("name.invalid").error().code, base::Errc::kUnavailable);
}

}  // namespace
}  // namespace nostr
