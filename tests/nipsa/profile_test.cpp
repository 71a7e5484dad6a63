// 39200: what the agent says about itself.
#include "nipsa/profile.h"

#include <algorithm>

#include "tests/nipsa/events_fixture.h"

namespace {

using namespace nipsa_test;
using nipsa::Autonomy;

nipsa::Profile scout() {
  nipsa::Profile p;
  p.name = "Scout";
  p.about = "Watches release feeds";
  p.capabilities = {"research"};
  p.autonomy = Autonomy::kBounded;
  p.version = "0.3.0";
  p.signers = {{pub('4'), "marketplace"}, {pub('3'), "guardian"}};
  p.operator_key = pub('5');
  p.guardians = {pub('5')};
  p.runners = {pub('2')};
  p.keygen = "dealer";
  p.lud16 = "scout@wallet.example";
  p.cashu_mints = {"https://mint.example"};
  p.posture = {{"tool_use_requires_guardian", false}};
  return p;
}
nostr::Event event() {
  return sign(nipsa::build_profile(scout(), kNow).value(), agent());
}
std::string parsed(const nostr::Event& e) {
  return outcome(nipsa::parse_profile(e));
}

TEST(Profile, RoundTrip) {
  EXPECT_EQ(nipsa::parse_profile(event()).value(), scout());
  EXPECT_EQ(event().tags[0], (nostr::Tag{"d", "profile"}));
  EXPECT_EQ(nostr::tag_value(event().tags, "p"), pub('5').hex());
}

TEST(Profile, Thresholds) {
  const struct {
    const char* t;
    const char* n;
    const char* want;
  } cases[] = {
      {"0", "3", "E_NUM"}, {"3", "0", "E_NUM"}, {"4", "3", "E_NUM"},  {"256", "256", "E_NUM"},
      {"2", "2", "ok"},    {"2", "3", "ok"},    {"+2", "3", "E_NUM"}, {"2", "", "E_NUM"},
  };
  for (const auto& c : cases)
    EXPECT_EQ(parsed(with(event(), "threshold", {{"threshold", c.t, c.n}}, agent())), c.want)
        << c.t << c.n;
  EXPECT_EQ(parsed(with(event(), "threshold", {{"threshold", "2"}}, agent())), "E_TAG_BAD");
  EXPECT_EQ(parsed(with(event(), "threshold", {}, agent())), "E_TAG_MISSING");
  auto alone =
      with(with(event(), "signer", {}, agent()), "threshold", {{"threshold", "1", "1"}}, agent());
  EXPECT_EQ(parsed(alone), "ok");
}

TEST(Profile, KeysAreChecked) {
  EXPECT_EQ(parsed(with(event(), "operator", {{"operator", "02" + pub('5').hex()}}, agent())),
            "E_HEX");
  EXPECT_EQ(parsed(with(event(), "operator", {}, agent())), "E_TAG_MISSING");
  EXPECT_EQ(parsed(with(event(), "signer", {{"signer", pub('4').hex()}, {"signer", pub('4').hex()}},
                        agent())),
            "E_TAG_DUP");
  EXPECT_EQ(parsed(with(event(), "d", {{"d", "other"}}, agent())), "E_TAG_BAD");
  EXPECT_EQ(parsed(with(event(), "d", {}, agent())), "E_TAG_MISSING");
}

TEST(Profile, ContentNeedsAName) {
  EXPECT_EQ(parsed(with_content(event(), R"({"name":"  "})", agent())), "E_JSON");
  EXPECT_EQ(parsed(with_content(event(), "[]", agent())), "E_JSON");
  EXPECT_EQ(
      parsed(with_content(event(), R"({"name":")" + std::string(129, 'x') + R"("})", agent())),
      "E_JSON");
  EXPECT_EQ(parsed(with_content(event(), R"({"name":"Scout","mood":"good"})", agent())), "ok");
}

TEST(Profile, AutonomyInEverySpelling) {
  const struct {
    const char* content;
    Autonomy want;
  } cases[] = {
      {R"({"name":"x"})", Autonomy::kSupervised},
      {R"({"name":"x","autonomy_level":"yolo"})", Autonomy::kSupervised},
      {R"({"name":"x","autonomy_level":5})", Autonomy::kSupervised},
      {R"({"name":"x","autonomy_level":"SemiAutonomous"})", Autonomy::kBounded},
      {R"({"name":"x","autonomy":"semi_autonomous"})", Autonomy::kBounded},
      {R"({"name":"x","autonomy_level":"FULLY_autonomous"})", Autonomy::kAutonomous},
      {R"({"name":"x","autonomy":"bounded","autonomy_level":"autonomous"})", Autonomy::kBounded},
      {R"({"name":"x","autonomy":"autonomous","autonomy_level":"supervised"})",
       Autonomy::kSupervised},
  };
  for (const auto& c : cases)
    EXPECT_EQ(nipsa::parse_profile(with_content(event(), c.content, agent())).value().autonomy,
              c.want)
        << c.content;
}

TEST(Profile, SignersWithoutRolesGoByOrder) {
  const auto e =
      with(event(), "signer", {{"signer", pub('4').hex()}, {"signer", pub('6').hex()}}, agent());
  const auto p = nipsa::parse_profile(e).value();
  EXPECT_EQ(p.signers[0].role, "marketplace");
  EXPECT_EQ(p.signers[1].role, "guardian");
}

TEST(Profile, WhoMayApproveAndWhoMayRun) {
  EXPECT_EQ(nipsa::allowed_guardians(scout()), (std::vector{pub('5'), pub('3')}));
  EXPECT_EQ(nipsa::allowed_runners(scout()), (std::vector{pub('2'), pub('5')}));
}

TEST(Profile, TheWriterIsStrict) {
  auto p = scout();
  p.version = "";
  EXPECT_EQ(outcome(nipsa::build_profile(p, kNow)), "E_JSON");
  p = scout();
  p.name = " ";
  EXPECT_EQ(outcome(nipsa::build_profile(p, kNow)), "E_JSON");
  p = scout();
  p.threshold = 4;
  EXPECT_EQ(outcome(nipsa::build_profile(p, kNow)), "E_NUM");
}

}  // namespace
