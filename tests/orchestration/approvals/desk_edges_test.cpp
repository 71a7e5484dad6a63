// Where answers just count, or just do not: at the last second, on what is over, by whom nobody
// asked, and taken back at each stage.
#include "orchestration/approvals/desk.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "nipsa/digest.h"
#include "tests/orchestration/support/desk_world.h"

namespace orchestration {
namespace {

using storage::QuestionState;
using testing::DeskWorld;
using testing::errc_of;
using testing::must;
using testing::Person;
using Words = std::vector<std::string>;
using std::chrono::seconds;

class DeskEdges : public ::testing::Test {
 protected:
  void open(DeskOptions options = {}) {
    for (const auto& person : w.operators) person->open_inbox();
    w.start(std::move(options));
  }
  bool was_told(Person& person, const std::string& text) {
    w.pump();
    const auto inbox = person.inbox();
    return std::any_of(inbox.begin(), inbox.end(),
                       [&](const auto& message) { return message.text == text; });
  }
  std::string consumed() {
    const std::string code = w.ask();
    w.oper().write(w.desk_key(), "yes " + code);
    w.until_state(code, QuestionState::kApproved);
    const storage::Question asked = w.question(code);
    must(
        w.approvals().consume(asked.id, nostr::EventId(asked.digest.array()), w.world.clock.now()));
    return code;
  }

  DeskWorld w;
};

// ---- taken back
// -----------------------------------------------------------------------------------

TEST_F(DeskEdges, ASignedYesThatIsDeletedDuringTheHoldLeavesTheQuestionOpen) {
  open({.hold = seconds(5)});
  const std::string code = w.ask(w.wish({.sats = 750}));
  const nostr::Event yes = w.decision_by(w.oper(), code, true);
  w.oper().publish(yes);
  w.until_state(code, QuestionState::kApproved);
  w.oper().publish(5, {{"e", yes.id.hex()}, {"k", "39213"}}, "", seconds(1));
  w.until_state(code, QuestionState::kOpen);
  w.advance(seconds(6));
  w.world.settle();
  EXPECT_EQ(w.state(code), QuestionState::kOpen);
  EXPECT_TRUE(w.decisions(code).empty()) << "nothing was decided meanwhile";
}

TEST_F(DeskEdges, AYesTakenBackAfterItsUseChangesNothingAndIsWrittenDown) {
  open();
  const std::string code = consumed();
  const nostr::EventId yes = w.signals(code).at(0).id;
  w.oper().publish(5, {{"e", yes.hex()}, {"k", "14"}}, "", seconds(1));
  w.world.until([&] { return w.signals(code).size() == 2; });
  EXPECT_EQ(w.verdicts(code), (Words{"accepted/approve", "closed/withdraw"}));
  EXPECT_EQ(w.signals(code).at(1).refers_to, yes);
  EXPECT_EQ(w.state(code), QuestionState::kConsumed);
  EXPECT_EQ(w.decisions(code).size(), 1u);
}

TEST_F(DeskEdges, APublicDeletionTakesBackAPrivateYesButNoPrivateNo) {
  open();
  const std::string yes_to = w.ask(w.wish({.content = "a"}));
  w.oper().write(w.desk_key(), "yes " + yes_to);
  w.until_state(yes_to, QuestionState::kApproved);
  w.oper().publish(5, {{"e", w.signals(yes_to).at(0).id.hex()}, {"k", "14"}}, "", seconds(1));
  w.until_state(yes_to, QuestionState::kOpen);

  const std::string no_to = w.ask(w.wish({.content = "b"}));
  w.oper().write(w.desk_key(), "no " + no_to);
  w.until_state(no_to, QuestionState::kDenied);
  w.oper().publish(5, {{"e", w.signals(no_to).at(0).id.hex()}, {"k", "14"}}, "", seconds(1));
  w.world.until([&] { return w.signals(no_to).size() == 2; });
  EXPECT_EQ(w.state(no_to), QuestionState::kDenied) << "a no is final";
}

// ---- what is over, and whom nobody asked
// ----------------------------------------------------------

TEST_F(DeskEdges, AnswersToWhatIsOverAreToldSo) {
  open();
  const std::string code = consumed();
  w.oper().write(w.desk_key(), "yes " + code, {}, seconds(1));
  w.world.until([&] { return w.signals(code).size() == 2; });
  EXPECT_EQ(w.verdicts(code).back(), "closed/approve");
  EXPECT_TRUE(was_told(w.oper(), "question " + code + " is over: it was consumed"));
  EXPECT_EQ(w.decisions(code).size(), 1u);
}

TEST_F(DeskEdges, WhoWasNotAskedIsToldSoAndDecidesNothing) {
  open();
  const std::string code = w.ask();
  Person heir(w.world);
  heir.open_inbox();
  w.stop();
  w.start({.operators = {w.oper().pubkey(), heir.pubkey()}});
  heir.write(w.desk_key(), "yes " + code);
  w.world.until([&] { return w.signals(code).size() == 1; });
  EXPECT_EQ(w.verdicts(code), Words{"not-an-approver/approve"});
  EXPECT_EQ(w.state(code), QuestionState::kOpen);
  EXPECT_TRUE(was_told(heir, "question " + code + " was not put to you"));
}

// ---- time
// -----------------------------------------------------------------------------------------

TEST_F(DeskEdges, TheLastSecondCountsAndTheNextDoesNot) {
  open();
  const std::string code = w.ask(w.wish({.content = "a"}));
  w.world.clock.advance(seconds(900));
  w.oper().write(w.desk_key(), "yes " + code);
  w.until_state(code, QuestionState::kApproved);

  const std::string next = w.ask(w.wish({.content = "b"}));
  const auto yes = w.oper().compose(w.desk_key(), "yes " + next, {}, seconds(900));
  w.world.clock.advance(seconds(901));
  w.oper().send_wrapped(yes, w.desk_key());
  w.world.until([&] { return w.signals(next).size() == 1; });
  EXPECT_EQ(w.verdicts(next), Words{"late/approve"})
      << "said in time, and heard after the approval would have ended";
  EXPECT_TRUE(w.decisions(next).empty());
}

TEST_F(DeskEdges, AClockThatGoesBackDoesNotMakeALateAnswerTimely) {
  open();
  const std::string code = w.ask();
  const auto late = w.oper().compose(w.desk_key(), "yes " + code, {}, seconds(901));
  w.world.clock.set(w.world.clock.now() - seconds(3'600));
  w.oper().send_wrapped(late, w.desk_key());
  w.world.until([&] { return w.signals(code).size() == 1; });
  EXPECT_EQ(w.verdicts(code), Words{"late/approve"});
  // And one that runs ahead ends what is open, once and for all.
  w.world.clock.advance(seconds(2 * 3'600));
  w.stop();
  w.start();
  w.until_state(code, QuestionState::kExpired);
  w.world.clock.set(w.world.clock.now() - seconds(2 * 3'600));
  w.oper().write(w.desk_key(), "ok " + code);
  w.world.until([&] { return w.signals(code).size() == 2; });
  EXPECT_EQ(w.state(code), QuestionState::kExpired);
  EXPECT_TRUE(w.decisions(code).empty());
}

// ---- floods
// ---------------------------------------------------------------------------------------

TEST_F(DeskEdges, TenThousandWrapsOfStrangersDoNotHideTheOperatorsAnswer) {
  open();
  const std::string code = w.ask();
  w.stop();
  const Person eve(w.world);
  const auto flood = [&](int from, int to) {
    for (int i = from; i < to; ++i)
      must(w.world.relay_store.insert(nostr::sign_event({nostr::kinds::kGiftWrap,
                                                         w.world.clock.now() - seconds(i % 100),
                                                         {{"p", w.desk_key().hex()}},
                                                         std::to_string(i)},
                                                        eve.key(), w.world.rng),
                                      w.world.clock.now()));
  };
  flood(0, 5'000);
  w.oper().write(w.desk_key(), "yes " + code);
  flood(5'000, 10'000);
  w.start();
  w.until_state(code, QuestionState::kApproved);
  EXPECT_EQ(w.signals(code).size(), 1u) << "nothing of it was kept";
}

// ---- codes
// ----------------------------------------------------------------------------------------

/// A request about another note whose code `fits`.
Ask with_code(DeskWorld& w, const std::function<bool(const std::string&)>& fits) {
  for (int i = 0;; ++i) {
    Ask ask = w.wish({.content = "note " + std::to_string(i)});
    for (int d = 0; d < 200; ++d) {
      ask.parsed.d = nipsa::random_d("apr-", w.world.rng);
      ask.request =
          nostr::sign_event(must(nipsa::build_approval_request(ask.parsed, ask.request.created_at)),
                            w.requester.key(), w.world.rng);
      if (fits(nipsa::approval_code(ask.request.id))) return ask;
    }
  }
}

TEST_F(DeskEdges, ACodeWithoutADigitIsNotAsked) {
  open();
  const auto refused = w.put(with_code(w, [](const std::string& code) {
    return std::none_of(code.begin(), code.end(), [](char c) { return c >= '0' && c <= '9'; });
  }));
  EXPECT_EQ(errc_of(refused), base::Errc::kInvalid);
  EXPECT_EQ(refused.error().hint, "rebuild the request with a new d");
  EXPECT_TRUE(must(w.approvals().history()).empty());
}

TEST_F(DeskEdges, ACodeThatWasEverGivenOutIsNotGivenOutAgain) {
  open();
  const Ask second = w.wish({.content = "the second"});
  // Nobody finds two requests with one code; an earlier question with the code of this one stands
  // in.
  storage::Question namesake = w.question(w.ask());
  namesake.id = nostr::EventId(nostr::sha256(std::string_view("another request")).array());
  namesake.digest = nostr::sha256(std::string_view("another action"));
  namesake.code = nipsa::format_code(nipsa::approval_code(second.request.id));
  must(w.approvals().add(namesake));
  const auto refused = w.put(second);
  EXPECT_EQ(errc_of(refused), base::Errc::kInvalid);
  EXPECT_EQ(refused.error().hint, "rebuild the request with a new d");
  const Ask rebuilt = w.wish({.content = "the second"});
  EXPECT_TRUE(w.put(rebuilt).has_value()) << "under another d it has another code";
}

}  // namespace
}  // namespace orchestration
