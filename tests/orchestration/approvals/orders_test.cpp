// What an operator learns by asking the desk in a private message.
#include "orchestration/approvals/orders.h"

#include <gtest/gtest.h>

#include "tests/orchestration/support/desk_world.h"

namespace orchestration {
namespace {

using testing::DeskWorld;
using testing::Person;
using std::chrono::seconds;

TEST(ReadOrder, KnowsItsWordsAndNothingElse) {
  EXPECT_EQ(read_order(" List. ")->kind, Order::Kind::kList);
  EXPECT_EQ(read_order("HELP")->kind, Order::Kind::kHelp);
  EXPECT_EQ(read_order("info k7qf2m9x")->code, "K7QF-2M9X");
  EXPECT_EQ(read_order("Pause: on holiday.")->reason, "on holiday");
  EXPECT_EQ(read_order("revoke 12")->grant, 12);
  EXPECT_EQ(read_order("STOP ALL!")->kind, Order::Kind::kStop);
  for (const char* talk :
       {"", "list of things", "info", "info please", "help me", "listen", "yes", "pause the music",
        "please pause", "resume it", "revoke", "revoke it", "revoke -1", "revoke 99999999999999999999",
        "stop", "status?!x", "budget please"})
    EXPECT_FALSE(read_order(talk)) << talk;
  EXPECT_FALSE(read_order("pause: " + std::string(200, 'x')));
}

TEST(ReadOrder, WordsAreReadAsTheyAreWritten) {
  for (const char* word : {"list", "info K7QF-2M9X", "help", "status", "budget", "grants", "pause",
                           "pause: why not", "resume", "revoke 3", "stop all"}) {
    const auto order = read_order(word);
    ASSERT_TRUE(order) << word;
    EXPECT_EQ(order_text(*order), word);
  }
}

TEST(SignedOrders, ComeBackAsTheyWentOut) {
  base::SystemRng rng;
  const auto key = nostr::SecretKey::generate(rng);
  const SignedOrder order{*read_order("pause: why"), nostr::SecretKey::generate(rng).public_key(), 7};
  const nostr::Event event =
      nostr::sign_event(build_signed_order(order, base::unix_time(1'760'000'000)), key, rng);
  EXPECT_EQ(testing::must(parse_signed_order(event)), order);

  const auto changed = [&](auto change) {
    nostr::Event other = event;
    change(other);
    return parse_signed_order(other);
  };
  EXPECT_FALSE(changed([](nostr::Event& e) { e.content = "dance"; }).has_value());
  EXPECT_FALSE(changed([](nostr::Event& e) { e.tags = {e.tags[0], e.tags[1]}; }).has_value());
  EXPECT_FALSE(changed([](nostr::Event& e) { e.tags[2][1] = "-1"; }).has_value());
  EXPECT_FALSE(changed([](nostr::Event& e) { e.tags[2][1] = "18446744073709551615"; }).has_value());
  EXPECT_FALSE(changed([](nostr::Event& e) { e.tags[1][1] = std::string(64, 'a'); }).has_value());
  EXPECT_EQ(testing::must(changed([](nostr::Event& e) { e.tags[0][1] = "notes"; })), std::nullopt);
}

class Orders : public ::testing::Test {
 protected:
  void open(bool inbox = true) {
    if (inbox) w.oper().open_inbox();
    w.start(DeskOptions{});
  }
  std::string last() { return w.oper().inbox().back().text; }

  DeskWorld w;
};

TEST_F(Orders, ListAndInfoTellWhatIsOpen) {
  open();
  const std::string a = w.ask(w.wish({.content = "first"}));
  const std::string b = w.ask(w.wish({.content = "second"}));
  EXPECT_NE(last().find("1 other is open: answer list"), std::string::npos);
  EXPECT_TRUE(last().ends_with("yes " + b + "\nno " + b));
  w.oper().write(w.desk_key(), "list", {}, seconds(1));
  w.world.settle();
  w.pump();
  ASSERT_EQ(w.oper().inbox().size(), 3u);
  bool both = false, whole = false;
  w.oper().write(w.desk_key(), "info " + a, {}, seconds(2));
  w.world.settle();
  w.pump();
  int asked_about_a = 0;
  for (const auto& shown : w.oper().inbox()) {
    both = both || (shown.text.find(a) != std::string::npos && shown.text.find(b) != std::string::npos);
    whole = shown.text.find("| first") != std::string::npos;
    asked_about_a += whole ? 1 : 0;
  }
  EXPECT_TRUE(both);
  EXPECT_EQ(asked_about_a, 2);  // the question, and once more
  EXPECT_EQ(w.state(a), storage::QuestionState::kOpen);
}

TEST_F(Orders, OneOrderIsAnsweredOnceAlsoAfterARestart) {
  open();
  w.oper().write(w.desk_key(), "help");
  w.world.settle();
  w.pump();
  w.stop();
  w.start();
  w.world.settle();
  w.pump();
  EXPECT_EQ(w.oper().inbox().size(), 1u);
  EXPECT_EQ(last(), help_text());
}

TEST_F(Orders, StrangersAndPublicWordsGetNoAnswer) {
  open();
  Person eve(w.world);
  eve.write(w.desk_key(), "list");
  w.oper().publish(1, {{"p", w.desk_key().hex()}}, "list");
  w.world.settle();
  w.pump();
  EXPECT_TRUE(eve.inbox().empty());
  EXPECT_TRUE(w.oper().inbox().empty());
}

TEST_F(Orders, AnswersComeInTheChannelTheOperatorUses) {
  open();
  const std::string code = w.ask();
  w.oper().write_legacy(w.desk_key(), "no " + code);
  w.until_state(code, storage::QuestionState::kDenied);
  w.pump();
  bool told = false;
  for (const auto& shown : w.oper().inbox())
    told = told || (shown.channel == "nip04" && shown.text.starts_with(code + " denied"));
  EXPECT_TRUE(told);
}

// ---- orders that change something
// ----------------------------------------------------------------------------

/// A desk whose place notes what it is told to do.
class Commands : public ::testing::Test {
 protected:
  void open(std::size_t operators = 1) {
    while (w.operators.size() < operators)
      w.operators.push_back(std::make_unique<Person>(w.world));
    for (const auto& person : w.operators) person->open_inbox();
    DeskOptions options;
    options.carry_out = [this](const Order& order, const nostr::PublicKey&) -> base::Result<std::string> {
      if (order.kind == Order::Kind::kRevoke)
        return base::fail(base::Errc::kNotFound, "there is no such grant");
      done.push_back(order_text(order));
      return "did " + order_text(order);
    };
    w.start(std::move(options));
  }
  nostr::Event order(Person& author, const char* words, std::uint64_t nonce,
                     std::optional<nostr::PublicKey> to = {}, seconds later = {}) {
    const SignedOrder order{*read_order(words), to.value_or(w.desk_key()), nonce};
    return nostr::sign_event(build_signed_order(order, w.world.clock.now() + later), author.key(),
                             w.world.rng);
  }
  std::vector<std::string> told(Person& person) {
    w.pump();
    std::vector<std::string> out;
    for (const auto& shown : person.inbox()) out.push_back(shown.text);
    return out;
  }
  void until_done(std::size_t count) {
    w.world.until([&] { return done.size() == count; });
  }

  DeskWorld w;
  std::vector<std::string> done;
};

using Done = std::vector<std::string>;

TEST_F(Commands, APrivateWordIsDoneOnceAndToldToAllWhoDecide) {
  open(2);
  const nostr::UnsignedEvent rumor = w.oper(0).compose(w.desk_key(), "pause: look at this");
  w.oper(0).send_wrapped(rumor, w.desk_key());
  until_done(1);
  w.oper(0).send_wrapped(rumor, w.desk_key());  // another wrap, the same word
  w.stop();
  w.start();
  w.world.settle();
  EXPECT_EQ(done, Done{"pause: look at this"});
  EXPECT_EQ(told(w.oper(0)), Done{"did pause: look at this"});
  EXPECT_EQ(told(w.oper(1)), Done{"did pause: look at this"});
}

TEST_F(Commands, WordsOfStrangersInPublicAndToOthersAreNone) {
  open();
  Person eve(w.world);
  eve.write(w.desk_key(), "pause");
  eve.publish(order(eve, "pause", 5));
  w.oper().publish(1, {{"p", w.desk_key().hex()}}, "resume");
  w.oper().publish(order(w.oper(), "pause", 5, eve.pubkey()));
  w.world.settle();
  EXPECT_TRUE(done.empty());
  EXPECT_TRUE(told(w.oper()).empty());
}

TEST_F(Commands, LaterOrderWinsWhateverComesFirst) {
  open();
  const std::uint64_t now = nonce_at(w.world.clock.now());
  w.oper().publish(order(w.oper(), "resume", now + 20, {}, seconds(1)));
  until_done(1);
  w.oper().write(w.desk_key(), "stop all", {}, seconds(-10));
  w.oper().publish(order(w.oper(), "pause", now + 19, {}, seconds(2)));
  w.oper().publish(order(w.oper(), "pause", now + 20, {}, seconds(3)));
  w.world.settle();
  EXPECT_EQ(done, Done{"resume"});
  w.oper().publish(order(w.oper(), "pause", now + 21, {}, seconds(4)));
  until_done(2);
  EXPECT_EQ(done.back(), "pause");
  const auto heard = told(w.oper());
  EXPECT_NE(heard.at(1).find("a later order of yours was"), std::string::npos);
}

TEST_F(Commands, SignedOrderWaitsOnTheRelayForWhoeverIsAway) {
  open();
  w.stop();
  w.oper().publish(order(w.oper(), "pause", 5));
  w.world.clock.advance(seconds(5 * 86'400));
  w.start();
  until_done(1);
  EXPECT_EQ(done, Done{"pause"});
}

TEST_F(Commands, AWordToGoOnMustBeFreshAndOneToStopNeedNot) {
  open();
  w.stop();
  w.oper().write(w.desk_key(), "pause");
  w.oper().write(w.desk_key(), "resume", {}, seconds(1));
  w.world.clock.advance(seconds(3'600));
  w.start();
  w.world.settle();
  EXPECT_TRUE(done.empty() || done == Done{"pause"}) << done.size();
  bool said_again = false;
  for (const std::string& text : told(w.oper()))
    said_again = said_again || text.find("say it again") != std::string::npos;
  EXPECT_TRUE(said_again);
}

TEST_F(Commands, StopAllRefusesWhatIsOpenAndPauses) {
  open();
  const std::string code = w.ask();
  w.oper().write(w.desk_key(), "stop all");
  w.until_state(code, storage::QuestionState::kDenied);
  until_done(1);
  EXPECT_EQ(done, Done{"stop all"});
}

TEST_F(Commands, WhatCannotBeDoneIsSaid) {
  open();
  w.oper().write(w.desk_key(), "revoke 7");
  w.world.settle();
  EXPECT_EQ(told(w.oper()), Done{"\"revoke 7\" was not done: there is no such grant"});
}

}  // namespace
}  // namespace orchestration
