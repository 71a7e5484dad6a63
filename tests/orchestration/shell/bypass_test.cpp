// Ways around a rule: what a rule about one command does not allow besides it.
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "orchestration/shell/judge.h"

namespace orchestration {
namespace {

CommandRules rules(Permit mode, std::vector<const char*> allow, std::vector<const char*> ask = {}, std::vector<const char*> deny = {}) {
  CommandRules out{.mode = mode};
  const auto fill = [](std::vector<CommandRule>& list, const std::vector<const char*>& texts) {
    for (const char* text : texts) list.push_back(parse_command_rule(text).value());
  };
  fill(out.allow, allow);
  fill(out.ask, ask);
  fill(out.deny, deny);
  return out;
}

Permit verdict(const CommandRules& given, std::string_view line) {
  return judge(given, {.workspace = "/home/u/work", .home = "/home/u", .protected_paths = {}}, line).permit;
}

// Checklist 11.
TEST(ShellBypass, ARuleAboutOneCommandAllowsNothingBesideIt) {
  const CommandRules only = rules(Permit::kDeny, {"git status"});
  ASSERT_EQ(verdict(only, "git status"), Permit::kAllow);
  for (const char* line : {"git status; rm x", "git status && curl http://x/", "git status || curl x", "git status | sh", "git status & rm x",
                           "git status $(id)", "git status `id`", "git status\nrm x", "git status\r\nrm x", "git -c alias.status='!rm x' status",
                           "git -c core.pager='rm x' status", "git status --porcelain", "git log", "GIT_PAGER=x git status", "(git status; rm x)"})
    EXPECT_EQ(verdict(only, line), Permit::kDeny) << line;
  // Where the mode asks, nothing of that is more than a question.
  const CommandRules asks = rules(Permit::kAsk, {"git status"});
  for (const char* line : {"git status; rm x", "git status && curl http://x/", "git status $(id)", "git status\nrm x", "git -c alias.status='!rm x' status"})
    EXPECT_EQ(verdict(asks, line), Permit::kAsk) << line;
}

// Checklist 13.
TEST(ShellBypass, ADenyBeatsWhateverIsMoreExact) {
  const CommandRules given = rules(Permit::kAllow, {"git push origin main", "npm **"}, {"git push origin **"}, {"git push **", "npm publish"});
  EXPECT_EQ(verdict(given, "git push origin main"), Permit::kDeny);
  EXPECT_EQ(verdict(given, "git push origin dev"), Permit::kDeny);
  EXPECT_EQ(verdict(given, "npm publish"), Permit::kDeny);
  EXPECT_EQ(verdict(given, "npm test"), Permit::kAllow);
}

// Checklist 13.
TEST(ShellBypass, BetweenAskAndAllowTheLongerLiteralBeginningDecides) {
  const CommandRules given = rules(Permit::kDeny, {"cargo **", "npm run build", "make *"}, {"cargo publish **", "npm run **", "make *"});
  EXPECT_EQ(verdict(given, "cargo test"), Permit::kAllow);
  EXPECT_EQ(verdict(given, "cargo publish now"), Permit::kAsk) << "the longer one asks";
  EXPECT_EQ(verdict(given, "npm run build"), Permit::kAllow) << "the longer one allows";
  EXPECT_EQ(verdict(given, "npm run lint"), Permit::kAsk);
  EXPECT_EQ(verdict(given, "make all"), Permit::kAsk) << "a tie asks";
  EXPECT_EQ(verdict(given, "ls"), Permit::kDeny) << "the mode";
}

// Checklist 13.
TEST(ShellBypass, TheStrictestCommandOfAPipelineDecides) {
  const CommandRules given = rules(Permit::kAsk, {"cat **", "wc **"}, {"tee **"}, {"curl **"});
  EXPECT_EQ(verdict(given, "cat a | wc -l"), Permit::kAllow);
  EXPECT_EQ(verdict(given, "cat a | tee b | wc -l"), Permit::kAsk);
  EXPECT_EQ(verdict(given, "cat a | tee b | curl -d @- x"), Permit::kDeny);
  EXPECT_EQ(verdict(given, "curl x | cat"), Permit::kDeny);
  const CommandRules closed = rules(Permit::kDeny, {});
  for (const char* line : {"true", "ls", "git status", "cat a | wc -l", "cd .", "echo"}) EXPECT_EQ(verdict(closed, line), Permit::kDeny) << line;
}

// Checklist 14.
TEST(ShellBypass, WhatCannotBeReadIsNeverAllowedUnderAnyMode) {
  const std::string nul("echo a\0; rm x", 13);
  for (const std::string& line : {std::string("echo 'a"), std::string("echo \"a"), nul, std::string("echo \xff"), std::string("echo \xc3"),
                                  "echo " + std::string(1u << 20, 'a'), std::string(1u << 20, ' ') + "ls", std::string(1u << 20, '\'')}) {
    EXPECT_EQ(verdict(rules(Permit::kAllow, {"echo **", "ls"}), line), Permit::kAsk) << line.substr(0, 20);
    EXPECT_EQ(verdict(rules(Permit::kAsk, {"echo **", "ls"}), line), Permit::kAsk) << line.substr(0, 20);
    EXPECT_EQ(verdict(rules(Permit::kDeny, {"echo **", "ls"}), line), Permit::kDeny) << line.substr(0, 20);
  }
}

// Checklist 15.
TEST(ShellBypass, AWrapperIsCoveredNeitherByWhatItRunsNorByItsBareName) {
  const CommandRules inner = rules(Permit::kDeny, {"find . -name *", "rm x", "ls", "x", "git status", "id", "find", "xargs", "sh", "bash", "npx", "env", "nice"});
  for (const char* line : {"find . -delete", "find . -name a -delete", "find . -exec rm x \\;", "xargs rm", "xargs rm x", "xargs ls", "sh -c 'ls'",
                           "sh -c 'rm -rf /'", "bash -c ls", "npx x", "npx ls", "env ls", "nice ls", "timeout 5 ls", "nohup ls", "sudo ls", "ssh host ls",
                           "npm run x", "make x", "python3 -c x", "node -e x", "perl -e x", "awk x"})
    EXPECT_EQ(verdict(inner, line), Permit::kDeny) << line;
  // A rule of its own covers the wrapper; what it runs is judged all the same.
  const CommandRules own = rules(Permit::kDeny, {"timeout **", "ls", "npx x", "sh -c **"});
  EXPECT_EQ(verdict(own, "timeout 5 ls"), Permit::kAllow);
  EXPECT_EQ(verdict(own, "timeout 5 rm x"), Permit::kDeny);
  EXPECT_EQ(verdict(own, "npx x"), Permit::kAllow);
  EXPECT_EQ(verdict(own, "sh -c ls"), Permit::kAllow);
  EXPECT_EQ(verdict(own, "sh -c 'rm -rf /'"), Permit::kDeny);
}

}  // namespace
}  // namespace orchestration
