// Agents as files that change: noticed once still, and wrong ones leave what was.
#include "node/agent_source.h"

#include <filesystem>

#include <gtest/gtest.h>

#include "tests/node/support/temp_dir.h"

namespace node {
namespace {

class AgentSourceTest : public ::testing::Test {
 protected:
  AgentSourceTest() : home_(Home::locate(dir_.path().string())) {
    std::filesystem::create_directories(home_.config_dir / "agents");
    write("config.toml", kConfig);
  }
  void write(const std::string& name, const std::string& text) { ASSERT_TRUE(write_file(home_.config_dir / name, text).has_value()); }

  static constexpr const char* kConfig =
      "[identity]\ngroup = \"group.txt\"\nshare = \"share.txt\"\n[node]\nkey_file = \"node.key\"\nrelays = [\"wss://relay.example\"]\n";
  testing::TempDir dir_;
  Home home_;
  Config running_;
};

TEST_F(AgentSourceTest, AChangeIsNoticedOnceItHasKeptStill) {
  AgentSource source(home_);
  EXPECT_FALSE(source.has_changed()) << "what is there at the start is in force";
  EXPECT_FALSE(source.has_changed());
  write("agents/reviewer.toml", "purpose = \"reads\"\n");
  EXPECT_FALSE(source.has_changed()) << "somebody may still be writing";
  write("agents/reviewer.toml", "purpose = \"reads changes\"\nprompt = \"You read.\"\n");
  EXPECT_FALSE(source.has_changed());
  EXPECT_TRUE(source.has_changed());
  const auto taken = source.load(running_);
  ASSERT_TRUE(taken.has_value()) << taken.error().detail;
  EXPECT_EQ(taken->size(), 1U);
  EXPECT_FALSE(source.has_changed());
  std::filesystem::remove(home_.config_dir / "agents/reviewer.toml");
  source.has_changed();
  EXPECT_TRUE(source.has_changed()) << "a file that goes is a change";
  EXPECT_TRUE(source.load(running_)->empty());
}

TEST_F(AgentSourceTest, AMistakeIsAnErrorThatNamesItAndIsNotReadAgain) {
  AgentSource source(home_);
  write("agents/reviewer.toml", "purpse = \"a typo\"\n");
  const auto taken = source.load(running_);
  ASSERT_FALSE(taken.has_value());
  EXPECT_TRUE(taken.error().detail.contains("reviewer.toml")) << taken.error().detail;
  EXPECT_FALSE(source.has_changed());
  EXPECT_FALSE(source.has_changed());
}

// Checklist 7: one mistake, and nothing of what was written is in force.
TEST_F(AgentSourceTest, OfFilesOneOfWhichIsWrongNoneIsTaken) {
  AgentSource source(home_);
  write("agents/reviewer.toml", "purpose = \"reads\"\nprompt = \"You read.\"\n");
  const auto taken = source.load(running_);
  ASSERT_TRUE(taken.has_value());
  running_.agents = *taken;
  write("agents/reviewer.toml", "purpose = \"reads\"\nprompt = \"You read well.\"\n");
  write("agents/writer.toml", "purpose = \"writes\"\nprompt = \"You write.\"\ntemperature = 9.0\nedit = \"allow\"\n");
  const auto refused = source.load(running_);
  ASSERT_FALSE(refused.has_value());
  EXPECT_TRUE(refused.error().detail.starts_with("agents/writer.toml:3: agents.writer.temperature")) << refused.error().detail;
  ASSERT_EQ(running_.agents.size(), 1U);
  EXPECT_EQ(running_.agents[0].prompt, "You read.");
  write("agents/writer.toml", "purpose = \"writes\"\nprompt = \"You write");
  EXPECT_FALSE(source.load(running_).has_value()) << "cut off in the middle";
}

}  // namespace
}  // namespace node
