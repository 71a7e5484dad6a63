// Questions in an operator's signer app: its signature decides, and nothing else that it says.
#include "orchestration/approvals/prompter.h"

#include <gtest/gtest.h>

#include "nipsa/kinds.h"
#include "tests/orchestration/support/desk_world.h"
#include "tests/orchestration/support/signer_app.h"

namespace orchestration {
namespace {

using storage::QuestionState;
using testing::DeskWorld;
using testing::Person;
using testing::SignerApp;
using std::chrono::seconds;

class PrompterTest : public ::testing::Test {
 protected:
  void open(DeskOptions options = {.hold = seconds(0)}) {
    w.oper().open_inbox();
    w.signer_apps = [this] {
      std::vector<PromptTarget> out;
      out.push_back({.uri = app.uri(),
                     .client = client.clone(),
                     .paired = paired,
                     .paired_now = [this] { paired = true; }});
      return out;
    };
    w.start(std::move(options));
  }
  void until_shown(std::size_t count) {
    w.world.until([&] { return app.shown().size() == count; });
  }

  /// How the operator got the question.
  std::string channel_of(const std::string& code) {
    for (const auto& shown : w.oper().inbox())
      if (shown.text.ends_with("\nno " + code)) return shown.channel;
    return "";
  }

  DeskWorld w;
  SignerApp app{w.world, w.oper()};
  nostr::SecretKey client = nostr::SecretKey::generate(w.world.rng);
  bool paired = false;
};

TEST_F(PrompterTest, SigningInTheAppIsAYesEvenWhereProofIsNeeded) {
  open();
  const std::string code = w.ask(w.wish({.content = "hello\nworld", .needs_proof = true}));
  until_shown(1);
  const nostr::Draft& draft = app.shown()[0].draft;
  EXPECT_EQ(draft.kind, nipsa::kinds::kApprovalDecision);
  const std::string alt(*nostr::tag_value(draft.tags, "alt"));
  EXPECT_TRUE(alt.starts_with(code + ": ")) << alt;
  EXPECT_EQ(alt.find('\n'), std::string::npos);
  EXPECT_NE(draft.content.find("| hello\n| world"), std::string::npos);
  app.sign(0);
  w.until_state(code, QuestionState::kApproved);
  EXPECT_EQ(w.signals(code).at(0).channel, "39213");
  EXPECT_TRUE(paired);
}

TEST_F(PrompterTest, ARefusalInTheAppLeavesTheQuestionOpen) {
  open();
  const std::string code = w.ask();
  until_shown(1);
  app.reject(0);
  w.world.settle();
  EXPECT_EQ(w.state(code), QuestionState::kOpen);
  w.oper().write(w.desk_key(), "yes " + code);
  w.until_state(code, QuestionState::kApproved);
}

TEST_F(PrompterTest, AnotherEventThanWasAskedForDecidesNothing) {
  open();
  const std::string code = w.ask();
  until_shown(1);
  nostr::Draft other = app.shown()[0].draft;
  other.content = "something else";
  app.sign_instead(0, std::move(other));
  w.world.settle();
  EXPECT_EQ(w.state(code), QuestionState::kOpen);
}

TEST_F(PrompterTest, AppOfSomebodyElseDecidesNothing) {
  Person stranger(w.world);
  SignerApp theirs(w.world, stranger);
  w.oper().open_inbox();
  w.signer_apps = [&] {
    std::vector<PromptTarget> out;
    out.push_back({.uri = theirs.uri(), .client = client.clone()});
    return out;
  };
  w.start({.hold = seconds(0)});
  const std::string code = w.ask();
  w.world.until([&] { return theirs.shown().size() == 1; });
  theirs.sign(0);
  w.world.until([&] { return !w.signals(code).empty(); });
  EXPECT_EQ(w.verdicts(code), std::vector<std::string>{"not-an-approver/approve"});
  EXPECT_EQ(w.state(code), QuestionState::kOpen);
}

TEST_F(PrompterTest, ARestartAsksAgainAndPairsNoSecondTime) {
  open();
  const std::string code = w.ask();
  until_shown(1);
  w.stop();
  w.start();
  until_shown(2);
  EXPECT_EQ(app.pairings(), 1);
  app.sign(1);
  w.until_state(code, QuestionState::kApproved);
}

TEST_F(PrompterTest, WhatIsDecidedElsewhereIsNotShownAgain) {
  open();
  const std::string code = w.ask();
  until_shown(1);
  w.oper().write(w.desk_key(), "no " + code);
  w.until_state(code, QuestionState::kDenied);
  w.stop();
  w.start();
  w.world.settle();
  EXPECT_EQ(app.shown().size(), 1U);
  app.sign(0);  // too late: nobody waits for it
  w.world.settle();
  EXPECT_EQ(w.state(code), QuestionState::kDenied);
}

TEST_F(PrompterTest, AnAppThatSignsByItselfIsReportedToItsOwner) {
  open();
  app.sign_by_itself();
  for (int i = 0; i < 3; ++i) {
    const std::string code = w.ask(w.wish({.content = "note " + std::to_string(i)}));
    w.until_state(code, QuestionState::kApproved);
  }
  w.pump();
  bool warned = false;
  for (const auto& shown : w.oper().inbox())
    warned = warned || shown.text.find("faster than anybody reads") != std::string::npos;
  EXPECT_TRUE(warned);
}

TEST_F(PrompterTest, ARequestIsRepeatedUnderItsIdForAPhoneThatWasAway) {
  w.start(DeskOptions{});
  const std::string code = w.ask();
  std::vector<PromptTarget> targets;
  targets.push_back({.uri = app.uri(), .client = client.clone()});
  std::vector<nostr::Event> signed_yes;
  Prompter prompter({w.world.loop, w.world.pool, w.world.clock, w.world.rng}, std::move(targets),
                    {.agent_name = "Scout", .again_after = std::chrono::milliseconds(5)},
                    {.signed_yes = [&](const nostr::Event& yes) { signed_yes.push_back(yes); },
                     .signs_by_itself = [](const nostr::PublicKey&) {}});
  prompter.ask(w.question(code));
  prompter.ask(w.question(code));
  w.world.until([&] { return !app.shown().empty() && app.shown()[0].times > 2; });
  EXPECT_EQ(app.shown().size(), 1U);
  app.sign(0);
  w.world.until([&] { return !signed_yes.empty(); });
  EXPECT_TRUE(nostr::check(signed_yes[0]).has_value());
  w.world.loop.run_until_complete(prompter.stop());
}

// ---- other ways of asking
// ----------------------------------------------------------------------------

TEST_F(PrompterTest, AMentionSaysThatSomethingWaitsAndNothingOfWhatItIs) {
  w.oper().open_inbox();
  w.start({.hold = seconds(0), .public_mentions = true});
  const std::string code = w.ask(w.wish({.content = "secret plans", .sats = 21}));
  const auto found = w.world.loop.run_until_complete(w.world.pool.fetch(
      {w.world.url()}, {{.authors = {w.desk_key()}, .kinds = {1}}}, seconds(10)));
  ASSERT_EQ(found.events.size(), 1U);
  const nostr::Event& note = *found.events[0];
  EXPECT_EQ(nostr::tag_value(note.tags, "p"), w.oper().pubkey().hex());
  EXPECT_EQ(nostr::tag_value(note.tags, "q"), w.question(code).id.hex());
  EXPECT_NE(note.content.find("kind:1, 21 sats"), std::string::npos);
  EXPECT_EQ(note.content.find("secret"), std::string::npos);
  // A reply to it is a public word: good for little, but good.
  w.oper().publish(1, {{"e", note.id.hex(), "", "root"}, {"p", w.desk_key().hex()}}, "yes");
  w.until_state(code, QuestionState::kApproved);
}

TEST_F(PrompterTest, WhoWroteLastByLegacyMessageIsAskedSo) {
  w.oper().open_inbox();
  w.start({.hold = seconds(0)});
  const std::string first = w.ask();
  w.oper().write_legacy(w.desk_key(), "no " + first);
  w.until_state(first, QuestionState::kDenied);
  const std::string second = w.ask(w.wish({.content = "another"}));
  EXPECT_EQ(channel_of(second), "nip04");
  w.oper().write(w.desk_key(), "no " + second);
  w.until_state(second, QuestionState::kDenied);
  EXPECT_EQ(channel_of(w.ask(w.wish({.content = "a third"}))), "nip17");
}

}  // namespace
}  // namespace orchestration
