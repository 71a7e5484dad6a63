// What relays say and are told: NIP-11, 42, 65 and the inbox list of NIP-17; and NIP-04's legacy
// DM.
#include <gtest/gtest.h>

#include "nostr/nips/nip04.h"
#include "nostr/nips/nip11.h"
#include "nostr/nips/nip17.h"
#include "nostr/nips/nip42.h"
#include "nostr/nips/nip65.h"
#include "tests/nostr/nips/keys_fixture.h"

namespace {

using namespace nips_test;
using std::chrono::seconds;

TEST(Nip65, UrlsAreCheckedAndCompared) {
  const struct {
    const char* url;
    bool ok;
    const char* normal;
  } cases[] = {
      {"wss://relay.example", true, "wss://relay.example"},
      {"WSS://Relay.Example:443/", true, "wss://relay.example"},
      {"ws://127.0.0.1:80//", true, "ws://127.0.0.1"},
      {"ws://127.0.0.1:7777/Path/", true, "ws://127.0.0.1:7777/Path"},
      {"wss://r.example/?x=/", true, "wss://r.example/?x=/"},
      {"wss://[::1]:7000", true, "wss://[::1]:7000"},
      {"http://relay.example", false, nullptr},
      {"wss://", false, nullptr},
      {"wss://:80", false, nullptr},
      {"wss://host:80:80", false, nullptr},  // would lose one port each time it is normalised
      {"wss://host:", false, nullptr},
      {"wss://host:8o", false, nullptr},
      {"wss://[::1", false, nullptr},
      {"wss://[::1]x", false, nullptr},
      {"wss://user@host", false, nullptr},
      {"wss://a b", false, nullptr},
      {"relay.example", false, nullptr},
      {"", false, nullptr},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(nostr::is_relay_url(c.url), c.ok) << c.url;
    EXPECT_EQ(nostr::normalize_relay_url(c.url), c.ok ? c.normal : c.url);
  }
}

TEST(Nip65, ListsAreReadBack) {
  const nostr::RelayList list{.read = {"wss://both", "wss://in"},
                              .write = {"wss://both", "wss://out"}};
  const auto draft = nostr::build_relay_list(list, kNow);
  EXPECT_EQ(draft.tags.size(), 3u);
  const auto event = signed_by(key('1'), draft.kind, draft.tags, "");
  EXPECT_EQ(nostr::parse_relay_list(event).value(), list);
  EXPECT_FALSE(nostr::parse_relay_list(signed_by(key('1'), 1, {}, "")));
}

TEST(Nip65, AStrangersListIsBounded) {
  nostr::Tags tags{{"r", "javascript:alert(1)"}, {"r"}};
  for (int i = 0; i < 500; ++i) tags.push_back({"r", "wss://r" + std::to_string(i)});
  const auto list = nostr::parse_relay_list(signed_by(key('1'), 10002, tags, "")).value();
  EXPECT_EQ(list.read.size(), 32u);
  EXPECT_EQ(list.read[0], "wss://r0");
}

TEST(Nip17, InboxRelaysAreReadBack) {
  const auto draft = nostr::build_dm_relays({"wss://inbox.example", "nonsense"}, kNow);
  const auto event = signed_by(key('1'), draft.kind, draft.tags, "");
  EXPECT_EQ(nostr::parse_dm_relays(event).value(), std::vector<std::string>{"wss://inbox.example"});
}

TEST(Nip42, ChecksEveryPart) {
  const auto auth = [](std::string challenge, std::string relay, nostr::UnixTime at) {
    const auto draft = nostr::build_auth(challenge, relay, at);
    return signed_by(key('1'), draft.kind, draft.tags, draft.content, draft.created_at);
  };
  const std::string relay = "wss://relay.example";
  EXPECT_TRUE(nostr::check_auth(auth("c1", relay, kNow), "c1", relay, kNow));
  EXPECT_TRUE(
      nostr::check_auth(auth("c1", "wss://RELAY.example:443/nostr", kNow), "c1", relay, kNow));
  EXPECT_FALSE(nostr::check_auth(auth("c2", relay, kNow), "c1", relay, kNow));
  EXPECT_FALSE(nostr::check_auth(auth("", relay, kNow), "", relay, kNow));
  EXPECT_FALSE(nostr::check_auth(auth("c1", "wss://evil.example", kNow), "c1", relay, kNow));
  EXPECT_FALSE(nostr::check_auth(auth("c1", "ws://relay.example", kNow), "c1", relay, kNow));
  EXPECT_FALSE(nostr::check_auth(auth("c1", relay, kNow - seconds(601)), "c1", relay, kNow));
  EXPECT_FALSE(nostr::check_auth(auth("c1", relay, kNow + seconds(601)), "c1", relay, kNow));
  EXPECT_FALSE(nostr::check_auth(signed_by(key('1'), 1, {}, ""), "c1", relay, kNow));
  auto forged = auth("c1", relay, kNow);
  forged.pubkey = pub('2');
  EXPECT_EQ(nostr::check_auth(forged, "c1", relay, kNow).error().code, base::Errc::kCrypto);
}

TEST(Nip11, DocumentsAreReadBack) {
  nostr::RelayInfo info;
  info.name = "sovereign";
  info.pubkey = pub('1');
  info.supported_nips = {42, 1, 11};
  info.limitation.max_limit = 500;
  info.limitation.auth_required = false;
  auto read = nostr::parse_relay_info(nostr::build_relay_info(info)).value();
  info.supported_nips = {1, 11, 42};
  EXPECT_EQ(read, info);
}

TEST(Nip11, WrongTypesCountAsAbsent) {
  const auto info = nostr::parse_relay_info(
      R"({"name":5,"supported_nips":[1,"x",-3,1e9],"limitation":{"max_limit":"many"},"pubkey":"zz"})");
  ASSERT_TRUE(info);
  EXPECT_EQ(info->name, "");
  EXPECT_EQ(info->supported_nips, std::vector<int>{1});
  EXPECT_EQ(info->limitation.max_limit, std::nullopt);
  EXPECT_FALSE(nostr::parse_relay_info("[]"));
  EXPECT_FALSE(nostr::parse_relay_info("<html>"));
}

TEST(Nip04, RoundTripAndGarbage) {
  base::SeededRng rng(1);
  const auto ours = nostr::ecdh(key('1'), pub('2')).value();
  const auto theirs = nostr::ecdh(key('2'), pub('1')).value();
  const auto payload = nostr::nip04_encrypt(ours, "yes K7QF-2M9X", rng);
  EXPECT_EQ(nostr::nip04_decrypt(theirs, payload).value(), "yes K7QF-2M9X");
  for (const char* bad : {"", "abc", "?iv=", "AAAA?iv=AAAA", "AAAAAAAAAAAAAAAAAAAAAA==?iv=AAAA"})
    EXPECT_FALSE(nostr::nip04_decrypt(theirs, bad)) << bad;
  EXPECT_EQ(nostr::nip04_decrypt(theirs, std::string(200'000, 'A') + "?iv=").error().code,
            base::Errc::kInvalid);
}

}  // namespace
