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
  for (const char* talk : {"", "list of things", "info", "info please", "help me", "listen", "yes"})
    EXPECT_FALSE(read_order(talk)) << talk;
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

}  // namespace
}  // namespace orchestration
