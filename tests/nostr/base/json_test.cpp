// The rules of a JSON document on the cold path: what is refused, that integers survive, and the
// canonical form that digests are taken over.
#include "nostr/base/json.h"

#include <gtest/gtest.h>

namespace base::json {
namespace {

struct Refused {
  const char* name;
  std::string text;
};

TEST(JsonParse, refuses_what_two_readers_could_read_differently) {
  const Refused cases[] = {
      {"empty", ""},
      {"duplicate key", R"({"a":1,"a":2})"},
      {"duplicate key by escape", R"({"a":1,"\u0061":2})"},
      {"duplicate key below", R"({"x":[{"a":1,"b":2,"a":3}]})"},
      {"trailing text", "{} x"},
      {"two documents", "{}{}"},
      {"trailing comma", "[1,]"},
      {"comment", "[1/*x*/]"},
      {"single quotes", "['a']"},
      {"NaN", "[NaN]"},
      {"Infinity", "[Infinity]"},
      {"overflowing float", "[1e999]"},
      {"integer beyond 64 bits", "[18446744073709551616]"},
      {"negative beyond 64 bits", "[-9223372036854775809]"},
      {"leading zero", "[01]"},
      {"leading plus", "[+1]"},
      {"invalid utf-8", "[\"\xff\"]"},
      {"overlong utf-8", "[\"\xc0\x80\"]"},
      {"utf-8 surrogate", "[\"\xed\xa0\x80\"]"},
      {"lone high surrogate", R"(["\ud800"])"},
      {"lone low surrogate", R"(["\udc00"])"},
      {"raw newline in a string", "[\"a\nb\"]"},
      {"byte order mark", "\xef\xbb\xbf{}"},
      {"unclosed", "[[1]"},
      {"NUL behind", std::string("[]\0", 3)},
  };
  for (const Refused& c : cases) {
    const auto parsed = parse(c.text);
    ASSERT_FALSE(parsed) << c.name;
    EXPECT_EQ(parsed.error().code, Errc::kInvalid) << c.name;
    EXPECT_FALSE(parsed.error().detail.empty()) << c.name;
  }
}

TEST(JsonParse, holds_its_bounds) {
  const std::string nest32 = std::string(32, '[') + std::string(32, ']');
  EXPECT_TRUE(parse(nest32));
  EXPECT_FALSE(parse('[' + nest32 + ']'));
  EXPECT_FALSE(parse(std::string(60'000, '[')));
  const std::string text = '"' + std::string(65'534, 'x') + '"';
  EXPECT_TRUE(parse(text));
  EXPECT_EQ(parse(text + ' ').error().detail, "json is 65537 bytes, limit is 65536");
  EXPECT_TRUE(parse("1", {.max_bytes = 1, .max_depth = 0}));
  EXPECT_FALSE(parse("[]", {.max_bytes = 9, .max_depth = 0}));
}

TEST(JsonParse, keeps_integers_exact) {
  const auto doc =
      parse(R"({"a":9007199254740993,"b":-9223372036854775808,"c":18446744073709551615})");
  ASSERT_TRUE(doc);
  EXPECT_EQ(get_int(*doc, "a"), 9007199254740993);
  EXPECT_EQ(get_int(*doc, "b"), std::numeric_limits<std::int64_t>::min());
  EXPECT_FALSE(get_int(*doc, "c"));
  EXPECT_EQ(dump(*doc),
            R"({"a":9007199254740993,"b":-9223372036854775808,"c":18446744073709551615})");
}

TEST(JsonMembers, are_typed_and_named_in_errors) {
  const auto doc =
      parse(R"({"s":"x","i":3,"f":1.0,"e":1e3,"b":true,"o":{"k":1},"a":[1],"n":null})");
  ASSERT_TRUE(doc);
  EXPECT_EQ(get_string(*doc, "s"), "x");
  EXPECT_EQ(get_int(*doc, "i"), 3);
  EXPECT_EQ(get_bool(*doc, "b"), true);
  EXPECT_EQ(get_object(*doc, "o")->size(), 1U);
  EXPECT_EQ(get_array(*doc, "a")->size(), 1U);
  EXPECT_EQ(get_int(*doc, "f").error().detail, "member f is not a 64-bit integer");
  EXPECT_FALSE(get_int(*doc, "e"));
  EXPECT_EQ(get_string(*doc, "gone").error().detail, "member gone is missing");
  EXPECT_EQ(get_string(*doc, "i").error().detail, "member i is not a string");
  EXPECT_FALSE(get_bool(*doc, "n"));
  EXPECT_FALSE(get_object(*doc, "a"));
  EXPECT_FALSE(get_array(*doc, "o"));
  EXPECT_FALSE(get_string(Value::array(), "s"));
  EXPECT_EQ(string_or(*doc, "s", "y"), "x");
  EXPECT_EQ(string_or(*doc, "i", "y"), "y");
  EXPECT_EQ(string_or(Value(), "s", "y"), "y");
  EXPECT_EQ(int_or(*doc, "i", 9), 3);
  EXPECT_EQ(int_or(*doc, "f", 9), 9);
  EXPECT_EQ(int_or(*doc, "n", 9), 9);
}

TEST(JsonDump, never_throws_on_invalid_utf8) {
  EXPECT_EQ(dump(Value("a\xff")), "\"a\xef\xbf\xbd\"");
}

std::string canonical_of(std::string_view text) {
  const auto doc = parse(text);
  if (!doc) return "parse: " + doc.error().detail;
  const auto out = canonical(*doc);
  return out ? *out : "canonical: " + out.error().detail;
}

TEST(JsonCanonical, sorts_members_by_utf16_units) {
  // The property names of RFC 8785 section 3.2.3.
  EXPECT_EQ(canonical_of(
                R"({"\u20ac":"Euro","\r":"CR","\ufb33":"Dalet","1":"One","\ud83d\ude00":"Smile",)"
                R"("\u0080":"Control","\u00f6":"o"})"),
            "{\"\\r\":\"CR\",\"1\":\"One\",\"\xc2\x80\":\"Control\",\"\xc3\xb6\":\"o\","
            "\"\xe2\x82\xac\":\"Euro\",\"\xf0\x9f\x98\x80\":\"Smile\",\"\xef\xac\xb3\":\"Dalet\"}");
  EXPECT_EQ(canonical_of(R"({"b":1,"a":{"d":[3,{"z":1,"y":2}],"c":null},"":true,"aa":false})"),
            R"({"":true,"a":{"c":null,"d":[3,{"y":2,"z":1}]},"aa":false,"b":1})");
}

TEST(JsonCanonical, uses_the_shortest_escapes) {
  EXPECT_EQ(canonical_of(R"("\u000f\u000A\"\\\/\b\f\r\t\u001f\u007f\u20ac$")"),
            "\"\\u000f\\n\\\"\\\\/\\b\\f\\r\\t\\u001f\x7f\xe2\x82\xac$\"");
}

TEST(JsonCanonical, holds_exact_integers_only) {
  EXPECT_EQ(canonical_of("[9007199254740991,-9007199254740991,0,-0]").substr(0, 37),
            "[9007199254740991,-9007199254740991,0");
  for (const char* bad :
       {"9007199254740992", "-9007199254740992", "18446744073709551615", "1.5", "1.0", "1e3"})
    EXPECT_TRUE(canonical_of(bad).starts_with("canonical: ")) << bad;
}

TEST(JsonString, escapes_at_every_offset_of_the_word) {
  // The fast path reads eight bytes at a time; each position and neighbour must be seen.
  for (std::size_t size = 1; size < 20; ++size)
    for (std::size_t at = 0; at < size; ++at)
      for (const auto& [raw, escape] : {std::pair{'"', "\\\""},
                                        {'\\', "\\\\"},
                                        {'\n', "\\n"},
                                        {'\x1f', "\\u001f"},
                                        {'\0', "\\u0000"},
                                        {'\x7f', "\x7f"},
                                        {'\x80', "\x80"},
                                        {' ', " "},
                                        {'!', "!"}}) {
        std::string text(size, '\xff');
        text[at] = raw;
        std::string out;
        append_string(text, out);
        EXPECT_EQ(
            out, '"' + std::string(at, '\xff') + escape + std::string(size - at - 1, '\xff') + '"');
      }
}

}  // namespace
}  // namespace base::json
