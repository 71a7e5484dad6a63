// Outbox: what must leave leaves until the relays answered; drafts, bounds, the end.
#include "storage/outbox.h"

#include <algorithm>

#include "nostr/event/event_json.h"
#include "tests/storage/fixture.h"

namespace storage {
namespace {

using testing::errc_of;
using testing::make_event;
using testing::must;
using testing::named;
using testing::run_in_child;
using testing::StorageTest;
using testing::TempHome;
using testing::unix_time;
using testing::was_killed;

constexpr UnixTime kNow = unix_time(1'000'000);
constexpr UnixTime kDeadline = unix_time(1'003'600);

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
  must(Outbox(*db_).start_try(id, "wss://a", event_.id, unix_time(1'000'010)));
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
  EXPECT_EQ(errc_of(Outbox(*db_).start_try(id, "wss://a", event_.id, kNow)), Errc::kConflict);
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

// ---- drafts

class OutboxDraftTest : public StorageTest {
 protected:
  std::int64_t add(nostr::Kind kind, std::string content, nostr::Tags tags = {}) {
    return must(outbox().add_draft({named<PublicKey>("us"), {kind, {}, tags, std::move(content)}},
                                   {"wss://a", "wss://b"}, "announcement", 1, kNow, kDeadline));
  }
  Outbox outbox() { return Outbox(*db_); }
  /// As the draft of `id`, said at `at`.
  Event sign(std::int64_t id, std::int64_t at) {
    const nostr::Draft draft = must(outbox().draft_of(id))->draft;
    const Event event = make_event("us", draft.kind, at, draft.tags, draft.content);
    must(outbox().set_signed(id, event));
    return event;
  }
  Signing signing(std::int64_t id) { return must(outbox().get(id))->signing; }
};

TEST_F(OutboxDraftTest, ItIsSignedAndThenSentAsSigned) {
  const auto id = add(1, "line\n\"quoted\"", {{"t", "x"}, {"e", "y", ""}});
  const auto due = must(outbox().list_due(kNow));
  ASSERT_EQ(due.size(), 2u);
  EXPECT_EQ(due[0].signing, Signing::kDraft);
  EXPECT_EQ(due[0].event_id, std::nullopt);
  const auto draft = must(outbox().draft_of(id));
  EXPECT_EQ(draft->signer, named<PublicKey>("us"));
  EXPECT_EQ(draft->draft.content, "line\n\"quoted\"");
  EXPECT_EQ(draft->draft.tags, (nostr::Tags{{"t", "x"}, {"e", "y", ""}}));
  const Event event = sign(id, 1'000'000);
  reopen();
  const auto signed_job = must(outbox().list_due(kNow)).at(0);
  EXPECT_EQ(signed_job.signing, Signing::kSigned);
  EXPECT_EQ(signed_job.event_json, nostr::to_json(event));
  EXPECT_EQ(signed_job.signed_at, kNow);
  EXPECT_TRUE(signed_job.loose);
  EXPECT_EQ(must(outbox().find(event.id))->id, id);
}

TEST_F(OutboxDraftTest, OnlyItsOwnKeySignsItAndOnlyOnce) {
  const auto id = add(1, "x");
  EXPECT_EQ(errc_of(outbox().set_signed(id, make_event("them", 1, 1))), Errc::kConflict);
  sign(id, 1);
  EXPECT_EQ(errc_of(outbox().set_signed(id, make_event("us", 1, 2))), Errc::kConflict);
}

TEST_F(OutboxDraftTest, ItIsSignedAgainOnlyWhileNoRelayHasOrMayHaveIt) {
  const auto id = add(1, "x");
  sign(id, 1);
  EXPECT_TRUE(must(outbox().unsign(id)));
  EXPECT_FALSE(must(outbox().unsign(id))) << "it is a draft already";
  sign(id, 2);
  must(outbox().start_try(id, "wss://a", *must(outbox().get(id))->event_id, kNow));
  EXPECT_FALSE(must(outbox().unsign(id))) << "under way to a relay";
  must(outbox().settle(id, "wss://a", RelayState::kUnknown, "no OK", kNow));
  EXPECT_FALSE(must(outbox().unsign(id))) << "the relay may have it";
  must(outbox().settle(id, "wss://a", RelayState::kRetrying, "asked: not there", kNow));
  EXPECT_TRUE(must(outbox().unsign(id)));
  sign(id, 3);
  must(outbox().settle(id, "wss://b", RelayState::kAccepted, "", kNow));
  EXPECT_FALSE(must(outbox().unsign(id)));
  EXPECT_EQ(signing(id), Signing::kKept);
}

TEST_F(OutboxDraftTest, WhatWasSignedAgainCanNoLongerLeaveInItsOldForm) {
  const auto id = add(1, "x");
  const Event first = sign(id, 1);
  must(outbox().unsign(id));
  EXPECT_EQ(errc_of(outbox().start_try(id, "wss://a", first.id, kNow)), Errc::kConflict);
  const Event second = sign(id, 2);
  EXPECT_EQ(errc_of(outbox().start_try(id, "wss://a", first.id, kNow)), Errc::kConflict);
  must(outbox().start_try(id, "wss://a", second.id, kNow));
}

TEST_F(OutboxDraftTest, AnEventThatCameSignedIsNeverTouched) {
  const Event event = make_event("us", 1, 1);
  const auto id = must(outbox().add(event, {"wss://a"}, "reply", 1, kNow, kDeadline));
  EXPECT_FALSE(must(outbox().unsign(id)));
  EXPECT_EQ(errc_of(outbox().set_signed(id, make_event("us", 1, 2))), Errc::kConflict);
  EXPECT_EQ(must(outbox().draft_of(id)).has_value(), false);
  must(outbox().settle(id, "wss://a", RelayState::kAccepted, "", kNow));
  EXPECT_EQ(signing(id), Signing::kGiven);
}

TEST_F(OutboxDraftTest, ANewerDraftTakesThePlaceOfAnOlderOneForTheSameAddress) {
  const auto first = add(0, "old name");
  const auto other = add(30'078, "", {{"d", "one"}});
  const auto another = add(30'078, "", {{"d", "two"}});
  sign(first, 1);
  const auto second = add(0, "new name");
  EXPECT_EQ(must(outbox().get(first))->state, OutboxState::kSuperseded);
  for (const auto id : {second, other, another})
    EXPECT_EQ(must(outbox().get(id))->state, OutboxState::kOpen);
  for (const OutboxJob& job : must(outbox().list_due(kNow))) EXPECT_NE(job.id, first);
  sign(second, 2);
  must(outbox().settle(second, "wss://a", RelayState::kAccepted, "", kNow));
  add(0, "newest name");
  EXPECT_EQ(must(outbox().get(second))->state, OutboxState::kDone) << "it is where it should be";
}

TEST_F(OutboxDraftTest, TheSameThingSaidTwiceInASecondIsOneEvent) {
  const auto first = add(1, "same");
  const auto second = add(1, "same");
  sign(first, 7);
  sign(second, 7);
  EXPECT_EQ(must(outbox().get(second))->state, OutboxState::kSuperseded);
  EXPECT_EQ(must(outbox().list_due(kNow)).size(), 2u) << "the first one, to both relays";
}

TEST_F(OutboxDraftTest, RegularEventsDoNotReplaceEachOther) {
  const auto first = add(1, "same");
  add(1, "same");
  EXPECT_EQ(must(outbox().get(first))->state, OutboxState::kOpen);
}

TEST_F(OutboxDraftTest, AKillAroundTheSignatureLeavesADraftOrThatSignature) {
#ifndef SOVEREIGN_FAILPOINTS
  GTEST_SKIP() << "this build has no failpoints";
#endif
  for (const auto& [failpoint, expected] :
       {std::pair{"outbox-signed-before-commit", Signing::kDraft},
        std::pair{"outbox-signed-after-commit", Signing::kSigned}}) {
    const TempHome home;
    const int status = run_in_child([&] {
      auto db = home.open();
      Outbox outbox(*db);
      const auto id = must(outbox.add_draft({named<PublicKey>("us"), {1, {}, {}, "x"}}, {"wss://a"},
                                            "x", 1, kNow, kDeadline));
      ::setenv("SOVEREIGN_FAILPOINT", failpoint, 1);
      must(outbox.set_signed(id, make_event("us", 1, 7, {}, "x")));
    });
    ASSERT_TRUE(was_killed(status)) << failpoint;
    auto db = home.open();
    const auto due = must(Outbox(*db).list_due(kNow));
    ASSERT_EQ(due.size(), 1u);
    EXPECT_EQ(due[0].signing, expected) << failpoint;
  }
}

// ---- bounds

TEST_F(OutboxTest, ARelayWithALongQueueHidesNoOther) {
  for (int i = 0; i < 50; ++i)
    must(Outbox(*db_).add(make_event("a", 1, i), {"wss://slow"}, "x", 1, kNow, kDeadline));
  must(Outbox(*db_).add(make_event("a", 1, 99), {"wss://quick"}, "x", 1, kNow + base::seconds{9},
                        kDeadline));
  const UnixTime later = kNow + base::seconds{10};
  EXPECT_EQ(must(Outbox(*db_).list_due(later, 4)).size(), 5u);
  const auto rest = must(Outbox(*db_).list_due(later, 4, {"wss://slow"}));
  ASSERT_EQ(rest.size(), 1u);
  EXPECT_EQ(rest[0].relay, "wss://quick");
  EXPECT_EQ(must(Outbox(*db_).next_due({"wss://slow"})), kNow + base::seconds{9});
  EXPECT_EQ(must(Outbox(*db_).next_due({"wss://slow", "wss://quick"})), std::nullopt);
}

TEST_F(OutboxTest, AFloodOfOneKindOfMessageLeavesRoomForTheOthers) {
  Outbox outbox(*db_, {.open_per_purpose = 3, .open = 5, .relays_per_entry = 2});
  int made = 0;
  const auto add_one = [&](const char* purpose) {
    return outbox.add(make_event("a", 1, ++made), {"wss://a"}, purpose, 1, kNow, kDeadline);
  };
  std::int64_t first = 0;
  for (int i = 0; i < 3; ++i) first = must(add_one("hint"));
  EXPECT_EQ(errc_of(add_one("hint")), Errc::kLimit);
  must(add_one("receipt"));
  must(add_one("decision"));
  EXPECT_EQ(errc_of(add_one("claim")), Errc::kLimit);
  must(outbox.settle(first, "wss://a", RelayState::kAccepted, "", kNow));
  must(add_one("hint"));
  EXPECT_EQ(errc_of(outbox.add(make_event("a", 1, 99), {"wss://a", "wss://b", "wss://c"}, "x", 1,
                               kNow, kDeadline)),
            Errc::kLimit);
}

TEST_F(OutboxTest, WhatIsOverIsForgottenAfterAWhileAndNothingElse) {
  Outbox outbox(*db_);
  const auto open = add(1);
  const auto done = must(
      outbox.add(make_event("a", 1, 5), {"wss://a", "wss://b"}, "x", 1, kNow, kDeadline));
  must(outbox.settle(done, "wss://a", RelayState::kAccepted, "", kNow));
  EXPECT_EQ(must(outbox.prune(kDeadline)), 0) << "b may still get it";
  EXPECT_EQ(must(outbox.prune(kDeadline + base::seconds{1})), 1);
  EXPECT_EQ(must(outbox.get(done)), std::nullopt);
  EXPECT_TRUE(must(outbox.get(open)).has_value());
}

TEST_F(OutboxTest, PastTheDeadlineEvenADoneEntryIsTriedNoMore) {
  Outbox outbox(*db_);
  const auto id = add(1);
  settle(id, "wss://a", RelayState::kAccepted);
  must(outbox.settle(id, "wss://b", RelayState::kUnknown, "no OK", kNow));
  must(outbox.expire(kDeadline + base::seconds{1}));
  const auto row = must(outbox.get(id));
  EXPECT_EQ(row->state, OutboxState::kDone);
  for (const OutboxRelay& relay : row->relays) EXPECT_EQ(relay.next_try, std::nullopt);
  EXPECT_EQ(row->relays[1].state, RelayState::kUnknown) << "what was learnt stays said";
  EXPECT_EQ(must(outbox.next_due()), std::nullopt);
}

TEST_F(OutboxTest, ARetryThatWouldComeTooLateIsNotPlanned) {
  const auto id = add(1);
  must(Outbox(*db_).settle(id, "wss://a", RelayState::kRetrying, "rate-limited: wait 1 h",
                           kDeadline + base::seconds{1}));
  EXPECT_EQ(must(Outbox(*db_).get(id))->relays[0].next_try, std::nullopt);
}

TEST(OutboxMigrationTest, EntriesOfTheFirstFormAreSentOnAsTheyAre) {
  const TempHome home;
  auto db = must(Db::open(home.path()));
  const auto step = std::ranges::find_if(migrations(), [](const Migration& migration) {
    return std::string_view(migration.sql).contains("outbox_copy");
  });
  must(migrate(*db, migrations().first(static_cast<std::size_t>(step - migrations().begin()))));
  const Event event = make_event("a", 1, 1);
  must(db->run("INSERT INTO outbox (event_id, event, purpose, quorum, state, created, deadline) "
               "VALUES (?,?,'reply',1,'open',?,?)",
               event.id, nostr::to_json(event), kNow, kDeadline));
  must(db->run("INSERT INTO outbox_relays (outbox, url, state, attempts, next_try, deadline) VALUES "
               "(1,'wss://a','pending',0,1000000,1003600), (1,'wss://b','pending',2,1000000,1003600), "
               "(1,'wss://c','unknown',1,1000000,1003600), (1,'wss://d','rejected',1,1000000,1003600)"));
  must(migrate(*db));
  const auto row = must(Outbox(*db).find(event.id));
  ASSERT_TRUE(row.has_value());
  EXPECT_EQ(row->signing, Signing::kGiven);
  std::vector<RelayState> states;
  for (const OutboxRelay& relay : row->relays) states.push_back(relay.state);
  EXPECT_EQ(states, (std::vector{RelayState::kPending, RelayState::kRetrying, RelayState::kUnknown,
                                 RelayState::kRejected}));
  EXPECT_EQ(must(Outbox(*db).list_due(kNow)).size(), 3u);
  must(Outbox(*db).settle(row->id, "wss://a", RelayState::kAccepted, "", kNow));
}

}  // namespace
}  // namespace storage
