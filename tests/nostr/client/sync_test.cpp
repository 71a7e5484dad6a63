// nostr/client/sync.h: by NIP-77 where a relay can, by pages where it refuses in any of four ways.
#include "nostr/client/sync.h"

#include <gtest/gtest.h>

#include "tests/nostr/client/support/stored_relay.h"

namespace nostr {
namespace {

using namespace std::chrono_literals;
using testing::Harness;
using testing::make_event;
using testing::StoredRelay;
using Neg = StoredRelay::Neg;

class LocalMap final : public LocalEvents {
 public:
  base::Result<std::vector<NegItem>> items(const Filter& filter) override {
    std::vector<NegItem> out;
    for (const auto& [id, event] : events)
      if (matches(filter, event)) out.push_back({event.created_at, id});
    return out;
  }
  base::Result<std::optional<Event>> get(const EventId& id) override {
    const auto it = events.find(id);
    return it == events.end() ? std::nullopt : std::optional(it->second);
  }
  base::Result<void> put(std::span<const EventPtr> batch) override {
    if (is_full) return base::fail(base::Errc::kDatabase, "the disk is full");
    for (const EventPtr& event : batch) events.emplace(event->id, *event);
    return {};
  }

  std::map<EventId, Event> events;
  bool is_full = false;
};

std::vector<Event> numbered(std::size_t from, std::size_t count) {
  std::vector<Event> out;
  for (std::size_t i = from; i < from + count; ++i)
    out.push_back(make_event(i % 3, "number " + std::to_string(i), 1, {},
                             1'700'000'000 + static_cast<std::int64_t>(i / 2)));
  return out;
}

/// 0..299 are ours, 200..599 the relay's.
struct World {
  explicit World(StoredRelay::Ways ways) : relay(StoredRelay::start(h, std::move(ways))) {
    for (const Event& event : numbered(0, 300)) local.events.emplace(event.id, event);
    relay->keep(numbered(200, 400));
  }
  SyncReport sync(SyncDirection direction) {
    options.direction = direction;
    options.paging.retry_pause = 5ms;
    options.paging.smallest_cap = 4;
    if (!syncer) syncer.emplace(*h.pool, h.clock, local, options);
    return h.loop.run_until_complete(syncer->sync(relay->url(), {.kinds = {1}}));
  }

  Harness h;
  std::shared_ptr<StoredRelay> relay;
  LocalMap local;
  SyncOptions options;
  std::optional<Syncer> syncer;
};

TEST(Sync, ReconcilesAndMovesOnlyWhatDiffers) {
  World w({.neg = Neg::kAnswered});
  const SyncReport report = w.sync(SyncDirection::kBoth);
  EXPECT_TRUE(report.is_complete()) << report.error->detail;
  EXPECT_TRUE(report.reconciled);
  EXPECT_EQ(report.local, 300u);
  EXPECT_EQ(report.downloaded, 300u);
  EXPECT_EQ(report.uploaded, 200u);
  EXPECT_EQ(w.local.events.size(), 600u);
  EXPECT_EQ(w.relay->count_stored(), 600u);
  EXPECT_EQ(w.relay->wire().count_reqs(), 3u);  // a hundred ids each
}

TEST(Sync, OneDirectionLeavesTheOtherSideAlone) {
  World down({.neg = Neg::kAnswered});
  EXPECT_EQ(down.sync(SyncDirection::kDown).downloaded, 300u);
  EXPECT_EQ(down.relay->count_stored(), 400u);
  World up({.neg = Neg::kAnswered});
  EXPECT_EQ(up.sync(SyncDirection::kUp).uploaded, 200u);
  EXPECT_EQ(up.local.events.size(), 300u);
}

// Acceptance 16: refused by NOTICE, silence, NEG-ERR or CLOSED, a sync goes through pages.
TEST(Sync, ARefusalOfAnyKindFallsBackToPages) {
  for (const Neg neg : {Neg::kNotice, Neg::kSilence, Neg::kNegError, Neg::kClosed}) {
    World w({.cap = 60, .neg = neg});
    if (neg == Neg::kSilence) w.options.answer_patience = 1s;
    const SyncReport report = w.sync(SyncDirection::kBoth);
    EXPECT_TRUE(report.is_complete());
    EXPECT_FALSE(report.reconciled);
    EXPECT_FALSE(report.refusal.empty());
    EXPECT_EQ(report.downloaded, 300u);
    EXPECT_EQ(report.uploaded, 200u);
    EXPECT_EQ(w.local.events.size(), 600u);
    EXPECT_EQ(w.relay->count_stored(), 600u);
    // Remembered: the next sync does not ask.
    EXPECT_TRUE(w.sync(SyncDirection::kBoth).is_complete());
    EXPECT_EQ(w.relay->count_negotiations(), 1u);
  }
}

TEST(Sync, NothingIsUploadedBeforeEverythingIsKept) {
  World w({.neg = Neg::kAnswered});
  w.local.is_full = true;
  const SyncReport report = w.sync(SyncDirection::kBoth);
  ASSERT_TRUE(report.error);
  EXPECT_EQ(report.error->code, base::Errc::kDatabase);
  EXPECT_EQ(w.relay->wire().count_events(), 0u);
}

TEST(Sync, WhatTheRelayRefusesIsCountedAndTheRestGoesOn) {
  World w({.neg = Neg::kAnswered, .takes_events = false});
  const SyncReport report = w.sync(SyncDirection::kBoth);
  EXPECT_FALSE(report.error);
  EXPECT_FALSE(report.is_complete());
  EXPECT_EQ(report.downloaded, 300u);
  EXPECT_EQ(report.refused, 200u);
  EXPECT_EQ(report.last_refusal, "blocked: read only");
}

TEST(Sync, ARelayThatIsNotThereIsAnErrorThatNamesIt) {
  World w({.neg = Neg::kAnswered});
  w.relay->stop();
  const SyncReport report = w.sync(SyncDirection::kBoth);
  ASSERT_TRUE(report.error);
  EXPECT_EQ(report.error->code, base::Errc::kUnavailable);
  EXPECT_TRUE(report.error->detail.starts_with(w.relay->url())) << report.error->detail;
  EXPECT_TRUE(report.refusal.empty());  // being away is no refusal
}

}  // namespace
}  // namespace nostr
