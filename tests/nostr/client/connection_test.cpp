// nostr/client/connection.h: the protocol with one relay, without a socket.
#include "nostr/client/connection.h"

#include <gtest/gtest.h>

#include "tests/nostr/client/support/connection_fixture.h"

namespace nostr {
namespace {

using testing::kind_filter;
using testing::kNow;
using testing::make_event;
using testing::target;
using Fixture = testing::ConnectionFixture;
using State = PublishOutcome::State;

TEST(Connection, SendsNothingBeforeItIsOpen) {
  Fixture f;
  f.connection.want(1, target(1), kNow);
  f.connection.publish(2, make_event(1, "x"), Repeat::kOnce, kNow);
  EXPECT_TRUE(f.connection.take_actions().empty());
  f.connection.opened(kNow);
  EXPECT_EQ(f.sent_count("[\"REQ\""), 1u);
  EXPECT_EQ(f.sent_count("[\"EVENT\""), 1u);
}

TEST(Connection, ReconnectSendsTheSameFiltersUnderAFreshId) {
  Fixture f;
  f.connection.want(1, target(1), kNow);
  f.connection.opened(kNow);
  const std::string first = f.wire();
  f.hear(from_relay::Eose{first});
  EXPECT_FALSE(f.connection.before_eose(1));
  f.connection.closed("lost");
  f.connection.opened(kNow);
  EXPECT_NE(f.wire(), first);
  EXPECT_TRUE(f.connection.before_eose(1));
  f.hear(from_relay::Eose{first});
  EXPECT_EQ(f.all<act::Eose>().size(), 1u) << "an EOSE of the connection before says nothing";
  f.hear(from_relay::Eose{f.wire()});
  EXPECT_EQ(f.all<act::Eose>().size(), 2u);
}

TEST(Connection, NewFiltersOverlapWithTheOldUntilTheyAreServed) {
  Fixture f;
  f.connection.opened(kNow);
  f.connection.want(1, target(1, 1), kNow);
  const std::string old_wire = f.wire();
  f.hear(from_relay::Eose{old_wire});
  f.connection.want(1, target(1, 7), kNow);
  const std::string new_wire = f.wire();
  ASSERT_NE(new_wire, old_wire);
  EXPECT_EQ(f.sent_count("[\"CLOSE\""), 0u);
  EXPECT_TRUE(f.connection.take_table()->live.contains(old_wire));
  f.hear(from_relay::Eose{new_wire});
  EXPECT_EQ(f.sent.back(), close_frame(old_wire));
  const auto table = f.connection.take_table();
  EXPECT_FALSE(table->live.contains(old_wire));
  EXPECT_TRUE(table->live.contains(new_wire));
}

// A live stream does not wait for an EOSE that was lost: at its own pace it costs no relay its place.
TEST(Connection, WhatIsToleratedBeforeEoseGrowsAtThePaceOfALiveStream) {
  Fixture f;
  f.connection.opened(kNow);
  const TargetPtr asked = std::make_shared<const Target>(Target{1, {{.kinds = {1}, .limit = 1}}, nullptr, {}});
  f.connection.want(1, asked, kNow);
  EventRun run = f.connection.begin_run(asked, kNow);
  EXPECT_TRUE(run.stored);
  EXPECT_TRUE(run.allowance->take(102, 102));
  EXPECT_FALSE(run.allowance->take(1, 1)) << "at once is far more than asked";
  run = f.connection.begin_run(asked, kNow + base::seconds{2});
  EXPECT_TRUE(run.allowance->take(4'000, 4'000));
  EXPECT_FALSE(run.allowance->take(1, 1));
  run = f.connection.begin_run(asked, kNow + base::seconds{100'000});
  EXPECT_TRUE(run.allowance->take(50'000, 50'000));
  EXPECT_FALSE(run.allowance->take(1, 1)) << "bounded, however long it takes";
}

TEST(Connection, DropSendsCloseAndToleratesLateEvents) {
  Fixture f;
  f.connection.opened(kNow);
  f.connection.want(1, target(1), kNow);
  const std::string wire = f.wire();
  f.connection.drop(1, kNow);
  f.take();
  EXPECT_EQ(f.sent.back(), close_frame(wire));
  const auto table = f.connection.take_table();
  EXPECT_TRUE(table->live.empty());
  EXPECT_EQ(table->retired, std::vector<std::string>{wire});
  EXPECT_FALSE(f.connection.wanted());
}

TEST(Connection, ClosedForAPassingReasonIsAskedAgainLater) {
  Fixture f;
  f.connection.opened(kNow);
  f.connection.want(1, target(1), kNow);
  f.hear(from_relay::Closed{f.wire(), "rate-limited: slow down"});
  ASSERT_EQ(f.all<act::SubClosed>().size(), 1u);
  EXPECT_FALSE(f.all<act::SubClosed>()[0].for_good);
  f.connection.tick(kNow + base::seconds{14});
  EXPECT_EQ(f.sent_count("[\"REQ\""), 1u);
  f.connection.tick(kNow + base::seconds{15});
  EXPECT_EQ(f.sent_count("[\"REQ\""), 2u);
  f.hear(from_relay::Closed{f.wire(), "rate-limited: slow down"}, kNow + base::seconds{15});
  f.connection.tick(kNow + base::seconds{40});
  EXPECT_EQ(f.sent_count("[\"REQ\""), 2u) << "the second wait is twice the first";
  f.connection.tick(kNow + base::seconds{45});
  EXPECT_EQ(f.sent_count("[\"REQ\""), 3u);
}

TEST(Connection, ClosedForAReasonThatStaysIsForGood) {
  for (const char* message :
       {"restricted: members only", "blocked: no", "invalid: filter", "unsupported: x"}) {
    Fixture f;
    f.connection.opened(kNow);
    f.connection.want(1, target(1), kNow);
    f.hear(from_relay::Closed{f.wire(), message});
    ASSERT_EQ(f.all<act::SubClosed>().size(), 1u) << message;
    EXPECT_TRUE(f.all<act::SubClosed>()[0].for_good) << message;
    f.connection.tick(kNow + base::seconds{100'000});
    EXPECT_EQ(f.sent_count("[\"REQ\""), 1u) << message;
  }
}

TEST(Connection, AuthRequiredIsAnsweredOnceAndTheReqSentAgain) {
  Fixture f;
  f.connection.set_auth_policy(true);
  f.connection.opened(kNow);
  f.hear(from_relay::Auth{"c1"});
  EXPECT_TRUE(f.challenges.empty()) << "no key is shown before it is needed";
  f.connection.want(1, target(1), kNow);
  f.hear(from_relay::Closed{f.wire(), "auth-required: who are you"});
  EXPECT_EQ(f.challenges, std::vector<std::string>{"c1"});
  f.authenticate("c1");
  EXPECT_EQ(f.sent_count("[\"AUTH\""), 1u);
  EXPECT_EQ(f.sent_count("[\"REQ\""), 2u);
  f.hear(from_relay::Closed{f.wire(), "auth-required: still"});
  ASSERT_EQ(f.all<act::SubClosed>().size(), 1u) << "refused after a successful AUTH: no loop";
  EXPECT_TRUE(f.all<act::SubClosed>()[0].for_good);
}

TEST(Connection, RestrictedAfterAChallengeIsAnsweredOnceLikeAuthRequired) {
  Fixture f;
  f.connection.set_auth_policy(true);
  f.connection.opened(kNow);
  f.hear(from_relay::Auth{"c1"});
  f.connection.want(1, target(1), kNow);
  f.hear(from_relay::Closed{f.wire(), "restricted: not for strangers"});
  EXPECT_EQ(f.challenges, std::vector<std::string>{"c1"});
  f.authenticate("c1");
  EXPECT_EQ(f.sent_count("[\"REQ\""), 2u);
  f.hear(from_relay::Closed{f.wire(), "restricted: not for you either"});
  ASSERT_EQ(f.all<act::SubClosed>().size(), 1u) << "now it means what NIP-42 says it means";
  EXPECT_TRUE(f.all<act::SubClosed>()[0].for_good);
}

TEST(Connection, AuthWaitsForTheChallengeIfTheRelayAsksFirst) {
  Fixture f;
  f.connection.set_auth_policy(true);
  f.connection.opened(kNow);
  f.connection.want(1, target(1), kNow);
  f.hear(from_relay::Closed{f.wire(), "auth-required: who are you"});
  EXPECT_TRUE(f.challenges.empty());
  f.hear(from_relay::Auth{"late"});
  EXPECT_EQ(f.challenges, std::vector<std::string>{"late"});
  f.authenticate("late");
  EXPECT_EQ(f.sent_count("[\"REQ\""), 2u);
}

TEST(Connection, AChallengeThatRotatesWhileWeSignIsAnsweredAnew) {
  Fixture f;
  f.connection.set_auth_policy(true);
  f.connection.opened(kNow);
  f.hear(from_relay::Auth{"c1"});
  f.connection.want(1, target(1), kNow);
  f.hear(from_relay::Closed{f.wire(), "auth-required: "});
  f.hear(from_relay::Auth{"c2"});
  EXPECT_EQ(f.challenges, (std::vector<std::string>{"c1", "c2"}));
  f.connection.auth_signed("c1", make_event(1, "", kinds::kClientAuth), kNow);
  EXPECT_EQ(f.sent_count("[\"AUTH\""), 0u) << "an answer to a stale challenge is worthless";
  f.authenticate("c2");
  EXPECT_EQ(f.sent_count("[\"REQ\""), 2u);
  f.hear(from_relay::Auth{"c3"});
  EXPECT_EQ(f.challenges.back(), "c3") << "once known, we answer a re-challenge at once";
}

TEST(Connection, ARelayThatKeepsChallengingGetsNoMoreSignatures) {
  Fixture f;
  f.connection.set_auth_policy(true);
  f.connection.opened(kNow);
  f.hear(from_relay::Auth{"c0"});
  f.connection.want(1, target(1), kNow);
  f.hear(from_relay::Closed{f.wire(), "auth-required: "});
  for (int i = 1; i < 100; ++i) f.hear(from_relay::Auth{"c" + std::to_string(i)});
  EXPECT_LE(f.challenges.size(), 8u);
  EXPECT_EQ(f.all<act::SubClosed>().size(), 1u);
}

TEST(Connection, WithoutASignerAuthRequiredIsFinal) {
  Fixture f;
  f.connection.opened(kNow);
  f.hear(from_relay::Auth{"c1"});
  f.connection.want(1, target(1), kNow);
  f.hear(from_relay::Closed{f.wire(), "auth-required: who"});
  ASSERT_EQ(f.all<act::SubClosed>().size(), 1u);
  EXPECT_TRUE(f.all<act::SubClosed>()[0].for_good);
  const Event event = make_event(1, "x");
  f.connection.publish(9, event, Repeat::kOnce, kNow);
  f.hear(from_relay::Ok{event.id, false, "auth-required: who"});
  ASSERT_EQ(f.all<act::Published>().size(), 1u);
  EXPECT_EQ(f.all<act::Published>()[0].outcome.state, State::kRejected);
  EXPECT_EQ(f.all<act::Published>()[0].outcome.reason, Reason::kAuthRequired);
}

TEST(Connection, AnEventRefusedForAuthIsSentAgainAfterwards) {
  Fixture f;
  f.connection.set_auth_policy(true);
  f.connection.opened(kNow);
  f.hear(from_relay::Auth{"c1"});
  const Event event = make_event(1, "x");
  f.connection.publish(9, event, Repeat::kOnce, kNow);
  f.hear(from_relay::Ok{event.id, false, "auth-required: who"});
  f.authenticate("c1");
  EXPECT_EQ(f.sent_count("[\"EVENT\""), 2u);
  f.hear(from_relay::Ok{event.id, true, ""});
  ASSERT_EQ(f.all<act::Published>().size(), 1u);
  EXPECT_EQ(f.all<act::Published>()[0].outcome.state, State::kAccepted);
}

TEST(Connection, ARejectedAuthEndsWhatWaitedForIt) {
  Fixture f;
  f.connection.set_auth_policy(true);
  f.connection.opened(kNow);
  f.hear(from_relay::Auth{"c1"});
  f.connection.want(1, target(1), kNow);
  f.hear(from_relay::Closed{f.wire(), "auth-required: "});
  const Event event = make_event(1, "x");
  f.connection.publish(9, event, Repeat::kOnce, kNow);
  f.hear(from_relay::Ok{event.id, false, "auth-required: who"});
  f.authenticate("c1", /*accepted=*/false);
  ASSERT_EQ(f.all<act::SubClosed>().size(), 1u);
  EXPECT_TRUE(f.all<act::SubClosed>()[0].for_good);
  ASSERT_EQ(f.all<act::Published>().size(), 1u);
  EXPECT_EQ(f.all<act::Published>()[0].outcome.message, "restricted: not you");
}

TEST(Connection, ASignerThatIsAwayIsAskedAgainLater) {
  Fixture f;
  f.connection.set_auth_policy(true);
  f.connection.opened(kNow);
  f.hear(from_relay::Auth{"c1"});
  f.connection.want(1, target(1), kNow);
  f.hear(from_relay::Closed{f.wire(), "auth-required: "});
  f.connection.auth_signed("c1", base::fail(base::Errc::kUnavailable, "no quorum"), kNow);
  f.take();
  ASSERT_EQ(f.all<act::SubClosed>().size(), 1u);
  EXPECT_FALSE(f.all<act::SubClosed>()[0].for_good);
  f.connection.tick(kNow + base::seconds{15});
  f.hear(from_relay::Closed{f.wire(), "auth-required: "});
  EXPECT_EQ(f.challenges.size(), 2u);
}

TEST(Connection, OkOutcomes) {
  struct Case {
    bool accepted;
    const char* message;
    State state;
    Reason reason;
  };
  const Case cases[] = {
      {true, "", State::kAccepted, Reason::kNone},
      {true, "duplicate: have it", State::kAccepted, Reason::kDuplicate},
      {false, "duplicate: have it", State::kAccepted, Reason::kDuplicate},
      {false, "blocked: no", State::kRejected, Reason::kBlocked},
      {false, "", State::kRejected, Reason::kNone},
  };
  for (const Case& c : cases) {
    Fixture f;
    f.connection.opened(kNow);
    const Event event = make_event(1, "x");
    f.connection.publish(9, event, Repeat::kOnce, kNow);
    f.hear(from_relay::Ok{make_event(1, "another").id, true, ""});
    EXPECT_TRUE(f.all<act::Published>().empty());
    f.hear(from_relay::Ok{event.id, c.accepted, c.message});
    ASSERT_EQ(f.all<act::Published>().size(), 1u);
    EXPECT_EQ(f.all<act::Published>()[0].outcome.state, c.state) << c.message;
    EXPECT_EQ(f.all<act::Published>()[0].outcome.reason, c.reason) << c.message;
    EXPECT_EQ(f.all<act::Published>()[0].outcome.relay, "ws://relay");
  }
}

TEST(Connection, AnUnansweredEventIsRepeatedOnceAfterAReconnect) {
  Fixture f;
  f.connection.opened(kNow);
  f.connection.publish(9, make_event(1, "x"), Repeat::kOnce, kNow);
  f.connection.closed("lost");
  EXPECT_TRUE(f.all<act::Published>().empty());
  f.connection.opened(kNow);
  EXPECT_EQ(f.sent_count("[\"EVENT\""), 2u);
  f.connection.closed("lost again");
  ASSERT_EQ(f.all<act::Published>().size(), 1u);
  EXPECT_EQ(f.all<act::Published>()[0].outcome.state, State::kUnknown);
  EXPECT_EQ(f.all<act::Published>()[0].outcome.message, "lost again");
}

TEST(Connection, AnEventThatIsNotToBeRepeatedEndsWithTheConnection) {
  Fixture f;
  f.connection.opened(kNow);
  f.connection.publish(9, make_event(1, "x"), Repeat::kNever, kNow);
  EXPECT_TRUE(f.connection.may_have(9));
  f.connection.closed("lost");
  ASSERT_EQ(f.all<act::Published>().size(), 1u);
  EXPECT_EQ(f.all<act::Published>()[0].outcome.state, State::kUnknown);
  f.connection.opened(kNow);
  EXPECT_EQ(f.sent_count("[\"EVENT\""), 1u);
}

TEST(Connection, WhatNeverLeftIsNotUnknown) {
  Fixture f;
  f.connection.publish(9, make_event(1, "x"), Repeat::kOnce, kNow);
  EXPECT_FALSE(f.connection.may_have(9));
  f.connection.closed("refused");
  ASSERT_EQ(f.all<act::Published>().size(), 1u);
  EXPECT_EQ(f.all<act::Published>()[0].outcome.state, State::kUnsent);
}

TEST(Connection, ARelayThatCannotBeReachedEndsTicketsWithTheCause) {
  Fixture f;
  f.connection.publish(9, make_event(1, "x"), Repeat::kOnce, kNow);
  f.connection.count(10, kind_filter(1));
  f.connection.want(11, target(11), kNow);
  f.connection.closed("connection refused");
  ASSERT_EQ(f.all<act::Published>().size(), 1u);
  EXPECT_EQ(f.all<act::Published>()[0].outcome.message, "connection refused");
  ASSERT_EQ(f.all<act::Counted>().size(), 1u);
  EXPECT_EQ(f.all<act::Counted>()[0].count.error().code, base::Errc::kUnavailable);
  EXPECT_EQ(f.all<act::Unreachable>().size(), 1u);
  EXPECT_EQ(f.connection.subscriptions(), 1u) << "subscriptions are desired state and stay";
}

TEST(Connection, CountIsAnsweredOrUnsupported) {
  Fixture f;
  f.connection.opened(kNow);
  f.connection.count(1, kind_filter(1));
  const std::string registers = std::string(510, '0') + "07";
  f.hear(from_relay::Count{.sub = f.wire(), .count = 42, .approximate = true, .hll = registers});
  f.connection.count(2, kind_filter(1));
  f.hear(from_relay::Closed{f.wire(), "unsupported: COUNT"});
  const auto counted = f.all<act::Counted>();
  ASSERT_EQ(counted.size(), 2u);
  EXPECT_EQ(counted[0].count->count, 42u);
  EXPECT_TRUE(counted[0].count->approximate);
  EXPECT_EQ(counted[0].count->hll->hex(), registers);
  EXPECT_EQ(counted[1].count.error().code, base::Errc::kUnsupported);
}

TEST(Connection, AnswersToUnknownThingsChangeNothing) {
  Fixture f;
  f.connection.opened(kNow);
  f.hear(from_relay::Eose{"s99"});
  f.hear(from_relay::Eose{""});
  f.hear(from_relay::Closed{"", "auth-required: x"});
  f.hear(from_relay::Closed{"s99", "error: x"});
  f.hear(from_relay::Ok{make_event(1, "x").id, false, "blocked: x"});
  f.hear(from_relay::Count{.sub = "s1", .count = 1});
  f.hear(from_relay::Auth{std::string(5'000, 'c')});
  f.hear(from_relay::Notice{"hello"});
  EXPECT_TRUE(f.facts.empty());
  EXPECT_TRUE(f.sent.empty());
}

}  // namespace
}  // namespace nostr
