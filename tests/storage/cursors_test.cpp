// Cursors survive, never go back, and never vouch for what a crash took away.
#include "storage/cursors.h"

#include <csignal>

#include "storage/inbox.h"
#include "storage/relay_health.h"
#include "storage/sync_events.h"
#include "tests/storage/fixture.h"

namespace storage {
namespace {

using testing::make_event;
using testing::must;
using testing::named;
using testing::run_in_child;
using testing::StorageTest;
using testing::TempHome;
using testing::unix_time;
using testing::was_killed;

const nostr::Sha256 kFilter = named<nostr::Sha256>("filter");
constexpr UnixTime kNow = unix_time(1'000'000);

using CursorsTest = StorageTest;

TEST_F(CursorsTest, ACursorSurvivesARestartAndNeverGoesBack) {
  must(Cursors(*db_).advance("wss://one", kFilter, unix_time(100)));
  must(Cursors(*db_).advance("wss://one", kFilter, unix_time(90)));
  reopen();
  Cursors cursors(*db_);
  EXPECT_EQ(must(cursors.get("wss://one", kFilter)), unix_time(100));
  must(cursors.advance("wss://one", kFilter, unix_time(110)));
  EXPECT_EQ(must(cursors.get("wss://one", kFilter)), unix_time(110));
  EXPECT_EQ(must(cursors.get("wss://two", kFilter)), std::nullopt);
  EXPECT_EQ(must(cursors.get("wss://one", named<nostr::Sha256>("another"))), std::nullopt);
}

TEST_F(CursorsTest, OneInARolledBackTransactionIsGoneWithIt) {
  {
    Tx tx = must(Tx::begin(*db_, Durability::kFull));
    must(Cursors(*db_).advance("wss://one", kFilter, unix_time(100)));
  }
  EXPECT_EQ(must(Cursors(*db_).get("wss://one", kFilter)), std::nullopt);
}

// The order of a node's ingest: events and inbox rows are committed, then the cursor moves.
TEST(CursorsCrashTest, DeathBetweenDeliveryAndCommitLosesNothingAndDoublesNothing) {
  const std::vector<std::string> handlers{"mention"};
  const Event event = make_event("a", 1, 100, {}, "hello");
  const auto deliver = [&](Db& db) {
    EventDb events(db);
    return must(Inbox(db).ingest(events, event, handlers, "wss://one", kNow)).opened;
  };
  for (const char* place : {"inbox-before-commit", "inbox-after-commit"}) {
    const TempHome home;
    const int status = run_in_child([&] {
      ::setenv("SOVEREIGN_FAILPOINT", (std::string(place) + ":1").c_str(), 1);
      auto db = home.open();
      deliver(*db);
      must(Cursors(*db).advance("wss://one", kFilter, kNow));
    });
    EXPECT_TRUE(was_killed(status)) << place;
    auto db = home.open();
    // No cursor vouches for the event, so a relay sends it again, and it is open exactly once.
    EXPECT_EQ(must(Cursors(*db).get("wss://one", kFilter)), std::nullopt) << place;
    deliver(*db);
    EXPECT_TRUE(deliver(*db).empty()) << place;
    EXPECT_EQ(must(Inbox(*db).list_open()).size(), 1u) << place;
  }
}

using ClaimTest = StorageTest;

TEST_F(ClaimTest, OneRumorInFiveWrapsIsHandledOnceAcrossRestarts) {
  const EventId rumor = named<EventId>("rumor");
  EXPECT_TRUE(must(Inbox(*db_).claim(rumor, "dm", kNow)));
  for (int wrap = 2; wrap <= 5; ++wrap) {
    reopen();
    EXPECT_FALSE(must(Inbox(*db_).claim(rumor, "dm", kNow))) << wrap;
  }
  EXPECT_TRUE(must(Inbox(*db_).knows(rumor, "dm")));
  EXPECT_FALSE(must(Inbox(*db_).knows(rumor, "another")));
  EXPECT_TRUE(must(Inbox(*db_).claim(rumor, "another", kNow)));
  EXPECT_TRUE(must(Inbox(*db_).list_open()).empty());
}

TEST_F(ClaimTest, IsTakenBackWithItsTransaction) {
  {
    Tx tx = must(Tx::begin(*db_, Durability::kFull));
    EXPECT_TRUE(must(Inbox(*db_).claim(named<EventId>("rumor"), "dm", kNow)));
  }
  EXPECT_TRUE(must(Inbox(*db_).claim(named<EventId>("rumor"), "dm", kNow)));
}

using RelayHealthTest = StorageTest;

TEST_F(RelayHealthTest, ADeadRelayIsKnownAfterARestart) {
  {
    RelayHealthRows rows(*db_);
    nostr::RelayHealth health(&rows);
    for (int i = 0; i < 3; ++i) health.failed("wss://dead.example", kNow + base::seconds{i * 60});
    health.failed("wss://shaky.example", kNow);
    health.answered("wss://shaky.example");
  }
  reopen();
  RelayHealthRows rows(*db_);
  const nostr::RelayHealth health(&rows);
  EXPECT_EQ(health.size(), 1u);
  EXPECT_TRUE(health.is_dead("wss://dead.example", kNow + base::seconds{600}));
}

using SyncEventsTest = StorageTest;

TEST_F(SyncEventsTest, ListsEveryEventOnceAcrossPagesAndFullSeconds) {
  EventDb events(*db_);
  std::vector<Event> batch;
  for (int i = 0; i < 9'000; ++i) {
    // The first 5 000 share a second, which is more than a page.
    const std::int64_t at = i < 5'000 ? 1'000 : 1'000 + i / 3;
    batch.push_back(make_event("a", 1, at, {}, std::to_string(i)));
  }
  must(events.insert_batch(batch, kNow));
  const base::ManualClock clock(kNow);
  SyncEvents view(events, clock);
  auto items = must(view.items({.kinds = {1}}));
  EXPECT_EQ(items.size(), batch.size());
  std::ranges::sort(items);
  EXPECT_TRUE(std::ranges::adjacent_find(items) == items.end());
  EXPECT_TRUE(must(view.items({.kinds = {2}})).empty());
}

}  // namespace
}  // namespace storage
