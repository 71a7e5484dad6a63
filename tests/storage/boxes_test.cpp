// Kv and Inbox: values that survive, and what arrived is handled once.
#include "storage/inbox.h"
#include "storage/kv.h"
#include "tests/storage/fixture.h"

namespace storage {
namespace {

using testing::errc_of;
using testing::make_event;
using testing::must;
using testing::run_in_child;
using testing::StorageTest;
using testing::TempHome;
using testing::unix_time;
using testing::was_killed;

constexpr UnixTime kNow = unix_time(1'000'000);

using KvTest = StorageTest;

TEST_F(KvTest, ValuesAreReplacedAndSurvive) {
  Kv kv(*db_);
  EXPECT_EQ(must(kv.get("boot")), std::nullopt);
  must(kv.set("boot", "one"));
  must(kv.set("boot", "two"));
  reopen();
  EXPECT_EQ(must(Kv(*db_).get("boot")), "two");
  must(Kv(*db_).erase("boot"));
  EXPECT_EQ(must(Kv(*db_).get("boot")), std::nullopt);
}

TEST_F(KvTest, CountersOnlyGrow) {
  EXPECT_EQ(must(Kv(*db_).counter("boots")), 0);
  EXPECT_EQ(must(Kv(*db_).bump("boots")), 1);
  reopen();
  EXPECT_EQ(must(Kv(*db_).bump("boots")), 2);
  EXPECT_EQ(must(Kv(*db_).counter("boots")), 2);
}

// --- inbox
// -------------------------------------------------------------------------------------------

using InboxTest = StorageTest;
const std::vector<std::string> kMention{"mention"};

TEST_F(InboxTest, APairOfEventAndHandlerIsOpenedOnce) {
  EventDb events(*db_);
  Inbox inbox(*db_);
  const Event event = make_event("a", 1, 100, {}, "hello");
  EXPECT_EQ(must(inbox.ingest(events, event, kMention, "wss://one", kNow)).opened, kMention);
  EXPECT_TRUE(must(inbox.ingest(events, event, kMention, "wss://two", kNow)).opened.empty());
  EXPECT_TRUE(must(inbox.add(event, "other", "wss://two", kNow)));
  const auto open = must(inbox.list_open());
  ASSERT_EQ(open.size(), 2u);
  EXPECT_EQ(open[0].event, event);
  EXPECT_EQ(open[0].relay, "wss://one");
  must(inbox.close(event.id, "mention", kNow));
  EXPECT_EQ(errc_of(inbox.close(event.id, "mention", kNow)), Errc::kConflict);
  EXPECT_TRUE(must(inbox.ingest(events, event, kMention, "wss://three", kNow)).opened.empty())
      << "a closed pair is never opened again";
}

TEST_F(InboxTest, AnOpenRowKeepsItsEventThoughTheStoreReplacedIt) {
  EventDb events(*db_);
  Inbox inbox(*db_);
  const Event old = make_event("a", 0, 100, {}, "old");
  must(inbox.ingest(events, old, kMention, "r", kNow));
  must(events.insert(make_event("a", 0, 200, {}, "new"), kNow));
  EXPECT_EQ(must(inbox.list_open())[0].event, old);
}

TEST_F(InboxTest, EphemeralEventsAreHeldHereAlone) {
  EventDb events(*db_);
  Inbox inbox(*db_);
  const Event event = make_event("a", 24133, 100);
  must(inbox.ingest(events, event, kMention, "r", kNow, /*keep=*/false));
  EXPECT_FALSE(must(events.has(event.id)));
  EXPECT_EQ(must(inbox.list_open()).size(), 1u);
}

TEST_F(InboxTest, AHandlersEffectAndClosingAreOneCommit) {
  EventDb events(*db_);
  Inbox inbox(*db_);
  Kv kv(*db_);
  const Event event = make_event("a", 1, 100);
  must(inbox.ingest(events, event, kMention, "r", kNow));
  {
    const Tx tx = must(Tx::begin(*db_, Durability::kFull));
    must(kv.set("effect", "done"));
    must(inbox.close(event.id, "mention", kNow));
  }
  EXPECT_EQ(must(kv.get("effect")), std::nullopt);
  EXPECT_TRUE(must(inbox.is_open(event.id, "mention")));
}

TEST_F(InboxTest, ClosedRowsAreForgottenWhenOld) {
  Inbox inbox(*db_);
  const Event event = make_event("a", 1, 100);
  must(inbox.add(event, "x", "r", kNow));
  must(inbox.add(event, "y", "r", kNow));
  must(inbox.close(event.id, "x", kNow));
  EXPECT_EQ(must(inbox.purge_closed(kNow)), 0);
  EXPECT_EQ(must(inbox.purge_closed(unix_time(1'000'001))), 1);
  EXPECT_EQ(must(inbox.list_open()).size(), 1u);
}

TEST(InboxCrashTest, EventAndRowArriveTogetherOrNotAtAll) {
#ifndef SOVEREIGN_FAILPOINTS
  GTEST_SKIP() << "this build has no failpoints";
#endif
  for (const auto& [failpoint, expected] :
       {std::pair{"inbox-before-commit", 0u}, std::pair{"inbox-after-commit", 1u}}) {
    const TempHome home;
    const int status = run_in_child([&] {
      auto db = home.open();
      EventDb events(*db);
      ::setenv("SOVEREIGN_FAILPOINT", failpoint, 1);
      must(Inbox(*db).ingest(events, make_event("a", 1, 100), kMention, "r", kNow));
    });
    ASSERT_TRUE(was_killed(status)) << failpoint;
    auto db = home.open();
    EXPECT_EQ(must(Inbox(*db).list_open()).size(), expected) << failpoint;
    EXPECT_EQ(must(EventDb(*db).count({nostr::Filter{}}, kNow)), expected) << failpoint;
  }
}

}  // namespace
}  // namespace storage
