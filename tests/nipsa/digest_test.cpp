// Digests and approval codes, with the reference vectors.
#include "nipsa/digest.h"

#include "tests/nipsa/events_fixture.h"

namespace {

using namespace nipsa_test;

nostr::EventId bytes(std::string_view pair) {
  std::string hex;
  for (int i = 0; i < 32; ++i) hex += pair;
  return nostr::EventId::from_hex(hex).value();
}

TEST(ApprovalCode, ReferenceVectors) {
  EXPECT_EQ(nipsa::format_code(nipsa::approval_code(bytes("00"))), "PNS7-EXJR");
  EXPECT_EQ(nipsa::format_code(nipsa::approval_code(bytes("11"))), "AX11-2ETR");
  EXPECT_EQ(nipsa::format_code(nipsa::approval_code(bytes("ab"))), "CJZP-WMXP");
}

TEST(ApprovalCode, IssuedOnlyWithADigitOnceAndUnlikeAWord) {
  EXPECT_TRUE(nipsa::is_issuable("PNS7EXJR", {}));
  EXPECT_FALSE(nipsa::is_issuable("CJZPWMXP", {}));             // no digit
  EXPECT_FALSE(nipsa::is_issuable("PNS7EXJR", {"pns7-exjr"}));  // remembered
  EXPECT_FALSE(nipsa::is_issuable("APPR0VED", {}));             // a folded decision word
  EXPECT_FALSE(nipsa::is_issuable("short", {}));
}

TEST(ApprovalCode, FoldsWhatPeopleType) {
  EXPECT_EQ(nipsa::fold_code("pns7-exjr"), "PNS7EXJR");
  EXPECT_EQ(nipsa::fold_code("axlI2etr"), "AX112ETR");
  EXPECT_EQ(nipsa::fold_code("PN S7 EX JR"), "PNS7EXJR");
  EXPECT_EQ(nipsa::fold_code("approved"), "APPR0VED");
  EXPECT_EQ(nipsa::fold_code("PNS7EXJ"), std::nullopt);
  EXPECT_EQ(nipsa::fold_code("PNS7EXJRX"), std::nullopt);
  EXPECT_EQ(nipsa::fold_code("PNS7EXJU"), std::nullopt);  // U is not in the alphabet
  EXPECT_EQ(nipsa::fold_code(""), std::nullopt);
}

TEST(CanonicalAction, ReferenceVector) {
  const nipsa::Json action = {{"action", "publish"}, {"kind", 1}, {"sats", 7500}};
  EXPECT_EQ(nostr::sha256(base::json::canonical(action).value()).hex(),
            "c25e1e337b87f8e45415118c1bc11867265a1b8429435b068ef00bccd7399307");
}

TEST(EventDigest, IsTheIdAtTimeZero) {
  nostr::UnsignedEvent e{pub('1'), kNow, 1, {{"p", pub('2').hex()}}, "hello"};
  const auto digest = nipsa::event_digest(e);
  auto restamped = e;
  restamped.created_at += std::chrono::seconds(77);
  EXPECT_EQ(nipsa::event_digest(restamped), digest);
  restamped.content = "hello!";
  EXPECT_NE(nipsa::event_digest(restamped), digest);
  e.created_at = {};
  EXPECT_EQ(digest.hex(), nostr::compute_id(e).hex());
}

TEST(ActionDigest, CommitsToEveryMember) {
  const auto make = [] {
    nipsa::LocalAction a;
    a.agent = pub('1');
    a.tick = id('a');
    a.action = "shell";
    a.params = {{"argv", {"ls", "-l"}}};
    a.cwd = "/srv";
    a.expires = kNow;
    return a;
  };
  const auto base_digest = nipsa::action_digest(make()).value();
  const std::string canonical = R"({"action":"shell","agent":")" + pub('1').hex() +
                                R"(","cwd":"/srv","expires":1760000000,)" +
                                R"("params":{"argv":["ls","-l"]},"payee":null,"sats":0,"tick":")" +
                                id('a').hex() + R"(","v":1})";
  EXPECT_EQ(base_digest, nostr::sha256(canonical));
  std::vector<nipsa::LocalAction> changed;
  for (int i = 0; i < 8; ++i) changed.push_back(make());
  changed[0].agent = pub('2');
  changed[1].tick.reset();
  changed[2].action = "write_file";
  changed[3].params["argv"][1] = "-la";
  changed[4].cwd = "/";
  changed[5].expires += std::chrono::seconds(1);
  changed[6].sats = {1};
  changed[7].payee = pub('3');
  for (const auto& a : changed) EXPECT_NE(nipsa::action_digest(a).value(), base_digest) << a.action;
  // What was parsed from a text in another order and with other spaces is the same action.
  auto ordered = make(), shuffled = make();
  ordered.params = base::json::parse(R"({"argv":["ls"],"invoice":"lnbc1","z":{"a":1,"b":2}})").value();
  shuffled.params = base::json::parse(" { \"z\" : {\"b\":2,\t\"a\":1}, \"invoice\":\"lnbc1\",\n\"argv\":[ \"ls\" ] } ").value();
  EXPECT_EQ(nipsa::action_digest(ordered).value(), nipsa::action_digest(shuffled).value());
  shuffled.params["invoice"] = "lnbc2";
  EXPECT_NE(nipsa::action_digest(ordered).value(), nipsa::action_digest(shuffled).value());
  auto fraction = make();
  fraction.params["x"] = 0.5;
  EXPECT_EQ(outcome(nipsa::action_digest(fraction)), "E_JSON");
}

}  // namespace
