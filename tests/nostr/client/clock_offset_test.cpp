// nostr/client/clock_offset.h, and what a user with a wrong clock is told.
#include "nostr/client/clock_offset.h"

#include <array>

#include <gtest/gtest.h>

#include "nostr/client/pool.h"
#include "tests/nostr/client/support/harness.h"

namespace nostr {
namespace {

using namespace std::chrono_literals;
using testing::Harness;
using testing::make_event;
using testing::ScriptedRelay;

TEST(ClockOffset, ReadsTheDateOfHttp) {
  EXPECT_EQ(parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT"), base::unix_time(784111777));
  EXPECT_EQ(parse_http_date("Thu, 01 Jan 1970 00:00:00 GMT"), base::unix_time(0));
  for (const char* bad :
       {"", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994",
        "Sun, 06 Nov 1994 08:49:37 UTC", "Sun, 31 Feb 1994 08:49:37 GMT",
        "Sun, 06 Now 1994 08:49:37 GMT", "Sun, 06 Nov 1994 24:49:37 GMT",
        "Sun, -6 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:3x GMT"})
    EXPECT_FALSE(parse_http_date(bad)) << bad;
}

TEST(ClockOffset, IsMeasuredFromTheMiddleOfTheRoundTrip) {
  const auto offset = measure_clock("Sun, 06 Nov 1994 08:49:37 GMT", base::unix_time(784111777 - 604),
                                    base::unix_time(784111777 - 596));
  ASSERT_TRUE(offset);
  EXPECT_EQ(offset->behind, 600s);
  EXPECT_EQ(offset->accuracy, 5s);
  EXPECT_EQ(describe(*offset), "your clock is off by 600 s (slow)");
  EXPECT_EQ(describe({.behind = -600s}), "your clock is off by 600 s (fast)");
  EXPECT_EQ(describe({.behind = 10s}), "");
  EXPECT_FALSE(measure_clock("yesterday", base::unix_time(1), base::unix_time(2)));
}

TEST(ClockOffset, OneRelayWithAWrongClockDoesNotMakeOursWrong) {
  const std::array offsets{ClockOffset{.behind = 1s}, ClockOffset{.behind = 90'000s},
                           ClockOffset{.behind = -2s}};
  EXPECT_EQ(median_offset(offsets)->behind, 1s);
  EXPECT_FALSE(median_offset({}));
}

/// A pool whose clock is ten minutes slow, at a relay that minds.
struct SlowClock {
  SlowClock() : clock(h.clock.now() - 600s), pool(h.loop, h.net, h.workers, clock, h.rng) {}
  ~SlowClock() { h.loop.run_until_complete(pool.stop()); }

  Harness h;
  base::ManualClock clock;
  Pool pool;
};

std::string http_date(base::UnixTime now) {
  const std::time_t seconds = base::to_unix(now);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  std::array<char, 64> text{};
  const std::size_t size =
      std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
  return {text.data(), size};
}

TEST(ClockOffset, ARejectionForTheTimeSaysHowFarOurClockIsOff) {
  SlowClock w;
  const auto relay = w.h.relay([](ScriptedRelay& r, ConnectionId c, const ClientMessage& message) {
    if (const auto* sent = std::get_if<from_client::EventMessage>(&message))
      r.send(c, ok_frame(sent->event.id, false, "invalid: created_at too early"));
  });
  relay->set_document({.status = 404, .headers = {{"date", http_date(w.h.clock.now())}}});
  const auto outcomes =
      w.h.loop.run_until_complete(w.pool.publish({relay->url()}, make_event(1, "x")));
  EXPECT_EQ(outcomes[0].state, PublishOutcome::State::kRejected);
  EXPECT_TRUE(outcomes[0].message.starts_with("invalid: created_at too early; your clock is off by"))
      << outcomes[0].message;
  const auto offset = w.pool.clock_offset();
  ASSERT_TRUE(offset);
  EXPECT_NEAR(static_cast<double>(offset->behind.count()), 600, 3);
}

TEST(ClockOffset, ARefusedAuthSaysSoToo) {
  SlowClock w;
  KeySigner signer(testing::make_key(5), w.clock, w.h.rng);
  w.pool.set_auth("", &signer);
  const auto relay = w.h.relay([](ScriptedRelay& r, ConnectionId c, const ClientMessage& message) {
    if (const auto* auth = std::get_if<from_client::Auth>(&message))
      r.send(c, ok_frame(auth->event.id, false, "invalid: created_at is too far off"));
    if (const auto* req = std::get_if<from_client::Req>(&message))
      r.send(c, closed_frame(req->sub, "auth-required: who"));
  });
  relay->set_greeting([](ScriptedRelay& r, ConnectionId c) { r.send(c, auth_challenge_frame("c")); });
  relay->set_document({.status = 404, .headers = {{"date", http_date(w.h.clock.now())}}});
  const auto sub = w.pool.subscribe({relay->url()}, testing::kind_filter(1), w.h.collect());
  w.h.until([&] { return w.h.closed.size() == 1; });
  EXPECT_TRUE(w.h.closed[0].second.contains("your clock is off by")) << w.h.closed[0].second;
}

}  // namespace
}  // namespace nostr
