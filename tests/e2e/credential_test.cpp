// frost import and export: shares come in and go out unchanged, nothing is overwritten, and only a
// threshold of shares and a plain word give the whole key.
#include <gtest/gtest.h>

#include <filesystem>

#include "node/home.h"
#include "nostr/base/json.h"
#include "tests/e2e/support/must.h"
#include "tests/e2e/support/program.h"
#include "tests/node/support/temp_dir.h"

namespace e2e {
namespace {

class Credential : public ::testing::Test {
 protected:
  Credential() { identity_ = json(run({"frost", "deal", "-t", "2", "-n", "3", "--out", at("deal"), "--json"})).at("identity"); }

  std::string at(const std::string& name) const { return (dir_ / name).string(); }
  Exit run(std::vector<std::string> arguments) {
    return run_program(std::move(arguments), {.environment = {}, .log = dir_ / "log"});
  }
  static base::json::Value json(const Exit& ended) { return must(base::json::parse(ended.out)); }
  /// `command` over the group and these shares.
  Exit over(const std::string& command, std::vector<std::string> shares, std::vector<std::string> more) {
    std::vector<std::string> arguments{"frost", command, "--group", at("deal/group.txt"), "--json"};
    for (const std::string& share : shares) arguments.insert(arguments.end(), {"--share", at(share)});
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run(std::move(arguments));
  }
  static bool is_private(const std::string& path) {
    return (std::filesystem::status(path).permissions() & std::filesystem::perms::mask) ==
           (std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  }
  void write(const std::string& name, std::string_view text) {
    must(node::write_file(at(name), text, 0600));
  }
  std::string text(const std::string& name) { return must(node::read_file(at(name))); }

  node::testing::TempDir dir_;
  std::string identity_;
};

TEST_F(Credential, AShareThatIsExportedAndImportedIsTheSame) {
  ASSERT_EQ(over("export", {"deal/share-2.txt"}, {"--out", at("two.txt")}).code, 0);
  EXPECT_EQ(text("two.txt"), text("deal/share-2.txt"));
  EXPECT_TRUE(is_private(at("two.txt")));
  const Exit taken = over("import", {"two.txt", "deal/share-3.txt"}, {"--out", at("mine")});
  ASSERT_EQ(taken.code, 0);
  EXPECT_EQ(json(taken).at("identity"), identity_);
  EXPECT_EQ(text("mine/group.txt"), text("deal/group.txt"));
  EXPECT_EQ(text("mine/share-2.txt"), text("deal/share-2.txt"));
  EXPECT_EQ(text("mine/share-3.txt"), text("deal/share-3.txt"));
}

TEST_F(Credential, APassphraseSealsWhatIsWrittenAndOpensWhatIsRead) {
  write("phrase", "correct horse\n");
  ASSERT_EQ(over("import", {"deal/share-1.txt"}, {"--out", at("sealed"), "--passphrase-file", at("phrase")}).code, 0);
  EXPECT_TRUE(text("sealed/share-1.txt").starts_with("sovshare1"));
  EXPECT_EQ(over("export", {"sealed/share-1.txt"}, {"--out", at("no.txt")}).code, 1);
  ASSERT_EQ(over("export", {"sealed/share-1.txt"}, {"--out", at("open.txt"), "--from-passphrase-file", at("phrase")}).code, 0);
  EXPECT_EQ(text("open.txt"), text("deal/share-1.txt"));
}

TEST_F(Credential, NothingIsOverwrittenAndNoForeignShareIsTaken) {
  ASSERT_EQ(over("import", {"deal/share-1.txt"}, {"--out", at("mine")}).code, 0);
  EXPECT_EQ(over("import", {"deal/share-1.txt"}, {"--out", at("mine")}).code, 1);
  EXPECT_EQ(over("export", {"deal/share-2.txt"}, {"--out", at("mine/share-1.txt")}).code, 1);
  EXPECT_EQ(text("mine/share-1.txt"), text("deal/share-1.txt"));
  ASSERT_EQ(run({"frost", "deal", "--out", at("other")}).code, 0);
  EXPECT_EQ(over("import", {"other/share-2.txt"}, {"--out", at("mixed")}).code, 1);
  EXPECT_FALSE(std::filesystem::exists(at("mixed/share-2.txt")));
}

TEST_F(Credential, AThresholdOfSharesAndAPlainWordGiveTheWholeKey) {
  EXPECT_EQ(over("export", {"deal/share-1.txt", "deal/share-3.txt"}, {"--out", at("key")}).code, 1);
  EXPECT_EQ(over("export", {"deal/share-1.txt"}, {"--whole-key", "--out", at("key")}).code, 1);
  EXPECT_EQ(over("export", {"deal/share-1.txt", "deal/share-1.txt"}, {"--whole-key", "--out", at("key")}).code, 1)
      << "one share twice is one share";
  EXPECT_FALSE(std::filesystem::exists(at("key")));
  ASSERT_EQ(over("export", {"deal/share-1.txt", "deal/share-3.txt"}, {"--whole-key", "--out", at("key")}).code, 0);
  EXPECT_TRUE(is_private(at("key")));
  EXPECT_EQ(json(run({"key", "show", at("key"), "--json"})).at("pubkey"), identity_);
  // And back: the key that was whole is dealt again, under the same identity.
  EXPECT_EQ(json(run({"frost", "deal", "--secret-file", at("key"), "--out", at("again"), "--json"})).at("identity"), identity_);
}

}  // namespace
}  // namespace e2e
