// Completion scripts and man pages, as their readers take them.
#include "node/cli/command_tree.h"

#include <gtest/gtest.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <fstream>

#include "tests/node/support/temp_dir.h"

namespace node::cli {
namespace {

class CommandTree : public ::testing::Test {
 protected:
  CommandTree() {
    app_.add_option("--home", value_, "Keep everything here");
    auto* key = app_.add_subcommand("key", "Make, show and lock keys; it's easy");
    auto* fresh = key->add_subcommand("new", "Make one");
    fresh->add_option("file", value_, "The file")->required();
    fresh->add_flag("--encrypt", flag_, "Lock it");
    fresh->footer("Never twice.\nExamples:\n  sovereign key new a.key");
    tree_ = command_tree(app_);
  }

  CLI::App app_{"agents"};
  std::string value_;
  bool flag_ = false;
  std::vector<CommandInfo> tree_;
};

TEST_F(CommandTree, ListsEveryCommandWithItsPath) {
  ASSERT_EQ(tree_.size(), 3U);
  EXPECT_EQ(page_name(tree_[2]), "sovereign-key-new");
  EXPECT_EQ(tree_[2].operands.front().names.front(), "file");
}

TEST_F(CommandTree, BashOffersSubcommandsAndFlagsWhereTheyStand) {
  const testing::TempDir dir;
  std::ofstream(dir / "c.sh") << completion_script(tree_, "bash") << R"sh(
offer() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _sovereign; echo "${COMPREPLY[*]}"; }
[ "$(offer sovereign ke)" = key ] || exit 1
[ "$(offer sovereign --home x key n)" = new ] || exit 2
[ "$(offer sovereign key new --e)" = --encrypt ] || exit 3
[ "$(offer sovereign key new --ho)" = --home ] || exit 4
[ -z "$(offer sovereign key --enc)" ] || exit 5
)sh";
  const int status = std::system(("bash " + (dir / "c.sh").string()).c_str());  // NOLINT
  EXPECT_EQ(WEXITSTATUS(status), 0) << "the number of the check that failed";
}

TEST_F(CommandTree, ManPageShowsFlagsAndExamplesAndEscapesThem) {
  const std::string page = man_page(tree_[2], tree_);
  EXPECT_NE(page.find("\\-\\-encrypt"), std::string::npos);
  EXPECT_NE(page.find(".SH EXAMPLES\n.nf\n  sovereign key new a.key"), std::string::npos);
  EXPECT_NE(page.find("Never twice."), std::string::npos);
  EXPECT_NE(man_page(tree_[0], tree_).find(".BR sovereign\\-key (1)"), std::string::npos);
}

TEST_F(CommandTree, FishQuotesDescriptions) {
  EXPECT_NE(completion_script(tree_, "fish").find("it\\'s easy"), std::string::npos);
  EXPECT_EQ(completion_script(tree_, "tcsh"), "");
}

}  // namespace
}  // namespace node::cli
