// Events from JSON: everything a strict relay refuses is refused by name, everything else
// round-trips.
#include "nostr/event/event_json.h"

#include <gtest/gtest.h>

#include "nostr/base/json.h"
#include "tests/nostr/event/samples.h"

namespace nostr {
namespace {

const std::string kId(64, 'a');
const std::string kSig(128, 'b');

/// A well-formed event with one member's JSON replaced; an empty text leaves the member out.
std::string event_with(std::string_view member, const std::string& json) {
  std::vector<std::pair<std::string, std::string>> members = {
      {"id", '"' + kId + '"'},      {"pubkey", '"' + kId + '"'},
      {"created_at", "1700000000"}, {"kind", "1"},
      {"tags", R"([["t","x"]])"},   {"content", R"("hi")"},
      {"sig", '"' + kSig + '"'}};
  std::string out;
  for (auto& [name, value] : members) {
    if (name == member) value = json;
    if (!value.empty()) out += (out.empty() ? "{\"" : ",\"") + name + "\":" + value;
  }
  return out + '}';
}

struct Hostile {
  const char* member;
  std::string json;
  std::string detail;
};

TEST(ParseEvent, names_the_member_that_breaks_a_rule) {
  const Hostile cases[] = {
      {"id", "", "id is missing"},
      {"pubkey", "", "pubkey is missing"},
      {"created_at", "", "created_at is missing"},
      {"kind", "", "kind is missing"},
      {"tags", "", "tags is missing"},
      {"content", "", "content is missing"},
      {"sig", "", "sig is missing"},
      {"id", '"' + std::string(64, 'A') + '"', "id is not 64 lower-case hex characters"},
      {"id", '"' + std::string(63, 'a') + '"', "id is not 64 lower-case hex characters"},
      {"id", '"' + std::string(63, 'a') + "\\u0061\"", "id is not 64 lower-case hex characters"},
      {"id", "7", "id is not a string"},
      {"id", "null", "id is not a string"},
      {"pubkey", "[]", "pubkey is not a string"},
      {"sig", '"' + std::string(126, 'b') + '"', "sig is not 128 lower-case hex characters"},
      {"created_at", "-1", "created_at is not an integer from 0 to 253402300799"},
      {"created_at", "253402300800", "created_at is not an integer from 0 to 253402300799"},
      {"created_at", "1.5", "created_at is not an integer from 0 to 253402300799"},
      {"created_at", "1e9", "created_at is not an integer from 0 to 253402300799"},
      {"created_at", "\"1\"", "created_at is not an integer from 0 to 253402300799"},
      {"created_at", "99999999999999999999", "created_at is not an integer from 0 to 253402300799"},
      {"kind", "65536", "kind is not an integer from 0 to 65535"},
      {"kind", "-0", "kind is not an integer from 0 to 65535"},
      {"kind", "01", "kind is not an integer from 0 to 65535"},
      {"kind", "true", "kind is not an integer from 0 to 65535"},
      {"tags", "{}", "tags is not an array"},
      {"tags", "null", "tags is not an array"},
      {"tags", R"(["t"])", "tags hold something that is not an array"},
      {"tags", "[[]]", "tags hold an empty tag"},
      {"tags", "[[1]]", "tag element is not a string"},
      {"tags", "[[null]]", "tag element is not a string"},
      {"tags", R"([["a",["b"]]])", "tag element is not a string"},
      {"content", "null", "content is not a string"},
      {"content", "{}", "content is not a string"},
      {"content", R"("\ud800")", "content holds"},
      {"content", R"("\udc00")", "content holds"},
      {"content", R"("\udc00\ud800")", "content holds"},
      {"content", R"("\ud800\ud800")", "content holds"},
      {"content", R"("\ud83dx\ude00")", "content holds"},
      {"content", R"("\x41")", "content holds a broken escape"},
      {"content", R"("\u00g0")", "content holds a broken escape"},
      {"content", R"("a","content":"b")", "content is given twice"},
      {"content", R"("a","\u0069d":"b")", "id is given twice"},
      {"content", "\"\xff\"", "json is malformed"},
      {"content", "\"\xed\xa0\x80\"", "json is malformed"},
      {"content", "\"a\nb\"", "json is malformed"},
      {"content", "\"a", ""},
      {"content", "\"a\" \"b\"", "json is malformed"},
      {"tags", R"([["a" "b"]])", "tags are malformed"},
      {"tags", R"([["a",]])", "tag element is not a string"},
      {"tags", R"([["a"],])", "tags hold something that is not an array"},
  };
  for (const Hostile& c : cases) {
    const auto parsed = parse_event(event_with(c.member, c.json));
    ASSERT_FALSE(parsed) << c.member << " = " << c.json;
    EXPECT_EQ(parsed.error().code, base::Errc::kInvalid);
    EXPECT_TRUE(parsed.error().detail.starts_with(c.detail))
        << c.member << " = " << c.json << ": " << parsed.error().detail;
  }
}

TEST(ParseEvent, refuses_a_text_that_is_not_one_object) {
  const std::string good = event_with("", "");
  ASSERT_TRUE(parse_event(good));
  for (const std::string& bad :
       {std::string(), std::string(" "), std::string("null"), std::string("[]"), '[' + good + ']',
        good + good, good + ",", good + " x", good.substr(0, good.size() - 1), good.substr(1),
        "\xef\xbb\xbf" + good, good + std::string(1, '\0')})
    EXPECT_FALSE(parse_event(bad)) << bad;
  EXPECT_TRUE(parse_event(" \n" + good + "\r\t "));
}

TEST(ParseEvent, takes_members_in_any_order_and_ignores_unknown_ones) {
  const auto parsed = parse_event(R"({"x":{"id":[1,{"a":"}"}]},"sig":")" + kSig +
                                  R"(","content":"\u0068\ud83d\ude00\/" ,)" +
                                  R"("tags": [ ["t" , "x"] ] ,"kind":1,"created_at":0,"pubkey":")" +
                                  kId + R"(","y":null,"id":")" + kId + R"("})");
  ASSERT_TRUE(parsed) << parsed.error().detail;
  EXPECT_EQ(parsed->content, "h\xf0\x9f\x98\x80/");
  EXPECT_EQ(parsed->tags, (Tags{{"t", "x"}}));
  EXPECT_EQ(parsed->id.hex(), kId);
  EXPECT_EQ(parsed->sig.hex(), kSig);
}

TEST(ParseEvent, holds_its_bounds) {
  const EventLimits limits{.max_bytes = 1000, .max_tags = 2, .max_tag_elements = 3};
  EXPECT_TRUE(parse_event(event_with("tags", R"([["a","b","c"],["d"]])"), limits));
  EXPECT_EQ(parse_event(event_with("tags", R"([["a"],["b"],["c"]])"), limits).error().detail,
            "tags are more than 2");
  EXPECT_EQ(parse_event(event_with("tags", R"([["a","b","c","d"]])"), limits).error().detail,
            "tags hold one of over 3 elements");
  const auto big = parse_event(event_with("content", '"' + std::string(1000, 'x') + '"'), limits);
  ASSERT_FALSE(big);
  EXPECT_TRUE(big.error().detail.ends_with("limit is 1000"));
  // Deep nesting in an ignored member costs nothing.
  EXPECT_TRUE(parse_event(
      event_with("kind", "1,\"x\":" + std::string(100'000, '[') + std::string(100'000, ']'))));
}

TEST(ParseEvent, round_trips_hostile_texts_byte_for_byte) {
  base::SeededRng rng(2);
  for (int i = 0; i < 500; ++i) {
    const Event event = samples::random_event(rng);
    const std::string json = to_json(event);
    const auto parsed = parse_event(json);
    ASSERT_TRUE(parsed) << parsed.error().detail << json;
    EXPECT_EQ(*parsed, event);
    EXPECT_EQ(to_json(*parsed), json);
    // An independent reader sees the same event.
    const auto other = base::json::parse(json, {.max_bytes = 1 << 20});
    ASSERT_TRUE(other);
    EXPECT_EQ(base::json::get_string(*other, "content"), event.content);
    EXPECT_EQ((*other)["tags"].get<Tags>(), event.tags);
  }
}

TEST(ParseEvent, survives_every_cut_and_every_changed_byte) {
  const std::string good =
      to_json(samples::note("a \"quoted\" \\ line\n\xf0\x9f\x98\x80", {{"e", "x\ty"}, {"t"}}));
  base::SeededRng rng(3);
  for (std::size_t at = 0; at < good.size(); ++at) {
    EXPECT_FALSE(parse_event(good.substr(0, at)));
    std::string changed = good;
    changed[at] = static_cast<char>(rng.below(256));
    const auto parsed = parse_event(changed);
    if (parsed && changed != good && *parsed != *parse_event(good)) {
      EXPECT_FALSE(check(*parsed));
    }
  }
}

TEST(ParseUnsignedEvent, needs_no_id_and_no_signature) {
  const UnsignedEvent rumor = unsigned_part(samples::note("rumor", {{"p", kId}}, 14));
  const std::string json = to_json(rumor);
  EXPECT_NE(json.find(R"("id":")" + compute_id(rumor).hex()), std::string::npos);
  EXPECT_EQ(json.find("sig"), std::string::npos);
  EXPECT_EQ(parse_unsigned_event(json), rumor);
  EXPECT_EQ(parse_unsigned_event(R"({)" + json.substr(json.find("\"pubkey\""))), rumor);
}

TEST(ParseUnsignedEvent, ignores_an_id_and_a_signature) {
  const UnsignedEvent rumor = unsigned_part(samples::note("rumor"));
  const std::string json = to_json(rumor);
  const std::string body = json.substr(json.find("\"pubkey\""));
  for (const std::string& claims :
       {std::string(R"({"id":"","sig":"",)"), std::string(R"({"id":null,)"),
        R"({"id":")" + kId + R"(","id":1,)"})
    EXPECT_EQ(parse_unsigned_event(claims + body), rumor) << claims;
  EXPECT_EQ(parse_unsigned_event("{}").error().detail, "pubkey is missing");
}

}  // namespace
}  // namespace nostr
