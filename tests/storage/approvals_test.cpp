// Approvals: one open question per action, legal moves only, one event per approval.
#include "storage/approvals.h"

#include "tests/storage/fixture.h"

namespace storage {
namespace {

using nostr::Sha256;
using testing::errc_of;
using testing::must;
using testing::named;
using testing::run_in_child;
using testing::StorageTest;
using testing::TempHome;
using testing::unix_time;
using testing::was_killed;

constexpr UnixTime kNow = unix_time(1'000'000);
constexpr UnixTime kExpiry = unix_time(1'000'900);

constexpr std::array kStates{QuestionState::kOpen,      QuestionState::kApproved,
                             QuestionState::kConsumed,  QuestionState::kDenied,
                             QuestionState::kExpired,   QuestionState::kWithdrawn,
                             QuestionState::kCancelled, QuestionState::kUndeliverable};

Question question(std::string_view id, std::string_view digest = "digest") {
  return {.id = named<EventId>(id),
          .digest = named<Sha256>(digest),
          .code = "K7QF-0001",
          .asker = "cosigner",
          .agent = named<PublicKey>("agent"),
          .tick = "e:1",
          .requester = named<PublicKey>("node"),
          .action_class = "kind:1",
          .summary = "may I say hello?",
          .action_json = "{}",
          .request_json = "{}",
          .sats = 5,
          .required = 1,
          .operators = {named<PublicKey>("zoe"), named<PublicKey>("adam")},
          .created_at = kNow,
          .expires_at = kExpiry,
          .changed_at = kNow};
}

class ApprovalsTest : public StorageTest {
 protected:
  Approvals desk() { return Approvals(*db_); }
  QuestionState state(std::string_view id) { return must(desk().get(named<EventId>(id)))->state; }
  void move(std::string_view id, QuestionState from, QuestionState to) {
    must(desk().set_state(named<EventId>(id), from, to, kNow));
  }
};

TEST_F(ApprovalsTest, AQuestionIsRememberedWordForWord) {
  must(desk().add(question("q")));
  reopen();
  const Question found = *must(desk().get(named<EventId>("q")));
  EXPECT_EQ(found.summary, "may I say hello?");
  EXPECT_EQ(found.operators, question("q").operators) << "in the order they were named";
  EXPECT_EQ(found.state, QuestionState::kOpen);
  EXPECT_EQ(must(desk().by_code("K7QF-0001")).size(), 1u);
  EXPECT_EQ(must(desk().latest(named<Sha256>("digest")))->id, found.id);
  EXPECT_FALSE(must(desk().get(named<EventId>("none"))).has_value());
}

TEST_F(ApprovalsTest, OnlyOneLiveQuestionPerDigest) {
  must(desk().add(question("q1")));
  EXPECT_EQ(errc_of(desk().add(question("q2"))), Errc::kConflict);
  move("q1", QuestionState::kOpen, QuestionState::kApproved);
  EXPECT_EQ(errc_of(desk().add(question("q2"))), Errc::kConflict);
  must(desk().consume(named<EventId>("q1"), named<EventId>("event"), kNow));
  must(desk().add(question("q2")));
}

TEST_F(ApprovalsTest, ExactlyTheLegalMovesAreMade) {
  const Tx all = must(Tx::begin(*db_, Durability::kNormal));  // one commit instead of hundreds
  int number = 0;
  for (const QuestionState from : kStates)
    for (const QuestionState to : kStates) {
      const std::string name = "q" + std::to_string(number++);
      must(desk().add(question(name, name)));
      // Put the row there directly: some states have no legal way back to try the next move from.
      must(db_->run("UPDATE questions SET state = ? WHERE id = ?", from, named<EventId>(name)));
      const auto moved = desk().set_state(named<EventId>(name), from, to, kNow);
      EXPECT_EQ(moved.has_value(), may_move(from, to)) << name_of(from) << " to " << name_of(to);
      EXPECT_EQ(state(name), may_move(from, to) ? to : from);
    }
  for (const QuestionState to : kStates) {
    EXPECT_FALSE(may_move(QuestionState::kConsumed, to));
    EXPECT_FALSE(may_move(QuestionState::kExpired, to));
    EXPECT_FALSE(may_move(to, QuestionState::kConsumed)) << "only consume() consumes";
  }
}

TEST_F(ApprovalsTest, AMoveFromAStateThatIsGoneIsAConflict) {
  must(desk().add(question("q")));
  move("q", QuestionState::kOpen, QuestionState::kDenied);
  EXPECT_EQ(errc_of(desk().set_state(named<EventId>("q"), QuestionState::kOpen,
                                     QuestionState::kApproved, kNow)),
            Errc::kConflict);
}

TEST_F(ApprovalsTest, AnApprovalIsConsumedOnceAndForOneEvent) {
  const EventId id = named<EventId>("q");
  must(desk().add(question("q")));
  EXPECT_EQ(errc_of(desk().consume(id, named<EventId>("e1"), kNow)), Errc::kConflict)
      << "still open";
  move("q", QuestionState::kOpen, QuestionState::kApproved);
  must(desk().consume(id, named<EventId>("e1"), kNow));
  EXPECT_EQ(errc_of(desk().consume(id, named<EventId>("e1"), kNow)), Errc::kConflict);
  EXPECT_EQ(must(desk().bind_event(named<Sha256>("digest"), named<EventId>("e2"), kNow)),
            named<EventId>("e1"))
      << "the digest is bound for ever";
  EXPECT_EQ(must(desk().bind_event(named<Sha256>("digest"), named<EventId>("e1"), kNow)),
            named<EventId>("e1"));
}

TEST_F(ApprovalsTest, ABindingToAnotherEventStopsTheConsumption) {
  must(desk().add(question("q")));
  must(desk().bind_event(named<Sha256>("digest"), named<EventId>("e1"), kNow));
  move("q", QuestionState::kOpen, QuestionState::kApproved);
  EXPECT_EQ(errc_of(desk().consume(named<EventId>("q"), named<EventId>("e2"), kNow)),
            Errc::kConflict);
  EXPECT_EQ(state("q"), QuestionState::kApproved) << "nothing of a refused consumption stays";
}

TEST_F(ApprovalsTest, AnExpiredApprovalIsNotConsumed) {
  must(desk().add(question("q")));
  move("q", QuestionState::kOpen, QuestionState::kApproved);
  EXPECT_EQ(
      errc_of(desk().consume(named<EventId>("q"), named<EventId>("e"), kExpiry + base::seconds{1})),
      Errc::kConflict);
  EXPECT_EQ(must(desk().bound_event(named<Sha256>("digest"))), std::optional<EventId>{});
}

TEST_F(ApprovalsTest, OpenAndApprovedQuestionsExpireOthersDoNot) {
  for (const char* name : {"open", "approved", "denied"}) must(desk().add(question(name, name)));
  move("approved", QuestionState::kOpen, QuestionState::kApproved);
  move("denied", QuestionState::kOpen, QuestionState::kDenied);
  EXPECT_TRUE(must(desk().expire(kExpiry)).empty()) << "the last second counts";
  const auto expired = must(desk().expire(kExpiry + base::seconds{1}));
  EXPECT_EQ(expired.size(), 2u);
  EXPECT_EQ(expired[0].state, QuestionState::kExpired);
  EXPECT_EQ(expired[0].operators.size(), 2u);
  EXPECT_EQ(state("denied"), QuestionState::kDenied);
}

TEST_F(ApprovalsTest, ADenialIsRememberedEvenWhenOverturned) {
  must(desk().add(question("q")));
  move("q", QuestionState::kOpen, QuestionState::kDenied);
  move("q", QuestionState::kDenied, QuestionState::kApproved);
  EXPECT_EQ(must(desk().denied_since(named<Sha256>("digest"), kNow)), kNow);
  EXPECT_EQ(must(desk().denied_since(named<Sha256>("digest"), kNow + base::seconds{1})),
            std::optional<UnixTime>{});
  EXPECT_EQ(must(desk().denied_since(named<Sha256>("other"), unix_time(0))),
            std::optional<UnixTime>{});
}

TEST_F(ApprovalsTest, QuestionsAreCountedPerOperator) {
  for (int i = 0; i < 3; ++i) {
    Question q = question("q" + std::to_string(i), std::to_string(i));
    q.created_at = kNow + base::seconds{i};
    must(desk().add(q));
  }
  move("q0", QuestionState::kOpen, QuestionState::kDenied);
  EXPECT_EQ(must(desk().open_for(named<PublicKey>("zoe"))), 2);
  EXPECT_EQ(must(desk().asked_since(named<PublicKey>("zoe"), kNow)), 3);
  EXPECT_EQ(must(desk().asked_since(named<PublicKey>("zoe"), kNow + base::seconds{1})), 2);
  EXPECT_EQ(must(desk().open_for(named<PublicKey>("stranger"))), 0);
}

TEST_F(ApprovalsTest, ASignalCountsOnceHoweverOftenItArrives) {
  must(desk().add(question("q")));
  Signal signal{.id = named<EventId>("s"),
                .question = named<EventId>("q"),
                .author = named<PublicKey>("zoe"),
                .channel = "nip17",
                .answer = Answer::kApprove,
                .verdict = SignalVerdict::kAccepted,
                .said_at = kNow,
                .received_at = kNow,
                .raw_json = "{}"};
  EXPECT_TRUE(must(desk().add_signal(signal)));
  signal.relay = "wss://another";
  EXPECT_FALSE(must(desk().add_signal(signal)));
  EXPECT_TRUE(must(desk().has_signal(signal.id)));
  Signal stray{.id = named<EventId>("t"),
               .author = named<PublicKey>("eve"),
               .channel = "nip17",
               .said_at = kNow,
               .received_at = kNow};
  EXPECT_TRUE(must(desk().add_signal(stray)));
  const auto signals = must(desk().signals(named<EventId>("q")));
  ASSERT_EQ(signals.size(), 1u);
  EXPECT_EQ(signals[0].verdict, SignalVerdict::kAccepted);
  EXPECT_EQ(signals[0].answer, Answer::kApprove);
}

TEST_F(ApprovalsTest, PresentationsAndReceiptsWaitUntilTheyAreSent) {
  must(desk().add(question("q")));
  for (int part = 1; part <= 2; ++part)
    must(desk().add_presentation({.id = named<EventId>("p" + std::to_string(part)),
                                  .question = named<EventId>("q"),
                                  .channel = "nip17",
                                  .shown_to = named<PublicKey>("zoe"),
                                  .part = part,
                                  .rumor_json = "{}",
                                  .wrap_json = "{}",
                                  .created_at = kNow}));
  must(desk().set_presentation_sent(named<EventId>("p1"), SendState::kSent));
  const auto waiting = must(desk().presentations_in(SendState::kStored));
  ASSERT_EQ(waiting.size(), 1u);
  EXPECT_EQ(waiting[0].part, 2);
  EXPECT_EQ(must(desk().presentations(named<EventId>("q"))).size(), 2u);
  EXPECT_EQ(must(desk().presentation(named<EventId>("p1")))->question, named<EventId>("q"));
  EXPECT_FALSE(desk().set_presentation_sent(named<EventId>("none"), SendState::kSent).has_value());
}

TEST_F(ApprovalsTest, AnOperatorGetsOneReceiptAndItNeverChanges) {
  must(desk().add(question("q")));
  Receipt receipt{.id = named<EventId>("r1"),
                  .question = named<EventId>("q"),
                  .told_to = named<PublicKey>("zoe"),
                  .channel = "nip17",
                  .outcome = "done",
                  .rumor_json = "first",
                  .created_at = kNow};
  EXPECT_EQ(must(desk().add_receipt(receipt)).rumor_json, "first");
  receipt.id = named<EventId>("r2");
  receipt.rumor_json = "second";
  EXPECT_EQ(must(desk().add_receipt(receipt)).rumor_json, "first");
  must(desk().set_receipt_sent(named<EventId>("r1"), SendState::kSent));
  EXPECT_TRUE(must(desk().receipts_in(SendState::kStored)).empty());
  EXPECT_EQ(must(desk().receipts(named<EventId>("q"))).size(), 1u);
}

TEST_F(ApprovalsTest, TheNewestDecisionOfADigestIsFound) {
  must(desk().add(question("q")));
  for (int i = 0; i < 2; ++i)
    must(desk().add_decision({.id = named<EventId>("d" + std::to_string(i)),
                              .question = named<EventId>("q"),
                              .digest = named<Sha256>("digest"),
                              .approved = i == 1,
                              .decided_by = named<PublicKey>("zoe"),
                              .event_json = "{}",
                              .decided_at = kNow + base::seconds{i}}));
  EXPECT_TRUE(must(desk().decision_for(named<Sha256>("digest")))->approved);
  EXPECT_EQ(must(desk().decisions(named<EventId>("q"))).size(), 2u);
}

TEST(ApprovalsCrashTest, AKillAroundTheConsumptionNeverAllowsASecondEvent) {
#ifndef SOVEREIGN_FAILPOINTS
  GTEST_SKIP() << "this build has no failpoints";
#endif
  for (const auto& [failpoint, consumed] :
       {std::pair{"question-before-consumed", false}, std::pair{"question-consumed", true}}) {
    const TempHome home;
    const int status = run_in_child([&] {
      auto db = home.open();
      Approvals desk(*db);
      must(desk.add(question("q")));
      must(desk.set_state(named<EventId>("q"), QuestionState::kOpen, QuestionState::kApproved,
                          kNow));
      ::setenv("SOVEREIGN_FAILPOINT", failpoint, 1);
      must(desk.consume(named<EventId>("q"), named<EventId>("e1"), kNow));
    });
    ASSERT_TRUE(was_killed(status)) << failpoint;
    auto db = home.open();
    Approvals desk(*db);
    EXPECT_EQ(must(desk.get(named<EventId>("q")))->state,
              consumed ? QuestionState::kConsumed : QuestionState::kApproved);
    EXPECT_EQ(must(desk.bound_event(named<Sha256>("digest"))).has_value(), consumed);
  }
}

}  // namespace
}  // namespace storage
