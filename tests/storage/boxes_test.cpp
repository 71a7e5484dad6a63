// Kv, Inbox and Outbox: what arrived is handled once, what must leave leaves until the relays
// answered.
#include <algorithm>

#include "nostr/event/event_json.h"
#include "storage/inbox.h"
#include "storage/kv.h"
#include "storage/outbox.h"
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
constexpr UnixTime kDeadline = unix_time(1'003'600);

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

// --- outbox
// ------------------------------------------------------------------------------------------

class OutboxTest : public StorageTest {
 protected:
  std::int64_t add(int quorum = 2) {
    return must(Outbox(*db_).add(event_, relays_, "reply", quorum, kNow, kDeadline));
  }
  OutboxState settle(std::int64_t id, const std::string& relay, RelayState state) {
    return must(Outbox(*db_).settle(id, relay, state, "reason", unix_time(1'000'030)));
  }

  Event event_ = make_event("a", 1, 100, {}, "hello");
  std::vector<std::string> relays_{"wss://a", "wss://b", "wss://c"};
};

TEST_F(OutboxTest, EveryRelayIsDueAtOnceWithTheExactEvent) {
  const auto id = add();
  const auto due = must(Outbox(*db_).list_due(kNow));
  ASSERT_EQ(due.size(), 3u);
  EXPECT_EQ(due[0].id, id);
  EXPECT_EQ(due[0].event_json, nostr::to_json(event_));
  EXPECT_EQ(must(Outbox(*db_).next_due()), kNow);
}

TEST_F(OutboxTest, AQuorumOfAcceptsIsDoneAndTheRestIsStillServed) {
  const auto id = add(2);
  EXPECT_EQ(settle(id, "wss://a", RelayState::kAccepted), OutboxState::kOpen);
  EXPECT_EQ(settle(id, "wss://b", RelayState::kAccepted), OutboxState::kDone);
  const auto due = must(Outbox(*db_).list_due(kNow));
  ASSERT_EQ(due.size(), 1u);
  EXPECT_EQ(due[0].relay, "wss://c");
  EXPECT_EQ(settle(id, "wss://c", RelayState::kRejected), OutboxState::kDone);
}

TEST_F(OutboxTest, ItFailsOnceTheQuorumIsOutOfReach) {
  const auto id = add(2);
  EXPECT_EQ(settle(id, "wss://a", RelayState::kRejected), OutboxState::kOpen);
  EXPECT_EQ(settle(id, "wss://b", RelayState::kRejected), OutboxState::kFailed);
  EXPECT_TRUE(must(Outbox(*db_).list_due(kNow)).empty());
  const auto counts = must(Outbox(*db_).counts());
  EXPECT_EQ(counts.failed, 1);
  EXPECT_EQ(counts.open, 0);
}

TEST_F(OutboxTest, ASendWithoutAnswerIsUnknownAndTriedAgain) {
  const auto id = add(1);
  must(Outbox(*db_).start_try(id, "wss://a", unix_time(1'000'010)));
  auto row = must(Outbox(*db_).get(id));
  EXPECT_EQ(row->relays[0].state, RelayState::kUnknown);
  EXPECT_EQ(row->relays[0].attempts, 1);
  EXPECT_EQ(must(Outbox(*db_).list_due(kNow)).size(), 2u);
  reopen();
  EXPECT_EQ(must(Outbox(*db_).list_due(unix_time(1'000'010))).size(), 3u);
}

TEST_F(OutboxTest, AnAcceptedRelayStaysAccepted) {
  const auto id = add(1);
  settle(id, "wss://a", RelayState::kAccepted);
  EXPECT_EQ(settle(id, "wss://a", RelayState::kRejected), OutboxState::kDone);
  EXPECT_EQ(must(Outbox(*db_).get(id))->relays[0].state, RelayState::kAccepted);
  EXPECT_EQ(errc_of(Outbox(*db_).start_try(id, "wss://a", kNow)), Errc::kConflict);
  EXPECT_EQ(errc_of(Outbox(*db_).settle(id, "wss://none", RelayState::kAccepted, "", kNow)),
            Errc::kNotFound);
}

TEST_F(OutboxTest, QueuingAgainAddsOnlyNewRelays) {
  const auto id = add(1);
  settle(id, "wss://a", RelayState::kAccepted);
  relays_ = {"wss://a", "wss://d"};
  EXPECT_EQ(add(1), id);
  const auto row = must(Outbox(*db_).find(event_.id));
  ASSERT_EQ(row->relays.size(), 4u);
  EXPECT_EQ(row->relays[0].state, RelayState::kAccepted);
  EXPECT_EQ(row->state, OutboxState::kDone);
}

TEST_F(OutboxTest, AfterTheDeadlineNothingIsSentAndTheRowFails) {
  const auto id = add(1);
  const UnixTime late = kDeadline + base::seconds{1};
  EXPECT_TRUE(must(Outbox(*db_).list_due(late)).empty());
  EXPECT_EQ(must(Outbox(*db_).expire(kDeadline)).size(), 0u);
  EXPECT_EQ(must(Outbox(*db_).expire(late)), (std::vector<std::int64_t>{id}));
  EXPECT_EQ(must(Outbox(*db_).list(OutboxState::kFailed)).size(), 1u);
}

TEST_F(OutboxTest, WithoutRelaysOrWithAnAbsurdQuorumItIsStillSound) {
  EXPECT_EQ(errc_of(Outbox(*db_).add(event_, {}, "x", 1, kNow, kDeadline)), Errc::kInvalid);
  const auto id = add(99);
  EXPECT_EQ(must(Outbox(*db_).get(id))->quorum, 3);
}

TEST(OutboxCrashTest, AQueuedEventIsSentAfterAKill) {
#ifndef SOVEREIGN_FAILPOINTS
  GTEST_SKIP() << "this build has no failpoints";
#endif
  const TempHome home;
  const int status = run_in_child([&] {
    auto db = home.open();
    ::setenv("SOVEREIGN_FAILPOINT", "outbox-after-commit", 1);
    must(Outbox(*db).add(make_event("a", 1, 1), {"wss://a"}, "reply", 1, kNow, kDeadline));
  });
  ASSERT_TRUE(was_killed(status));
  auto db = home.open();
  EXPECT_EQ(must(Outbox(*db).list_due(kNow)).size(), 1u);
}

}  // namespace
}  // namespace storage
