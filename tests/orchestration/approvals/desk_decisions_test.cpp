// Signed decisions (39213) that a desk on a real relay must not take, and requests that their
// author takes back.
#include <gtest/gtest.h>

#include "nipsa/approval.h"
#include "nipsa/kinds.h"
#include "orchestration/approvals/desk.h"
#include "tests/orchestration/support/desk_world.h"

namespace orchestration {
namespace {

using storage::QuestionState;
using testing::DeskWorld;
using testing::must;
using testing::Person;
using Words = std::vector<std::string>;
using std::chrono::seconds;

class DeskDecisions : public ::testing::Test {
 protected:
  void open(DeskOptions options = {}) {
    for (const auto& person : w.operators) person->open_inbox();
    w.start(std::move(options));
  }
  void expect_open(const std::string& code) {
    w.world.settle();
    EXPECT_EQ(w.state(code), QuestionState::kOpen);
    EXPECT_TRUE(w.decisions(code).empty());
  }
  /// The operator's yes over the question, with `change` made before it is signed by `author`.
  nostr::Event yes(const std::string& code, const Person& author,
                   const std::function<void(nostr::Draft&)>& change = {}) {
    const nostr::Event right = w.decision_by(author, code, true);
    nostr::Draft draft{.kind = right.kind,
                       .created_at = right.created_at,
                       .tags = right.tags,
                       .content = right.content};
    if (change) change(draft);
    return nostr::sign_event(std::move(draft), author.key(), w.world.rng);
  }
  static void drop_tag(nostr::Draft& draft, std::string_view name) {
    std::erase_if(draft.tags, [&](const nostr::Tag& tag) { return tag.at(0) == name; });
  }

  DeskWorld w;
};

TEST_F(DeskDecisions, ASignedYesOverThisDigestInTimeApproves) {
  open();
  const std::string code = w.ask();
  w.oper().publish(yes(code, w.oper()));
  w.until_state(code, QuestionState::kApproved);
  EXPECT_EQ(w.decisions(code).at(0).decided_by, w.oper().pubkey());
}

// Whoever asks cannot answer: neither the runner, nor the desk's own key, nor anybody without a
// say.
TEST_F(DeskDecisions, NobodyAnswersTheirOwnQuestion) {
  open();
  const std::string code = w.ask();
  Person eve(w.world);
  for (const Person* author : {&w.requester, &eve})
    w.world.loop.run_until_complete(w.world.pool.publish({w.world.url()}, yes(code, *author)));
  nostr::Draft own{.kind = nipsa::kinds::kApprovalDecision,
                   .created_at = w.world.clock.now(),
                   .tags = yes(code, w.oper()).tags,
                   .content = ""};
  w.world.loop.run_until_complete(
      w.world.pool.publish({w.world.url()}, nostr::sign_event(own, w.asker.key(), w.world.rng)));
  expect_open(code);
  for (const std::string& verdict : w.verdicts(code)) EXPECT_NE(verdict, "accepted/approve");
}

struct Flaw {
  const char* name;
  std::function<void(nostr::Draft&)> make;
};

TEST_F(DeskDecisions, AYesThatIsNotOverThisQuestionInTimeIsJournaledAndDecidesNothing) {
  open();
  const auto without = [](const char* name) {
    return [name](nostr::Draft& draft) { drop_tag(draft, name); };
  };
  const auto moved = [](int by) {
    return [by](nostr::Draft& draft) { draft.created_at += seconds(by); };
  };
  const Flaw flaws[] = {
      {"it names no request", without("e")},
      {"it names another request",
       [](nostr::Draft& draft) {
         drop_tag(draft, "e");
         draft.tags.push_back({"e", std::string(64, 'e')});
       }},
      {"it commits to no digest", without("action_hash")},
      {"it commits to another digest",
       [](nostr::Draft& draft) {
         drop_tag(draft, "action_hash");
         draft.tags.push_back({"action_hash", nostr::sha256(std::string_view("another")).hex()});
       }},
      {"it is older than the question", moved(-301)},
      {"it is of a time to come", moved(301)}};
  int number = 0;
  for (const Flaw& flaw : flaws) {
    SCOPED_TRACE(flaw.name);
    const std::string code =
        w.ask(w.wish({.content = "note " + std::to_string(++number), .ttl = seconds(3'000)}));
    w.world.loop.run_until_complete(
        w.world.pool.publish({w.world.url()}, yes(code, w.oper(), flaw.make)));
    expect_open(code);
    w.oper().write(w.desk_key(), "no " + code);
    w.until_state(code, QuestionState::kDenied);
  }
}

TEST_F(DeskDecisions, AYesWhoseSignatureWasForgedOnItsWayIsNoYes) {
  open();
  const std::string code = w.ask();
  const auto rule =
      w.world.relay->faults().add({.match = {.direction = nostr::Direction::kOut,
                                             .verb = "EVENT",
                                             .kinds = {nipsa::kinds::kApprovalDecision}},
                                   .fault = nostr::fault::Forge{}});
  w.oper().publish(yes(code, w.oper()));
  w.world.until([&] { return w.world.relay->faults().hits(rule) > 0; });
  expect_open(code);
  EXPECT_TRUE(w.signals(code).empty());
}

TEST_F(DeskDecisions, TheSameYesAgainAndAgainIsOneSignalAndOneDecision) {
  open();
  const std::string code = w.ask();
  const nostr::Event once = yes(code, w.oper());
  w.oper().publish(once);
  w.until_state(code, QuestionState::kApproved);
  w.stop();
  w.start();
  w.world.loop.run_until_complete(w.world.pool.publish({w.world.url()}, once));
  w.world.settle();
  EXPECT_EQ(w.signals(code).size(), 1u);
  EXPECT_EQ(w.decisions(code).size(), 1u);
}

TEST_F(DeskDecisions, NoSaidTwiceIsNoOnce) {
  open();
  const std::string code = w.ask();
  w.oper().write(w.desk_key(), "no " + code);
  w.until_state(code, QuestionState::kDenied);
  w.oper().write(w.desk_key(), "no " + code, {}, seconds(1));
  w.oper().publish(w.decision_by(w.oper(), code, false));
  w.world.until([&] { return w.signals(code).size() == 3; });
  w.pump();
  EXPECT_EQ(w.state(code), QuestionState::kDenied);
  EXPECT_EQ(w.decisions(code).size(), 1u);
  EXPECT_EQ(must(w.approvals().receipts(w.question(code).id)).size(), 1u);
}

TEST_F(DeskDecisions, WhoAskedTakesTheQuestionBackByDeletingItAndNobodyElseDoes) {
  open();
  const std::string code = w.ask();
  Person eve(w.world);
  eve.publish(5, {{"e", w.question(code).id.hex()}}, "");
  expect_open(code);
  w.requester.publish(5, {{"e", w.question(code).id.hex()}, {"k", "39212"}}, "");
  w.until_state(code, QuestionState::kCancelled);
  w.pump();
  const auto inbox = w.oper().inbox();
  EXPECT_TRUE(std::ranges::any_of(
      inbox, [&](const auto& shown) { return shown.text.starts_with(code + " cancelled"); }));
  w.oper().write(w.desk_key(), "yes " + code);
  w.world.until([&] { return !w.signals(code).empty(); });
  EXPECT_EQ(w.verdicts(code), (Words{"closed/approve"}));
}

TEST_F(DeskDecisions, WhatWasTakenBackWhileTheDeskWasAwayIsClosedWhenItComesBack) {
  open();
  const std::string code = w.ask();
  const std::string request = w.question(code).id.hex();
  w.stop();
  w.requester.publish(5, {{"e", request}, {"k", "39212"}}, "");
  w.start();
  w.until_state(code, QuestionState::kCancelled);
}

}  // namespace
}  // namespace orchestration
