// Bodies of ping, sign, ecdh and onboard: stock messages, our context member, bounds.
#include "frostr/wire/messages.h"

#include <gtest/gtest.h>

#include "frostr/wire/envelope.h"
#include "nostr/event/event_json.h"
#include "tests/frostr/frost/vectors.h"

namespace frostr {
namespace {

using base::Errc;
using base::json::dump;
using vectors::must;
using vectors::text;
using vectors::Value;

WireNonce nonce(base::Rng& rng) {
  return {NonceCode(rng.bytes<32>()),
          {must(Point::base_times(SecretScalar::generate(rng))),
           must(Point::base_times(SecretScalar::generate(rng)))}};
}

nostr::Event some_event(base::Rng& rng) {
  const auto key = nostr::SecretKey::generate(rng);
  return nostr::sign_event({.kind = 1,
                            .created_at = base::unix_time(1'700'000'000),
                            .tags = {{"p", key.public_key().hex()}},
                            .content = "line\nquote \" \xc3\xa4 \x01"},
                           key, rng);
}

// A parsed vector session, ready to be changed and parsed again.
Value stock_session() {
  const auto files = vectors::bifrost();
  return files.at(0).at("groups").at(0).at("sessions").at(0).at("session");
}

void expect_bad(Value body, const char* key, Value replacement) {
  body[key] = std::move(replacement);
  EXPECT_FALSE(parse_sign_request(dump(body))) << key << ": " << dump(body[key]).substr(0, 80);
}

TEST(SignMessageTest, session_ids_match_the_reference_library) {
  std::size_t seen = 0;
  for (const auto& file : vectors::bifrost())
    for (const auto& vector : file.at("groups"))
      for (const auto& item : vector.at("sessions")) {
        const Value& session = item.at("session");
        const auto request = must(parse_sign_request(dump(session)));
        EXPECT_EQ(compute_session_id(request).hex(), text(session, "sid"));
        EXPECT_EQ(request.gid, vectors::group(vector).id());
        // The order received is kept: stock peers sort indices as strings.
        EXPECT_EQ(request.members, vectors::indices(session.at("members")));
        EXPECT_EQ(request.nonces.size(), session.at("nonces").size());
        EXPECT_FALSE(request.reason);
        EXPECT_EQ(must(base::json::parse(to_params(request))), session);

        for (const Value& package : item.at("psig_packages")) {
          const auto answer = must(parse_sign_answer(package));
          EXPECT_EQ(answer.sid, request.sid);
          EXPECT_EQ(to_data(answer), package);
        }
        ++seen;
      }
  EXPECT_GE(seen, 10U);
}

TEST(SignMessageTest, absent_and_empty_content_have_different_ids) {
  SignRequest request;
  request.type = "event";
  const auto absent = compute_session_id(request);
  request.content = base::Bytes{};
  EXPECT_NE(compute_session_id(request), absent);
}

TEST(SignMessageTest, the_reason_survives_the_wire) {
  base::SeededRng rng(70);
  SignRequest request = must(parse_sign_request(dump(stock_session())));
  request.reason = SignReason{"tick-1", some_event(rng), some_event(rng), true};
  const auto read = must(parse_sign_request(to_params(request)));
  ASSERT_TRUE(read.reason);
  EXPECT_EQ(read.reason->tick, "tick-1");
  EXPECT_EQ(read.reason->request, request.reason->request);
  EXPECT_EQ(read.reason->decision, request.reason->decision);
  EXPECT_TRUE(nostr::check(*read.reason->decision));
  EXPECT_TRUE(read.reason->ask);

  request.reason = SignReason{};
  const auto bare = must(parse_sign_request(to_params(request)));
  ASSERT_TRUE(bare.reason);
  EXPECT_FALSE(bare.reason->request);
  EXPECT_FALSE(bare.reason->ask);
}

TEST(SignMessageTest, a_reason_of_an_unknown_version_is_ignored_and_a_broken_one_refused) {
  Value body = stock_session();
  body["context"] = {{"v", 2}, {"ask", "perhaps"}};
  EXPECT_FALSE(must(parse_sign_request(dump(body))).reason);
  body["context"] = 5;
  EXPECT_FALSE(must(parse_sign_request(dump(body))).reason);
  body["context"] = {{"v", 1}, {"ask", "perhaps"}};
  EXPECT_FALSE(parse_sign_request(dump(body)));
  body["context"] = {{"v", 1}, {"decision", {{"kind", 1}}}};
  EXPECT_FALSE(parse_sign_request(dump(body)));
  body["context"] = {{"v", 1}, {"tick", std::string(257, 't')}};
  EXPECT_FALSE(parse_sign_request(dump(body)));
}

TEST(SignMessageTest, malformed_requests_are_refused) {
  const Value body = stock_session();
  const std::string hash = body.at("hashes").at(0).at(0);
  ASSERT_TRUE(parse_sign_request(dump(body)));
  expect_bad(body, "content", "xyz");
  expect_bad(body, "content", "abc");
  expect_bad(body, "content", 5);
  expect_bad(body, "hashes", nullptr);
  expect_bad(body, "hashes", "x");
  expect_bad(body, "hashes", {hash});
  expect_bad(body, "hashes", Value::array({Value::array()}));
  expect_bad(body, "hashes", Value::array({Value::array({hash.substr(2)})}));
  expect_bad(body, "hashes", Value::array({Value::array({hash, std::string(64, 'f')})}));
  expect_bad(body, "hashes", Value::array({Value(std::vector<std::string>(10, hash))}));
  expect_bad(body, "hashes", Value(std::vector<Value>(101, Value::array({hash}))));
  expect_bad(body, "members", {1, 0});
  expect_bad(body, "members", {1, -2});
  expect_bad(body, "members", {1, 2.5});
  expect_bad(body, "members", {1, "2"});
  expect_bad(body, "members", {1, 4294967296});
  expect_bad(body, "members", Value(std::vector<int>(257, 1)));
  expect_bad(body, "stamp", 4294967296);
  expect_bad(body, "stamp", "1700000000");
  expect_bad(body, "type", 1);
  expect_bad(body, "type", std::string(129, 't'));
  expect_bad(body, "gid", "00");
  expect_bad(body, "sid", std::string(64, 'G'));
  expect_bad(body, "nonces", nullptr);
  expect_bad(body, "nonces", {1});
  EXPECT_FALSE(parse_sign_request("[]"));
  EXPECT_FALSE(parse_sign_request(""));
}

TEST(SignMessageTest, nonce_points_off_the_curve_are_refused) {
  const std::string bad_points[] = {"02" + std::string(63, '0') + "5", std::string(66, '0'),
                                    "04" + std::string(64, '1'), "02"};
  for (const char* key : {"hidden_pn", "binder_pn"})
    for (const std::string& bad : bad_points) {
      Value body = stock_session();
      body["nonces"][0][key] = bad;
      EXPECT_FALSE(parse_sign_request(dump(body))) << key << " " << bad;
    }
}

TEST(SignMessageTest, malformed_answers_are_refused) {
  const auto files = vectors::bifrost();
  const Value good =
      files.at(0).at("groups").at(0).at("sessions").at(0).at("psig_packages").at(0);
  const auto with = [&](const char* key, Value replacement) {
    Value copy = good;
    copy[key] = std::move(replacement);
    return parse_sign_answer(copy);
  };
  ASSERT_TRUE(parse_sign_answer(good));
  const std::string hash = good.at("psigs").at(0).at(0);
  EXPECT_FALSE(with("idx", -1));
  EXPECT_FALSE(with("psigs", Value::array({Value::array({hash})})));
  EXPECT_FALSE(with("psigs", Value::array({Value::array({hash, std::string(64, 'f')})})));
  EXPECT_FALSE(with("pubkey", std::string(66, '0')));
  EXPECT_FALSE(with("sid", 1));
  EXPECT_FALSE(with("nonce_code", ""));
  EXPECT_FALSE(with("replenish", "all"));
  EXPECT_FALSE(parse_sign_answer("text"));
}

TEST(PingMessageTest, old_and_new_forms_are_read) {
  EXPECT_TRUE(must(parse_ping_request("ping")).legacy);
  EXPECT_TRUE(must(parse_ping_request("")).legacy);
  EXPECT_FALSE(must(parse_ping_request(R"({"version":2})")).legacy);
  EXPECT_FALSE(parse_ping_request("pong"));
  EXPECT_FALSE(parse_ping_request("[]"));

  const auto bare = must(parse_ping_answer({{"send", true}, {"recv", false}}));
  EXPECT_TRUE(bare.send);
  EXPECT_FALSE(bare.recv);
  EXPECT_FALSE(parse_ping_answer({{"policy", {{"send", 1}, {"recv", 0}}}}));
  EXPECT_FALSE(parse_ping_answer("ok"));
}

TEST(PingMessageTest, nonces_and_pool_status_survive_the_wire) {
  base::SeededRng rng(71);
  PingRequest request;
  for (int i = 0; i < 3; ++i) request.nonces.push_back(nonce(rng));
  request.pool_status.push_back(
      {ShareIndex{2}, nostr::SecretKey::generate(rng).public_key(), 7, true, false});
  const auto read = must(parse_ping_request(to_params(request)));
  EXPECT_EQ(read.nonces, request.nonces);
  ASSERT_EQ(read.pool_status.size(), 1U);
  EXPECT_EQ(read.pool_status[0].available, 7U);
  EXPECT_TRUE(read.pool_status[0].needs_fill);

  PingAnswer answer;
  answer.recv = false;
  answer.nonces = request.nonces;
  const auto back = must(parse_ping_answer(to_data(answer)));
  EXPECT_EQ(back.nonces, answer.nonces);
  EXPECT_FALSE(back.recv);
}

TEST(PingMessageTest, more_nonces_than_a_message_can_carry_are_refused_before_any_curve_work) {
  Value body{{"version", 2}, {"nonces", Value(std::vector<Value>(401, Value::object()))}};
  EXPECT_EQ(parse_ping_request(dump(body)).error().code, Errc::kLimit);
}

TEST(EcdhMessageTest, packages_of_the_reference_library_survive) {
  for (const auto& file : vectors::bifrost())
    for (const auto& vector : file.at("groups"))
      for (const auto& item : vector.at("ecdh"))
        for (const auto& package : item.at("packages")) {
          EXPECT_EQ(to_data(must(parse_ecdh_answer(package))), package);
          EXPECT_TRUE(parse_ecdh_request(dump(package)));
        }
}

TEST(EcdhMessageTest, our_requests_carry_no_key_share_but_a_reason) {
  base::SeededRng rng(72);
  EcdhPackage request;
  request.idx = ShareIndex{1};
  request.members = {{1}, {3}};
  request.entries.push_back(
      {must(EcdhTarget::from_key(nostr::SecretKey::generate(rng).public_key())), std::nullopt});
  request.reason = EcdhReason{"proven", "t", {some_event(rng), some_event(rng)}};
  const std::string params = to_params(request);
  EXPECT_EQ(must(base::json::parse(params)).at("entries").at(0).at("keyshare"), "");
  const auto read = must(parse_ecdh_request(params));
  EXPECT_EQ(read.members, request.members);
  EXPECT_EQ(read.entries.at(0).target, request.entries.at(0).target);
  EXPECT_FALSE(read.entries.at(0).key_share);
  ASSERT_TRUE(read.reason);
  EXPECT_EQ(read.reason->purpose, "proven");
  EXPECT_EQ(read.reason->proof, request.reason->proof);

  request.reason->proof.assign(5, request.reason->proof[0]);
  EXPECT_EQ(parse_ecdh_request(to_params(request)).error().code, Errc::kLimit);
}

TEST(EcdhMessageTest, bounds_and_points_are_checked) {
  const std::string target(64, '1');  // 1111… is an x on the curve or not; the bound comes first
  const Value entry{{"ecdh_pk", target}, {"keyshare", ""}};
  Value body{{"idx", 1}, {"members", {1, 2}}, {"entries", Value(std::vector<Value>(101, entry))}};
  EXPECT_EQ(parse_ecdh_request(dump(body)).error().code, Errc::kLimit);
  body["entries"] = Value::array({{{"ecdh_pk", std::string(63, '0') + "5"}, {"keyshare", ""}}});
  EXPECT_FALSE(parse_ecdh_request(dump(body)));
  const std::string g = "79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798";
  body["entries"] = Value::array({{{"ecdh_pk", g}, {"keyshare", ""}}});
  EXPECT_TRUE(parse_ecdh_request(dump(body)));
  body["entries"] = Value::array({{{"ecdh_pk", g}, {"keyshare", std::string(66, '0')}}});
  EXPECT_FALSE(parse_ecdh_request(dump(body)));
  body["entries"] = Value::array({{{"ecdh_pk", g}}});
  EXPECT_FALSE(parse_ecdh_request(dump(body)));
}

TEST(OnboardMessageTest, both_key_lengths_are_read_and_the_long_one_written) {
  base::SeededRng rng(73);
  const Point share = must(Point::base_times(SecretScalar::generate(rng)));
  const auto ours = must(parse_onboard_request(onboard_params(ShareIndex{2}, share)));
  EXPECT_EQ(ours.idx, ShareIndex{2});
  EXPECT_EQ(ours.share_point, share);
  const auto stock = must(
      parse_onboard_request(dump({{"idx", 2}, {"share_pk", share.x_only().hex()}})));
  EXPECT_EQ(stock.share_pk, share.x_only());
  EXPECT_FALSE(stock.share_point);
  EXPECT_FALSE(parse_onboard_request(dump({{"idx", 2}, {"share_pk", "02"}})));
}

TEST(OnboardMessageTest, the_group_is_checked_before_it_is_believed) {
  base::SeededRng rng(74);
  const auto dealt = must(deal(rng));
  const Value good = to_data(OnboardAnswer{dealt.group, {nonce(rng)}});
  const auto read = must(parse_onboard_answer(good));
  EXPECT_EQ(read.group, dealt.group);
  EXPECT_EQ(read.nonces.size(), 1U);
  Value bad = good;
  bad["group"]["members"][0]["pubkey"] =
      must(Point::base_times(SecretScalar::generate(rng))).hex();
  EXPECT_EQ(parse_onboard_answer(bad).error().code, Errc::kCrypto);
  bad = good;
  bad["group"]["members"] = Value(std::vector<Value>(257, good["group"]["members"][0]));
  EXPECT_EQ(parse_onboard_answer(bad).error().code, Errc::kLimit);
}

// Cut and altered messages never do anything but fail or parse.
TEST(MessagesTest, damaged_text_is_survived) {
  base::SeededRng rng(75);
  const std::string good = dump(stock_session());
  for (int i = 0; i < 300; ++i) {
    std::string bad = good.substr(0, rng.below(good.size()));
    (void)parse_sign_request(bad);
    bad = good;
    bad[rng.below(bad.size())] = static_cast<char>(rng.below(256));
    (void)parse_sign_request(bad);
    (void)parse_ping_request(bad);
    (void)parse_ecdh_request(bad);
    (void)parse_onboard_request(bad);
    (void)parse_rpc(bad);
  }
}

}  // namespace
}  // namespace frostr
