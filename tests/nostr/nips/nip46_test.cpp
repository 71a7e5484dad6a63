// NIP-46: connection strings (some made by nostr-tools 2.25.2), requests and answers.
#include <gtest/gtest.h>

#include "nostr/nips/nip46.h"
#include "tests/nostr/nips/keys_fixture.h"

namespace {

using namespace nips_test;
using base::Errc;

const std::string kSigner = "fa984bd7dbb282f07e16e7ae87b26a2a7b9b90b7246a44771f0cf5ae58018f52";
const std::string kClient = "eff37350d839ce3707332348af4549a96051bd695d3223af4aabce4993531d86";

nostr::PublicKey hex_key(const std::string& hex) {
  return nostr::PublicKey::from_hex(hex).value();
}

// ---- connection strings ------------------------------------------------------------------------

TEST(Nip46, BunkerUriOfNostrToolsIsRead) {
  const auto uri = nostr::parse_bunker_uri(
      "bunker://" + kSigner +
      "?relay=wss%3A%2F%2Frelay.example%2Fpath%3Fx%3D1&relay=ws%3A%2F%2F127.0.0.1%3A7777"
      "&secret=a+b%2Bc%26d%3D%C3%A9");
  ASSERT_TRUE(uri) << uri.error().detail;
  EXPECT_EQ(uri->signer, hex_key(kSigner));
  EXPECT_EQ(uri->relays,
            (std::vector<std::string>{"wss://relay.example/path?x=1", "ws://127.0.0.1:7777"}));
  EXPECT_EQ(uri->secret, "a b+c&d=\u00e9");
}

TEST(Nip46, NostrConnectUriOfNostrToolsIsRead) {
  const auto uri = nostr::parse_nostrconnect_uri(
      "nostrconnect://" + kClient +
      "?relay=wss%3A%2F%2Frelay.example&relay=ws%3A%2F%2F127.0.0.1%3A7777%2F&secret=0s8j2djs"
      "&perms=nip44_encrypt%2Csign_event%3A4%2Csign_event&name=My+Client+%26+co"
      "&url=https%3A%2F%2Fclient.example%2F%3Fa%3Db&image=https%3A%2F%2Fclient.example%2Fi.png");
  ASSERT_TRUE(uri) << uri.error().detail;
  const nostr::NostrConnectUri expected{
      .client = hex_key(kClient),
      .relays = {"wss://relay.example", "ws://127.0.0.1:7777/"},
      .secret = "0s8j2djs",
      .permissions = {{"nip44_encrypt", {}}, {"sign_event", 4}, {"sign_event", {}}},
      .name = "My Client & co",
      .url = "https://client.example/?a=b",
      .image = "https://client.example/i.png"};
  EXPECT_EQ(*uri, expected);
}

TEST(Nip46, ConnectionStringsComeBack) {
  const nostr::BunkerUri bunker{hex_key(kSigner), {"wss://a/x?y=z&w", "wss://b"}, "s p&c=%+\n"};
  EXPECT_EQ(nostr::parse_bunker_uri(nostr::build_bunker_uri(bunker)).value(), bunker);
  const nostr::NostrConnectUri app{.client = hex_key(kClient),
                                   .relays = {"wss://a"},
                                   .secret = "s",
                                   .permissions = {{"ping", {}}, {"sign_event", 65'535}},
                                   .name = "\"x\" & \u4e16",
                                   .url = "https://x",
                                   .image = ""};
  EXPECT_EQ(nostr::parse_nostrconnect_uri(nostr::build_nostrconnect_uri(app)).value(), app);
}

TEST(Nip46, OlderMetadataNamesTheApp) {
  const auto uri = nostr::parse_nostrconnect_uri("nostrconnect://" + kClient +
                                                 "?relay=wss%3A%2F%2Fr&metadata=%7B%22name%22%3A%"
                                                 "22Old%22%2C%22url%22%3A%22https%3A%2F%2Fo%22%7D");
  ASSERT_TRUE(uri) << uri.error().detail;
  EXPECT_EQ(uri->name, "Old");
  EXPECT_EQ(uri->url, "https://o");
  EXPECT_EQ(uri->secret, "");
}

TEST(Nip46, BadConnectionStringsAreRefusedWithoutQuotingThem) {
  const std::string relay = "?relay=wss://r";
  const std::string secret = "&secret=hunter2";
  for (const std::string& text :
       {std::string(), std::string("bunker://"), "bunker://" + kSigner + secret,
        "bunker://" + kSigner.substr(1) + relay + secret,
        "nostrconnect://" + kSigner + relay + secret,
        "bunker://" + kSigner + "?relay=https://r" + secret,
        "bunker://" + kSigner + relay + "&secret=hunter2%",
        "bunker://" + kSigner + relay + " " + secret,
        "bunker://" + kSigner + relay + secret + std::string(9'000, 'x')}) {
    const auto uri = nostr::parse_bunker_uri(text);
    ASSERT_FALSE(uri) << text;
    EXPECT_EQ(uri.error().code, Errc::kInvalid);
    EXPECT_EQ(uri.error().detail.find("hunter2"), std::string::npos);
  }
}

TEST(Nip46, AStrangersConnectionStringIsBounded) {
  std::string text = "bunker://" + kSigner + "?relay=wss://r0";
  for (int i = 1; i < 60; ++i) text += "&relay=wss://r" + std::to_string(i);
  EXPECT_EQ(nostr::parse_bunker_uri(text)->relays.size(), 16u);
  for (int i = 0; i < 60; ++i) text += "&x=" + std::to_string(i);
  EXPECT_FALSE(nostr::parse_bunker_uri(text));
  std::string perms;
  for (int i = 0; i < 200; ++i) perms += "sign_event:" + std::to_string(i) + ",";
  EXPECT_EQ(nostr::parse_permissions(perms).size(), 64u);
}

TEST(Nip46, PermissionsThatMeanNothingAreLeftOut) {
  EXPECT_EQ(
      nostr::parse_permissions("ping,,sign_event:65536,sign_event:-1,sign_event:,<b>,sign_event:1"),
      (std::vector<nostr::SignerPermission>{{"ping", {}}, {"sign_event", 1}}));
  EXPECT_TRUE(nostr::parse_permissions("").empty());
}

// ---- requests ----------------------------------------------------------------------------------

TEST(Nip46, RequestsComeBack) {
  const nostr::SignerRequest request{"1a-2", "nip44_encrypt", {kClient, "h\u00e9llo \"\n\x01"}};
  EXPECT_EQ(nostr::parse_signer_request(nostr::build_signer_request(request)).value(), request);
}

TEST(Nip46, RequestsOfManyShapesAreRead) {
  const auto read = nostr::parse_signer_request(
      R"({"id":"7","method":"sign_event","params":[{"kind":1,"tags":[["p","x"]]},null,5],"x":1})");
  ASSERT_TRUE(read) << read.error().detail;
  EXPECT_EQ(read->params, (std::vector<std::string>{R"({"kind":1,"tags":[["p","x"]]})", "", "5"}));
  EXPECT_TRUE(nostr::parse_signer_request(R"({"id":"7","method":"ping"})")->params.empty());
  for (const char* bad :
       {"", "[]", "{}", R"({"id":7,"method":"ping","params":[]})",
        R"({"id":"","method":"ping","params":[]})", R"({"id":"1","method":"","params":[]})",
        R"({"id":"1","method":"a b","params":[]})", R"({"id":"1","method":"ping","params":{}})",
        R"({"id":"1","method":"ping","params":[1,2,3,4,5,6,7,8,9,0,1,2,3,4,5,6,7]})"})
    EXPECT_EQ(nostr::parse_signer_request(bad).error().code, Errc::kInvalid) << bad;
  const std::string id(257, 'i');
  EXPECT_FALSE(
      nostr::parse_signer_request(R"({"id":")" + id + R"(","method":"ping","params":[]})"));
}

TEST(Nip46, MethodsHaveTheirNames) {
  for (int i = 0; i <= static_cast<int>(nostr::SignerMethod::kLogout); ++i) {
    const auto method = static_cast<nostr::SignerMethod>(i);
    EXPECT_EQ(nostr::signer_method(nostr::signer_method_name(method)), method);
  }
  EXPECT_EQ(nostr::signer_method_name(nostr::SignerMethod::kSignEvent), "sign_event");
  EXPECT_EQ(nostr::signer_method("create_account"), std::nullopt);
}

TEST(Nip46, ConnectParametersComeBackAndAreReadLiberally) {
  const nostr::ConnectParams params{
      hex_key(kSigner), "s3", {{"sign_event", 1}}, "App", "https://app"};
  EXPECT_EQ(nostr::parse_connect_params(nostr::build_connect_params(params)), params);
  EXPECT_EQ(nostr::build_connect_params({hex_key(kSigner), "", {}, "", ""}),
            std::vector<std::string>{kSigner});
  // nostr-tools: [signer, secret or "", "", metadata]
  EXPECT_EQ(nostr::parse_connect_params({kSigner, "", "", R"({"name":"N"})"}).name, "N");
  EXPECT_EQ(nostr::parse_connect_params({}), nostr::ConnectParams{});
  EXPECT_EQ(nostr::parse_connect_params({"npub1", "x", "", "{"}).secret, "x");
}

TEST(Nip46, TemplatesToSignAreChecked) {
  const nostr::Draft draft{
      1, kNow, {{"p", kClient}, {"t", "\u00fc"}}, "Hello, \"signed\" remotely\n"};
  const auto read = nostr::parse_sign_template(nostr::build_sign_template(draft), pub('1'));
  ASSERT_TRUE(read) << read.error().detail;
  EXPECT_EQ(read->kind, 1);
  EXPECT_EQ(read->created_at, kNow);
  EXPECT_EQ(read->tags, draft.tags);
  EXPECT_EQ(read->content, draft.content);
  const auto short_form = nostr::parse_sign_template(R"({"kind":30023})", pub('1'));
  ASSERT_TRUE(short_form);
  EXPECT_EQ(short_form->created_at, base::UnixTime{});
  EXPECT_TRUE(
      nostr::parse_sign_template(R"({"kind":1,"pubkey":")" + pub('1').hex() + "\"}", pub('1')));
  EXPECT_EQ(nostr::parse_sign_template(R"({"kind":1,"pubkey":")" + kClient + "\"}", pub('1'))
                .error()
                .code,
            Errc::kDenied);
  for (const char* bad :
       {"", "{}", R"({"kind":65536})", R"({"kind":-1})", R"({"kind":"1"})",
        R"({"kind":1,"tags":{}})", R"({"kind":1,"tags":[[]]})", R"({"kind":1,"tags":[["a",1]]})",
        R"({"kind":1,"content":5})", R"({"kind":1,"created_at":-1})",
        R"({"kind":1,"created_at":99999999999999})"})
    EXPECT_EQ(nostr::parse_sign_template(bad, pub('1')).error().code, Errc::kInvalid) << bad;
}

TEST(Nip46, CipherParametersNeedAKeyAndAText) {
  EXPECT_EQ(nostr::parse_cipher_params({kClient, "text"})->text, "text");
  EXPECT_FALSE(nostr::parse_cipher_params({kClient}));
  EXPECT_FALSE(nostr::parse_cipher_params({"npub1x", "text"}));
}

// ---- answers -----------------------------------------------------------------------------------

TEST(Nip46, AnswersComeBack) {
  for (const nostr::SignerResponse& response :
       {nostr::SignerResponse{"1", "pong", ""}, nostr::SignerResponse{"1", "", ""},
        nostr::SignerResponse{"1", {}, "denied"}, nostr::auth_url_response("1", "https://x/y")})
    EXPECT_EQ(nostr::parse_signer_response(nostr::build_signer_response(response)).value(),
              response);
}

TEST(Nip46, AnswersOfManyShapesAreRead) {
  EXPECT_EQ(nostr::parse_signer_response(R"({"id":"1","result":{"a":1},"error":null})")->result,
            R"({"a":1})");
  EXPECT_EQ(nostr::parse_signer_response(R"({"id":"1","result":null,"error":"no"})")->error, "no");
  for (const char* bad :
       {"", "{}", R"({"id":"1"})", R"({"id":"1","result":null})", R"({"result":"x"})"})
    EXPECT_FALSE(nostr::parse_signer_response(bad)) << bad;
}

TEST(Nip46, AnAuthUrlIsAWebPage) {
  EXPECT_EQ(nostr::auth_url(nostr::auth_url_response("1", "https://x/y?z")), "https://x/y?z");
  EXPECT_EQ(nostr::auth_url(nostr::auth_url_response("1", "javascript:alert(1)")), std::nullopt);
  EXPECT_EQ(nostr::auth_url(nostr::auth_url_response("1", "https://x/\x1b[2J")), std::nullopt);
  EXPECT_EQ(nostr::auth_url(nostr::auth_url_response("1", "https://" + std::string(2'048, 'x'))),
            std::nullopt);
  EXPECT_EQ(nostr::auth_url({"1", "ok", "https://x"}), std::nullopt);
}

TEST(Nip46, OnlyTheSecretProvesWhoSawTheText) {
  EXPECT_TRUE(nostr::echoes_secret({"1", "s3cret", ""}, "s3cret"));
  EXPECT_FALSE(nostr::echoes_secret({"1", "ack", ""}, "s3cret"));
  EXPECT_FALSE(nostr::echoes_secret({"1", "", ""}, ""));
  EXPECT_FALSE(nostr::echoes_secret({"1", {}, "s3cret"}, "s3cret"));
  EXPECT_TRUE(nostr::admits({"1", "ack", ""}, ""));
  EXPECT_TRUE(nostr::admits({"1", "ack", ""}, "s3cret"));
  EXPECT_TRUE(nostr::admits({"1", "s3cret", ""}, "s3cret"));
  EXPECT_FALSE(nostr::admits({"1", "other", ""}, "s3cret"));
  EXPECT_FALSE(nostr::admits({"1", "ack", "denied"}, ""));
}

TEST(Nip46, RelaysToSwitchToAreReadOrNone) {
  const std::vector<std::string> relays{"wss://a", "wss://b"};
  EXPECT_EQ(nostr::parse_switch_relays_result(nostr::build_switch_relays_result(relays)).value(),
            relays);
  EXPECT_EQ(nostr::parse_switch_relays_result("null").value(), std::nullopt);
  EXPECT_EQ(nostr::parse_switch_relays_result(R"(["http://x",1])").value(), std::nullopt);
  EXPECT_FALSE(nostr::parse_switch_relays_result("{}"));
}

TEST(Nip46, EventsAreAddressed) {
  const auto draft = nostr::build_signer_event(pub('2'), "cipher", kNow);
  EXPECT_EQ(draft.kind, 24133);
  EXPECT_EQ(draft.tags, (nostr::Tags{{"p", pub('2').hex()}}));
  EXPECT_EQ(draft.content, "cipher");
}

}  // namespace
