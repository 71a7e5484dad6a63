// Who somebody is and follows, and how they prove it: NIP-02, 05, 21, 51 and 98.
#include <gtest/gtest.h>

#include "nostr/event/event_json.h"
#include "nostr/nips/nip02.h"
#include "nostr/nips/nip04.h"
#include "nostr/nips/nip05.h"
#include "nostr/nips/nip21.h"
#include "nostr/nips/nip44.h"
#include "nostr/nips/nip51.h"
#include "nostr/nips/nip98.h"
#include "tests/nostr/nips/keys_fixture.h"

namespace {

using namespace nips_test;
using base::Errc;
using std::chrono::seconds;

// ---- NIP-02 ------------------------------------------------------------------------------------

TEST(Nip02, FollowsComeBack) {
  const std::vector<nostr::Follow> follows{
      {pub('1'), "wss://alicerelay.com/", "alice"}, {pub('2'), "", "bob"}, {pub('3'), "", ""}};
  const auto draft = nostr::build_follows(follows, "{}", kNow);
  EXPECT_EQ(draft.tags[2], (nostr::Tag{"p", pub('3').hex()}));
  EXPECT_EQ(draft.content, "{}");
  EXPECT_EQ(nostr::parse_follows(signed_by(key('1'), 3, draft.tags, "")).value(), follows);
}

TEST(Nip02, AStrangersListIsReadLiberallyAndBounded) {
  nostr::Tags tags{{"p"},
                   {"p", "nonsense"},
                   {"e", id('1').hex()},
                   {"p", pub('1').hex(), "http://x", "a"},
                   {"p", pub('1').hex(), "wss://y", "b"}};
  const auto read = nostr::parse_follows(signed_by(key('1'), 3, tags, ""));
  EXPECT_EQ(read.value(), (std::vector<nostr::Follow>{{pub('1'), "", "a"}}));
  EXPECT_FALSE(nostr::parse_follows(signed_by(key('1'), 1, tags, "")));
  nostr::Event big = signed_by(key('1'), 3, {}, "");
  for (int i = 0; i < 10'050; ++i)
    big.tags.push_back({"p", nostr::sha256(std::to_string(i)).hex()});
  EXPECT_EQ(nostr::parse_follows(big)->size(), nostr::kMaxFollows);
}

// ---- NIP-05 ------------------------------------------------------------------------------------

TEST(Nip05, IdentifiersAreSplitAndShown) {
  const struct {
    const char* text;
    const char* name;
    const char* domain;
    const char* shown;
    const char* url;
  } cases[] = {
      {"bob@example.com", "bob", "example.com", "bob@example.com",
       "https://example.com/.well-known/nostr.json?name=bob"},
      {"_@bob.com", "_", "bob.com", "bob.com", "https://bob.com/.well-known/nostr.json?name=_"},
      {"bob.com", "_", "bob.com", "bob.com", "https://bob.com/.well-known/nostr.json?name=_"},
      {"Bob.X-y_1@Sub.Example.COM:8443", "bob.x-y_1", "sub.example.com:8443",
       "bob.x-y_1@sub.example.com:8443",
       "https://sub.example.com:8443/.well-known/nostr.json?name=bob.x-y_1"},
      {"a+b@localhost", "a+b", "localhost", "a+b@localhost",
       "https://localhost/.well-known/nostr.json?name=a%2Bb"},
  };
  for (const auto& c : cases) {
    const auto identifier = nostr::parse_identifier(c.text);
    ASSERT_TRUE(identifier) << c.text;
    EXPECT_EQ(*identifier, (nostr::InternetIdentifier{c.name, c.domain}));
    EXPECT_EQ(nostr::display_identifier(*identifier), c.shown);
    EXPECT_EQ(nostr::identifier_url(*identifier), c.url);
  }
}

TEST(Nip05, WhatIsNoIdentifierIsRefused) {
  for (const char* bad :
       {"", "@", "bob@", "@bob.com", "bob", "bob@bob", "a b@x.com", "bob@x.com/path", "bob@x.com?y",
        "bob@x..com", "bob@.com", "bob@x.com.", "bob@a@x.com", "b\u00f6b@x.com",
        "bob@x.com:", "bob@x.com:123456", "bob@x.com:8o", "bob@x.com#y", "b%6Fb@x.com"})
    EXPECT_FALSE(nostr::parse_identifier(bad)) << bad;
  EXPECT_FALSE(nostr::parse_identifier(std::string(400, 'a') + "@x.com"));
}

const std::string kBob = "b0635d6a9851d3aed0cd6c495b282167acf761729078d975fc341b22650b07b9";

TEST(Nip05, ThePublishedAnswerIsRead) {
  const std::string json =
      R"({"names":{"bob":")" + kBob + R"("},"relays":{")" + kBob +
      R"(":["wss://relay.example.com","wss://relay2.example.com"]},"nip46":{")" + kBob +
      R"(":["wss://bunker.example.com","https://x"]}})";
  const auto named = nostr::find_name(json, "bob");
  ASSERT_TRUE(named) << named.error().detail;
  EXPECT_EQ(named->pubkey.hex(), kBob);
  EXPECT_EQ(named->relays,
            (std::vector<std::string>{"wss://relay.example.com", "wss://relay2.example.com"}));
  EXPECT_EQ(named->signer_relays, std::vector<std::string>{"wss://bunker.example.com"});
  EXPECT_EQ(nostr::find_name(json, "alice").error().code, Errc::kNotFound);
}

TEST(Nip05, NamesAreFoundInAnyCase) {
  const std::string json = R"({"names":{"BoB":")" + kBob + R"(","bob2":1}})";
  EXPECT_TRUE(nostr::find_name(json, "bob"));
  EXPECT_EQ(nostr::find_name(json, "bob2").error().code, Errc::kInvalid);
  const std::string both = R"({"names":{"Bob":"x","bob":")" + kBob + "\"}}";
  EXPECT_TRUE(nostr::find_name(both, "bob"));  // the exact spelling wins
}

TEST(Nip05, BadAnswersAreRefused) {
  for (const char* bad : {"", "<html>", "[]", "{}", R"({"names":[]})", R"({"names":null})"})
    EXPECT_EQ(nostr::find_name(bad, "bob").error().code, Errc::kInvalid) << bad;
  EXPECT_EQ(nostr::find_name(R"({"names":{"bob":"npub1x"}})", "bob").error().code, Errc::kInvalid);
  std::string upper = kBob;
  for (char& c : upper) c = static_cast<char>(std::toupper(c));
  EXPECT_FALSE(nostr::find_name(R"({"names":{"bob":")" + upper + "\"}}", "bob"));
  EXPECT_TRUE(nostr::find_name(
      R"({"names":{"bob":")" + kBob + R"("},"relays":[1],"nip46":{"x":1}})", "bob"));
}

// ---- NIP-21 ------------------------------------------------------------------------------------

TEST(Nip21, ReferencesAreFoundInText) {
  // The NIP's own examples.
  const std::string npub = "nostr:npub1sn0wdenkukak0d9dfczzeacvhkrgz92ak56egt7vdgzn8pv2wfqqhrjdv9";
  const std::string nprofile =
      "nostr:"
      "nprofile1qqsrhuxx8l9ex335q7he0f09aej04zpazpl0ne2cgukyawd24mayt8gpp4mhxue69uhhytnc9e3k7mgpz4m"
      "hxue6"
      "9uhkg6nzv9ejuumpv34kytnrdaksjlyr9p";
  const std::string text =
      "See " + npub + ", (" + nprofile + ")! \u00e9nostr:npub1broken xnostr:" + npub.substr(6);
  const auto found = nostr::find_references(text);
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(text.substr(found[0].offset, found[0].length), npub);
  EXPECT_EQ(text.substr(found[1].offset, found[1].length), nprofile);
  EXPECT_EQ(std::get<nostr::PublicKey>(found[0].entity).hex(),
            "84dee6e676e5bb67b4ad4e042cf70cbd8681155db535942fcc6a0533858a7240");
  EXPECT_EQ(std::get<nostr::ProfilePointer>(found[1].entity).relays.size(), 2u);
}

TEST(Nip21, SecretsAreNoReferencesAndThereAreNotTooMany) {
  EXPECT_TRUE(nostr::find_references("nostr:" + nostr::encode_nsec(key('1'))).empty());
  EXPECT_TRUE(nostr::find_references("nostr: nostr:").empty());
  std::string many;
  for (int i = 0; i < 200; ++i) many += "nostr:" + nostr::encode_npub(pub('1')) + " ";
  EXPECT_EQ(nostr::find_references(many).size(), 100u);
  EXPECT_EQ(nostr::find_references(many, 3).size(), 3u);
}

// ---- NIP-51 ------------------------------------------------------------------------------------

TEST(Nip51, ListsComeBack) {
  const nostr::List set{
      .kind = 30'004,
      .d = "jvdy9i4",
      .title = "Yaks",
      .image = "https://x/yak.jpg",
      .description = "Shaggy",
      .public_items = {{"a", "30023:" + pub('1').hex() + ":x"}, {"e", id('2').hex()}}};
  const auto draft = nostr::build_list(set, "cipher", kNow);
  EXPECT_EQ(draft.content, "cipher");
  EXPECT_EQ(nostr::parse_list(signed_by(key('1'), draft.kind, draft.tags, "")).value(), set);
  const nostr::List mutes{.kind = 10'000, .public_items = {{"p", pub('1').hex()}, {"word", "x"}}};
  EXPECT_EQ(nostr::build_list(mutes, "", kNow).tags, mutes.public_items);
  EXPECT_EQ(nostr::build_list({.kind = 30'000}, "", kNow).tags, (nostr::Tags{{"d", ""}}));
  EXPECT_FALSE(nostr::parse_list(signed_by(key('1'), 1, {}, "")));
}

TEST(Nip51, PrivateItemsComeBack) {
  const nostr::Tags items{{"p", pub('1').hex()}, {"word", "\"quoted\" \u00e9"}};
  EXPECT_EQ(nostr::parse_private_items(nostr::build_private_items(items)).value(), items);
  EXPECT_EQ(nostr::build_private_items({}), "");
  for (const char* bad : {"", "{}", "[[]]", "[1]", "[[1]]", "[[[\"p\"]]]"})
    EXPECT_FALSE(nostr::parse_private_items(bad)) << bad;
  std::string many = "[";
  for (int i = 0; i < 10'001; ++i) many += R"(["p"],)";
  many.back() = ']';
  EXPECT_FALSE(nostr::parse_private_items(many));
}

TEST(Nip51, TheFormOfPrivateItemsIsSeen) {
  EXPECT_EQ(nostr::private_form(""), nostr::PrivateForm::kNone);
  EXPECT_EQ(nostr::private_form("TJob1dQrf2ndsmdb==?iv=S3rFeFr1gsYqmQA7bNnNTQ=="),
            nostr::PrivateForm::kNip04);
  EXPECT_EQ(nostr::private_form("AgdMm3Uq"), nostr::PrivateForm::kNip44);
}

TEST(Nip51, PrivateItemsOfBothFormsOpenWithTheAuthorsKey) {
  base::SeededRng rng(1);
  const nostr::Tags items{{"p", pub('2').hex()}};
  const auto shared = nostr::ecdh(key('1'), pub('1')).value();
  const auto legacy = nostr::nip04_encrypt(shared, nostr::build_private_items(items), rng);
  ASSERT_EQ(nostr::private_form(legacy), nostr::PrivateForm::kNip04);
  EXPECT_EQ(nostr::parse_private_items(nostr::nip04_decrypt(shared, legacy).value()).value(), items);
  const auto conversation = nostr::nip44_conversation_key(key('1'), pub('1')).value();
  const auto sealed =
      nostr::nip44_encrypt(conversation, nostr::build_private_items(items), rng).value();
  ASSERT_EQ(nostr::private_form(sealed), nostr::PrivateForm::kNip44);
  EXPECT_EQ(nostr::parse_private_items(nostr::nip44_decrypt(conversation, sealed).value()).value(),
            items);
}

// ---- NIP-98 ------------------------------------------------------------------------------------

const nostr::HttpAuth kPost{"https://api.example/v1?x=1", "POST",
                            nostr::sha256("{\"hello\":\"world\"}")};

nostr::Event auth_for(const nostr::HttpAuth& request) {
  const auto draft = nostr::build_http_auth(request, kNow);
  return signed_by(key('1'), draft.kind, draft.tags, draft.content);
}

TEST(Nip98, ThePublishedHeaderIsReadThoughItsTagHasAnOlderName) {
  // The NIP's example header; the text around it has renamed `url` to `u` since.
  const auto event = nostr::parse_http_auth_header(
      "Nostr "
      "eyJpZCI6ImZlOTY0ZTc1ODkwMzM2MGYyOGQ4NDI0ZDA5MmRhODQ5NGVkMjA3Y2JhODIzMTEwYmUzYTU3ZGZlNGI1Nzg3"
      "MzQiLCJwdWJrZXkiOiI2M2ZlNjMxOGRjNTg1ODNjZmUxNjgxMGY4NmRkMDllMThiZmQ3NmFhYmMyNGEwMDgxY2UyODU2"
      "ZjMzMDUw"
      "NGVkIiwiY29udGVudCI6IiIsImtpbmQiOjI3MjM1LCJjcmVhdGVkX2F0IjoxNjgyMzI3ODUyLCJ0YWdzIjpbWyJ1cmwi"
      "LCJodHRw"
      "czovL2FwaS5zbm9ydC5zb2NpYWwvYXBpL3YxL241c3AvbGlzdCJdLFsibWV0aG9kIiwiR0VUIl1dLCJzaWciOiI1ZWQ5"
      "ZDhlYzk1"
      "OGJjODU0Zjk5N2JkYzI0YWMzMzdkMDA1YWYzNzIzMjQ3NDdlZmU0YTAwZTI0ZjRjMzA0MzdmZjRkZDgzMDg2ODRiZWQ0"
      "NjdkOWQ2"
      "YmUzZTVhNTE3YmI0M2IxNzMyY2M3ZDMzOTQ5YTNhYWY4NjcwNWMyMjE4NCJ9");
  ASSERT_TRUE(event) << event.error().detail;
  EXPECT_TRUE(nostr::check(*event));
  const nostr::HttpAuth request{"https://api.snort.social/api/v1/n5sp/list", "GET", {}};
  EXPECT_EQ(nostr::check_http_auth(*event, request, base::unix_time(1'682'327'900)).error().code,
            Errc::kDenied);
}

TEST(Nip98, HeadersComeBack) {
  const auto event = auth_for(kPost);
  const auto header = nostr::http_auth_header(event);
  EXPECT_EQ(nostr::parse_http_auth_header(header).value(), event);
  EXPECT_EQ(nostr::parse_http_auth_header("nostr" + header.substr(5)).value(), event);
  EXPECT_TRUE(nostr::check_http_auth(event, kPost, kNow));
  for (const char* bad : {"", "Nostr", "Nostr ", "Basic x", "Nostr !!", "Nostr e30="})
    EXPECT_FALSE(nostr::parse_http_auth_header(bad)) << bad;
  EXPECT_FALSE(nostr::parse_http_auth_header("Nostr " + std::string(20'000, 'A')));
}

TEST(Nip98, ARequestThatDiffersIsDenied) {
  const auto event = auth_for(kPost);
  const auto code = [&](nostr::HttpAuth request, base::UnixTime now) {
    return nostr::check_http_auth(event, request, now).error().code;
  };
  EXPECT_EQ(code({"https://api.example/v1", "POST", kPost.body_hash}, kNow), Errc::kDenied);
  EXPECT_EQ(code({kPost.url, "PUT", kPost.body_hash}, kNow), Errc::kDenied);
  EXPECT_EQ(code({kPost.url, "POST", nostr::sha256("other")}, kNow), Errc::kDenied);
  EXPECT_EQ(code(kPost, kNow + seconds(61)), Errc::kDenied);
  EXPECT_EQ(code(kPost, kNow - seconds(61)), Errc::kDenied);
  EXPECT_TRUE(
      nostr::check_http_auth(event, {kPost.url, "post", kPost.body_hash}, kNow + seconds(60)));
  const auto without_payload = auth_for({kPost.url, "POST", {}});
  EXPECT_EQ(nostr::check_http_auth(without_payload, kPost, kNow).error().code, Errc::kDenied);
  auto forged = event;
  forged.tags[0][1] = "https://api.example/admin";
  EXPECT_EQ(nostr::check_http_auth(forged, {forged.tags[0][1], "POST", kPost.body_hash}, kNow)
                .error()
                .code,
            Errc::kCrypto);
  EXPECT_EQ(
      nostr::check_http_auth(signed_by(key('1'), 1, event.tags, ""), kPost, kNow).error().code,
      Errc::kDenied);
}

}  // namespace
