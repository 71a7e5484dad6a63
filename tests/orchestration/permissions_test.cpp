// The permission table: which rule applies first, and who may change what.
#include "orchestration/permissions.h"

#include <gtest/gtest.h>

namespace orchestration {
namespace {

struct Row {
  const char* name;
  Permissions permissions;
  std::set<std::string> denied;
  PermissionQuery query;
  Permit expected;
};

TEST(Permissions, FirstRuleThatAppliesWins) {
  const PermissionQuery reply{
      .tool = "reply", .capability = Capability::kSign, .sign_kind = nostr::Kind{1}};
  const PermissionQuery read{.tool = "read_file", .capability = Capability::kFile};
  const Row rows[] = {
      {"default reads", {}, {}, read, Permit::kAllow},
      {"level", {.file = Permit::kAsk}, {}, read, Permit::kAsk},
      {"denied level", {.file = Permit::kDeny}, {}, read, Permit::kDeny},
      {"node denies before all", {.file = Permit::kAllow}, {"read_file"}, read, Permit::kDeny},
      {"hidden tool", {.hidden_tools = {"read_file"}}, {}, read, Permit::kDeny},
      {"kind on the list", {}, {}, reply, Permit::kAllow},
      {"kind not on the list", {.sign_kinds = {7}}, {}, reply, Permit::kDeny},
      {"no kinds at all", {.sign_kinds = {}}, {}, reply, Permit::kDeny},
      {"kind unknown", {}, {}, {.tool = "reply", .capability = Capability::kSign}, Permit::kDeny},
      {"sign asks", {.sign = Permit::kAsk}, {}, reply, Permit::kAsk},
      {"messages ask by default",
       {},
       {},
       {.tool = "send_dm", .capability = Capability::kMessage},
       Permit::kAsk},
  };
  for (const Row& row : rows) {
    const auto answer = evaluate(row.permissions, {.denied_tools = row.denied}, row.query);
    EXPECT_EQ(answer.permit, row.expected) << row.name;
    EXPECT_EQ(answer.reason.empty(), row.expected == Permit::kAllow) << row.name;
  }
}

TEST(Permissions, RulesAboutPathsHoldForEverySpellingAndEveryPath) {
  const Permissions permissions{.edit = Permit::kAllow,
                                .rules = {{"*", "secrets/**", Permit::kDeny},
                                          {"write_file", "docs/**", Permit::kAllow},
                                          {"write_file", "docs/*", Permit::kAsk},
                                          {"write_file", "docs/api/**", Permit::kAsk}}};
  const NodeRules node{.scene = {.workspace = "/w", .home = "/home/u", .protected_paths = {"/home/u/.ssh"}}};
  const std::pair<const char*, Permit> rows[] = {{"a", Permit::kAllow},
                                                 {"secrets/a", Permit::kDeny},
                                                 {"./secrets//a", Permit::kDeny},
                                                 {"b/../secrets/a", Permit::kDeny},
                                                 {"/w/secrets/a", Permit::kDeny},
                                                 {"a\nsecrets/a", Permit::kDeny},
                                                 {"docs/a", Permit::kAsk},
                                                 {"docs/b/a", Permit::kAllow},
                                                 {"docs/api/a", Permit::kAsk},
                                                 {"/home/u/.ssh/id", Permit::kDeny},
                                                 {"~/.ssh/id", Permit::kDeny}};
  for (const auto& [path, expected] : rows)
    EXPECT_EQ(evaluate(permissions, node, {.tool = "write_file", .capability = Capability::kEdit, .subject = path}).permit,
              expected)
        << path;
}

TEST(Permissions, AWorkspaceOnlyNarrowsTheOperatorMayWiden) {
  const Permissions base{.file = Permit::kAsk, .sign_kinds = {1, 7}, .hidden_tools = {"post"}};
  const PermissionsPatch wider{.file = Permit::kAllow,
                               .sign_kinds = std::set<nostr::Kind>{1, 30023},
                               .tools = {{"post", true}, {"react", false}}};
  const Permissions workspace = apply(base, wider, PatchSource::kWorkspace);
  EXPECT_EQ(workspace.file, Permit::kAsk);
  EXPECT_EQ(workspace.sign_kinds, (std::set<nostr::Kind>{1}));
  EXPECT_EQ(workspace.hidden_tools, (std::set<std::string>{"post", "react"}));
  const Permissions operators = apply(base, wider, PatchSource::kOperator);
  EXPECT_EQ(operators.file, Permit::kAllow);
  EXPECT_EQ(operators.sign_kinds, (std::set<nostr::Kind>{1, 30023}));
  EXPECT_EQ(operators.hidden_tools, (std::set<std::string>{"react"}));
}

TEST(Permissions, AnEmptyPatchChangesNothing) {
  const Permissions base{.query = Permit::kAsk, .message = Permit::kDeny};
  for (const PatchSource source : {PatchSource::kOperator, PatchSource::kWorkspace}) {
    const Permissions same = apply(base, {}, source);
    EXPECT_EQ(same.query, base.query);
    EXPECT_EQ(same.message, base.message);
    EXPECT_EQ(same.sign_kinds, base.sign_kinds);
  }
}

}  // namespace
}  // namespace orchestration
