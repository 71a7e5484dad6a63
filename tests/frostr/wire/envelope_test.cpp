// The RPC envelope: what stock peers send is read, what breaks its types or bounds is not.
#include "frostr/wire/envelope.h"

#include <gtest/gtest.h>

#include <set>

namespace frostr {
namespace {

using base::Errc;

TEST(EnvelopeTest, messages_of_stock_peers_are_read) {
  const auto request = parse_rpc(
      R"({"id":"abc","version":1,"method":"ping","params":["{\"version\":2}"],"peers":[],"type":"request"})");
  ASSERT_TRUE(request);
  const auto& rpc = std::get<RpcRequest>(*request);
  EXPECT_EQ(rpc.id, "abc");
  EXPECT_EQ(rpc.method, "ping");
  EXPECT_EQ(rpc.params, std::vector<std::string>{R"({"version":2})"});

  const auto accept =
      parse_rpc(R"({"id":"abc","version":1,"data":{"a":1},"status":true,"type":"accept"})");
  ASSERT_TRUE(accept);
  EXPECT_EQ(std::get<RpcAccept>(*accept).data.at("a"), 1);
  EXPECT_TRUE(parse_rpc(R"({"id":"e","version":1,"data":"text","status":true,"type":"accept"})"));

  const auto reject =
      parse_rpc(R"({"id":"abc","version":1,"reason":"no","status":false,"type":"reject"})");
  ASSERT_TRUE(reject);
  EXPECT_EQ(std::get<RpcReject>(*reject).reason, "no");
}

TEST(EnvelopeTest, unknown_members_and_member_order_are_of_no_account) {
  EXPECT_TRUE(
      parse_rpc(R"({"type":"request","x":{"y":[1]},"params":["a"],"method":"echo","id":"1"})"));
}

TEST(EnvelopeTest, broken_messages_are_refused) {
  const std::string long_id(129, 'i');
  const std::string bad[] = {
      "",
      "[]",
      "null",
      "{}",
      R"({"id":"1","type":"request","method":"ping"})",
      R"({"id":"1","type":"request","params":[]})",
      R"({"id":1,"type":"request","method":"ping","params":[]})",
      R"({"id":"","type":"request","method":"ping","params":[]})",
      R"({"id":"1","type":"request","method":7,"params":[]})",
      R"({"id":"1","type":"request","method":"ping","params":[{}]})",
      R"({"id":"1","type":"request","method":"ping","params":"x"})",
      R"({"id":"1","type":"request","method":"ping","params":["","","","",""]})",
      R"({"id":"1","version":"1","type":"request","method":"ping","params":[]})",
      R"({"id":"1","version":-1,"type":"request","method":"ping","params":[]})",
      R"({"id":"1","type":"accept"})",
      R"({"id":"1","type":"reject"})",
      R"({"id":"1","type":"other"})",
      R"({"id":"1"})",
      R"({"id":")" + long_id + R"(","type":"request","method":"ping","params":[]})",
      R"({"id":"1","type":"request","method":")" + long_id + R"(","params":[]})",
      R"({"id":"1","id":"2","type":"request","method":"ping","params":[]})",
      R"({"id":"1","type":"request","method":"ping","params":[]} x)",
      std::string(40, '[') + std::string(40, ']'),
      std::string(70'000, ' '),
  };
  for (const std::string& text : bad) EXPECT_FALSE(parse_rpc(text)) << text.substr(0, 80);
  EXPECT_EQ(parse_rpc(R"({"id":"1","data":1,"topic":"t","type":"event"})").error().code,
            Errc::kUnsupported);
}

TEST(EnvelopeTest, what_is_written_is_read_back) {
  const auto request = *to_text(RpcRequest{"i", "sign", {"{\"a\":\"\xc3\xa4\"}"}});
  const auto read = std::get<RpcRequest>(*parse_rpc(request));
  EXPECT_EQ(read.params.at(0), "{\"a\":\"\xc3\xa4\"}");
  // Stock peers validate these members.
  const auto object = *base::json::parse(request);
  EXPECT_EQ(object.at("version"), 1);
  EXPECT_EQ(object.at("peers"), base::json::Value::array());

  const auto accept = *to_text(RpcAccept{"i", {{"x", true}}});
  EXPECT_EQ(std::get<RpcAccept>(*parse_rpc(accept)).data.at("x"), true);
  EXPECT_EQ(base::json::parse(accept)->at("status"), true);

  const auto reject = to_text(RpcReject{"i", "denied"});
  EXPECT_EQ(std::get<RpcReject>(*parse_rpc(reject)).reason, "denied");
  EXPECT_EQ(base::json::parse(reject)->at("status"), false);
}

TEST(EnvelopeTest, what_does_not_fit_one_message_is_refused_and_reasons_are_cut) {
  EXPECT_EQ(to_text(RpcRequest{"i", "echo", {std::string(65'535, 'x')}}).error().code,
            Errc::kLimit);
  EXPECT_EQ(to_text(RpcAccept{"i", std::string(65'535, 'x')}).error().code, Errc::kLimit);
  std::string reason(1'023, 'x');
  reason += "\xc3\xa4";  // its second byte would be the 1025th
  const auto read = std::get<RpcReject>(*parse_rpc(to_text(RpcReject{"i", reason})));
  EXPECT_EQ(read.reason, std::string(1'023, 'x'));
}

TEST(EnvelopeTest, new_ids_look_like_those_of_stock_peers) {
  base::SeededRng rng(60);
  std::set<std::string> seen;
  for (int i = 0; i < 20; ++i) {
    const std::string id = new_rpc_id(rng);
    EXPECT_EQ(id.size(), 43U);
    EXPECT_TRUE(seen.insert(id).second);
  }
}

}  // namespace
}  // namespace frostr
