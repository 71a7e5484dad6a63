// Spans, moments and texts as people type them.
#include "node/cli/flags.h"

#include <gtest/gtest.h>

#include "nostr/base/duration.h"

#include <fstream>

#include "tests/node/support/temp_dir.h"

namespace node::cli {
namespace {

using namespace std::chrono_literals;

constexpr base::UnixTime kNow = base::unix_time(1'764'000'000);

TEST(Duration, TakesSuffixesAndBareSeconds) {
  EXPECT_EQ(base::parse_duration("90").value(), 90s);
  EXPECT_EQ(base::parse_duration("30s").value(), 30s);
  EXPECT_EQ(base::parse_duration("5m").value(), 300s);
  EXPECT_EQ(base::parse_duration("2h").value(), 7'200s);
  EXPECT_EQ(base::parse_duration("3d").value(), 3 * 86'400s);
  EXPECT_EQ(base::parse_duration("1w").value(), 7 * 86'400s);
  EXPECT_EQ(base::parse_duration("0").value(), 0s);
}

TEST(Duration, RefusesEverythingElse) {
  for (const char* text : {"", "s", "-1", "-1s", "1.5h", "5 m", "5ms", "1y", "ten", "9999999999w",
                           "99999999999999999999"}) {
    const auto parsed = base::parse_duration(text);
    ASSERT_FALSE(parsed.has_value()) << text;
    EXPECT_FALSE(parsed.error().hint.empty());
  }
}

TEST(Moment, IsASpanFromNowADateOrAUnixTime) {
  EXPECT_EQ(parse_past("2h", kNow).value(), kNow - 2h);
  EXPECT_EQ(parse_future("2h", kNow).value(), kNow + 2h);
  EXPECT_EQ(parse_past("now", kNow).value(), kNow);
  EXPECT_EQ(parse_past("1700000000", kNow).value(), base::unix_time(1'700'000'000));
  EXPECT_EQ(parse_past("2023-11-14", kNow).value(), base::unix_time(1'699'920'000));
  EXPECT_EQ(parse_past("2023-11-14T22:13", kNow).value(), base::unix_time(1'699'999'980));
  EXPECT_EQ(parse_past("2023-11-14T22:13:20Z", kNow).value(), base::unix_time(1'700'000'000));
  EXPECT_EQ(parse_past("2023-11-14 22:13:20", kNow).value(), base::unix_time(1'700'000'000));
}

TEST(Moment, RefusesWhatNoCalendarHas) {
  for (const char* text : {"", "2023-02-30", "2023-13-01", "2023-1-1", "2023-11-14T24:00",
                           "2023-11-14T22:60", "2023-11-14T22:13:20+02:00", "2023-11-14x", "soon"})
    EXPECT_FALSE(parse_past(text, kNow).has_value()) << text;
}

TEST(Text, IsItselfOrAFile) {
  const testing::TempDir dir;
  std::ofstream(dir / "note") << "from a file\n";
  EXPECT_EQ(read_text("hello").value(), "hello");
  EXPECT_EQ(read_text("").value(), "");
  EXPECT_EQ(read_text("@" + (dir / "note").string()).value(), "from a file\n");
  EXPECT_EQ(read_text("@@alice hi").value(), "@alice hi");
  const auto missing = read_text("@" + (dir / "none").string());
  ASSERT_FALSE(missing.has_value());
  EXPECT_NE(missing.error().hint.find("@@"), std::string::npos);
}

}  // namespace
}  // namespace node::cli
