// NIP-47: the connection string, every method's request and result, errors and events.
#include <gtest/gtest.h>

#include "nostr/nips/nip47.h"
#include "tests/nostr/nips/keys_fixture.h"

namespace {

using namespace nips_test;
using base::Errc;
using base::Msat;
using nostr::WalletEncryption;

// NIP-47 "Example connection string".
const std::string kUri =
    "nostr+walletconnect://b889ff5b1513b641e2a139f661a661364979c5beee91842f8f0ef42ab558e9d4"
    "?relay=wss%3A%2F%2Frelay.damus.io"
    "&secret=71a8c14c1407c113601079c4302dab36460f0ccd0ad506f1f2dc73b5100e4f3c";

nostr::Sha256 hash(char digit) {
  return nostr::Sha256::from_hex(std::string(64, digit)).value();
}
nostr::Preimage preimage(char digit) {
  return nostr::Preimage::from_hex(std::string(64, digit)).value();
}
nostr::NodeKey node() {
  return nostr::NodeKey::from_hex("03" + std::string(64, 'c')).value();
}

TEST(Nip47, ThePublishedConnectionStringIsReadAndWritten) {
  const auto uri = nostr::parse_wallet_uri(kUri);
  ASSERT_TRUE(uri) << uri.error().detail;
  EXPECT_EQ(uri->wallet.hex(), "b889ff5b1513b641e2a139f661a661364979c5beee91842f8f0ef42ab558e9d4");
  EXPECT_EQ(uri->relays, std::vector<std::string>{"wss://relay.damus.io"});
  EXPECT_EQ(base::hex_encode(uri->secret.expose()),
            "71a8c14c1407c113601079c4302dab36460f0ccd0ad506f1f2dc73b5100e4f3c");
  EXPECT_EQ(nostr::build_wallet_uri(*uri), kUri);
}

TEST(Nip47, ConnectionStringsOfOtherShapesAreRead) {
  const std::string rest = kUri.substr(kUri.find("//") + 2);
  EXPECT_TRUE(nostr::parse_wallet_uri("nostr+walletconnect:" + rest));
  EXPECT_TRUE(nostr::parse_wallet_uri("nostrwalletconnect://" + rest));
  const auto more =
      nostr::parse_wallet_uri(kUri + "&relay=wss://b&relay=nonsense&lud16=me@x.example");
  ASSERT_TRUE(more);
  EXPECT_EQ(more->relays.size(), 2u);
  EXPECT_EQ(more->lud16, "me@x.example");
}

TEST(Nip47, BadConnectionStringsAreRefusedWithoutQuotingThem) {
  const std::string secret = kUri.substr(kUri.find("secret=") + 7);
  for (const std::string& text :
       {std::string(), kUri.substr(0, kUri.find("&secret")), kUri.substr(0, kUri.size() - 1),
        kUri + "0", "bunker" + kUri.substr(kUri.find(':')),
        "nostr+walletconnect://x?relay=wss://r&secret=" + secret,
        "nostr+walletconnect://" + pub('1').hex() + "?secret=" + secret,
        kUri + std::string(9'000, '&'),
        "nostr+walletconnect://" + pub('1').hex() +
            "?relay=wss://r&secret=" + std::string(64, '0')}) {
    const auto uri = nostr::parse_wallet_uri(text);
    ASSERT_FALSE(uri) << text;
    EXPECT_EQ(uri.error().detail.find(secret.substr(0, 32)), std::string::npos);
  }
}

TEST(Nip47, RequestsComeBack) {
  const std::vector<nostr::WalletRequest> requests{
      nostr::PayInvoice{"", "lnbc50n1...", {}},
      nostr::PayInvoice{"", "lnbc1...", Msat{123}},
      nostr::MultiPayInvoice{{{"4da52c32a1", "lnbc1...", Msat{123}}, {"", "lnbc50n1...", {}}}},
      nostr::PayKeysend{Msat{123}, node(), preimage('a'), {{5'482'373'484, "0123456789abcdef"}}},
      nostr::PayKeysend{Msat{1}, node(), {}, {}},
      nostr::MakeInvoice{Msat{123}, "caf\u00e9", hash('d'), 213},
      nostr::MakeInvoice{Msat{0}, "", {}, {}},
      nostr::LookupInvoice{hash('3'), ""},
      nostr::LookupInvoice{{}, "lnbc50n1..."},
      nostr::ListTransactions{base::unix_time(1'693'876'973), base::unix_time(1'703'225'078), 10, 0,
                              true, nostr::TransactionType::kIncoming},
      nostr::ListTransactions{},
      nostr::GetBalance{},
      nostr::GetInfo{}};
  for (const auto& request : requests) {
    const std::string json = nostr::build_wallet_request(request);
    const auto read = nostr::parse_wallet_request(json);
    ASSERT_TRUE(read) << json << ": " << read.error().detail;
    EXPECT_EQ(*read, request) << json;
  }
}

TEST(Nip47, MethodsHaveTheirNames) {
  EXPECT_EQ(nostr::wallet_method_name(nostr::method_of(nostr::GetInfo{})), "get_info");
  EXPECT_EQ(nostr::wallet_method_name(nostr::method_of(nostr::PayInvoice{})), "pay_invoice");
  EXPECT_EQ(nostr::wallet_method_name(nostr::method_of(nostr::ListTransactions{})),
            "list_transactions");
  EXPECT_EQ(nostr::wallet_method("sign_message"), std::nullopt);
}

TEST(Nip47, BadRequestsAreRefused) {
  EXPECT_EQ(nostr::parse_wallet_request(R"({"method":"sign_message","params":{}})").error().code,
            Errc::kUnsupported);
  for (
      const char* bad :
      {"", "[]", "{}", R"({"method":"pay_invoice"})", R"({"method":"pay_invoice","params":[]})",
       R"({"method":"pay_invoice","params":{"invoice":"x","amount":-1}})",
       R"({"method":"pay_invoice","params":{"invoice":"x","amount":1.5}})",
       R"({"method":"pay_invoice","params":{"invoice":"x","amount":2100000000000000001}})",
       R"({"method":"multi_pay_invoice","params":{"invoices":[]}})",
       R"({"method":"pay_keysend","params":{"amount":1,"pubkey":"03"}})",
       R"({"method":"pay_keysend","params":{"amount":1,"pubkey":"031111111111111111111111111111111111111111111111111111111111111111","tlv_records":[{"type":1,"value":"xyz"}]}})",
       R"({"method":"make_invoice","params":{"amount":1,"expiry":-1}})",
       R"({"method":"make_invoice","params":{"amount":1,"description_hash":"xx"}})",
       R"({"method":"lookup_invoice","params":{}})",
       R"({"method":"list_transactions","params":{"limit":99999999999}})"})
    EXPECT_EQ(nostr::parse_wallet_request(bad).error().code, Errc::kInvalid) << bad;
  EXPECT_TRUE(nostr::parse_wallet_request(R"({"method":"get_balance"})"));
  EXPECT_TRUE(nostr::parse_wallet_request(R"({"method":"get_balance","params":null})"));
}

nostr::Transaction transaction() {
  return {.type = nostr::TransactionType::kOutgoing,
          .state = "settled",
          .invoice = "lnbc1",
          .description = "d",
          .description_hash = hash('d'),
          .preimage = preimage('e'),
          .payment_hash = hash('f'),
          .amount = Msat{123},
          .fees_paid = Msat{1},
          .created_at = kNow,
          .expires_at = kNow + std::chrono::seconds(60),
          .settled_at = kNow + std::chrono::seconds(1)};
}

TEST(Nip47, AnswersComeBack) {
  const std::vector<nostr::WalletResponse> responses{
      {"pay_invoice", nostr::Payment{preimage('0'), Msat{7}}},
      {"multi_pay_invoice", nostr::Payment{preimage('0'), {}}},
      {"pay_keysend", nostr::Payment{{}, {}}},
      {"make_invoice",
       nostr::Transaction{.invoice = "lnbc1", .payment_hash = hash('a'), .amount = Msat{5}}},
      {"lookup_invoice", transaction()},
      {"list_transactions", nostr::TransactionList{{transaction(), transaction()}}},
      {"get_balance", nostr::Balance{Msat{10'000}}},
      {"get_info",
       nostr::WalletInfo{
           "al", "#fff", "03ab", "mainnet", 1, "00", {"pay_invoice"}, {"payment_sent"}}},
      {"pay_invoice", nostr::WalletError{nostr::WalletErrc::kPaymentFailed, "no route"}},
      {"anything", nostr::WalletError{nostr::WalletErrc::kNotImplemented, "?"}}};
  for (const auto& response : responses) {
    const std::string json = nostr::build_wallet_response(response);
    const auto read = nostr::parse_wallet_response(json);
    ASSERT_TRUE(read) << json << ": " << read.error().detail;
    EXPECT_EQ(*read, response) << json;
  }
}

TEST(Nip47, AnswersOfManyShapesAreRead) {
  const auto outcome = [](const char* json) { return nostr::parse_wallet_response(json)->outcome; };
  EXPECT_EQ(outcome(R"({"result_type":"pay_invoice","error":null,"result":{"preimage":""}})"),
            nostr::WalletOutcome(nostr::Payment{}));
  EXPECT_EQ(
      outcome(
          R"({"result_type":"pay_invoice","error":{"code":"NEW","message":"m"},"result":null})"),
      nostr::WalletOutcome(nostr::WalletError{nostr::WalletErrc::kOther, "m"}));
  EXPECT_EQ(outcome(R"({"error":"plain"})"),
            nostr::WalletOutcome(nostr::WalletError{nostr::WalletErrc::kOther, "plain"}));
  EXPECT_EQ(
      nostr::parse_wallet_response(R"({"result_type":"sign_message","result":{}})").error().code,
      Errc::kUnsupported);
  for (const char* bad : {"", "[]", R"({"result_type":"get_balance"})",
                          R"({"result_type":"get_balance","result":{"balance":-1}})",
                          R"({"result_type":"get_balance","result":{"balance":"1"}})",
                          R"({"result_type":"pay_invoice","result":{"preimage":"zz"}})",
                          R"({"result_type":"list_transactions","result":{"transactions":[{}]}})"})
    EXPECT_EQ(nostr::parse_wallet_response(bad).error().code, Errc::kInvalid) << bad;
}

TEST(Nip47, ErrorCodesHaveTheirNames) {
  for (int i = 0; i <= static_cast<int>(nostr::WalletErrc::kOther); ++i) {
    const nostr::WalletError error{static_cast<nostr::WalletErrc>(i), "m"};
    EXPECT_EQ(nostr::parse_wallet_response(nostr::build_wallet_response({"x", error}))->outcome,
              nostr::WalletOutcome(error));
  }
  EXPECT_EQ(nostr::wallet_errc_name(nostr::WalletErrc::kUnsupportedEncryption),
            "UNSUPPORTED_ENCRYPTION");
}

TEST(Nip47, NotificationsComeBack) {
  const nostr::WalletNotification notification{"payment_received", transaction()};
  EXPECT_EQ(
      nostr::parse_wallet_notification(nostr::build_wallet_notification(notification)).value(),
      notification);
  EXPECT_FALSE(nostr::parse_wallet_notification(R"({"notification_type":"payment_received"})"));
}

TEST(Nip47, ServicesDescribeThemselves) {
  const nostr::WalletService service{{"pay_invoice", "get_balance"},
                                     {"payment_received", "payment_sent"},
                                     {WalletEncryption::kNip44, WalletEncryption::kNip04}};
  const auto draft = nostr::build_wallet_service(service, kNow);
  EXPECT_EQ(draft.content, "pay_invoice get_balance notifications");
  const auto read =
      nostr::parse_wallet_service(signed_by(key('1'), draft.kind, draft.tags, draft.content));
  EXPECT_EQ(read.value(), service);
  EXPECT_EQ(nostr::preferred_encryption(*read), WalletEncryption::kNip44);
  // One that is older than the choice, as in the NIP's example.
  const auto old = nostr::parse_wallet_service(
      signed_by(key('1'), 13194, {{"notifications", "payment_received payment_sent"}},
                "pay_invoice  pay_keysend notifications"));
  EXPECT_EQ(old->methods, (std::vector<std::string>{"pay_invoice", "pay_keysend"}));
  EXPECT_EQ(nostr::preferred_encryption(*old), WalletEncryption::kNip04);
  EXPECT_FALSE(nostr::parse_wallet_service(signed_by(key('1'), 1, {}, "")));
}

TEST(Nip47, EventsSayHowTheyAreEncrypted) {
  const auto draft = nostr::build_wallet_request_event(pub('2'), "c", WalletEncryption::kNip44,
                                                       kNow, kNow + std::chrono::seconds(30));
  const auto request = signed_by(key('1'), draft.kind, draft.tags, draft.content);
  EXPECT_EQ(request.tags,
            (nostr::Tags{
                {"p", pub('2').hex()}, {"encryption", "nip44_v2"}, {"expiration", "1760000030"}}));
  EXPECT_EQ(nostr::wallet_encryption_of(request).value(), WalletEncryption::kNip44);
  EXPECT_EQ(nostr::wallet_encryption_of(signed_by(key('1'), 23194, {}, "")).value(),
            WalletEncryption::kNip04);
  EXPECT_EQ(nostr::wallet_encryption_of(signed_by(key('1'), 23194, {{"encryption", "rot13"}}, ""))
                .error()
                .code,
            Errc::kUnsupported);
  const auto answer = nostr::build_wallet_response_event(request, "c", "item", kNow);
  EXPECT_EQ(answer.tags,
            (nostr::Tags{{"p", pub('1').hex()}, {"e", request.id.hex()}, {"d", "item"}}));
  EXPECT_EQ(
      nostr::build_wallet_notification_event(pub('1'), "c", WalletEncryption::kNip44, kNow).kind,
      23197);
  EXPECT_EQ(
      nostr::build_wallet_notification_event(pub('1'), "c", WalletEncryption::kNip04, kNow).kind,
      23196);
}

}  // namespace
