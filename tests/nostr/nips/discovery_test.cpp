// What relays, apps and sellers say: NIP-13, 45, 50, 62, 66, 67, 70, 78, 89, 90 and 99.
#include <gtest/gtest.h>

#include "nostr/event/event_json.h"
#include "nostr/nips/nip13.h"
#include "nostr/nips/nip45.h"
#include "nostr/nips/nip50.h"
#include "nostr/nips/nip62.h"
#include "nostr/nips/nip66.h"
#include "nostr/nips/nip67.h"
#include "nostr/nips/nip70.h"
#include "nostr/nips/nip78.h"
#include "nostr/nips/nip89.h"
#include "nostr/nips/nip99.h"
#include "tests/nostr/nips/keys_fixture.h"

namespace {

using namespace nips_test;
using base::Errc;
using std::chrono::milliseconds;
using std::chrono::seconds;

nostr::Event sign(const nostr::Draft& draft) {
  return signed_by(key('1'), draft.kind, draft.tags, draft.content, draft.created_at);
}

// ---- NIP-13 ------------------------------------------------------------------------------------

TEST(Nip13, ThePublishedNoteHasItsWork) {
  const auto event = nostr::parse_event(
      R"({"id":"000006d8c378af1779d2feebc7603a125d99eca0ccf1085959b307f64e5dd358",)"
      R"("pubkey":"a48380f4cfcc1ad5378294fcac36439770f9c878dd880ffa94bb74ea54a6f243","created_at":1651794653,)"
      R"("kind":1,"tags":[["nonce","776797","20"]],"content":"It's just me mining my own business",)"
      R"("sig":"284622fc0a3f4f1303455d5175f7ba962a3300d136085b9566801bc2e0699de0c7e31e44c81fb40ad9049173742e904713c3594a1da0fc5d2382a25c11aba977"})");
  ASSERT_TRUE(event);
  EXPECT_TRUE(nostr::check(*event));
  EXPECT_EQ(nostr::difficulty_of(event->id), 21);
  EXPECT_TRUE(nostr::has_work(*event, 20));
  EXPECT_FALSE(nostr::has_work(*event, 21));  // luck beyond the commitment does not count
}

TEST(Nip13, BitsAreCountedAsInTheText) {
  const auto bits = [](const char* hex) {
    return nostr::difficulty_of(nostr::EventId::from_hex(hex).value());
  };
  EXPECT_EQ(bits("000000000e9d97a1ab09fc381030b346cdd7a142ad57e6df0b46dc9bef6c7e2d"), 36);
  EXPECT_EQ(bits("8000000000000000000000000000000000000000000000000000000000000000"), 0);
  EXPECT_EQ(bits("0000000000000000000000000000000000000000000000000000000000000000"), 256);
}

TEST(Nip13, CommitmentsThatAreNoneDoNotCount) {
  for (const nostr::Tag& tag :
       {nostr::Tag{"nonce", "1"}, nostr::Tag{"nonce", "1", "x"}, nostr::Tag{"nonce", "1", "-1"},
        nostr::Tag{"nonce", "1", "257"}, nostr::Tag{"nonce"}})
    EXPECT_EQ(nostr::committed_difficulty({tag}), std::nullopt);
  EXPECT_EQ(nostr::committed_difficulty({{"nonce", "1", "30"}}), 30);
}

TEST(Nip13, MiningGoesInStepsAndFindsTheTarget) {
  const nostr::UnsignedEvent note{
      pub('1'), kNow, 1, {{"t", "\"0\""}, {"nonce", "9", "1"}}, "mine \"0\""};
  nostr::Miner miner(note, 10);
  std::optional<nostr::UnsignedEvent> mined;
  while (!(mined = miner.mine(100))) ASSERT_LT(miner.tried(), 1'000'000u);
  EXPECT_GE(nostr::difficulty_of(nostr::compute_id(*mined)), 10);
  EXPECT_EQ(mined->tags.size(), 2u);
  EXPECT_EQ(nostr::committed_difficulty(mined->tags), 10);
  EXPECT_EQ(mined->content, note.content);
}

TEST(Nip13, MiningStopsWhenAsked) {
  nostr::Miner miner({pub('1'), kNow, 1, {}, ""}, 64);
  std::stop_source stop;
  EXPECT_EQ(miner.mine(10, stop.get_token()), std::nullopt);
  EXPECT_EQ(miner.tried(), 10u);
  stop.request_stop();
  EXPECT_EQ(miner.mine(1'000'000'000, stop.get_token()), std::nullopt);
  EXPECT_EQ(miner.tried(), 10u);
}

// ---- NIP-45: registers and estimates as nostr-tools 2.25.2 computes them -----------------------

constexpr std::string_view kTarget =
    "d9cc14d50fcb8c27539aacf776882942c1a11ea4472f8cdec1dea82fab66279d";

nostr::HyperLogLog count_authors(int from, int to) {
  nostr::HyperLogLog out;
  for (int i = from; i < to; ++i)
    out.add(nostr::PublicKey(nostr::sha256("author " + std::to_string(i)).array()),
            nostr::hll_offset_of(kTarget));
  return out;
}

TEST(Nip45, RegistersAndEstimatesAreThoseOfNostrTools) {
  EXPECT_EQ(nostr::hll_offset_of(kTarget), 20u);
  EXPECT_EQ(nostr::hll_offset_of("30023:" + std::string(kTarget) + ":x"), 20u);
  EXPECT_EQ(nostr::hll_offset_of("#bitcoin"), 17u);
  const auto counted = count_authors(0, 2'000);
  EXPECT_EQ(nostr::sha256(counted.hex()).hex(),
            "fc4ba7427bd4c0ac4b6fa8b5bbc6737586b39b255fa358474ea561a168027c84");
  EXPECT_EQ(counted.estimate(), 2'049u);
  EXPECT_EQ(count_authors(0, 100).estimate(), 98u);
  EXPECT_EQ(nostr::HyperLogLog().estimate(), 0u);
}

TEST(Nip45, MergingCountsEachAuthorOnce) {
  auto left = count_authors(0, 1'200);
  left.merge(count_authors(800, 2'000));
  EXPECT_EQ(left, count_authors(0, 2'000));
}

TEST(Nip45, FiltersWithoutATagHaveNoOffset) {
  EXPECT_EQ(nostr::hll_offset({}), std::nullopt);
  nostr::Filter filter;
  filter.tags['e'] = {std::string(kTarget)};
  EXPECT_EQ(nostr::hll_offset(filter), 20u);
}

TEST(Nip45, AnswersComeBackAndAreReadLiberally) {
  for (const nostr::CountAnswer& answer :
       {nostr::CountAnswer{.count = 238},
        nostr::CountAnswer{.count = 93'412'452, .approximate = true},
        nostr::CountAnswer{.count = 2'044, .hll = count_authors(0, 50)}})
    EXPECT_EQ(nostr::parse_count(nostr::build_count(answer)).value(), answer);
  EXPECT_EQ(nostr::parse_count(R"({"count":5,"hll":"00","approximate":"yes","x":1})").value(),
            nostr::CountAnswer{.count = 5});
  for (const char* bad : {"", "5", "{}", R"({"count":-1})", R"({"count":"5"})", R"({"count":1.5})"})
    EXPECT_FALSE(nostr::parse_count(bad)) << bad;
  const auto full = nostr::HyperLogLog::from_hex(std::string(512, 'f'));
  ASSERT_TRUE(full);
  EXPECT_EQ(full->estimate(), 1'000'000'000'000'000'000u);  // any registers have an estimate
}

// ---- NIP-50 ------------------------------------------------------------------------------------

TEST(Nip50, ExtensionsAreToldFromWords) {
  const auto query = nostr::parse_search(
      "  best nostr\tapps include:spam domain:example.com https://x.com 12:30 A:b x: :y");
  ASSERT_TRUE(query);
  EXPECT_EQ(query->text, "best nostr apps https://x.com 12:30 A:b x: :y");
  EXPECT_EQ(nostr::search_extension(*query, "include"), "spam");
  EXPECT_EQ(nostr::search_extension(*query, "domain"), "example.com");
  EXPECT_EQ(nostr::search_extension(*query, "language"), std::nullopt);
  EXPECT_EQ(nostr::parse_search(nostr::build_search(*query)).value(), *query);
  EXPECT_EQ(nostr::build_search({"", {{"nsfw", "false"}}}), "nsfw:false");
}

TEST(Nip50, SearchesAreBounded) {
  EXPECT_TRUE(nostr::parse_search(""));
  EXPECT_FALSE(nostr::parse_search(std::string(1'025, 'x')));
  std::string words;
  for (int i = 0; i < 65; ++i) words += "w ";
  EXPECT_FALSE(nostr::parse_search(words));
}

// ---- NIP-62 ------------------------------------------------------------------------------------

TEST(Nip62, RequestsComeBackAndMeanTheirRelays) {
  const nostr::VanishRequest some{false, {"wss://a", "wss://b/x"}, "goodbye"};
  const auto read = nostr::parse_vanish_request(sign(nostr::build_vanish_request(some, kNow)));
  EXPECT_EQ(read.value(), some);
  EXPECT_TRUE(nostr::must_vanish_from(*read, "WSS://A:443/"));
  EXPECT_FALSE(nostr::must_vanish_from(*read, "wss://c"));
  const nostr::VanishRequest all{true, {}, ""};
  EXPECT_EQ(nostr::build_vanish_request(all, kNow).tags, (nostr::Tags{{"relay", "ALL_RELAYS"}}));
  EXPECT_TRUE(nostr::must_vanish_from(
      nostr::parse_vanish_request(sign(nostr::build_vanish_request(all, kNow))).value(),
      "wss://c"));
  EXPECT_FALSE(nostr::parse_vanish_request(signed_by(key('1'), 62, {{"relay", "all_relays"}}, "")));
  EXPECT_FALSE(nostr::parse_vanish_request(signed_by(key('1'), 5, {{"relay", "ALL_RELAYS"}}, "")));
}

// ---- NIP-66 ------------------------------------------------------------------------------------

TEST(Nip66, ReportsComeBack) {
  const nostr::RelayReport report{.relay = "wss://some.relay",
                                  .network = "clearnet",
                                  .type = "PrivateInbox",
                                  .open = milliseconds(234),
                                  .read = milliseconds(1),
                                  .write = {},
                                  .nips = {40, 33},
                                  .requirements = {{"payment", false}, {"auth", true}},
                                  .kinds = {{"1", true}, {"4", false}},
                                  .topics = {"nsfw"},
                                  .geohash = "ww8p1r4t8",
                                  .info = "{}"};
  EXPECT_EQ(nostr::parse_relay_report(sign(nostr::build_relay_report(report, kNow))).value(),
            report);
}

TEST(Nip66, AStrangersReportIsReadLiberally) {
  nostr::Tags tags{{"d", "WSS://Some.Relay:443/"},
                   {"N", "x"},
                   {"N", "11"},
                   {"rtt-open", "-5"},
                   {"k", "!x"},
                   {"R"},
                   {"R", ""}};
  for (int i = 0; i < 500; ++i) tags.push_back({"t", std::to_string(i)});
  const auto read = nostr::parse_relay_report(signed_by(key('1'), 30'166, tags, ""));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->relay, "wss://some.relay");
  EXPECT_EQ(read->nips, std::vector<int>{11});
  EXPECT_EQ(read->open, std::nullopt);
  EXPECT_TRUE(read->kinds.empty());
  EXPECT_EQ(read->topics.size(), 256u);
  EXPECT_TRUE(nostr::parse_relay_report(signed_by(key('1'), 30'166, {{"d", pub('1').hex()}}, "")));
  EXPECT_FALSE(nostr::parse_relay_report(signed_by(key('1'), 30'166, {{"d", "relay"}}, "")));
}

TEST(Nip66, MonitorsComeBackAndTimeoutsAreReadEitherWay) {
  const nostr::RelayMonitor monitor{
      .frequency = seconds(3'600),
      .timeouts = {{"open", milliseconds(5'000)}, {"", milliseconds(9)}},
      .checks = {"open", "nip11"},
      .geohash = "g"};
  EXPECT_EQ(nostr::parse_relay_monitor(sign(nostr::build_relay_monitor(monitor, kNow))).value(),
            monitor);
  // The NIP's text puts the number first, its example puts it last.
  const auto read = nostr::parse_relay_monitor(
      signed_by(key('1'), 10'166,
                {{"timeout", "5000", "open"}, {"timeout", "read", "3000"}, {"timeout", "x"}}, ""));
  EXPECT_EQ(read->timeouts, (std::vector<nostr::MonitorTimeout>{{"open", milliseconds(5'000)},
                                                                {"read", milliseconds(3'000)}}));
}

// ---- NIP-67 and 70 -----------------------------------------------------------------------------

TEST(Nip67, HintsAreReadAndUnknownOnesIgnored) {
  using nostr::Completeness;
  const struct {
    const char* frame;
    Completeness meaning;
  } cases[] = {
      {R"(["EOSE","sub1"])", Completeness::kUnknown},
      {R"(["EOSE","sub1",[]])", Completeness::kUnknown},
      {R"(["EOSE","sub2",["finish"]])", Completeness::kFinish},
      {R"(["EOSE","sub2b",["more"]])", Completeness::kMore},
      {R"(["EOSE","s",["new",5,"finish"]])", Completeness::kFinish},
      {R"(["EOSE","s",["more","finish"]])", Completeness::kUnknown},
      {R"(["EOSE","s","finish"])", Completeness::kUnknown},
  };
  for (const auto& c : cases)
    EXPECT_EQ(nostr::completeness_of(c.frame).value(), c.meaning) << c.frame;
  for (const auto meaning : {Completeness::kUnknown, Completeness::kFinish, Completeness::kMore})
    EXPECT_EQ(nostr::completeness_of(nostr::build_eose("a\"b", meaning)).value(), meaning);
  EXPECT_EQ(nostr::build_eose("sub1", Completeness::kUnknown), R"(["EOSE","sub1"])");
  for (const char* bad : {"", "[]", R"(["EOSE"])", R"(["OK","x"])", R"(["EOSE",1])"})
    EXPECT_FALSE(nostr::completeness_of(bad)) << bad;
}

TEST(Nip70, OnlyTheBareTagProtects) {
  EXPECT_TRUE(nostr::is_protected({{"p", "x"}, nostr::protected_tag()}));
  EXPECT_FALSE(nostr::is_protected({{"-", "x"}, {"p", "-"}}));
}

// ---- NIP-78 ------------------------------------------------------------------------------------

TEST(Nip78, AppDataComesBack) {
  const nostr::AppData data{"app/settings", "{\"dark\":true}", {{"expiration", "1"}}};
  EXPECT_EQ(nostr::parse_app_data(sign(nostr::build_app_data(data, kNow))).value(), data);
  EXPECT_FALSE(nostr::parse_app_data(signed_by(key('1'), 30'078, {}, "")));
}

// ---- NIP-89 ------------------------------------------------------------------------------------

nostr::HandlerInfo handler() {
  return {.d = "abcd",
          .kinds = {1, 31'337},
          .links = {{"web", "https://x/a/<bech32>", "nevent"},
                    {"web", "https://x/p/<bech32>", "nprofile"},
                    {"web", "https://x/e/<bech32>", ""},
                    {"ios", "x://<bech32>", ""}},
          .metadata = R"({"name":"App"})",
          .tags = {{"t", "music"}}};
}

TEST(Nip89, HandlersComeBackAndOpenEntities) {
  const auto read = nostr::parse_handler_info(sign(nostr::build_handler_info(handler(), kNow)));
  EXPECT_EQ(read.value(), handler());
  EXPECT_EQ(nostr::handler_url(*read, "web", "nevent1qq").value(), "https://x/a/nevent1qq");
  EXPECT_EQ(nostr::handler_url(*read, "web", "note1qq").value(), "https://x/e/note1qq");
  EXPECT_EQ(nostr::handler_url(*read, "ios", "nevent1qq").value(), "x://nevent1qq");
  EXPECT_EQ(nostr::handler_url(*read, "android", "note1qq").error().code, Errc::kNotFound);
  EXPECT_EQ(nostr::handler_url(*read, "web", "no/te1qq").error().code, Errc::kInvalid);
}

TEST(Nip89, RecommendationsComeBack) {
  const nostr::HandlerRecommendation recommendation{
      31'337,
      {{{31'990, pub('1'), "abcd"}, "wss://relay1", "web"}, {{31'990, pub('2'), "x"}, "", ""}}};
  EXPECT_EQ(nostr::parse_handler_recommendation(
                sign(nostr::build_handler_recommendation(recommendation, kNow)))
                .value(),
            recommendation);
  const auto other = nostr::parse_handler_recommendation(signed_by(
      key('1'), 31'989, {{"d", "1"}, {"a", "30023:" + pub('1').hex() + ":x"}, {"a"}}, ""));
  EXPECT_TRUE(other->handlers.empty());
  EXPECT_FALSE(nostr::parse_handler_recommendation(signed_by(key('1'), 31'989, {{"d", "x"}}, "")));
  EXPECT_EQ(nostr::client_tag("App", {31'990, pub('1'), "abcd"}, ""),
            (nostr::Tag{"client", "App", "31990:" + pub('1').hex() + ":abcd"}));
}

// ---- NIP-99 ------------------------------------------------------------------------------------

TEST(Nip99, ListingsComeBack) {
  const nostr::Listing listing{.d = "lorem-ipsum",
                               .title = "Lorem Ipsum",
                               .summary = "More",
                               .description = "**bold**",
                               .published_at = base::unix_time(1'296'962'229),
                               .location = "NYC",
                               .geohash = "dr5",
                               .price = nostr::Price{"15", "EUR", "month"},
                               .sold = true,
                               .images = {{"https://url.to.img", "256x256"}, {"https://b", ""}},
                               .topics = {"electronics"}};
  EXPECT_EQ(nostr::parse_listing(sign(nostr::build_listing(listing, kNow))).value(), listing);
  const nostr::Listing draft{.d = "x", .draft = true};
  EXPECT_EQ(nostr::parse_listing(sign(nostr::build_listing(draft, kNow))).value(), draft);
}

TEST(Nip99, AStrangersListingIsReadLiberally) {
  const auto price = [](std::string amount) {
    return nostr::parse_listing(
               signed_by(key('1'), 30'402, {{"d", "x"}, {"price", amount, "USD"}}, ""))
        ->price;
  };
  EXPECT_TRUE(price("19.99"));
  for (const char* bad : {"", "free", "-1", "1e9", ".5", "5.", "1.2.3", "0x10"})
    EXPECT_FALSE(price(bad)) << bad;
  EXPECT_FALSE(nostr::parse_listing(signed_by(key('1'), 30'402, {}, "")));
  EXPECT_FALSE(nostr::parse_listing(signed_by(key('1'), 1, {{"d", "x"}}, "")));
}

}  // namespace
