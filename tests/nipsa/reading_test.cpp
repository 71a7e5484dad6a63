// The rules every kind shares: ids, sizes, numbers, control tags, coordinates, unique d.
#include "nipsa/reading.h"

#include "nipsa/kinds.h"
#include "nipsa/profile.h"
#include "nostr/event/event_json.h"
#include "tests/nipsa/events_fixture.h"

namespace {

using namespace nipsa_test;
using std::chrono::seconds;

nostr::Event tick(nostr::Tags extra = {}, base::UnixTime at = kNow) {
  nostr::Draft draft{nipsa::kinds::kTickRequest, at, {{"d", "tick-1"}}, ""};
  draft.tags.insert(draft.tags.end(), extra.begin(), extra.end());
  return sign(draft, runner());
}

TEST(Reading, SignatureIdKindAndDateAreCheckedFirst) {
  const auto kind = nipsa::kinds::kTickRequest;
  EXPECT_EQ(outcome(nipsa::check_event(tick(), kind, kNow)), "ok");
  auto bad_sig = tick();
  bad_sig.sig.data()[3] ^= 1;
  EXPECT_EQ(outcome(nipsa::check_event(bad_sig, kind, kNow)), "E_SIG");
  auto bad_id = tick();
  bad_id.content = "x";
  EXPECT_EQ(outcome(nipsa::check_event(bad_id, kind, kNow)), "E_SIG");
  EXPECT_EQ(outcome(nipsa::check_event(tick(), nipsa::kinds::kState, kNow)), "E_KIND");
  EXPECT_EQ(outcome(nipsa::check_event(tick({}, kNow + seconds(301)), kind, kNow)), "E_FUTURE");
  EXPECT_EQ(outcome(nipsa::check_event(tick({}, kNow + seconds(299)), kind, kNow)), "ok");
  EXPECT_EQ(outcome(nipsa::check_event(tick({}, base::unix_time(1'760'000'000'000)), kind, kNow)),
            "E_FUTURE");
}

TEST(Reading, SizesAreBounded) {
  const auto kind = nipsa::kinds::kTickRequest;
  EXPECT_EQ(outcome(nipsa::check_shape(tick(nostr::Tags(199, {"x", "y"})), kind)), "ok");
  EXPECT_EQ(outcome(nipsa::check_shape(tick(nostr::Tags(200, {"x", "y"})), kind)), "E_SIZE");
  const auto empty = nostr::to_json(with_content(tick(), "", runner())).size();
  EXPECT_EQ(outcome(nipsa::check_shape(
                with_content(tick(), std::string(65'536 - empty, 'x'), runner()), kind)),
            "ok");
  EXPECT_EQ(outcome(nipsa::check_shape(
                with_content(tick(), std::string(65'537 - empty, 'x'), runner()), kind)),
            "E_SIZE");
}

TEST(Reading, NumbersHaveOneSpelling) {
  for (const char* bad :
       {"1e3", "10.0", " 7", "-1", "+5", "0x10", "007", "", "18446744073709551616", "7 ", "٣"})
    EXPECT_EQ(outcome(nipsa::parse_u64(bad, "n")), "E_NUM") << bad;
  EXPECT_EQ(nipsa::parse_u64("9007199254740993", "n").value(), 9007199254740993u);
  EXPECT_EQ(nipsa::parse_u64("0", "n").value(), 0u);
  EXPECT_EQ(outcome(nipsa::parse_sats("2100000000000000", "n")), "ok");
  EXPECT_EQ(outcome(nipsa::parse_sats("2100000000000001", "n")), "E_NUM");
  EXPECT_EQ(outcome(nipsa::parse_time("0", "n")), "E_NUM");
  EXPECT_EQ(outcome(nipsa::parse_time("253402300800", "n")), "E_NUM");
}

TEST(Reading, KeysHaveOneSpelling) {
  const std::string good(64, 'a');
  EXPECT_EQ(outcome(nipsa::parse_key(good, "k")), "ok");
  for (const std::string& bad :
       {std::string(64, 'A'), std::string(63, 'a'), "02" + good, std::string(64, 'g'),
        std::string("npub180cvv07tjdrrgpa0j7j7tmnyl2yr6yr7l8j4s3evf6u64th6gkwsyjh6w6")})
    EXPECT_EQ(outcome(nipsa::parse_key(bad, "k")), "E_HEX") << bad;
}

TEST(Reading, AControlTagSaysOneThing) {
  EXPECT_EQ(outcome(nipsa::control_tag({{"budget", "1"}, {"budget", "1", "x"}}, "budget")), "ok");
  EXPECT_EQ(outcome(nipsa::control_tag({{"budget", "1"}, {"budget", "2"}}, "budget")), "E_TAG_DUP");
  EXPECT_EQ(outcome(nipsa::required_tag({{"budget"}}, "budget")), "E_TAG_MISSING");
  nostr::Tag long_tag(52, "x");
  long_tag[0] = "budget";
  long_tag[1] = "7";
  EXPECT_EQ(nipsa::required_tag({long_tag}, "budget").value(), "7");
}

TEST(Reading, CoordinatesSplitAtTheFirstTwoColons) {
  const std::string pk(64, 'b');
  EXPECT_EQ(nipsa::parse_coordinate("33400:" + pk + ":a:b").value().d, "a:b");
  EXPECT_EQ(outcome(nipsa::parse_coordinate("33400:" + pk)), "E_REF");
  EXPECT_EQ(outcome(nipsa::parse_coordinate("033400:" + pk + ":x")), "E_REF");
  EXPECT_EQ(outcome(nipsa::parse_coordinate("70000:" + pk + ":x")), "E_REF");
  EXPECT_EQ(outcome(nipsa::parse_coordinate("1:npub1xyz:x")), "E_REF");
}

TEST(Reading, ContentIsBoundedJson) {
  std::string deep(33, '[');
  deep += std::string(33, ']');
  for (const std::string& bad :
       {deep, std::string(R"({"a":1,"a":2})"), std::string("{} x"), std::string("{\"a\":\"\xff\"}"),
        std::string(R"({"a":"\ud800"})"), std::string("[NaN]"), std::string("")})
    EXPECT_EQ(outcome(nipsa::parse_json(bad)), "E_JSON") << bad;
  EXPECT_EQ(outcome(nipsa::parse_object("[]")), "E_JSON");
  EXPECT_EQ(nipsa::parse_object(R"({"n":9007199254740993})").value()["n"].get<std::int64_t>(),
            9007199254740993);
}

TEST(Writing, OneLeadingD) {
  const auto build = [](nostr::Tags tags) {
    return outcome(nipsa::checked({39210, kNow, std::move(tags), ""}));
  };
  EXPECT_EQ(build({{"d", "x"}, {"p", "y"}}), "ok");
  EXPECT_EQ(build({{"p", "y"}, {"d", "x"}}), "E_TAG_MISSING");
  EXPECT_EQ(build({}), "E_TAG_MISSING");
  EXPECT_EQ(build({{"d", "x"}, {"d", "y"}}), "E_TAG_DUP");
  EXPECT_EQ(build({{"d", ""}}), "E_TAG_BAD");
  EXPECT_EQ(build({{"d", std::string(255, 'x')}}), "ok");
  EXPECT_EQ(build({{"d", std::string(256, 'x')}}), "E_SIZE");
  EXPECT_EQ(build({{"d", "x"}, {"i", std::string(1025, 'x')}}), "E_SIZE");
}

TEST(Writing, ANewerVersionIsLaterThanTheLast) {
  EXPECT_EQ(nipsa::next_created_at(kNow, std::nullopt).value(), kNow);
  EXPECT_EQ(nipsa::next_created_at(kNow, kNow).value(), kNow + seconds(1));
  EXPECT_EQ(nipsa::next_created_at(kNow, kNow - seconds(9)).value(), kNow);
  EXPECT_EQ(outcome(nipsa::next_created_at(kNow, kNow + seconds(600))), "E_CONFLICT");
}

TEST(Errors, CarryTheirCodeThroughBaseError) {
  const base::Result<void> result = nipsa::fail(nipsa::Code::kTagMissing, "threshold");
  EXPECT_EQ(result.error().detail, "E_TAG_MISSING: threshold");
  EXPECT_EQ(nipsa::code_of(result.error()), nipsa::Code::kTagMissing);
  EXPECT_EQ(nipsa::code_of(base::Error{}), std::nullopt);
  for (int i = 0; i <= static_cast<int>(nipsa::Code::kAmbiguous); ++i) {
    const auto code = static_cast<nipsa::Code>(i);
    const base::Result<void> each = nipsa::fail(code, "x");
    EXPECT_EQ(nipsa::code_of(each.error()), code) << i;
  }
}

}  // namespace
