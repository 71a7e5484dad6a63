// A commit becomes a patch that git takes back, and nothing of the repository's runs on the way.
#include "orchestration/tools/patch_tools.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "nostr/nips/nip34.h"
#include "tests/orchestration/support/session_world.h"

namespace orchestration {
namespace {

namespace fs = std::filesystem;
using base::json::Value;
using testing::ScriptedBackend;
using testing::TempDir;
using testing::World;

const std::string kRepository = "30617:" + std::string(64, 'a') + ":tools";

class PatchToolsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    fs::create_directories(dir_.path("work"));
    if (!shell("git init -q && git config user.email a@b && git config user.name A && echo one > a.txt && git add . && "
               "git commit -qm first && echo two >> a.txt && git commit -qam 'Add a second line'"))
      GTEST_SKIP() << "no git here";
    if (auto report = loop_.run_until_complete(sandbox_.probe()); !report) GTEST_SKIP() << report.error().detail;
  }
  bool shell(const std::string& line) {
    return std::system(("cd " + dir_.path("work") + " && { " + line + "; } >/dev/null 2>&1").c_str()) == 0;  // NOLINT(cert-env33-c)
  }
  std::string said(const std::string& line) {
    EXPECT_TRUE(shell(line + " > ../said"));
    std::ifstream in(dir_.path("said"));
    std::string out;
    std::getline(in, out);
    return out;
  }
  CommandToolDeps deps() { return {sandbox_, dir_.path("work"), true}; }
  base::Result<ActionRequest> prepare(Value params) {
    return loop_.run_until_complete(make_publish_patch(deps())->prepare({.trigger = {.tick = "slot"}, .call_id = "c"}, std::move(params)));
  }

  TempDir dir_;
  base::Loop loop_;
  Sandbox sandbox_{loop_, {}};
};

TEST_F(PatchToolsTest, ACommitIsAPatchThatGitTakesBack) {
  const auto request = prepare({{"repository", kRepository}});
  ASSERT_TRUE(request.has_value()) << request.error().detail;
  EXPECT_EQ(request->draft.kind, nostr::kinds::kPatch);
  EXPECT_EQ(request->reason, "Add a second line");
  EXPECT_EQ(nostr::tag_value(request->draft.tags, "a"), kRepository);
  EXPECT_EQ(nostr::tag_value(request->draft.tags, "commit"), said("git rev-parse HEAD"));
  EXPECT_EQ(nostr::tag_value(request->draft.tags, "parent-commit"), said("git rev-parse HEAD~1"));
  EXPECT_EQ(nostr::tag_value(request->draft.tags, "r"), said("git rev-parse HEAD~1")) << "the first commit of all";
  // Somebody else, with the repository as it was.
  std::ofstream(dir_.path("the.patch")) << request->draft.content;
  EXPECT_TRUE(shell("git clone -q . ../other && cd ../other && git reset -q --hard HEAD~1 && git config user.email c@d && "
                    "git config user.name C && git am -q ../the.patch && grep -q two a.txt"));
  // The very first commit has no parent, and is a patch all the same.
  const auto first = prepare({{"repository", kRepository}, {"revision", "HEAD~1"}});
  ASSERT_TRUE(first.has_value()) << first.error().detail;
  EXPECT_FALSE(nostr::tag_value(first->draft.tags, "parent-commit").has_value());
}

TEST_F(PatchToolsTest, TheRepositoryMayBeWhatItsOwnConfigurationSays) {
  EXPECT_EQ(prepare(Value::object()).error().code, base::Errc::kInvalid);
  ASSERT_TRUE(shell("git config nostr.repo " + kRepository));
  const auto request = prepare(Value::object());
  ASSERT_TRUE(request.has_value()) << request.error().detail;
  EXPECT_EQ(nostr::tag_value(request->draft.tags, "a"), kRepository);
}

TEST_F(PatchToolsTest, WhatCannotBePublishedSaysWhy) {
  const auto code = [&](Value params) {
    params["repository"] = kRepository;
    return prepare(std::move(params)).error().code;
  };
  EXPECT_EQ(code({{"revision", "nowhere"}}), base::Errc::kNotFound);
  EXPECT_EQ(code({{"revision", "--output=x"}}), base::Errc::kInvalid);
  EXPECT_EQ(prepare({{"repository", "30618:" + std::string(64, 'a') + ":x"}}).error().code, base::Errc::kInvalid);
  ASSERT_TRUE(shell("head -c 40000 /dev/zero | tr '\\0' 'x' > big.txt && git add . && git commit -qm big"));
  EXPECT_EQ(code(Value::object()), base::Errc::kLimit);
  ASSERT_TRUE(shell("git reset -q --hard HEAD~1 && git checkout -qb side HEAD~1 && echo 3 > b.txt && git add . && git commit -qm side && "
                    "git checkout -q - && git merge -q --no-edit side"));
  EXPECT_EQ(code(Value::object()), base::Errc::kInvalid) << "a merge";
}

TEST_F(PatchToolsTest, NothingOfTheRepositorysRuns) {
  ASSERT_TRUE(shell("printf '#!/bin/sh\\ntouch ran; cat\\n' > driver.sh && chmod +x driver.sh && git config diff.external ./driver.sh && "
                    "git config diff.odd.textconv ./driver.sh && git config format.signatureFile driver.sh && "
                    "git config core.fsmonitor ./driver.sh && echo '*.txt diff=odd' > .gitattributes && "
                    "echo 3 >> a.txt && git add a.txt .gitattributes && git -c core.fsmonitor=false commit -qm third"));
  shell("rm -f ran");
  const auto request = prepare({{"repository", kRepository}});
  ASSERT_TRUE(request.has_value()) << request.error().detail;
  EXPECT_FALSE(fs::exists(dir_.path("work/ran")));
  EXPECT_NE(request->draft.content.find("\n+3\n"), std::string::npos);
}

TEST_F(PatchToolsTest, ASessionPublishesItOnce) {
  World world(dir_);
  world.add_gates();
  Sandbox here(world.loop, {});
  ASSERT_TRUE(world.tools.add(make_publish_patch({here, dir_.path("work"), true})).has_value());
  world.agent.tools.clear();
  ScriptedBackend backend({ScriptedBackend::calls({{"publish_patch", base::json::dump({{"repository", kRepository}})}}), ScriptedBackend::says("Sent.")});
  const auto result = world.run(backend, World::mention("mend it"));
  ASSERT_TRUE(result.has_value()) << result.error().detail;
  EXPECT_EQ(result->status, SessionStatus::kSuccess) << result->detail;
  ASSERT_EQ(world.outside.requests.size(), 1u);
  EXPECT_EQ(world.outside.requests[0].draft.kind, 1617);
}

}  // namespace
}  // namespace orchestration
