// Event streams survive any chunk border and any legal spelling.
#include "orchestration/llm/sse.h"

#include <vector>

#include <gtest/gtest.h>

namespace orchestration {
namespace {

using Events = std::vector<std::string>;

Events parse(std::initializer_list<std::string_view> pieces) {
  Events out;
  SseParser parser([&](std::string_view data) { out.emplace_back(data); });
  for (const std::string_view piece : pieces) EXPECT_TRUE(parser.feed(piece).has_value());
  return out;
}

constexpr std::string_view kStream =
    "\xef\xbb\xbf: hello\r\n\r\ndata: {\"a\":\"\xc3\xa4\xf0\x9f\xa4\x99\"}\r\n\r\nid: "
    "7\ndata:one\ndata: two\n\n\n\n"
    "event: x\rdata\r\rdata: [DONE]\n\n";
const Events kExpected{"{\"a\":\"\xc3\xa4\xf0\x9f\xa4\x99\"}", "one\ntwo", "", "[DONE]"};

TEST(Sse, ReadsEverySpelling) {
  EXPECT_EQ(parse({kStream}), kExpected);
}

TEST(Sse, MayBeSplitAtAnyByte) {
  for (std::size_t at = 0; at <= kStream.size(); ++at)
    EXPECT_EQ(parse({kStream.substr(0, at), kStream.substr(at)}), kExpected) << at;
}

TEST(Sse, MayComeByteByByte) {
  Events out;
  SseParser parser([&](std::string_view data) { out.emplace_back(data); });
  for (const char& c : kStream) ASSERT_TRUE(parser.feed({&c, 1}).has_value());
  EXPECT_EQ(out, kExpected);
}

TEST(Sse, HoldsBackAnEventThatIsNotFinished) {
  Events out;
  SseParser parser([&](std::string_view data) { out.emplace_back(data); });
  ASSERT_TRUE(parser.feed("data: half\n").has_value());
  EXPECT_TRUE(out.empty());
  EXPECT_TRUE(parser.mid_event());
}

TEST(Sse, IsBounded) {
  SseParser parser([](std::string_view) {}, 64);
  EXPECT_EQ(parser.feed("data: " + std::string(100, 'x')).error().code, base::Errc::kLimit);
  EXPECT_FALSE(parser.feed("\n\n").has_value());
}

}  // namespace
}  // namespace orchestration
