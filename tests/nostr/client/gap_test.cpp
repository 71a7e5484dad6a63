// nostr/client/feed.h: nothing is lost between connections, and nothing comes twice.
#include "nostr/client/feed.h"

#include <gtest/gtest.h>

#include "tests/nostr/client/support/stored_relay.h"

namespace nostr {
namespace {

using namespace std::chrono_literals;
using testing::Harness;
using testing::kind_filter;
using testing::make_event;
using testing::make_key;
using testing::MemoryCursors;
using testing::StoredRelay;

/// The present of these tests, so that events and cursors have one clock.
std::int64_t now() {
  return base::to_unix(base::SystemClock().now());
}

std::vector<Event> numbered(std::size_t from, std::size_t count, std::int64_t first_at,
                            std::int64_t per_second = 1) {
  std::vector<Event> out;
  for (std::size_t i = from; i < from + count; ++i)
    out.push_back(make_event(i % 3, "number " + std::to_string(i), 1, {},
                             first_at + static_cast<std::int64_t>(i - from) / per_second));
  return out;
}

/// A feed whose owner counts how often each event came, and may refuse to keep any.
struct Owner {
  explicit Owner(Harness& harness) : h(harness) {}

  void follow(std::vector<std::string> relays, Filters filters, FeedOptions options = {}) {
    if (options.retry_first == FeedOptions{}.retry_first) options.retry_first = 10ms;
    options.paging.retry_pause = 5ms;
    options.paging.smallest_cap = 4;
    feed = std::make_unique<Feed>(
        *h.pool, h.clock, relays, std::move(filters),
        FeedCallbacks{.on_events =
                          [this](std::span<const Delivery> batch) {
                            h.note();
                            if (!keeps) return false;
                            for (const Delivery& d : batch) ++times[d.event->id];
                            return true;
                          },
                      .on_complete =
                          [this](const std::string&) {
                            ++completed;
                            h.note();
                          },
                      .on_problem =
                          [this](const std::string&, const base::Error& why) {
                            problems.push_back(why);
                            h.note();
                          }},
        options);
  }

  bool each_once() const {
    return std::ranges::all_of(times, [](const auto& entry) { return entry.second == 1; });
  }

  Harness& h;
  std::map<EventId, int> times;
  bool keeps = true;
  int completed = 0;
  std::vector<base::Error> problems;
  std::unique_ptr<Feed> feed;
};

// Acceptance 1: the socket dies, a hundred events are published, the socket comes back.
TEST(Feed, AHundredEventsPublishedDuringADisconnectAllArriveOnce) {
  Harness h;
  const auto relay = StoredRelay::start(h, {.cap = 500});
  relay->keep(numbered(0, 20, now() - 100));
  Owner owner(h);
  owner.follow({relay->url()}, kind_filter(1));
  h.until([&] { return owner.completed == 1; });
  EXPECT_EQ(owner.times.size(), 20u);
  relay->stop();
  h.until([&] { return !h.status(relay->url()).connected; });
  relay->keep(numbered(20, 100, now() - 50));
  relay->start_again();
  h.until([&] { return owner.completed == 2; });
  EXPECT_EQ(owner.times.size(), 120u);
  EXPECT_TRUE(owner.each_once());
}

TEST(Feed, ACapOfTheRelayBelowTheGapLosesNothing) {
  Harness h;
  const auto relay = StoredRelay::start(h, {.cap = 7});
  Owner owner(h);
  owner.follow({relay->url()}, kind_filter(1));
  h.until([&] { return owner.completed == 1; });
  relay->stop();
  relay->keep(numbered(0, 100, now() - 50, 3));
  relay->start_again();
  h.until([&] { return owner.completed == 2; });
  EXPECT_EQ(owner.times.size(), 100u);
  EXPECT_TRUE(owner.each_once());
}

TEST(Feed, EventsOfOneSecondAcrossPagesAreAllFound) {
  Harness h;
  const auto relay = StoredRelay::start(h, {.cap = 40});
  relay->keep(numbered(0, 100, now() - 10, 1'000));
  Filter filter{.kinds = {1}};
  for (std::uint64_t author = 0; author < 3; ++author)
    filter.authors.push_back(make_key(author).public_key());
  Owner owner(h);
  owner.follow({relay->url()}, {filter});
  h.until([&] { return owner.completed == 1; });
  EXPECT_EQ(owner.times.size(), 100u);
  EXPECT_TRUE(owner.each_once());
}

TEST(Feed, LiveEventsDuringTheWalkAreNeitherLostNorDoubled) {
  Harness h;
  int live = 0;
  // One new event, dated far into the past, is sent within every page.
  const auto relay = StoredRelay::start(
      h, {.cap = 10, .before_eose = [&live](StoredRelay& self) {
            if (live >= 30) return;
            const std::int64_t at = now() - 10'000 + live;
            self.add(make_event(9, "live " + std::to_string(live++), 1, {}, at));
          }});
  relay->keep(numbered(0, 200, now() - 300));
  Owner owner(h);
  owner.follow({relay->url()}, kind_filter(1));
  h.until([&] { return owner.completed == 1; });
  h.until([&] { return owner.times.size() == 200u + static_cast<std::size_t>(live); });
  EXPECT_TRUE(owner.each_once());
}

TEST(Feed, TheHintFinishSavesTheOtherPages) {
  Harness h;
  const auto relay = StoredRelay::start(h, {.cap = 500, .hints = true});
  relay->keep(numbered(0, 20, now() - 100));
  Owner owner(h);
  owner.follow({relay->url()}, kind_filter(1));
  h.until([&] { return owner.completed == 1; });
  EXPECT_EQ(owner.times.size(), 20u);
  EXPECT_EQ(relay->wire().count_reqs(), 2u);  // the live one and one page
}

TEST(Feed, ThreeRelaysWithTheSameEventsDeliverEachOnce) {
  Harness h;
  std::vector<std::shared_ptr<StoredRelay>> relays;
  std::vector<std::string> urls;
  for (int i = 0; i < 3; ++i) {
    relays.push_back(StoredRelay::start(h, {.cap = 10}));
    relays.back()->keep(numbered(0, 50, now() - 100));
    urls.push_back(relays.back()->url());
  }
  Owner owner(h);
  owner.follow(urls, kind_filter(1));
  h.until([&] { return owner.completed == 3; });
  EXPECT_TRUE(owner.feed->complete());
  const Event last = make_event(1, "to all", 1, {}, now());
  for (const auto& relay : relays) relay->add(last);
  h.until([&] { return owner.times.size() == 51; });
  EXPECT_TRUE(owner.each_once());
}

TEST(Feed, ARestartGoesOnFromTheCursorEvenPastSince) {
  Harness h;
  const auto relay = StoredRelay::start(h, {.cap = 500});
  MemoryCursors cursors;
  const FeedOptions options{.cursors = &cursors, .overlap = 60s};
  Filter filter{.kinds = {1}, .since = base::unix_time(now() - 3'600)};
  {
    Owner owner(h);
    owner.follow({relay->url()}, {filter}, options);
    h.until([&] { return owner.completed == 1; });
  }
  ASSERT_EQ(cursors.at.size(), 1u);
  const UnixTime cursor = cursors.at.begin()->second;
  EXPECT_GE(base::to_unix(cursor), now() - 5);
  filter.since = base::unix_time(now() + 3'600);  // a later start: its own beginning is of no account
  Owner owner(h);
  owner.follow({relay->url()}, {filter}, options);
  h.until([&] { return owner.completed == 1; });
  EXPECT_EQ(relay->asked().back().since, cursor - 60s);
  EXPECT_EQ(cursors.at.size(), 1u);
}

TEST(Feed, WhatWasNotKeptComesAgainAndNoCursorPassesIt) {
  Harness h;
  const auto relay = StoredRelay::start(h, {.cap = 500});
  relay->keep(numbered(0, 5, now() - 100));
  MemoryCursors cursors;
  Owner owner(h);
  owner.keeps = false;
  owner.follow({relay->url()}, kind_filter(1), {.cursors = &cursors});
  h.until([&] { return owner.problems.size() >= 2; });
  EXPECT_TRUE(cursors.at.empty());
  EXPECT_FALSE(owner.feed->complete());
  owner.keeps = true;
  h.until([&] { return owner.completed == 1; });
  EXPECT_EQ(owner.times.size(), 5u);
  owner.keeps = false;
  const Event live = make_event(1, "live", 1, {}, now());
  relay->add(live);
  h.until([&] { return !owner.feed->complete(); });
  owner.keeps = true;
  h.until([&] { return owner.completed == 2; });
  EXPECT_EQ(owner.times[live.id], 1);
  EXPECT_TRUE(owner.each_once());
}

TEST(Feed, AnEventBeforeEoseMovesNoCursor) {
  Harness h;
  const auto relay = StoredRelay::start(h, {.cap = 5});
  MemoryCursors cursors;
  const FeedOptions options{.cursors = &cursors, .paging = {.max_pages = 2}, .save_every = 0s, .retry_first = 1h};
  relay->keep(numbered(0, 50, now() - 1'000));
  Owner owner(h);
  owner.follow({relay->url()}, kind_filter(1), options);
  h.until([&] { return !owner.problems.empty(); });
  EXPECT_EQ(owner.problems.front().code, base::Errc::kLimit);
  EXPECT_EQ(owner.problems.front().detail, relay->url() + ": the history was cut after 2 pages");
  // The history is not complete: neither its newest event nor a live one is a cursor.
  const Event live = make_event(1, "live", 1, {}, now());
  relay->add(live);
  h.until([&] { return owner.times.contains(live.id); });
  EXPECT_TRUE(cursors.at.empty());
}

// Two pages an attempt: beginning again each time would never come to the end.
TEST(Feed, AWalkThatWasCutOffGoesOnWhereItWas) {
  Harness h;
  const auto relay = StoredRelay::start(h, {.cap = 5});
  relay->keep(numbered(0, 50, now() - 1'000));
  MemoryCursors cursors;
  Owner owner(h);
  owner.follow({relay->url()}, kind_filter(1), {.cursors = &cursors, .paging = {.max_pages = 2}});
  h.until([&] { return owner.completed == 1; });
  EXPECT_GE(owner.problems.size(), 3u);
  EXPECT_EQ(owner.times.size(), 50u);
  EXPECT_TRUE(owner.each_once());
  EXPECT_EQ(cursors.at.size(), 1u);
}

TEST(Feed, LiveEventsMoveTheCursorOfTheirFilterOnly) {
  Harness h;
  const auto relay = StoredRelay::start(h, {.cap = 500});
  MemoryCursors cursors;
  Filters filters{{.kinds = {1}}, {.kinds = {7}}};
  Owner owner(h);
  owner.follow({relay->url()}, filters, {.cursors = &cursors, .save_every = 0s});
  h.until([&] { return owner.completed == 1; });
  const auto at = [&](std::size_t i) {
    return cursors.at.at({relay->url(), cursor_key(filters[i]).hex()});
  };
  const UnixTime before = at(0);
  // From the future: the cursor is on our clock. From the past: it never goes back.
  relay->add(make_event(1, "early", 1, {}, now() + 900));
  relay->add(make_event(1, "late", 1, {}, now() - 900));
  h.until([&] { return owner.times.size() == 2; });
  EXPECT_GE(at(0), before);
  EXPECT_LE(base::to_unix(at(0)), now());
  EXPECT_EQ(at(1), before);
}

TEST(Feed, MayDieInItsOwnCallback) {
  Harness h;
  const auto relay = StoredRelay::start(h, {.cap = 10});
  relay->keep(numbered(0, 50, now() - 100));
  std::unique_ptr<Feed> feed;
  int calls = 0;
  feed = std::make_unique<Feed>(*h.pool, h.clock, std::vector{relay->url()}, kind_filter(1),
                                FeedCallbacks{.on_events = [&](std::span<const Delivery>) {
                                  ++calls;
                                  feed.reset();
                                  h.note();
                                  return true;
                                }});
  h.until([&] { return calls > 0; });
  h.stop_pool();
  EXPECT_EQ(calls, 1);
}

TEST(Cursor, IsNamedByTheConditionsInAnyOrder) {
  const PublicKey a = make_key(1).public_key(), b = make_key(2).public_key();
  Filter one{.authors = {a, b, a}, .kinds = {7, 1}, .tags = {{'p', {"x", "y"}}}, .limit = 5};
  Filter two{.authors = {b, a}, .kinds = {1, 7}, .tags = {{'p', {"y", "x"}}}};
  two.since = base::unix_time(9);
  EXPECT_EQ(cursor_key(one), cursor_key(two));
  two.kinds.push_back(6);
  EXPECT_NE(cursor_key(one), cursor_key(two));
}

}  // namespace
}  // namespace nostr
