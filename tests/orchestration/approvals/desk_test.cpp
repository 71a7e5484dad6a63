// The desk over a real relay and database: what operators send, what it counts for, what follows.
#include "orchestration/approvals/desk.h"

#include <gtest/gtest.h>

#include <set>

#include "nipsa/digest.h"
#include "nipsa/kinds.h"
#include "tests/orchestration/support/desk_world.h"

namespace orchestration {
namespace {

using storage::QuestionState;
using testing::DeskWorld;
using testing::errc_of;
using testing::must;
using testing::Person;
using testing::Shown;
using Words = std::vector<std::string>;
using std::chrono::seconds;

class DeskTest : public ::testing::Test {
 protected:
  /// An operator with an inbox and a started desk.
  void open(DeskOptions options = {}) {
    for (const auto& person : w.operators) person->open_inbox();
    w.start(std::move(options));
  }
  void expect_open(const std::string& code) {
    w.world.settle();
    EXPECT_EQ(w.state(code), QuestionState::kOpen);
    EXPECT_TRUE(w.decisions(code).empty());
  }

  DeskWorld w;
};

// ---- asking
// --------------------------------------------------------------------------------------

TEST_F(DeskTest, AsksOverNip17WhereThereIsAnInbox) {
  open();
  const std::string code = w.ask();
  const std::vector<Shown> inbox = w.oper().inbox();
  ASSERT_EQ(inbox.size(), 1u);
  EXPECT_EQ(inbox[0].channel, "nip17");
  EXPECT_EQ(inbox[0].from, w.desk_key());
  EXPECT_EQ(inbox[0].id, w.shown_id(code, w.oper()));
  EXPECT_TRUE(inbox[0].text.ends_with("yes " + code + "\nno " + code));
  EXPECT_NE(inbox[0].text.find("| hello world"), std::string::npos);
}

TEST_F(DeskTest, AsksOverNip04WhereThereIsNone) {
  w.start(DeskOptions{});
  const std::string code = w.ask();
  const std::vector<Shown> inbox = w.oper().inbox();
  ASSERT_EQ(inbox.size(), 1u);
  EXPECT_EQ(inbox[0].channel, "nip04");
  w.oper().write_legacy(w.desk_key(), "yes " + code);
  w.until_state(code, QuestionState::kApproved);
}

TEST_F(DeskTest, QuestionsThatBeginAlikeInOneSecondAreToldApart) {
  open();
  const std::string alike(3'000, 'x');  // more than one message shows
  const std::string first = w.ask(w.wish({.content = alike + " and one"}));
  const std::string second = w.ask(w.wish({.content = alike + " and two"}));
  std::set<nostr::EventId> ids;
  std::size_t shown = 0;
  for (const std::string& code : {first, second}) {
    for (const storage::Presentation& part : must(w.approvals().presentations(w.question(code).id))) {
      ids.insert(part.id);
      ++shown;
    }
  }
  EXPECT_GE(shown, 4u);
  EXPECT_EQ(ids.size(), shown) << "what refers to a message means one question";
  w.oper().write(w.desk_key(), "yes " + second);
  w.until_state(second, QuestionState::kApproved);
  EXPECT_EQ(w.state(first), QuestionState::kOpen);
}

TEST_F(DeskTest, OneDigestIsOneQuestion) {
  open();
  const std::string code = w.ask();
  must(w.put(w.wish()));
  w.pump();
  EXPECT_EQ(w.oper().inbox().size(), 1u);
  EXPECT_EQ(must(w.approvals().history()).size(), 1u);
  w.oper().write(w.desk_key(), "yes " + code);
  w.until_state(code, QuestionState::kApproved);
  must(w.put(w.wish()));  // still one while it is approved
  EXPECT_EQ(must(w.approvals().history()).size(), 1u);
}

TEST_F(DeskTest, RefusesRequestsThatAreNotWhatTheySay) {
  open();
  Ask other_guardian = w.wish();
  other_guardian.parsed.guardian = w.requester.pubkey();
  EXPECT_EQ(errc_of(w.put(std::move(other_guardian))), base::Errc::kInvalid);
  Ask other_digest = w.wish();
  other_digest.digest = nostr::sha256(std::string_view("something else"));
  const auto refused = w.put(std::move(other_digest));
  EXPECT_EQ(errc_of(refused), base::Errc::kInvalid);
  EXPECT_TRUE(refused.error().detail.starts_with("other-digest"));
  Ask expired = w.wish();
  expired.parsed.expires = w.world.clock.now();
  EXPECT_EQ(errc_of(w.put(std::move(expired))), base::Errc::kInvalid);
  Ask endless = w.wish();
  endless.description = std::string(5'000, 'x');
  EXPECT_EQ(errc_of(w.put(std::move(endless))), base::Errc::kLimit);
  EXPECT_TRUE(must(w.approvals().history()).empty());
}

TEST_F(DeskTest, SixNewQuestionsAnHourAndNoMore) {
  open();
  for (int i = 0; i < 6; ++i)
    w.ask(w.wish({.content = "note " + std::to_string(i), .ttl = seconds(10'000)}));
  const auto seventh = w.put(w.wish({.content = "note 7"}));
  EXPECT_EQ(errc_of(seventh), base::Errc::kLimit);
  EXPECT_TRUE(seventh.error().detail.starts_with("too-many-questions"));
  w.advance(seconds(3'601));
  EXPECT_TRUE(w.put(w.wish({.content = "note 7"})).has_value());
}

TEST_F(DeskTest, TwentyOpenQuestionsAndNoMore) {
  open({.max_per_hour = 100});
  for (int i = 0; i < 20; ++i) must(w.put(w.wish({.content = "note " + std::to_string(i)})));
  EXPECT_EQ(errc_of(w.put(w.wish({.content = "note 21"}))), base::Errc::kLimit);
  EXPECT_EQ(must(w.approvals().list(QuestionState::kOpen)).size(), 20u);
}

// Without an inbox the desk looks the operator up first; what is asked at once must be counted too.
TEST_F(DeskTest, LimitsHoldForQuestionsAskedAtOnce) {
  w.start({.max_per_hour = 2});
  base::Scope scope(w.world.loop);
  int done = 0;
  struct Put {
    static base::Task<void> run(Desk* desk, Ask ask, int* done) {
      static_cast<void>(co_await desk->ask(std::move(ask)));
      ++*done;
    }
    static base::Task<void> stop(base::Scope* scope) { co_await scope->stop(); }
  };
  for (int i = 0; i < 5; ++i)
    scope.spawn("ask", Put::run(w.desk.get(), w.wish({.content = std::to_string(i % 4)}), &done));
  w.world.until([&] { return done == 5; });
  w.world.loop.run_until_complete(Put::stop(&scope));
  EXPECT_EQ(must(w.approvals().history()).size(), 2u);
}

TEST_F(DeskTest, TwoConcurrentRequestsForOneDigestAreOneQuestion) {
  w.start(DeskOptions{});
  base::Scope scope(w.world.loop);
  std::vector<bool> outcomes;
  struct Put {
    static base::Task<void> run(Desk* desk, Ask ask, std::vector<bool>* outcomes) {
      const auto done = co_await desk->ask(std::move(ask));
      outcomes->push_back(done.has_value());
    }
    static base::Task<void> stop(base::Scope* scope) { co_await scope->stop(); }
  };
  for (int i = 0; i < 2; ++i) scope.spawn("ask", Put::run(w.desk.get(), w.wish(), &outcomes));
  w.world.until([&] { return outcomes.size() == 2; });
  w.world.loop.run_until_complete(Put::stop(&scope));
  EXPECT_EQ(outcomes, (std::vector{true, true}));
  EXPECT_EQ(must(w.approvals().history()).size(), 1u);
}

TEST_F(DeskTest, DeniedDigestIsNotAskedAgainForAnHour) {
  open();
  const std::string code = w.ask();
  w.oper().write(w.desk_key(), "no " + code);
  w.until_state(code, QuestionState::kDenied);
  EXPECT_EQ(errc_of(w.put(w.wish())), base::Errc::kDenied);
  w.advance(seconds(3'601));
  EXPECT_TRUE(w.put(w.wish()).has_value());
}

TEST_F(DeskTest, UsedUpActionIsNotAskedAgain) {
  open();
  const std::string code = w.ask();
  w.oper().write(w.desk_key(), "yes " + code);
  w.until_state(code, QuestionState::kApproved);
  const storage::Question asked = w.question(code);
  must(w.approvals().consume(asked.id, nostr::EventId(asked.digest.array()), w.world.clock.now()));
  EXPECT_EQ(errc_of(w.put(w.wish())), base::Errc::kConflict);
}

// ---- answers
// -------------------------------------------------------------------------------------

struct Spelling {
  const char* name;
  std::function<void(DeskWorld&, const std::string& code)> answer;
  QuestionState want;
};

void PrintTo(const Spelling& spelling, std::ostream* out) {
  *out << spelling.name;
}

std::string without_dash(std::string code) {
  code.erase(4, 1);
  for (char& c : code) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return code;
}

class DeskAnswers : public ::testing::TestWithParam<Spelling> {};

TEST_P(DeskAnswers, CountInEveryForm) {
  DeskWorld w;
  w.oper().open_inbox();
  w.start(DeskOptions{});
  const std::string code = w.ask();
  GetParam().answer(w, code);
  w.until_state(code, GetParam().want);
  const auto decisions = w.decisions(code);
  ASSERT_EQ(decisions.size(), 1u);
  EXPECT_EQ(decisions[0].approved, GetParam().want == QuestionState::kApproved);
  EXPECT_EQ(decisions[0].decided_by, w.oper().pubkey());
  const auto decision = must(w.desk->decision(w.question(code).digest));
  ASSERT_TRUE(decision.has_value());
  EXPECT_EQ(w.changes.back(), GetParam().want);
}

INSTANTIATE_TEST_SUITE_P(
    Forms, DeskAnswers,
    ::testing::Values(
        Spelling{
            "yes_code",
            [](DeskWorld& w, const std::string& c) { w.oper().write(w.desk_key(), "yes " + c); },
            QuestionState::kApproved},
        Spelling{"yes_small_without_dash",
                 [](DeskWorld& w, const std::string& c) {
                   w.oper().write(w.desk_key(), "Yes " + without_dash(c) + ".");
                 },
                 QuestionState::kApproved},
        Spelling{
            "no_code",
            [](DeskWorld& w, const std::string& c) { w.oper().write(w.desk_key(), "no " + c); },
            QuestionState::kDenied},
        Spelling{"no_problem",
                 [](DeskWorld& w, const std::string& c) {
                   w.oper().write(w.desk_key(), "no problem " + c);
                 },
                 QuestionState::kDenied},
        Spelling{"bare_no",
                 [](DeskWorld& w, const std::string&) { w.oper().write(w.desk_key(), "no"); },
                 QuestionState::kDenied},
        Spelling{"reply_ok",
                 [](DeskWorld& w, const std::string& c) {
                   w.oper().write(w.desk_key(), "ok", {w.shown_id(c, w.oper())});
                 },
                 QuestionState::kApproved},
        Spelling{"legacy_yes",
                 [](DeskWorld& w, const std::string& c) {
                   w.oper().write_legacy(w.desk_key(), "yes " + c);
                 },
                 QuestionState::kApproved},
        Spelling{"public_note",
                 [](DeskWorld& w, const std::string& c) {
                   w.oper().publish(1,
                                    {{"e", w.shown_id(c, w.oper()).hex(), "", "root"},
                                     {"p", w.desk_key().hex()}},
                                    "yes");
                 },
                 QuestionState::kApproved},
        Spelling{"public_comment_no",
                 [](DeskWorld& w, const std::string& c) {
                   w.oper().publish(1111,
                                    {{"E", w.question(c).id.hex()},
                                     {"K", "39212"},
                                     {"e", w.question(c).id.hex()},
                                     {"k", "39212"},
                                     {"p", w.desk_key().hex()}},
                                    "no, too expensive");
                 },
                 QuestionState::kDenied},
        Spelling{"reaction_of_damus",
                 [](DeskWorld& w, const std::string& c) {
                   w.oper().publish(7,
                                    {{"p", w.oper().pubkey().hex()},
                                     {"e", std::string(64, '7')},
                                     {"p", w.desk_key().hex()},
                                     {"e", w.shown_id(c, w.oper()).hex()}},
                                    "🤙");
                 },
                 QuestionState::kApproved},
        Spelling{"wrapped_reaction",
                 [](DeskWorld& w, const std::string& c) {
                   auto rumor = w.oper().compose(w.desk_key(), "+", {w.shown_id(c, w.oper())});
                   rumor.kind = 7;
                   w.oper().send_wrapped(rumor, w.desk_key());
                 },
                 QuestionState::kApproved},
        Spelling{"thumb_down",
                 [](DeskWorld& w, const std::string& c) {
                   w.oper().publish(
                       7, {{"e", w.shown_id(c, w.oper()).hex()}, {"p", w.desk_key().hex()}},
                       "👎🏽");
                 },
                 QuestionState::kDenied},
        Spelling{"native_39213",
                 [](DeskWorld& w, const std::string& c) {
                   w.oper().publish(w.decision_by(w.oper(), c, true));
                 },
                 QuestionState::kApproved},
        Spelling{"native_39213_no",
                 [](DeskWorld& w, const std::string& c) {
                   w.oper().publish(w.decision_by(w.oper(), c, false));
                 },
                 QuestionState::kDenied}),
    [](const auto& info) { return info.param.name; });

TEST_F(DeskTest, DecisionIsPublishedWithDigestAndEvidence) {
  open();
  const std::string code = w.ask();
  const nostr::EventId yes = w.oper().write(w.desk_key(), "yes " + code);
  w.until_state(code, QuestionState::kApproved);
  w.pump();
  nostr::Filters filters{{.authors = {w.desk_key()}, .kinds = {nipsa::kinds::kApprovalDecision}}};
  const auto found = w.world.loop.run_until_complete(
      w.world.pool.fetch({w.world.url()}, std::move(filters), seconds(10)));
  ASSERT_EQ(found.events.size(), 1u);
  const nipsa::ApprovalDecision decision = must(nipsa::parse_approval_decision(*found.events[0]));
  EXPECT_EQ(decision.decision, nipsa::Decision::kApproved);
  EXPECT_EQ(decision.action_hash, w.question(code).digest);
  EXPECT_EQ(decision.requester, w.requester.pubkey());
  EXPECT_EQ(decision.expires, w.question(code).expires_at);
  ASSERT_EQ(decision.evidence.size(), 1u);
  EXPECT_EQ(decision.evidence[0].id, yes);
}

TEST_F(DeskTest, WrongKeyWithTheRightWordsIsNotAnApprover) {
  open();
  const std::string code = w.ask();
  Person eve(w.world);
  eve.write(w.desk_key(), "yes " + code);
  eve.write(w.desk_key(), "no", {w.shown_id(code, w.oper())}, seconds(1));
  eve.publish(w.decision_by(eve, code, true));
  w.world.until([&] { return w.signals(code).size() == 2; });  // its 39213 is not even asked for
  EXPECT_EQ(w.verdicts(code), (Words{"not-an-approver/approve", "not-an-approver/deny"}));
  expect_open(code);
  w.pump();
  EXPECT_TRUE(eve.inbox().empty());  // strangers get no answer
}

TEST_F(DeskTest, StrangersBareNoClosesNothing) {
  open();
  const std::string code = w.ask();
  Person eve(w.world);
  eve.write(w.desk_key(), "no");
  eve.write(w.desk_key(), "stop");
  expect_open(code);
}

TEST_F(DeskTest, StrangersCannotDrownTheOperator) {
  open();
  const std::string code = w.ask();
  Person eve(w.world);
  for (int i = 0; i < 60; ++i)
    eve.write(w.desk_key(), "yes " + code + std::string(static_cast<std::size_t>(i), '!'));
  w.world.settle();
  EXPECT_LE(w.signals(code).size(), 20u);
  w.oper().write(w.desk_key(), "no " + code);
  w.until_state(code, QuestionState::kDenied);
}

TEST_F(DeskTest, WrongCodeGetsOneHintAndChangesNothing) {
  open();
  const std::string code = w.ask();
  w.oper().write(w.desk_key(), "yes AX11-2ETR");
  expect_open(code);
  w.pump();
  ASSERT_EQ(w.oper().inbox().size(), 2u);
  w.oper().write(w.desk_key(), "yes but only 100 " + code);
  expect_open(code);
  w.pump();
  EXPECT_EQ(w.oper().inbox().size(), 2u);  // one hint in ten minutes
}

TEST_F(DeskTest, BareYesBindsNothing) {
  open();
  const std::string code = w.ask();
  w.oper().write(w.desk_key(), "yes");
  expect_open(code);
}

TEST_F(DeskTest, TwoCodesOrTwoTargetsAreAmbiguous) {
  open();
  const std::string a = w.ask(w.wish({.content = "a"}));
  const std::string b = w.ask(w.wish({.content = "b"}));
  w.oper().write(w.desk_key(), "yes " + a + " " + b);
  w.oper().write(w.desk_key(), "yes " + a, {w.shown_id(b, w.oper())});
  w.oper().write(w.desk_key(), "yes", {w.shown_id(a, w.oper()), w.shown_id(b, w.oper())});
  expect_open(a);
  expect_open(b);
  EXPECT_EQ(w.verdicts(b), (Words{"ambiguous/none"}));
}

TEST_F(DeskTest, DecisionOverAnotherDigestDecidesNothing) {
  open();
  const std::string code = w.ask();
  w.oper().publish(
      w.decision_by(w.oper(), code, true, nostr::sha256(std::string_view("another event"))));
  w.world.until([&] { return !w.signals(code).empty(); });
  EXPECT_EQ(w.verdicts(code), (Words{"other-digest/approve"}));
  expect_open(code);
}

TEST_F(DeskTest, AnotherDesksDecisionCountsOnlyWhenNamed) {
  Person sister(w.world);
  open({.decisions_from = {sister.pubkey()}});
  const std::string code = w.ask();
  sister.write(w.desk_key(), "yes " + code);  // its word does not, only its 39213
  w.world.until([&] { return !w.signals(code).empty(); });
  EXPECT_EQ(w.verdicts(code), (Words{"not-an-approver/approve"}));
  sister.publish(w.decision_by(sister, code, true));
  w.until_state(code, QuestionState::kApproved);
}

TEST_F(DeskTest, YesThatComesTooLateIsLate) {
  open();
  const std::string code = w.ask();
  w.advance(seconds(901));
  w.until_state(code, QuestionState::kExpired);
  w.oper().write(w.desk_key(), "yes " + code);
  w.world.until([&] { return !w.signals(code).empty(); });
  EXPECT_EQ(w.verdicts(code), (Words{"late/approve"}));
  EXPECT_EQ(w.state(code), QuestionState::kExpired);
  EXPECT_FALSE(must(w.desk->decision(w.question(code).digest)).has_value());
}

TEST_F(DeskTest, WordsOlderThanTheQuestionAreLate) {
  open();
  const std::string code = w.ask();
  w.oper().write(w.desk_key(), "yes " + code, {}, seconds(-121));
  w.world.until([&] { return !w.signals(code).empty(); });
  w.oper().write(w.desk_key(), "yes " + code, {}, seconds(301));
  w.world.until([&] { return w.signals(code).size() == 2; });
  EXPECT_EQ(w.verdicts(code), (Words{"late/approve", "late/approve"}));
  expect_open(code);
}

TEST_F(DeskTest, WordsOnAClosedQuestionAreClosed) {
  open();
  const std::string code = w.ask();
  w.oper().write(w.desk_key(), "no " + code);
  w.until_state(code, QuestionState::kDenied);
  w.oper().write(w.desk_key(), "yes " + code, {}, seconds(1));
  w.world.until([&] { return w.signals(code).size() == 2; });
  EXPECT_EQ(w.verdicts(code), (Words{"accepted/deny", "closed/approve"}));
  EXPECT_EQ(w.state(code), QuestionState::kDenied);
}

TEST_F(DeskTest, OneRumorInTwoWrapsCountsOnce) {
  open({.quorum = 1});
  const std::string code = w.ask();
  const auto rumor = w.oper().compose(w.desk_key(), "yes " + code);
  w.oper().send_wrapped(rumor, w.desk_key());
  w.oper().send_wrapped(rumor, w.desk_key());
  w.until_state(code, QuestionState::kApproved);
  w.world.settle();
  EXPECT_EQ(w.signals(code).size(), 1u);
  EXPECT_EQ(w.decisions(code).size(), 1u);
}

TEST_F(DeskTest, ForgedSealIsNoAnswer) {
  open();
  const std::string code = w.ask();
  Person eve(w.world);
  const auto rumor = w.oper().compose(w.desk_key(), "yes " + code);
  EXPECT_FALSE(nostr::wrap_rumor(rumor, eve.key(), w.desk_key(), w.world.clock.now(), w.world.rng)
                   .has_value());
  expect_open(code);
}

TEST_F(DeskTest, BareNoClosesEverythingOpenAndNothingLater) {
  open();
  const std::string a = w.ask(w.wish({.content = "a"}));
  const std::string b = w.ask(w.wish({.content = "b"}));
  const auto no = w.oper().compose(w.desk_key(), "Stop!");
  w.oper().send_wrapped(no, w.desk_key());
  w.until_state(a, QuestionState::kDenied);
  w.until_state(b, QuestionState::kDenied);
  // A copy of the same words does not close what was asked since.
  const std::string c = w.ask(w.wish({.content = "c"}));
  w.oper().send_wrapped(no, w.desk_key());
  w.stop();
  w.start();
  expect_open(c);
}

TEST_F(DeskTest, StopAllIsABareNo) {
  open();
  const std::string code = w.ask();
  w.oper().write(w.desk_key(), "stop all");
  w.until_state(code, QuestionState::kDenied);
}

// ---- quorum, veto, withdrawal
// ----------------------------------------------------------------------

class TwoOperators : public DeskTest {
 protected:
  TwoOperators() { w.operators.push_back(std::make_unique<Person>(w.world)); }
};

TEST_F(TwoOperators, QuorumOfTwoNeedsTwoPeople) {
  open({.quorum = 2});
  const std::string code = w.ask();
  EXPECT_EQ(w.oper(0).inbox().size(), 1u);
  EXPECT_EQ(w.oper(1).inbox().size(), 1u);
  w.oper(0).write(w.desk_key(), "yes " + code);
  w.oper(0).write(w.desk_key(), "ok " + code);
  w.world.until([&] { return w.signals(code).size() == 2; });
  expect_open(code);
  w.oper(1).write(w.desk_key(), "yes", {w.shown_id(code, w.oper(1))});
  w.until_state(code, QuestionState::kApproved);
}

TEST_F(TwoOperators, AnyNoVetoesEvenAfterTheYes) {
  open();
  const std::string code = w.ask();
  w.oper(0).write(w.desk_key(), "yes " + code);
  w.until_state(code, QuestionState::kApproved);
  w.oper(1).write(w.desk_key(), "no " + code);
  w.until_state(code, QuestionState::kDenied);
  const auto decision = must(w.desk->decision(w.question(code).digest));
  ASSERT_TRUE(decision.has_value());
  EXPECT_FALSE(decision->approved);
  // The relay keeps the newer of the two decisions at one address.
  w.pump();
  nostr::Filters filters{{.authors = {w.desk_key()}, .kinds = {nipsa::kinds::kApprovalDecision}}};
  const auto found = w.world.loop.run_until_complete(
      w.world.pool.fetch({w.world.url()}, std::move(filters), seconds(10)));
  ASSERT_EQ(found.events.size(), 1u);
  EXPECT_EQ(must(nipsa::parse_approval_decision(*found.events[0])).decision,
            nipsa::Decision::kDenied);
}

TEST_F(TwoOperators, RemovedOperatorNoLongerCounts) {
  open({.quorum = 2});
  const std::string code = w.ask();
  w.oper(0).write(w.desk_key(), "yes " + code);
  w.world.until([&] { return !w.signals(code).empty(); });
  Person heir(w.world);
  w.stop();
  w.start({.operators = {w.oper(1).pubkey(), heir.pubkey()}, .quorum = 2});
  heir.write(w.desk_key(), "yes " + code);
  w.oper(1).write(w.desk_key(), "yes " + code);
  w.world.until([&] { return w.signals(code).size() == 3; });
  expect_open(code);  // neither the one who left nor the one who was not asked
}

TEST_F(DeskTest, WithdrawnYesOpensTheQuestionAndASecondYesApprovesIt) {
  open();
  const std::string code = w.ask();
  const nostr::EventId yes = w.oper().publish(
      7, {{"e", w.shown_id(code, w.oper()).hex()}, {"p", w.desk_key().hex()}}, "+");
  w.until_state(code, QuestionState::kApproved);
  w.oper().publish(5, {{"e", yes.hex()}, {"k", "7"}}, "");
  w.until_state(code, QuestionState::kOpen);
  EXPECT_FALSE(must(w.desk->decision(w.question(code).digest)).has_value());
  w.oper().write(w.desk_key(), "yes " + code);
  w.until_state(code, QuestionState::kApproved);
  EXPECT_TRUE(must(w.desk->decision(w.question(code).digest)).has_value());
}

TEST_F(DeskTest, NobodyWithdrawsForAnother) {
  open();
  const std::string code = w.ask();
  const nostr::EventId yes = w.oper().write(w.desk_key(), "yes " + code);
  w.until_state(code, QuestionState::kApproved);
  Person eve(w.world);
  eve.publish(5, {{"e", yes.hex()}}, "");
  auto rumor = eve.compose(w.desk_key(), "", {yes});
  rumor.kind = 5;
  eve.send_wrapped(rumor, w.desk_key());
  w.world.settle();
  EXPECT_EQ(w.state(code), QuestionState::kApproved);
}

// Relays send stored events newest first: the deletion comes before what it takes back.
TEST_F(DeskTest, DeletionThatArrivesFirstStillTakesTheYesBack) {
  open();
  const std::string code = w.ask();
  const auto yes = w.oper().compose(w.desk_key(), "yes " + code);
  w.oper().publish(5, {{"e", nostr::compute_id(yes).hex()}, {"k", "14"}}, "");
  w.world.settle();
  w.oper().send_wrapped(yes, w.desk_key());
  w.world.until([&] { return w.signals(code).size() == 2; });
  expect_open(code);
}

// ---- hold and money
// --------------------------------------------------------------------------------

TEST_F(DeskTest, MoneyIsHeldBeforeItIsDecided) {
  open({.hold = seconds(5), .hold_above_sats = 100});
  const std::string code = w.ask(w.wish({.sats = 750}));
  w.oper().write(w.desk_key(), "yes " + code);
  w.until_state(code, QuestionState::kApproved);
  EXPECT_FALSE(must(w.desk->decision(w.question(code).digest)).has_value());
  EXPECT_TRUE(w.decisions(code).empty());
  w.advance(seconds(5));
  w.world.until([&] { return !w.decisions(code).empty(); });
  EXPECT_TRUE(must(w.desk->decision(w.question(code).digest)).has_value());
}

TEST_F(DeskTest, NoDuringTheHoldDenies) {
  open({.hold = seconds(5)});
  const std::string code = w.ask(w.wish({.sats = 750}));
  w.oper().write(w.desk_key(), "yes " + code);
  w.until_state(code, QuestionState::kApproved);
  w.oper().write(w.desk_key(), "no " + code, {}, seconds(1));
  w.until_state(code, QuestionState::kDenied);
}

TEST_F(DeskTest, HoldBeginsAnewAfterAWithdrawal) {
  open({.hold = seconds(5)});
  const std::string code = w.ask(w.wish({.sats = 750}));
  const nostr::EventId yes = w.oper().write(w.desk_key(), "yes " + code);
  w.until_state(code, QuestionState::kApproved);
  w.advance(seconds(5));
  w.world.until([&] { return !w.decisions(code).empty(); });
  w.oper().publish(5, {{"e", yes.hex()}}, "", seconds(1));
  w.until_state(code, QuestionState::kOpen);
  w.world.clock.advance(seconds(2));
  w.oper().write(w.desk_key(), "yes " + code);
  w.until_state(code, QuestionState::kApproved);
  EXPECT_FALSE(must(w.desk->decision(w.question(code).digest)).has_value());
  w.advance(seconds(5));
  w.world.until([&] { return w.decisions(code).size() == 2; });
  EXPECT_TRUE(must(w.desk->decision(w.question(code).digest)).has_value());
}

TEST_F(DeskTest, ReactionDoesNotMoveMuchMoney) {
  open({.hold = seconds(0)});
  const auto thumb = [&](const std::string& code) {
    w.oper().publish(7, {{"e", w.shown_id(code, w.oper()).hex()}, {"p", w.desk_key().hex()}}, "+");
    w.world.until([&] { return !w.signals(code).empty(); });
  };
  const std::string much = w.ask(w.wish({.content = "a", .sats = 5'001}));
  thumb(much);
  expect_open(much);
  const std::string enough = w.ask(w.wish({.content = "b", .sats = 5'000}));
  thumb(enough);
  EXPECT_EQ(w.state(enough), QuestionState::kApproved);
  const std::string zap = w.ask(w.wish({.content = "c", .action_class = "kind:9734"}));
  thumb(zap);
  expect_open(zap);
}

TEST_F(DeskTest, WhereReactionsCountForNothingTheyMoveNoMoney) {
  open({.hold = seconds(0), .reaction_max_sats = 0});
  const std::string code = w.ask(w.wish({.sats = 1}));
  w.oper().publish(7, {{"e", w.shown_id(code, w.oper()).hex()}, {"p", w.desk_key().hex()}}, "+");
  w.world.until([&] { return !w.signals(code).empty(); });
  expect_open(code);
  w.oper().publish(7, {{"e", w.shown_id(code, w.oper()).hex()}, {"p", w.desk_key().hex()}}, "-", seconds(1));
  w.until_state(code, QuestionState::kDenied);
}

// ---- time, restarts, receipts
// ----------------------------------------------------------------------

TEST_F(DeskTest, RestartedDeskHearsTheAnswerToAnOpenQuestion) {
  open();
  const std::string code = w.ask();
  w.stop();
  w.oper().write(w.desk_key(), "yes " + code);
  w.start();
  w.until_state(code, QuestionState::kApproved);
  w.stop();
  w.start();
  w.world.settle();
  EXPECT_EQ(w.signals(code).size(), 1u);
  EXPECT_EQ(w.decisions(code).size(), 1u);
}

TEST_F(DeskTest, AnswerJournaledBeforeACrashIsActedOnAfterIt) {
  open();
  const std::string code = w.ask();
  must(w.approvals().add_signal({.id = nostr::EventId(nostr::sha256(std::string_view("x")).array()),
                                 .question = w.question(code).id,
                                 .author = w.oper().pubkey(),
                                 .channel = "nip17",
                                 .answer = storage::Answer::kApprove,
                                 .verdict = storage::SignalVerdict::kAccepted,
                                 .said_at = w.world.clock.now(),
                                 .received_at = w.world.clock.now()}));
  w.stop();
  w.start();
  w.until_state(code, QuestionState::kApproved);
}

TEST_F(DeskTest, RelayThatComesBackDeliversWhatWasSaidMeanwhile) {
  open();
  const std::string code = w.ask();
  w.oper().write(w.desk_key(), "hello");
  w.world.relay_down();
  w.world.until([&] { return !w.world.pool.status().at(0).connected; });
  w.world.relay_up();
  w.oper().write(w.desk_key(), "yes " + code);
  w.until_state(code, QuestionState::kApproved);
}

TEST_F(DeskTest, SilenceExpiresAndIsTold) {
  open();
  const std::string code = w.ask();
  w.advance(seconds(901));
  w.until_state(code, QuestionState::kExpired);
  w.pump();
  ASSERT_EQ(w.oper().inbox().size(), 2u);
  EXPECT_TRUE(w.oper().inbox()[1].text.starts_with(code + " expired"));
  EXPECT_EQ(w.changes.back(), QuestionState::kExpired);
}

TEST_F(DeskTest, QuestionNoRelayTookIsUndeliverable) {
  open();
  const Ask wish = w.wish();
  const std::string code = nipsa::format_code(nipsa::approval_code(wish.request.id));
  must(w.put(wish));  // committed, never sent
  w.advance(seconds(901));
  w.until_state(code, QuestionState::kUndeliverable);
}

TEST_F(DeskTest, ReceiptIsToldOnceAndStaysWhatItWas) {
  open();
  const std::string code = w.ask();
  w.oper().write(w.desk_key(), "no " + code);
  w.until_state(code, QuestionState::kDenied);
  w.pump();
  must(w.desk->tell_outcome(w.question(code).id, "denied", "with other words"));
  w.pump();
  const auto receipts = must(w.approvals().receipts(w.question(code).id));
  ASSERT_EQ(receipts.size(), 1u);
  EXPECT_EQ(receipts[0].outcome, "denied");
  EXPECT_EQ(w.oper().inbox().size(), 2u);
  EXPECT_EQ(must(storage::Outbox(*w.db).counts()).open, 0);
}

TEST_F(DeskTest, CancelledQuestionIsToldAndTakesNoAnswer) {
  open();
  const std::string code = w.ask();
  must(w.desk->cancel(w.question(code).id));
  EXPECT_EQ(w.state(code), QuestionState::kCancelled);
  w.oper().write(w.desk_key(), "yes " + code);
  w.world.until([&] { return !w.signals(code).empty(); });
  EXPECT_EQ(w.verdicts(code), (Words{"closed/approve"}));
  EXPECT_EQ(w.state(code), QuestionState::kCancelled);
}

TEST_F(DeskTest, WordAtTheMachineIsAsGoodAsACode) {
  open();
  const std::string code = w.ask();
  EXPECT_EQ(errc_of(w.desk->answer_here("AX11-2ETR", true)), base::Errc::kNotFound);
  EXPECT_EQ(errc_of(w.desk->answer_here("what?", true)), base::Errc::kInvalid);
  EXPECT_EQ(must(w.desk->answer_here(without_dash(code), true)).state, QuestionState::kApproved);
  EXPECT_EQ(must(w.desk->answer_here(code, false)).state, QuestionState::kDenied);
  EXPECT_EQ(errc_of(w.desk->answer_here(code, true)), base::Errc::kConflict);
}

// ---- what is meant for the desk
// --------------------------------------------------------------------

TEST_F(DeskTest, ExpectsAnswersButNotTalk) {
  open();
  const auto expects = [&](const std::string& text, std::vector<nostr::EventId> refs = {}) {
    Heard heard;
    heard.author = w.oper().pubkey();
    heard.text = text;
    heard.refers_to = std::move(refs);
    return must(w.desk->expects(heard));
  };
  EXPECT_FALSE(expects("no"));  // nothing is open
  const std::string code = w.ask();
  EXPECT_TRUE(expects("no"));
  EXPECT_TRUE(expects("yes " + code));
  EXPECT_TRUE(expects("yes " + without_dash(code)));
  EXPECT_TRUE(expects("maybe " + code));
  EXPECT_TRUE(expects("ok", {w.shown_id(code, w.oper())}));
  EXPECT_FALSE(expects(
      "ok", {nostr::EventId(nostr::sha256(std::string_view("the agent's own words")).array())}));
  EXPECT_FALSE(expects("please look at this"));
  EXPECT_FALSE(expects("no idea yet"));
  Heard stranger;
  stranger.author = w.requester.pubkey();
  stranger.text = "yes " + code;
  EXPECT_FALSE(must(w.desk->expects(stranger)));
}

// ---- what a policy may want, and what it may change
// -----------------------------------------------

TEST_F(DeskTest, WhereAProofIsNeededOnlyASignedYesCounts) {
  open();
  const std::string code = w.ask(w.wish({.needs_proof = true}));
  const std::string shown = w.oper().inbox().front().text;
  EXPECT_EQ(shown.find("yes " + code), std::string::npos) << "a typed yes is not even offered";
  EXPECT_TRUE(shown.ends_with("no " + code));
  w.oper().write(w.desk_key(), "yes " + code);
  w.world.until([&] { return w.signals(code).size() == 1; });
  expect_open(code);
  const auto here = w.desk->answer_here(code, true);
  EXPECT_EQ(errc_of(here), base::Errc::kDenied);
  w.oper().publish(w.decision_by(w.oper(), code, true));
  w.until_state(code, QuestionState::kApproved);
}

TEST_F(DeskTest, ATypedNoIsEnoughWhereAProofIsNeeded) {
  open();
  const std::string code = w.ask(w.wish({.needs_proof = true}));
  w.oper().write(w.desk_key(), "no " + code);
  w.until_state(code, QuestionState::kDenied);
}

TEST_F(DeskTest, WhatIsNotAskedIsSaidAtOnceToWhoeverWantedIt) {
  open();
  const Ask ask = w.wish();
  must(w.desk->refuse(ask.request, "too-long-to-show: 5000 characters, limit is 4000"));
  w.pump();
  const auto found = w.world.loop.run_until_complete(w.world.pool.fetch(
      {w.world.url()},
      {{.authors = {w.desk_key()},
        .kinds = {nipsa::kinds::kApprovalDecision},
        .tags = {{'p', {w.requester.pubkey().hex()}}}}},
      seconds(10)));
  ASSERT_EQ(found.events.size(), 1u);
  const auto refusal = must(nipsa::parse_question_refusal(*found.events.front()));
  EXPECT_EQ(refusal.request, ask.request.id);
  EXPECT_TRUE(refusal.reason.starts_with("too-long-to-show"));
  EXPECT_FALSE(nipsa::parse_approval_decision(*found.events.front()).has_value());
}

TEST_F(DeskTest, ANewRosterHoldsForOpenQuestionsToo) {
  open();
  const std::string code = w.ask();
  w.desk->set_roster({w.requester.pubkey()}, 1, {});
  w.oper().write(w.desk_key(), "yes " + code);
  w.world.until([&] { return w.signals(code).size() == 1; });
  EXPECT_EQ(w.verdicts(code), Words{"not-an-approver/approve"});
  expect_open(code);
}

}  // namespace
}  // namespace orchestration
