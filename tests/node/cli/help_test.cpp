// What a misspelt command line is told.
#include "node/cli/help.h"

#include <gtest/gtest.h>

namespace node::cli {
namespace {

class SpellingHint : public ::testing::Test {
 protected:
  SpellingHint() {
    app_.formatter(examples_first());
    app_.add_option("--home", home_);
    app_.require_subcommand(1);
    auto* key = app_.add_subcommand("key", "Keys");
    key->require_subcommand(1);
    auto* fresh = key->add_subcommand("new", "Make one");
    fresh->add_option("file", file_);
    fresh->add_flag("--encrypt", encrypt_);
    fresh->footer("Examples:\n  sovereign key new a.key");
    app_.add_subcommand("publish", "Send");
  }
  std::string hint(std::vector<std::string> words) {
    std::vector<char*> pointers;
    for (std::string& word : words) pointers.push_back(word.data());
    return spelling_hint(app_, pointers);
  }

  CLI::App app_{"test"};
  std::string home_, file_;
  bool encrypt_ = false;
};

TEST_F(SpellingHint, NamesTheNearestCommand) {
  EXPECT_EQ(hint({"publsh"}), "did you mean \"publish\"?");
  EXPECT_EQ(hint({"--home", "publsh", "key", "nwe"}), "did you mean \"new\"?");
}

TEST_F(SpellingHint, NamesTheNearestFlagOfTheCommandOrOfAll) {
  EXPECT_EQ(hint({"key", "new", "a.key", "--encypt"}), "did you mean \"--encrypt\"?");
  EXPECT_EQ(hint({"publish", "--hoem=x"}), "did you mean \"--home\"?");
}

TEST_F(SpellingHint, PointsAtTheHelpOfTheCommandOtherwise) {
  EXPECT_EQ(hint({"key", "new", "a", "b"}), "sovereign key new --help");
  EXPECT_EQ(hint({}), "sovereign --help");
}

TEST_F(SpellingHint, HelpShowsExamplesBeforeFlags) {
  const std::string help = app_.get_subcommand("key")->get_subcommand("new")->help();
  const std::size_t examples = help.find("sovereign key new a.key");
  ASSERT_NE(examples, std::string::npos);
  EXPECT_LT(examples, help.find("--encrypt"));
}

TEST(Help, AGroupShowsExamplesOfItsCommandsAndNotThoseOfTheProgram) {
  CLI::App app("test");
  app.formatter(examples_first());
  app.footer("Examples:\n  sovereign hello");
  CLI::App* group = app.add_subcommand("task", "Tasks");
  CLI::App* bare = group->add_subcommand("list", "All");
  group->add_subcommand("new", "One more")->footer("Examples:\n  sovereign task new x\n  sovereign task new y");
  EXPECT_NE(app.help().find("sovereign hello"), std::string::npos);
  EXPECT_EQ(group->help().find("sovereign hello"), std::string::npos) << group->help();
  EXPECT_NE(group->help().find("sovereign task new x"), std::string::npos) << group->help();
  EXPECT_EQ(bare->help().find("Examples"), std::string::npos) << bare->help();
}

}  // namespace
}  // namespace node::cli
