// What relays say in words about an event they do not want now.
#include "nostr/client/publish_outcome.h"

#include <gtest/gtest.h>

namespace nostr {
namespace {

using namespace std::chrono_literals;

TEST(RetryHint, ReadsHowLongARelayAsksUsToWait) {
  EXPECT_EQ(retry_hint("rate-limited: try again in 30 seconds"), 30s);
  EXPECT_EQ(retry_hint("rate-limited: Retry after 5m"), 300s);
  EXPECT_EQ(retry_hint("rate-limited: please wait 1 hour"), 3'600s);
  EXPECT_EQ(retry_hint("error: wait 90s"), 90s);
}

TEST(RetryHint, IsSilentWithoutATime) {
  for (const char* message :
       {"", "rate-limited: slow down", "rate-limited: at most 10 events per 60 seconds",
        "blocked: come back in June", "rate-limited: retry after 12", "rate-limited: in 5 moons"})
    EXPECT_EQ(retry_hint(message), std::nullopt) << message;
}

TEST(RetryHint, IsNeverAbsurd) {
  EXPECT_EQ(retry_hint("rate-limited: wait 999999999999 hours"), 3'600s);
  EXPECT_EQ(retry_hint("rate-limited: wait 0 s"), 1s);
  EXPECT_EQ(retry_hint("rate-limited: wait 99999999999999999999999 s"), std::nullopt);
}

TEST(WrongTime, IsToldByItsUsualPhrases) {
  for (const char* message :
       {"invalid: created_at too late", "invalid: event creation date is too far in the future",
        "invalid: event is too old", "blocked: created at is in the past", "invalid: Timestamp off"})
    EXPECT_TRUE(says_wrong_time(message)) << message;
  EXPECT_FALSE(says_wrong_time("invalid: bad signature"));
  EXPECT_FALSE(says_wrong_time("rate-limited: slow down"));
}

}  // namespace
}  // namespace nostr
