// Executables that judge tool calls: what they may answer, and that anything else blocks.
#include "orchestration/hooks/user_hook.h"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "tests/orchestration/support/session_world.h"

namespace orchestration {
namespace {

namespace fs = std::filesystem;
using testing::TempDir;
using Verdict = Decision::Verdict;

TEST(UserHook, AnswersAreReadStrictly) {
  EXPECT_EQ(parse_user_hook(R"({"decision":"continue"})")->decision.verdict, Verdict::kContinue);
  EXPECT_EQ(parse_user_hook(R"({"decision":"block","reason":"no"})")->decision.reason, "no");
  EXPECT_TRUE(parse_user_hook(R"({"decision":"ask"})")->decision.each_time);
  EXPECT_EQ((*parse_user_hook(R"({"decision":"continue","params":{"a":1}})")->params)["a"], 1);
  for (const char* bad : {"", "yes", "[]", "{}", R"({"decision":"allow"})", R"({"decision":1})",
                          R"({"decision":"continue","params":[]})", R"({"decision":"continue"} {"decision":"block"})"})
    EXPECT_FALSE(parse_user_hook(bad).has_value()) << bad;
}

TEST(UserHook, ChangesAsksAndBlocksAndFailsClosed) {
  TempDir dir;
  base::Loop loop;
  Sandbox sandbox(loop, {});
  if (!loop.run_until_complete(sandbox.probe())) GTEST_SKIP() << "no sandbox here";
  const auto consult = [&](const std::string& script, std::vector<std::string> tools = {}) {
    const std::string path = dir.path("hook.sh");
    std::ofstream(path) << "#!/bin/sh\n" << script << "\n";
    fs::permissions(path, fs::perms::owner_all);
    HookChain chain;
    EXPECT_TRUE(chain.add(user_hook(sandbox, {.name = "mine", .command = {path}, .tools = std::move(tools),
                                              .timeout = std::chrono::milliseconds{3000}}))
                    .has_value());
    ToolInvocation call{.session = "s", .agent = "a", .tool = "bash", .params = {{"command", "ls"}}};
    auto ruling = loop.run_until_complete(chain.consult(call));
    return std::pair{ruling, call.params};
  };
  EXPECT_EQ(consult("cat >/dev/null; echo '{\"decision\":\"continue\"}'").first.verdict, Verdict::kContinue);
  EXPECT_EQ(consult("grep -q '\"command\":\"ls\"' && echo '{\"decision\":\"block\",\"reason\":\"not ls\"}'").first.text(),
            "mine: not ls");
  const auto changed = consult("echo '{\"decision\":\"ask\",\"params\":{\"command\":\"pwd\"}}'");
  EXPECT_EQ(changed.first.verdict, Verdict::kAsk);
  EXPECT_TRUE(changed.first.each_time);
  EXPECT_EQ(changed.second["command"], "pwd");
  EXPECT_EQ(consult("exit 1").first.verdict, Verdict::kBlock);
  EXPECT_EQ(consult("echo nonsense").first.verdict, Verdict::kBlock);
  EXPECT_EQ(consult("sleep 60").first.verdict, Verdict::kBlock);
  EXPECT_EQ(consult("exit 1", {"webfetch"}).first.verdict, Verdict::kContinue) << "not one of its tools";
}

TEST(UserHook, ASessionObeysAndJudgesTheNewArguments) {
  TempDir dir;
  testing::World world(dir);
  Sandbox sandbox(world.loop, {});
  if (!world.loop.run_until_complete(sandbox.probe())) GTEST_SKIP() << "no sandbox here";
  const std::string path = dir.path("hook.sh");
  std::ofstream(path) << "#!/bin/sh\necho '{\"decision\":\"continue\",\"params\":{\"content\":\"changed by the hook\"}}'\n";
  fs::permissions(path, fs::perms::owner_all);
  world.add_gates();
  ASSERT_TRUE(world.hooks.add(user_hook(sandbox, {.name = "mine", .command = {path}})).has_value());
  testing::ScriptedBackend backend({testing::ScriptedBackend::calls({{"post", R"({"content":"as written"})"}}),
                                    testing::ScriptedBackend::says("done")});
  const auto result = world.run(backend, testing::World::mention("say something"));
  ASSERT_TRUE(result.has_value());
  ASSERT_EQ(world.outside.requests.size(), 1u);
  EXPECT_EQ(world.outside.requests[0].draft.content, "changed by the hook");
}

}  // namespace
}  // namespace orchestration
