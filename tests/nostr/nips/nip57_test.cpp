// NIP-57: zap requests, what lnurl providers answer, receipts that fit and those that do not.
#include <gtest/gtest.h>

#include <numeric>

#include "nostr/event/event_json.h"
#include "nostr/nips/nip57.h"
#include "tests/nostr/nips/invoice_maker.h"
#include "tests/nostr/nips/keys_fixture.h"

namespace {

using namespace nips_test;
using base::Errc;
using base::Msat;

const nostr::Preimage kPreimage = nostr::Preimage::from_hex(std::string(64, 'a')).value();

nostr::ZapRequest request_for(char to) {
  return {
      .to = pub(to),
      .amount = Msat{21'000},
      .relays = {"wss://a", "wss://b"},
      .lnurl =
          "lnurl1dp68gurn8ghj7um5v93kketj9ehx2amn9uh8wetvdskkkmn0wahz7mrww4excup0dajx2mrv92x9xp",
      .event = id('e'),
      .kind = nostr::Kind{1},
      .comment = "Zap! \"quoted\""};
}

nostr::Event sign(const nostr::SecretKey& key, const nostr::Draft& draft) {
  return signed_by(key, draft.kind, draft.tags, draft.content, draft.created_at);
}

/// A request of key 1 to key 2 and the receipt of the provider with key 3, each open to change.
struct Receipt {
  nostr::Event request = sign(key('1'), nostr::build_zap_request(request_for('2'), kNow));
  std::string hrp = "lnbc210n";  // 21 000 msat
  std::string committed = nostr::to_json(request);
  nostr::Draft draft() const {
    const auto invoice =
        make_invoice(hrp, nostr::sha256(kPreimage.view()), nostr::sha256(committed), key('9'));
    return nostr::build_zap_receipt(request, nostr::to_json(request), invoice, kPreimage, kNow);
  }
  base::Result<nostr::Zap> check() const {
    return nostr::check_zap_receipt(sign(key('3'), draft()), pub('3'));
  }
};

TEST(Nip57, RequestsComeBack) {
  const auto wanted = request_for('2');
  const auto event = sign(key('1'), nostr::build_zap_request(wanted, kNow));
  EXPECT_EQ(nostr::check_zap_request(event).value(), wanted);
}

TEST(Nip57, RequestsThatBreakARuleAreRefused) {
  const auto draft = nostr::build_zap_request(request_for('2'), kNow);
  const auto with = [&](nostr::Tag tag) {
    auto changed = draft;
    changed.tags.push_back(std::move(tag));
    return nostr::check_zap_request(sign(key('1'), changed));
  };
  EXPECT_EQ(with({"p", pub('4').hex()}).error().code, Errc::kInvalid);
  EXPECT_EQ(with({"e", id('d').hex()}).error().code, Errc::kInvalid);
  EXPECT_EQ(with({"a", "no address"}).error().code, Errc::kInvalid);
  EXPECT_TRUE(with({"a", "30023:" + pub('2').hex() + ":x"}));
  auto without_p = draft;
  std::erase_if(without_p.tags, [](const nostr::Tag& tag) { return tag[0] == "p"; });
  EXPECT_FALSE(nostr::check_zap_request(sign(key('1'), without_p)));
  for (const char* amount : {"-1", "21.5", "x", "9223372036854775808", "2100000000000000001"}) {
    auto changed = draft;
    for (auto& tag : changed.tags)
      if (tag[0] == "amount") tag[1] = amount;
    EXPECT_FALSE(nostr::check_zap_request(sign(key('1'), changed))) << amount;
  }
  auto forged = sign(key('1'), draft);
  forged.content = "other";
  EXPECT_EQ(nostr::check_zap_request(forged).error().code, Errc::kCrypto);
  EXPECT_FALSE(nostr::check_zap_request(signed_by(key('1'), 1, draft.tags, "")));
}

TEST(Nip57, TheInvoiceUrlCarriesTheWholeRequest) {
  const auto request = sign(key('1'), nostr::build_zap_request(request_for('2'), kNow));
  const auto url =
      nostr::zap_invoice_url("https://p.example/cb?x=1", request, Msat{21'000}, "lnurl1x");
  ASSERT_TRUE(url) << url.error().detail;
  EXPECT_TRUE(url->starts_with("https://p.example/cb?x=1&amount=21000&nostr=%7B%22id%22%3A%22"))
      << *url;
  EXPECT_TRUE(url->ends_with("&lnurl=lnurl1x"));
  EXPECT_TRUE(nostr::zap_invoice_url("http://abc.onion/cb", request, Msat{1}, ""));
  for (const char* bad :
       {"http://p.example/cb", "file:///etc/passwd", "", "https://", "https://a b"})
    EXPECT_FALSE(nostr::zap_invoice_url(bad, request, Msat{1}, "")) << bad;
}

TEST(Nip57, ProvidersDescribeThemselves) {
  const auto pay = nostr::parse_lnurl_pay(
      R"({"tag":"payRequest","callback":"https://p/cb","minSendable":1000,"maxSendable":100000000,)"
      R"("metadata":"[]","commentAllowed":144,"allowsNostr":true,"nostrPubkey":")" +
      pub('3').hex() + "\"}");
  ASSERT_TRUE(pay) << pay.error().detail;
  EXPECT_EQ(pay->provider, pub('3'));
  EXPECT_EQ(pay->min_sendable, Msat{1'000});
  EXPECT_EQ(pay->max_sendable, Msat{100'000'000});
  EXPECT_EQ(pay->comment_allowed, 144);
  const std::string start =
      R"({"callback":"https://p/cb","minSendable":1,"maxSendable":2,"nostrPubkey":")" +
      pub('3').hex();
  EXPECT_EQ(nostr::parse_lnurl_pay(start + R"("})")->provider, std::nullopt);
  EXPECT_EQ(nostr::parse_lnurl_pay(start + R"(","allowsNostr":false})")->provider, std::nullopt);
  EXPECT_EQ(nostr::parse_lnurl_pay(R"({"status":"ERROR","reason":"gone"})").error().code,
            Errc::kPeer);
  for (const char* bad :
       {"", "[]", "{}", R"({"callback":"http://p","minSendable":1,"maxSendable":2})",
        R"({"callback":"https://p","minSendable":3,"maxSendable":2})",
        R"({"callback":"https://p","minSendable":-1,"maxSendable":2})"})
    EXPECT_EQ(nostr::parse_lnurl_pay(bad).error().code, Errc::kInvalid) << bad;
  EXPECT_EQ(nostr::parse_lnurl_invoice(R"({"pr":"lnbc1","routes":[]})").value(), "lnbc1");
  EXPECT_FALSE(nostr::parse_lnurl_invoice(R"({"status":"ERROR"})"));
}

TEST(Nip57, LightningAddressesHaveAUrl) {
  EXPECT_EQ(nostr::lightning_address_url("bob.x+y@pay.example:8443").value(),
            "https://pay.example:8443/.well-known/lnurlp/bob.x+y");
  EXPECT_EQ(nostr::lightning_address_url("bob@abc.onion").value(),
            "http://abc.onion/.well-known/lnurlp/bob");
  for (const char* bad : {"", "bob", "@x", "bob@", "bob@x/y", "b/b@x", "b@x?y", "Bob@x"})
    EXPECT_FALSE(nostr::lightning_address_url(bad)) << bad;
}

TEST(Nip57, AReceiptThatFitsIsAZap) {
  const auto zap = Receipt{}.check();
  ASSERT_TRUE(zap) << zap.error().detail;
  EXPECT_EQ(zap->from, pub('1'));
  EXPECT_EQ(zap->request, request_for('2'));
  EXPECT_EQ(zap->amount, Msat{21'000});
  EXPECT_EQ(zap->preimage, kPreimage);
}

TEST(Nip57, ReceiptsThatDoNotFitAreRefused) {
  EXPECT_EQ(nostr::check_zap_receipt(sign(key('3'), Receipt{}.draft()), pub('4')).error().code,
            Errc::kDenied);
  EXPECT_FALSE((Receipt{.hrp = "lnbc220n"}.check()));
  EXPECT_FALSE((Receipt{.hrp = "lnbc"}.check()));
  EXPECT_FALSE((Receipt{.committed = "something else"}.check()));
  const auto changed = [](std::string_view name, std::string value) {
    auto draft = Receipt{}.draft();
    for (auto& tag : draft.tags)
      if (tag[0] == name) tag[1] = value;
    return nostr::check_zap_receipt(sign(key('3'), draft), pub('3'));
  };
  EXPECT_FALSE(changed("p", pub('5').hex()));
  EXPECT_FALSE(changed("e", id('f').hex()));
  EXPECT_FALSE(changed("description", "{}"));
  EXPECT_FALSE(changed("bolt11", "lnbc1"));
  EXPECT_EQ(changed("preimage", std::string(64, 'b'))->preimage, std::nullopt);
  Receipt forged;
  forged.request.content = "forged";
  forged.committed = nostr::to_json(forged.request);
  EXPECT_EQ(forged.check().error().code, Errc::kCrypto);
  Receipt elsewhere;
  auto draft = nostr::build_zap_request(request_for('2'), kNow);
  draft.tags.push_back({"P", pub('8').hex()});
  elsewhere.request = sign(key('1'), draft);
  elsewhere.committed = nostr::to_json(elsewhere.request);
  EXPECT_FALSE(elsewhere.check());
}

TEST(Nip57, SplitsAreWeighed) {
  const nostr::Tags tags{{"zap", pub('1').hex(), "wss://a", "1"},
                         {"zap", pub('2').hex(), "wss://b", "1"},
                         {"zap", pub('3').hex(), "wss://c", "2"}};
  const auto splits = nostr::parse_zap_splits(tags);
  ASSERT_EQ(splits.size(), 3u);
  EXPECT_DOUBLE_EQ(splits[0].weight, 0.25);
  EXPECT_DOUBLE_EQ(splits[2].weight, 0.5);
  EXPECT_EQ(nostr::split_amount(splits, Msat{101'000}),
            (std::vector<Msat>{{26'000}, {25'000}, {50'000}}));
}

TEST(Nip57, SplitsWithoutWeightsAreEqualAndPartlyWithoutThemAreNot) {
  const auto equal =
      nostr::parse_zap_splits({{"zap", pub('1').hex()}, {"zap", pub('2').hex(), "wss://b"}});
  ASSERT_EQ(equal.size(), 2u);
  EXPECT_DOUBLE_EQ(equal[0].weight, 0.5);
  const auto partly = nostr::parse_zap_splits(
      {{"zap", pub('1').hex(), "wss://a"}, {"zap", pub('2').hex(), "wss://b", "3"}});
  ASSERT_EQ(partly.size(), 1u);
  EXPECT_EQ(partly[0].to, pub('2'));
  EXPECT_DOUBLE_EQ(partly[0].weight, 1);
  EXPECT_TRUE(nostr::parse_zap_splits({{"zap"}, {"zap", "x"}, {"p", pub('1').hex()}}).empty());
  for (const char* weight : {"nan", "inf", "-1", "1e400", "0x1", " 1"})
    EXPECT_TRUE(nostr::parse_zap_splits({{"zap", pub('1').hex(), "", weight}}).empty()) << weight;
}

TEST(Nip57, NoMillisatoshiIsLostOrMade) {
  nostr::Tags tags;
  for (char c = '1'; c <= '7'; ++c) tags.push_back({"zap", pub(c).hex(), "", std::string(1, c)});
  const auto splits = nostr::parse_zap_splits(tags);
  for (const std::int64_t amount : {std::int64_t{0}, std::int64_t{1}, std::int64_t{999},
                                    std::int64_t{123'456'789}, base::kMaxMsat.value}) {
    const auto parts = nostr::split_amount(splits, Msat{amount});
    const Msat sum = std::accumulate(parts.begin(), parts.end(), Msat{});
    EXPECT_EQ(sum.value, amount);
    for (const Msat part : parts) EXPECT_GE(part.value, 0);
  }
}

}  // namespace
