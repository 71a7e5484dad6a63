// What a hostile relay can do to us: cost it its place, and nothing else.
#include <gtest/gtest.h>

#include "nostr/client/pool.h"
#include "tests/nostr/client/support/harness.h"

namespace nostr {
namespace {

using namespace std::chrono_literals;
using testing::Harness;
using testing::kind_filter;
using testing::make_event;
using testing::ScriptedRelay;
using testing::serve;
using testing::with_wrong_content;
using testing::with_wrong_signature;

/// Sends `frame(sub, i)` `count` times for every REQ, then EOSE.
ScriptedRelay::Script flood(std::size_t count,
                            std::function<std::string(const std::string& sub, std::size_t i)> frame) {
  return [=](ScriptedRelay& r, ConnectionId c, const ClientMessage& message) {
    const auto* req = std::get_if<from_client::Req>(&message);
    if (req == nullptr) return;
    for (std::size_t i = 0; i < count; ++i) r.send(c, frame(req->sub, i));
    r.send(c, eose_frame(req->sub));
  };
}

Filters limited(std::uint32_t limit) {
  Filters filters = kind_filter(1);
  filters[0].limit = limit;
  return filters;
}

struct Flood {
  const char* name;
  std::function<std::string(const std::string& sub, std::size_t i)> frame;
};

TEST(Abuse, AFloodOfBadFramesReachesNoHandlerAndCostsTheRelayItsPlace) {
  const Event good = make_event(1, "good");
  const Event forged_id = with_wrong_content(good);
  const Event forged_sig = with_wrong_signature(make_event(2, "x"));
  const Event other_kind = make_event(3, "nobody asked", 30'000);
  const Flood floods[] = {
      {"wrong content under a right id",
       [=](const std::string& sub, std::size_t) { return relay_event_frame(sub, forged_id); }},
      {"forged signature",
       [=](const std::string& sub, std::size_t) { return relay_event_frame(sub, forged_sig); }},
      {"wrong filter",
       [=](const std::string& sub, std::size_t) { return relay_event_frame(sub, other_kind); }},
      {"a subscription we never made",
       [=](const std::string&, std::size_t) { return relay_event_frame("zzz", good); }},
      {"no JSON", [](const std::string&, std::size_t) { return std::string("[\"EVENT\",,"); }},
      {"larger than an event may be",
       [](const std::string& sub, std::size_t) {
         return "[\"EVENT\",\"" + sub + "\",{\"content\":\"" + std::string(300'000, 'x') + "\"}]";
       }},
  };
  for (const Flood& flood_of : floods) {
    SCOPED_TRACE(flood_of.name);
    PoolOptions options = Harness::quick();
    options.max_bad_frames = 20;
    Harness h(options);
    const bool heavy = std::string_view(flood_of.name).starts_with("larger");
    const auto relay = h.relay(flood(heavy ? 40 : 2'000, flood_of.frame));
    const auto sub = h.pool->subscribe({relay->url()}, kind_filter(1), h.collect());
    h.until([&] { return h.status(relay->url()).state == RelayState::kLeft; });
    EXPECT_TRUE(h.events.empty());
    EXPECT_TRUE(h.status(relay->url()).until.has_value());
    EXPECT_LE(h.pool->verifications(), 1'000u) << "most of the flood is never looked at";
  }
}

/// Some relays look at everything but the tags when an event is new.
TEST(Abuse, ARelayThatIgnoresTagsIsForgivenForLongAndNotForEver) {
  PoolOptions options = Harness::quick();
  options.max_bad_frames = 20;
  Harness h(options);
  Filters filters = kind_filter(1);
  filters[0].tags['t'] = {"wanted"};
  const Event wanted = make_event(1, "good", 1, {{"t", "wanted"}});
  const Event other = make_event(2, "about something else");
  const auto sends = [&](std::size_t count) {
    return h.relay([&, count](ScriptedRelay& r, ConnectionId c, const ClientMessage& message) {
      const auto* req = std::get_if<from_client::Req>(&message);
      if (!req) return;
      r.send(c, eose_frame(req->sub));
      for (std::size_t i = 0; i < count; ++i) r.send(c, relay_event_frame(req->sub, other));
      r.send(c, relay_event_frame(req->sub, wanted));
    });
  };
  const auto careless = sends(500);
  const auto sub = h.pool->subscribe({careless->url()}, filters, h.collect());
  h.until([&] { return !h.events.empty(); });
  EXPECT_EQ(*h.events[0].event, wanted);
  EXPECT_TRUE(h.status(careless->url()).connected);
  EXPECT_EQ(h.status(careless->url()).rejected, 0U);
  EXPECT_EQ(h.status(careless->url()).other_tags, 500U);

  const auto endless = sends(10'000);
  const auto another = h.pool->subscribe({endless->url()}, filters, h.collect());
  h.until([&] { return h.status(endless->url()).state == RelayState::kLeft; });
}

TEST(Abuse, AnOversizedFrameIsNotEvenBufferedAndCostsTheRelayItsPlace) {
  Harness h;
  const auto relay = h.relay([](ScriptedRelay& r, ConnectionId c, const ClientMessage& message) {
    if (std::holds_alternative<from_client::Req>(message))
      r.send(c, notice_frame(std::string(2u << 20, 'x')));
  });
  const auto sub = h.pool->subscribe({relay->url()}, kind_filter(1), h.collect());
  h.until([&] { return h.status(relay->url()).state == RelayState::kLeft; });
  EXPECT_EQ(h.status(relay->url()).last_error, "left: message exceeds 1048576 bytes");
}

TEST(Abuse, ARelayThatSendsFarMoreThanTheLimitIsLeftBeforeTheHandlerSeesIt) {
  PoolOptions options = Harness::quick();
  options.connection.live_per_second = 0;
  Harness h(options);
  std::vector<Event> events;
  for (std::size_t i = 0; i < 400; ++i) events.push_back(make_event(i % 3, std::to_string(i)));
  const auto relay = h.relay(serve(events));
  const auto sub = h.pool->subscribe({relay->url()}, limited(10), h.collect());
  h.until([&] { return h.status(relay->url()).state == RelayState::kLeft; });
  EXPECT_EQ(h.events.size(), 120u) << "twice the limit and a hundred are forgiven";
  EXPECT_TRUE(h.status(relay->url()).last_error.contains("far more"));
}

TEST(Abuse, AnEndlessStreamAfterEoseIsBoundedPerSecond) {
  PoolOptions options = Harness::quick();
  options.connection.live_burst = 200;
  options.connection.live_per_second = 1;
  Harness h(options);
  const auto relay = h.relay([](ScriptedRelay& r, ConnectionId c, const ClientMessage& message) {
    const auto* req = std::get_if<from_client::Req>(&message);
    if (req == nullptr) return;
    r.send(c, eose_frame(req->sub));
    for (std::size_t i = 0; i < 500; ++i)
      r.send(c, relay_event_frame(req->sub, make_event(1, std::to_string(i))));
  });
  const auto sub = h.pool->subscribe({relay->url()}, kind_filter(1), h.collect());
  h.until([&] { return h.status(relay->url()).state == RelayState::kLeft; });
  EXPECT_LE(h.events.size(), 210u);
}

TEST(Abuse, FewButHugeEventsAreBoundedByTheirBytes) {
  for (const bool stored : {true, false}) {
    PoolOptions options = Harness::quick();
    options.connection.max_stored_events = 50;  // or a hundred thousand bytes
    options.connection.live_burst = 50;
    options.connection.live_per_second = 0;
    Harness h(options);
    const auto relay = h.relay([=](ScriptedRelay& r, ConnectionId c, const ClientMessage& message) {
      const auto* req = std::get_if<from_client::Req>(&message);
      if (req == nullptr) return;
      if (!stored) r.send(c, eose_frame(req->sub));
      for (std::size_t i = 0; i < 40; ++i)
        r.send(c, relay_event_frame(req->sub, make_event(i % 3, std::to_string(i) + std::string(30'000, 'x'))));
    });
    const auto sub = h.pool->subscribe({relay->url()}, limited(100), h.collect());
    h.until([&] { return h.status(relay->url()).state == RelayState::kLeft; });
    EXPECT_EQ(h.events.size(), 3u) << "what fits into a hundred thousand bytes";
    EXPECT_TRUE(h.status(relay->url()).last_error.contains("far more"));
  }
}

TEST(Abuse, CopiesOfKnownEventsAreCheapAndBoundedToo) {
  PoolOptions options = Harness::quick();
  options.connection.max_stored_events = 1'000;
  Harness h(options);
  const Event event = make_event(1, "again and again");
  const auto relay = h.relay(flood(5'000, [event](const std::string& sub, std::size_t) {
    return relay_event_frame(sub, event);
  }));
  const auto sub = h.pool->subscribe({relay->url()}, kind_filter(1), h.collect());
  h.until([&] { return h.status(relay->url()).state == RelayState::kLeft; });
  EXPECT_EQ(h.events.size(), 1u);
  EXPECT_EQ(h.pool->verifications(), 1u);
}

TEST(Abuse, MessagesNobodyAskedForAreBounded) {
  const Event event = make_event(1, "x");
  const std::string frames[] = {notice_frame("spam"), eose_frame("zzz"), ok_frame(event.id, true, ""),
                                closed_frame("zzz", "error: spam")};
  for (const std::string& frame : frames) {
    Harness h;
    const auto relay =
        h.relay(flood(3'000, [frame](const std::string&, std::size_t) { return frame; }));
    const auto sub = h.pool->subscribe({relay->url()}, kind_filter(1), h.collect());
    h.until([&] { return h.status(relay->url()).state == RelayState::kLeft; });
    EXPECT_TRUE(h.status(relay->url()).last_error.contains("nobody asked for"));
  }
}

TEST(Abuse, EveryFurtherOffenceKeepsTheRelayAwayLonger) {
  PoolOptions options = Harness::quick();
  options.leave_for = 20ms;
  Harness h(options);
  std::vector<std::chrono::steady_clock::time_point> left_at;
  h.pool->on_status([&](const RelayStatus& status) {
    if (status.state == RelayState::kLeft) left_at.push_back(std::chrono::steady_clock::now());
  });
  const Event forged = with_wrong_content(make_event(1, "x"));
  const auto relay = h.relay(flood(150, [forged](const std::string& sub, std::size_t) {
    return relay_event_frame(sub, forged);
  }));
  const auto sub = h.pool->subscribe({relay->url()}, kind_filter(1), h.collect());
  h.until([&] { return left_at.size() == 4; });
  EXPECT_GE(left_at[1] - left_at[0], 20ms);
  EXPECT_GE(left_at[2] - left_at[1], 40ms);
  EXPECT_GE(left_at[3] - left_at[2], 80ms);
  EXPECT_EQ(h.status(relay->url()).left, 4u);
}

TEST(Abuse, AHostileRelayDisturbsNoOther) {
  Harness h;
  const Event forged = with_wrong_content(make_event(1, "x"));
  const auto bad = h.relay(flood(2'000, [forged](const std::string& sub, std::size_t) {
    return relay_event_frame(sub, forged);
  }));
  std::vector<Event> events;
  for (std::size_t i = 0; i < 300; ++i) events.push_back(make_event(i % 3, std::to_string(i)));
  const auto good = h.relay(serve(events));
  const auto sub = h.pool->subscribe({bad->url(), good->url()}, kind_filter(1), h.collect());
  h.until([&] { return h.status(bad->url()).state == RelayState::kLeft && !h.eoses.empty(); });
  EXPECT_EQ(h.events.size(), events.size());
}

}  // namespace
}  // namespace nostr
