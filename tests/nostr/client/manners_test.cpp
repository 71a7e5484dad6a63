// A relay's limits, published or learnt: nothing is refused twice, everything is served.
#include <set>

#include <gtest/gtest.h>

#include "nostr/client/connection.h"
#include "nostr/client/pool.h"
#include "nostr/client/relay_limits.h"
#include "tests/nostr/client/support/connection_fixture.h"
#include "tests/nostr/client/support/harness.h"

namespace nostr {
namespace {

using namespace std::chrono_literals;
using testing::ConnectionFixture;
using testing::Harness;
using testing::kind_filter;
using testing::kNow;
using testing::make_event;
using testing::ScriptedRelay;
using testing::serve;
using testing::serve_at_most;
using testing::target;
using State = PublishOutcome::State;

TEST(RelayLimits, RefusalsInTheWordsOfTheField) {
  const std::pair<const char*, Refusal> cases[] = {
      {"ERROR: too many concurrent REQs", Refusal::kSubscriptions},
      {"error: too many subscriptions", Refusal::kSubscriptions},
      {"Maximum concurrent subscription count reached", Refusal::kSubscriptions},
      {"ERROR: bad req: arr too big", Refusal::kFilters},
      {"invalid: too many filters", Refusal::kFilters},
      {"invalid: message too large", Refusal::kSize},
      {"rate-limited: slow down there chief", Refusal::kRate},
      {"error: too many requests", Refusal::kRate},
      {"invalid: event creation date is too far off, check your clock", Refusal::kClock},
      {"invalid: created_at too early", Refusal::kClock},
      {"auth-required: members only", Refusal::kNone},
      {"error: shutting down", Refusal::kNone},
      {"", Refusal::kNone},
  };
  for (const auto& [words, kind] : cases) EXPECT_EQ(refusal_of(words), kind) << words;
}

TEST(RelayLimits, ADocumentThatForbidsAllConversationIsNotBelieved) {
  RelayLimits limits;
  limits.read({.max_message_length = 0, .max_subscriptions = -1, .max_filters = 0, .max_limit = 0});
  EXPECT_EQ(limits, RelayLimits{});
  limits.read({.max_message_length = 65'536, .max_subscriptions = 20});
  EXPECT_EQ(limits.message_bytes, 65'536u);
  EXPECT_EQ(limits.subscriptions, 20u);
}

TEST(RelayLimits, FiltersAreCutAlongTheirLongestListAndAskForTheSame) {
  Filter filter;
  filter.kinds = {1, 2};
  for (std::uint64_t i = 0; i < 100; ++i)
    filter.authors.push_back(testing::make_key(i % 10 + 1).public_key());
  RelayLimits limits;
  limits.message_bytes = 1'000;
  const auto groups = split_filters({filter}, limits);
  ASSERT_GT(groups.size(), 6u);
  std::size_t authors = 0;
  for (const Filters& group : groups) {
    EXPECT_TRUE(fits(group, limits));
    for (const Filter& piece : group) {
      EXPECT_EQ(piece.kinds, filter.kinds);
      authors += piece.authors.size();
    }
  }
  EXPECT_EQ(authors, 100u);
}

TEST(RelayLimits, ALimitIsClampedToWhatIsServed) {
  RelayLimits limits;
  limits.events = 500;
  Filters filters = kind_filter(1);
  filters[0].limit = 5'000;
  EXPECT_EQ(clamp_limits(filters, limits)[0].limit, 500u);
  filters[0].limit = 5;
  EXPECT_EQ(clamp_limits(filters, limits)[0].limit, 5u);
}

// --- more subscriptions than the relay serves at a time ---

/// `count` subscriptions to kinds 1…count at a relay that serves `at_most` REQs.
struct Crowd {
  Crowd(std::size_t count, std::size_t at_most, testing::Refuse refuse, PoolOptions options = quick())
      : h(options) {
    std::vector<Event> stored;
    for (std::size_t i = 1; i <= count; ++i)
      stored.push_back(make_event(1, "stored", static_cast<Kind>(i)));
    relay = h.relay(serve_at_most(at_most, std::move(stored), std::move(refuse)));
    got.resize(count + 1);
  }
  static PoolOptions quick() {
    PoolOptions options = Harness::quick();
    options.read_documents = false;
    return options;
  }
  void subscribe_all() {
    for (std::size_t i = 1; i < got.size(); ++i) {
      SubscriptionCallbacks callbacks;
      callbacks.on_events = [this, i](std::span<const Delivery> batch) {
        for (const Delivery& delivery : batch) {
          EXPECT_EQ(delivery.event->kind, static_cast<Kind>(i));
          got[i].push_back(delivery.event->content);
        }
        h.note();
      };
      callbacks.on_closed = [](const std::string&, const std::string& message) {
        ADD_FAILURE() << "closed for good: " << message;
      };
      subs.push_back(h.pool->subscribe({relay->url()}, kind_filter(static_cast<Kind>(i)), callbacks));
    }
  }
  bool all_have(std::size_t events) const {
    return std::ranges::all_of(got.begin() + 1, got.end(),
                               [&](const auto& list) { return list.size() == events; });
  }
  void publish_live() {
    for (std::size_t i = 1; i < got.size(); ++i)
      h.loop.run_until_complete(
          h.pool->publish({relay->url()}, make_event(2, "live", static_cast<Kind>(i))));
  }

  Harness h;
  std::shared_ptr<ScriptedRelay> relay;
  std::vector<std::unique_ptr<Subscription>> subs;
  std::vector<std::vector<std::string>> got;
};

TEST(Manners, MoreSubscriptionsThanARelayServesAreMergedAndAllStayLive) {
  Crowd crowd(12, 4, [](const std::string& sub) {
    return closed_frame(sub, "error: too many concurrent REQs");
  });
  crowd.subscribe_all();
  crowd.h.until([&] { return crowd.all_have(1); });
  crowd.publish_live();
  crowd.h.until([&] { return crowd.all_have(2); });
  EXPECT_EQ(crowd.h.status(crowd.relay->url()).limits.subscriptions, 4u);
  EXPECT_EQ(crowd.h.status(crowd.relay->url()).waiting, 0u);
}

TEST(Manners, TheLimitIsLearntFromANoticeWithoutANameToo) {
  Crowd crowd(9, 3, [](const std::string&) { return notice_frame("ERROR: too many concurrent REQs"); });
  crowd.subscribe_all();
  crowd.h.until([&] { return crowd.all_have(1); });
  crowd.publish_live();
  crowd.h.until([&] { return crowd.all_have(2); });
}

TEST(Manners, ADocumentIsObeyedSoThatNothingIsRefused) {
  PoolOptions options = Harness::quick();
  Crowd crowd(14, 5, [](const std::string& sub) {
    ADD_FAILURE() << "one too many: " << sub;
    return closed_frame(sub, "error: too many concurrent REQs");
  }, options);
  crowd.relay->set_document({.content_type = "application/nostr+json",
                             .body = R"({"limitation":{"max_subscriptions":5}})"});
  const auto document = crowd.h.loop.run_until_complete(crowd.h.pool->information(crowd.relay->url()));
  ASSERT_TRUE(document) << document.error().detail;
  EXPECT_EQ(document->info.limitation.max_subscriptions, 5);
  // Known before it is needed: the first REQs ask for a look at the document by their number.
  ConnectionFixture f;
  f.connection.set_limits(document->info.limitation, kNow);
  f.connection.opened(kNow);
  for (SubKey key = 1; key <= 14; ++key) {
    f.connection.want(key, target(key, static_cast<Kind>(key)), kNow);
    f.hear(from_relay::Eose{f.wire()});
  }
  EXPECT_LE(f.sent_count("[\"REQ\"") - f.sent_count("[\"CLOSE\""), 5u);
  EXPECT_EQ(f.all<act::Eose>().size(), 14u);
  EXPECT_EQ(crowd.relay->document_reads(), 1u);
}

TEST(Manners, ADocumentIsReadOnceItCouldChangeWhatWeDo) {
  Harness h;
  const auto relay = h.relay(serve({}));
  relay->set_document({.content_type = "application/nostr+json",
                       .body = R"({"limitation":{"max_subscriptions":20,"max_limit":500}})"});
  std::vector<std::unique_ptr<Subscription>> subs;
  for (Kind kind = 1; kind <= 10; ++kind)
    subs.push_back(h.pool->subscribe({relay->url()}, kind_filter(kind), h.collect()));
  h.until([&] { return h.eoses.size() == 10; });
  EXPECT_EQ(relay->document_reads(), 0u);
  subs.push_back(h.pool->subscribe({relay->url()}, kind_filter(11), h.collect()));
  h.until([&] { return h.status(relay->url()).limits.subscriptions == 20; });
  EXPECT_EQ(h.status(relay->url()).limits.events, 500u);
  EXPECT_EQ(relay->document_reads(), 1u);
}

/// A connection to a relay that serves one REQ of one filter: nothing can be merged.
struct Narrow : ConnectionFixture {
  Narrow() {
    connection.set_limits({.max_subscriptions = 1, .max_filters = 1}, kNow);
    connection.opened(kNow);
  }
};

TEST(Manners, WhatCannotBeMergedTakesTurns) {
  Narrow f;
  for (SubKey key = 1; key <= 3; ++key)
    f.connection.want(key, target(key, static_cast<Kind>(key)), kNow);
  EXPECT_EQ(f.connection.waiting(), 2u);
  std::set<SubKey> served;
  MonoTime now = kNow;
  for (int turn = 0; turn < 3; ++turn) {
    f.hear(from_relay::Eose{f.wire()}, now);
    now += 10s;
    f.connection.tick(now);
  }
  for (const auto& eose : f.all<act::Eose>()) served.insert(eose.sub);
  EXPECT_EQ(served, (std::set<SubKey>{1, 2, 3}));
  EXPECT_EQ(f.sent_count("[\"REQ\""), 4u);
  EXPECT_EQ(f.sent_count("[\"CLOSE\""), 3u) << "never two at a time";
}

TEST(Manners, APlaceThatBecomesFreeGoesToWhoHasWaitedLongest) {
  Narrow f;
  for (SubKey key = 1; key <= 3; ++key)
    f.connection.want(key, target(key, static_cast<Kind>(key)), kNow);
  f.connection.drop(1, kNow);
  f.hear(from_relay::Eose{f.wire()});
  ASSERT_EQ(f.all<act::Eose>().size(), 1u);
  EXPECT_EQ(f.all<act::Eose>()[0].sub, 2u);
}

TEST(Manners, TooManyFiltersAreSplitIntoSeveralReqsThatEndAsOne) {
  ConnectionFixture f;
  f.connection.opened(kNow);
  Filters four;
  for (Kind kind = 1; kind <= 4; ++kind) four.push_back(kind_filter(kind)[0]);
  f.connection.want(1, std::make_shared<const Target>(
                           Target{1, four, std::make_shared<DeliveredIds>(10), {}}), kNow);
  f.hear(from_relay::Closed{f.wire(), "invalid: too many filters"});
  EXPECT_EQ(f.sent_count("[\"REQ\""), 3u) << "four filters, then two and two";
  EXPECT_TRUE(f.all<act::SubClosed>().empty());
  const auto table = f.connection.take_table();
  ASSERT_EQ(table->live.size(), 2u);
  std::size_t left = 2;
  for (const auto& [wire, part] : table->live) {
    EXPECT_EQ(part->subscription, 1u);
    EXPECT_EQ(f.all<act::Eose>().size(), 0u);
    f.hear(from_relay::Eose{wire});
    --left;
    if (left > 0) continue;
    EXPECT_EQ(f.all<act::Eose>().size(), 1u);
  }
}

TEST(Manners, ARefusedCompanionDoesNotTakeTheOthersWithIt) {
  ConnectionFixture f;
  f.connection.set_limits({.max_subscriptions = 1}, kNow);
  f.connection.opened(kNow);
  f.connection.want(1, target(1, 1), kNow);
  f.connection.want(2, target(2, 2), kNow);
  f.hear(from_relay::Closed{f.wire(), "blocked: kind 2 is not served here"});
  EXPECT_TRUE(f.all<act::SubClosed>().empty()) << "nobody knows yet whom it meant";
  f.hear(from_relay::Eose{f.wire()});
  f.connection.tick(kNow + 10s);
  f.hear(from_relay::Closed{f.wire(), "blocked: kind 2 is not served here"}, kNow + 10s);
  ASSERT_EQ(f.all<act::SubClosed>().size(), 1u);
  EXPECT_EQ(f.all<act::SubClosed>()[0].sub, 2u);
  ASSERT_EQ(f.all<act::Eose>().size(), 1u);
  EXPECT_EQ(f.all<act::Eose>()[0].sub, 1u);
}

// --- rate limits ---

TEST(Manners, AnEventRefusedForItsRateIsSentOnceMoreAfterAPause) {
  ConnectionFixture f;
  f.connection.opened(kNow);
  const Event event = make_event(1, "x");
  f.connection.publish(9, event, Repeat::kOnce, kNow);
  f.hear(from_relay::Ok{event.id, false, "rate-limited: slow down"});
  EXPECT_TRUE(f.all<act::Published>().empty());
  EXPECT_EQ(f.connection.slow_until(), kNow + 1s);
  EXPECT_EQ(f.connection.next_due(), kNow + 1s);
  f.connection.publish(10, make_event(1, "y"), Repeat::kOnce, kNow);
  EXPECT_EQ(f.sent_count("[\"EVENT\""), 1u) << "what comes meanwhile waits too";
  f.connection.tick(kNow + 1s);
  EXPECT_EQ(f.sent_count("[\"EVENT\""), 3u);
  f.hear(from_relay::Ok{event.id, false, "rate-limited: slow down"}, kNow + 1s);
  ASSERT_EQ(f.all<act::Published>().size(), 1u) << "its sender decides what now";
  EXPECT_EQ(f.all<act::Published>()[0].outcome.reason, Reason::kRateLimited);
}

TEST(Manners, WhoWouldHaveToWaitLongIsToldAtOnce) {
  ConnectionFixture f;
  f.connection.opened(kNow);
  MonoTime now = kNow;
  for (int i = 0; i < 5; ++i) {
    const Event event = make_event(1, std::to_string(i));
    f.connection.publish(static_cast<Ticket>(i), event, Repeat::kOnce, now);
    f.hear(from_relay::Ok{event.id, false, "rate-limited: "}, now);
    now = f.connection.slow_until();
  }
  const std::size_t before = f.sent_count("[\"EVENT\"");
  f.connection.publish(99, make_event(1, "late"), Repeat::kOnce, now - 8s);
  EXPECT_EQ(f.sent_count("[\"EVENT\""), before);
  EXPECT_EQ(f.all<act::Published>().back().ticket, 99u);
  EXPECT_EQ(f.all<act::Published>().back().outcome.message,
            "rate-limited: not sent, the relay wants a pause; try again in 8 s");
}

TEST(Manners, AfterARateLimitedReqNewOnesWaitAndCloseStillGoesOut) {
  ConnectionFixture f;
  f.connection.opened(kNow);
  f.connection.want(1, target(1), kNow);
  f.hear(from_relay::Eose{f.wire()});
  f.connection.want(2, target(2, 2), kNow);
  f.hear(from_relay::Closed{f.wire(), "rate-limited: slow down"});
  f.connection.want(3, target(3, 3), kNow + 1s);
  EXPECT_EQ(f.sent_count("[\"REQ\""), 2u);
  f.connection.drop(1, kNow + 2s);
  EXPECT_EQ(f.sent_count("[\"CLOSE\""), 1u);
  f.connection.tick(kNow + 15s);
  EXPECT_EQ(f.sent_count("[\"REQ\""), 4u);
}

TEST(Manners, TheStatusTellsThatARelayAskedForPatience) {
  Harness h;
  const auto relay = h.relay([](ScriptedRelay& r, ConnectionId c, const ClientMessage& message) {
    if (const auto* sent = std::get_if<from_client::EventMessage>(&message))
      r.send(c, ok_frame(sent->event.id, r.count_events() > 1, "rate-limited: slow down"));
  });
  std::optional<std::vector<PublishOutcome>> outcomes;
  base::Scope scope(h.loop);
  const auto publish = [](Pool& pool, std::string url,
                          std::optional<std::vector<PublishOutcome>>* out) -> base::Task<void> {
    *out = co_await pool.publish({url}, make_event(1, "x"));
  };
  scope.spawn("publish", publish(*h.pool, relay->url(), &outcomes));
  h.until([&] { return h.status(relay->url()).slow_until.has_value(); });
  h.until([&] { return outcomes.has_value(); });
  EXPECT_EQ(outcomes->at(0).state, State::kAccepted);
  h.loop.run_until_complete(scope.stop());
}

// --- every way out obeys the address policy ---

TEST(Manners, ADocumentIsNotFetchedFromAPrivateAddress) {
  Harness h;
  const auto stranger = h.relay(serve({}));
  h.pool->restrict_private({});
  const auto refused = h.loop.run_until_complete(h.pool->information(stranger->url()));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, base::Errc::kDenied);
  EXPECT_TRUE(refused.error().detail.contains(stranger->url())) << refused.error().detail;
  EXPECT_EQ(stranger->document_reads(), 0u);
}

TEST(Manners, ARefusedAddressIsAStateOfItsOwnAndTriedSeldom) {
  Harness h;
  const auto stranger = h.relay(serve({}));
  h.pool->restrict_private({});
  const auto sub = h.pool->subscribe({stranger->url()}, kind_filter(1), h.collect());
  h.until([&] { return h.status(stranger->url()).state == RelayState::kRefused; });
  EXPECT_TRUE(h.status(stranger->url()).until.has_value());
  EXPECT_EQ(h.status(stranger->url()).attempts, 1u);
  EXPECT_EQ(stranger->connections(), 0u);
}

}  // namespace
}  // namespace nostr
