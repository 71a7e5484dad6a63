// nostr/client/seen.h and delivered.h: verified ids only, bounded, one verification per event.
#include "nostr/client/seen.h"

#include <thread>

#include <gtest/gtest.h>

#include "nostr/client/delivered.h"
#include "tests/nostr/client/support/harness.h"

namespace nostr {
namespace {

EventPtr event_number(std::uint32_t number) {
  Event event;
  base::SeededRng rng(number);
  const auto bytes = rng.bytes<32>();
  event.id = EventId(bytes);
  event.content = std::to_string(number);
  return std::make_shared<const Event>(event);
}

TEST(SeenEvents, AClaimThatIsReleasedLeavesTheIdUnknown) {
  SeenEvents seen(100);
  const EventPtr event = event_number(1);
  EXPECT_EQ(seen.look(event->id).state, SeenEvents::State::kClaimed);
  EXPECT_EQ(seen.look(event->id).state, SeenEvents::State::kInFlight);
  seen.release(event->id);
  EXPECT_EQ(seen.look(event->id).state, SeenEvents::State::kClaimed);
  seen.add(event);
  const auto look = seen.look(event->id);
  EXPECT_EQ(look.state, SeenEvents::State::kKnown);
  EXPECT_EQ(look.recent, event);
}

TEST(SeenEvents, KeepsWholeEventsOnlyForTheLatestIds) {
  SeenEvents seen(100'000);
  for (std::uint32_t i = 0; i < 5'000; ++i) seen.add(event_number(i));
  EXPECT_EQ(seen.size(), 5'000u);
  EXPECT_EQ(seen.look(event_number(0)->id).state, SeenEvents::State::kKnown);
  EXPECT_EQ(seen.look(event_number(0)->id).recent, nullptr);
  EXPECT_NE(seen.look(event_number(4'999)->id).recent, nullptr);
}

TEST(SeenEvents, NeverKeepsALargeEvent) {
  SeenEvents seen(100);
  Event large = *event_number(1);
  large.content.assign(100'000, 'x');
  seen.add(std::make_shared<const Event>(large));
  EXPECT_EQ(seen.look(large.id).state, SeenEvents::State::kKnown);
  EXPECT_EQ(seen.look(large.id).recent, nullptr);
}

TEST(SeenEvents, StaysWithinItsCapacity) {
  SeenEvents seen(1'600);
  for (std::uint32_t i = 0; i < 20'000; ++i) seen.add(event_number(i));
  EXPECT_LE(seen.size(), 1'600u);
  EXPECT_GE(seen.size(), 800u);
  EXPECT_EQ(seen.look(event_number(19'999)->id).state, SeenEvents::State::kKnown);
  EXPECT_EQ(seen.look(event_number(0)->id).state, SeenEvents::State::kClaimed);
}

TEST(SeenEvents, WaitersWakeWhenTheClaimEnds) {
  SeenEvents seen(100);
  const EventPtr event = event_number(1);
  ASSERT_EQ(seen.look(event->id).state, SeenEvents::State::kClaimed);
  SeenEvents::State after = SeenEvents::State::kInFlight;
  std::thread waiter([&] {
    seen.wait_settled(event->id);
    after = seen.look(event->id).state;
  });
  seen.add(event);
  waiter.join();
  EXPECT_EQ(after, SeenEvents::State::kKnown);
}

TEST(DeliveredIds, AnIdGoesOutOnceAndTheSetIsBounded) {
  DeliveredIds delivered(100);
  EXPECT_TRUE(delivered.insert(event_number(1)->id));
  EXPECT_FALSE(delivered.insert(event_number(1)->id));
  EXPECT_TRUE(delivered.contains(event_number(1)->id));
  for (std::uint32_t i = 2; i < 60; ++i) delivered.insert(event_number(i)->id);
  EXPECT_FALSE(delivered.insert(event_number(20)->id));
  for (std::uint32_t i = 100; i < 300; ++i) delivered.insert(event_number(i)->id);
  EXPECT_FALSE(delivered.contains(event_number(1)->id));
  EXPECT_TRUE(delivered.contains(event_number(299)->id));
}

}  // namespace
}  // namespace nostr
