// Grants as commands see them, the pause, and what [tools], [mcp] and [hooks] may say.
#include <fstream>

#include <gtest/gtest.h>

#include "node/config.h"
#include "node/grants_view.h"
#include "node/pause.h"
#include "storage/schema.h"
#include "tests/node/support/temp_dir.h"

namespace node {
namespace {

using base::Errc;
using base::json::Value;

TEST(GrantCommands, AddListAndRevoke) {
  const auto db = storage::open_database(":memory:").value();
  storage::Grants grants(*db);
  const auto now = base::unix_time(1'760'000'000);
  const auto ask = [&](const char* method, const Value& params, std::int64_t later = 0) {
    return answer_grants(grants, method, params, now + std::chrono::seconds{later});
  };
  const auto made = ask("grant-add", {{"tool", "bash"}, {"pattern", "cargo test **"}, {"seconds", 60}, {"uses", 3}});
  ASSERT_TRUE(made.has_value()) << made.error().detail;
  EXPECT_EQ((*made)["state"], "stands");
  EXPECT_EQ((*made)["agent"], "*");
  for (const Value& bad : {Value{{"tool", "bash"}, {"pattern", "a; b"}}, Value{{"tool", "bash"}, {"pattern", ""}},
                           Value{{"pattern", "**"}}, Value{{"tool", "x"}, {"pattern", "**"}, {"seconds", 0}},
                           Value{{"tool", "x"}, {"pattern", "**"}, {"seconds", 99'999'999}},
                           Value{{"tool", "x"}, {"pattern", "**"}, {"uses", -1}}})
    EXPECT_EQ(ask("grant-add", bad).error().code, Errc::kInvalid) << bad;
  EXPECT_EQ(ask("grant-list", Value::object())->size(), 1u);
  EXPECT_EQ(ask("grant-list", Value::object(), 60)->size(), 0u);
  EXPECT_EQ((*ask("grant-list", {{"all", true}}, 60))[0]["state"], "expired");
  EXPECT_EQ((*ask("grant-revoke", {{"id", 1}}))["state"], "revoked");
  EXPECT_EQ(ask("grant-list", Value::object())->size(), 0u);
  EXPECT_EQ(ask("grant-revoke", {{"id", 7}}).error().code, Errc::kNotFound);
}

TEST(Pause, IsAFileThatCommandsAndPeopleWrite) {
  const testing::TempDir dir;
  const Home home = Home::locate((dir / "home").string());
  ASSERT_TRUE(home.ensure().has_value());
  const PauseSwitch pause(home);
  EXPECT_FALSE(pause.reason().has_value());
  ASSERT_TRUE(pause.pause("fire drill").has_value());
  EXPECT_EQ(pause.reason().value_or(""), "fire drill");
  EXPECT_EQ(PauseSwitch(home).reason().value_or(""), "fire drill") << "after a restart";
  ASSERT_TRUE(pause.resume().has_value());
  ASSERT_TRUE(pause.resume().has_value());
  EXPECT_FALSE(pause.reason().has_value());
  std::ofstream(home.config_dir / "paused").flush();
  EXPECT_EQ(pause.reason().value_or(""), "no reason given");
}

TEST(ToolConfig, SaysWhatToolsMayDo) {
  const auto parse = [](std::string_view text) { return parse_config(text, "/base", {}); };
  const auto good = parse(R"(
[agent]
quiet_hours = "22:30-07:00 Europe/Berlin"
[tools]
workspace = "work"
sandbox = "landlock"
bash = "deny"
bash_allow = ["git log **", "cargo test **"]
[mcp.files]
command = ["npx", "server"]
env = ["TOKEN"]
network = true
[mcp.web]
url = "https://mcp.example.org/"
[hooks.mine]
command = ["/usr/local/bin/judge"]
tools = ["bash"]
)");
  ASSERT_TRUE(good.has_value()) << good.error().detail;
  EXPECT_EQ(good->tools.workspace, "/base/work");
  EXPECT_EQ(good->tools.bash_allow.size(), 2u);
  ASSERT_EQ(good->mcp.size(), 2u);
  EXPECT_TRUE(good->mcp[0].network);
  ASSERT_EQ(good->hooks.size(), 1u);
  for (const char* bad :
       {"[tools]\nsandbox = \"firejail\"", "[tools]\nbash_allow = [\"a; b\"]", "[tools]\nbash = \"maybe\"",
        "[tools]\nread_root = \"a\"\nworkspace = \"b\"", "[agent]\nquiet_hours = \"25:00-07:00\"",
        "[mcp.x]\ncommand = [\"a\"]\nurl = \"b\"", "[mcp.x]\nnetwork = true", "[mcp.X]\nurl = \"b\"", "[mcp.x]\nurl = 7",
        "[mcp.x]\nurl = \"b\"\nuri = \"c\"", "[hooks.x]\ncommand = [\"relative\"]", "[hooks.x]\ntools = [\"bash\"]"})
    EXPECT_EQ(parse(bad).error().code, Errc::kInvalid) << bad;
  const auto again = parse(render_config(*parse("[tools]\nworkspace = \"w\"\nbash_deny = [\"git push **\"]")));
  ASSERT_TRUE(again.has_value()) << again.error().detail;
  EXPECT_EQ(again->tools.bash_deny, std::vector<std::string>{"git push **"});
}

}  // namespace
}  // namespace node
