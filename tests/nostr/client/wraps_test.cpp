// Gift wraps over a feed: dates drawn at random lose nothing (NIP-59 "Other Considerations").
#include <gtest/gtest.h>

#include "nostr/client/feed.h"
#include "nostr/nips/nip59.h"
#include "tests/nostr/client/support/stored_relay.h"

namespace nostr {
namespace {

using namespace std::chrono_literals;
using testing::Harness;
using testing::make_event;
using testing::make_key;
using testing::MemoryCursors;
using testing::StoredRelay;

constexpr std::int64_t kDay = 86'400;

std::int64_t now() {
  return base::to_unix(base::SystemClock().now());
}

struct Inbox {
  explicit Inbox(Harness& harness) : h(harness) {}
  void follow(const StoredRelay& relay, FeedOptions options) {
    const Filter filter{.kinds = {kinds::kGiftWrap}, .tags = {{'p', {me}}}};
    feed = std::make_unique<Feed>(*h.pool, h.clock, std::vector{relay.url()}, Filters{filter},
                                  FeedCallbacks{.on_events =
                                                    [this](std::span<const Delivery> batch) {
                                                      for (const Delivery& d : batch)
                                                        ++times[d.event->id];
                                                      h.note();
                                                      return true;
                                                    },
                                                .on_complete =
                                                    [this](const std::string&) {
                                                      ++completed;
                                                      h.note();
                                                    }},
                                  options);
  }
  Event wrap(std::size_t number, std::int64_t at) const {
    return make_event(number % 5, "sealed " + std::to_string(number), kinds::kGiftWrap,
                      {{"p", me}}, at);
  }

  Harness& h;
  const std::string me = make_key(77).public_key().hex();
  std::map<EventId, int> times;
  int completed = 0;
  std::unique_ptr<Feed> feed;
};

// Acceptance 7: wraps up to three days back, more than a page of them, in no order of arrival.
TEST(Wraps, UpToThreeDaysBackAndMoreThanAPageAreAllFound) {
  Harness h;
  const auto relay = StoredRelay::start(h, {.cap = 100});
  Inbox inbox(h);
  std::vector<Event> wraps;
  for (std::size_t i = 0; i < 700; ++i)
    wraps.push_back(inbox.wrap(i, now() - static_cast<std::int64_t>((i * 7'919) % (3 * kDay))));
  relay->keep(wraps);
  inbox.follow(*relay, {});
  h.until([&] { return inbox.completed == 1; });
  EXPECT_EQ(inbox.times.size(), wraps.size());
}

TEST(Wraps, OneSentWhileWeWereAwayIsFoundWhateverItsDate) {
  Harness h;
  const auto relay = StoredRelay::start(h, {.cap = 100});
  MemoryCursors cursors;
  Inbox before(h);
  before.follow(*relay, {.cursors = &cursors, .overlap = 10s});
  relay->add(before.wrap(0, now() - 2 * kDay));
  h.until([&] { return before.completed == 1 && before.times.size() == 1; });
  before.feed.reset();
  // The cursor is the time at which we listened, not the date of any wrap.
  EXPECT_GE(base::to_unix(cursors.at.begin()->second), now() - 5);
  const Event missed = before.wrap(1, now() - 2 * kDay - 3'600);
  relay->keep({missed});
  Inbox after(h);
  after.follow(*relay, {.cursors = &cursors, .overlap = 10s});
  h.until([&] { return after.completed == 1; });
  EXPECT_TRUE(after.times.contains(missed.id));
}

TEST(Wraps, ALiveOneDatedBackIsTakenAtOnce) {
  Harness h;
  const auto relay = StoredRelay::start(h, {.cap = 100});
  Inbox inbox(h);
  inbox.follow(*relay, {});
  h.until([&] { return inbox.completed == 1; });
  relay->add(inbox.wrap(0, now() - 3 * kDay));
  h.until([&] { return inbox.times.size() == 1; });
}

TEST(Wraps, KindsWithRandomTimesLookBackThreeDays) {
  EXPECT_EQ(cursor_overlap({.kinds = {1}}, 60s), 60s);
  EXPECT_EQ(cursor_overlap({.kinds = {1, 1059}}, 60s), kWrapOverlap);
  EXPECT_EQ(cursor_overlap({.kinds = {1060}}, 60s), kWrapOverlap);
  EXPECT_EQ(cursor_overlap({}, 60s), kWrapOverlap);  // any kind
  EXPECT_EQ(cursor_overlap({.kinds = {1059}}, kWrapOverlap * 2), kWrapOverlap * 2);
  EXPECT_GE(kWrapOverlap, kWrapBackdate + 24h);
}

}  // namespace
}  // namespace nostr
