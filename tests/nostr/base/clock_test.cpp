// Times as text, and a clock that moves only when told.
#include "nostr/base/clock.h"

#include <gtest/gtest.h>

namespace base {
namespace {

TEST(Clock, writes_times_for_people_and_for_logs) {
  EXPECT_EQ(format_utc(unix_time(0)), "1970-01-01 00:00 UTC");
  EXPECT_EQ(format_rfc3339(unix_time(1'709'210'096)), "2024-02-29T12:34:56Z");
  EXPECT_EQ(format_rfc3339(unix_time(253'402'300'799)), "9999-12-31T23:59:59Z");
  EXPECT_EQ(format_utc(unix_time(-1)), "1969-12-31 23:59 UTC");
}

TEST(Clock, manual_time_stands_still_until_moved) {
  ManualClock clock(unix_time(100));
  EXPECT_EQ(to_unix(clock.now()), 100);
  clock.advance(seconds(5));
  EXPECT_EQ(to_unix(clock.now()), 105);
  clock.set(unix_time(7));
  EXPECT_EQ(to_unix(clock.now()), 7);
  EXPECT_GT(to_unix(SystemClock().now()), 1'700'000'000);
}

}  // namespace
}  // namespace base
