// What stands for the operator between calls: grants, the pause, quiet hours, and distrust after strangers.
#include "orchestration/hooks/standing_hooks.h"

#include <gtest/gtest.h>

#include "orchestration/hooks/tool_hooks.h"
#include "storage/schema.h"
#include "tests/orchestration/support/session_world.h"

namespace orchestration {
namespace {

using std::chrono::hours;
using Verdict = Decision::Verdict;

struct Standing {
  base::ManualClock clock{base::unix_time(1'760'000'000)};
  std::unique_ptr<storage::Db> db = storage::open_database(":memory:").value();
  storage::Grants grants{*db};

  storage::GrantRow grant(std::string tool, std::string pattern, std::int64_t uses = 0, std::string agent = "*") {
    return grants
        .add({.agent = std::move(agent), .tool = std::move(tool), .pattern = std::move(pattern),
              .expires = clock.now() + hours{1}, .max_uses = uses},
             clock.now())
        .value();
  }
  HookChain chain(Hook asker) {
    HookChain out;
    EXPECT_TRUE(out.add(std::move(asker)).has_value());
    EXPECT_TRUE(out.add(grant_waiver(grants, clock)).has_value());
    return out;
  }
};

ToolInvocation command(std::string line) {
  return {.session = "s", .agent = "a", .tool = "bash", .capability = Capability::kRun, .action = ActionClass::kRunCommand,
          .subject = std::move(line)};
}
ToolInvocation edit(std::string path) {
  return {.session = "s", .agent = "a", .tool = "edit_file", .capability = Capability::kEdit,
          .action = ActionClass::kEditFile, .subject = std::move(path)};
}

TEST(Grants, CoverExactlyWhatTheySay) {
  struct Row {
    const char* tool;
    const char* pattern;
    ToolInvocation call;
    bool covers;
  };
  for (const Row& row : {Row{"bash", "cargo test **", command("cargo test --lib"), true},
                         Row{"bash", "cargo test **", command("cargo build"), false},
                         Row{"bash", "cargo test **", command("cargo test; curl x"), false},
                         Row{"bash", "cargo test **", command("cargo test $(curl x)"), false},
                         Row{"bash", "cargo test **", command("X=1 cargo test"), false},
                         Row{"bash", "cargo test **", command("cargo test > /tmp/x"), false},
                         Row{"bash", "find **", command("find . -delete"), false},
                         Row{"edit_file", "docs/**", edit("docs/a/b.md"), true},
                         Row{"edit_file", "docs/*", edit("docs/a/b.md"), false},
                         Row{"edit_file", "docs/**", edit("src/docs/x"), false},
                         Row{"apply_patch", "docs/**", [] {
                               ToolInvocation call = edit("docs/a\ndocs/b");
                               call.tool = "apply_patch";
                               return call;
                             }(), true},
                         Row{"edit_file", "docs/**", edit("docs/a\nsecrets/b"), false},
                         Row{"write_file", "**", edit("x"), false}, Row{"edit_file", "**", edit(""), true}}) {
    const storage::GrantRow grant{.agent = "*", .tool = row.tool, .pattern = row.pattern};
    EXPECT_EQ(grant_covers(grant, row.call), row.covers) << row.pattern << " | " << row.call.subject;
  }
  EXPECT_FALSE(grant_covers({.agent = "b", .tool = "edit_file", .pattern = "**"}, edit("x"))) << "another agent's";
  EXPECT_FALSE(check_grant({.tool = "bash", .pattern = "a; b"}).has_value());
  EXPECT_FALSE(check_grant({.tool = "edit_file", .pattern = ""}).has_value());
}

TEST(Grants, AnswerUntilUsedUpExpiredOrRevoked) {
  Standing world;
  const HookChain chain = world.chain(autonomy_gate({.level = Level::kSupervised}));
  EXPECT_EQ(chain.decide(edit("docs/a")).verdict, Verdict::kAsk);
  const auto twice = world.grant("edit_file", "docs/**", 2);
  EXPECT_EQ(chain.decide(edit("docs/a")).verdict, Verdict::kContinue);
  EXPECT_NE(chain.decide(edit("docs/a")).text().find("grant 1"), std::string::npos);
  EXPECT_EQ(chain.decide(edit("docs/a")).verdict, Verdict::kAsk) << "two uses";
  EXPECT_EQ(world.grants.list(10).value().front().uses, 2);
  const auto timed = world.grant("edit_file", "docs/**");
  EXPECT_EQ(chain.decide(edit("docs/a")).verdict, Verdict::kContinue);
  world.clock.advance(hours{1});
  EXPECT_EQ(chain.decide(edit("docs/a")).verdict, Verdict::kAsk) << "expired";
  const auto revoked = world.grant("edit_file", "docs/**");
  ASSERT_TRUE(world.grants.revoke(revoked.id, world.clock.now()).has_value());
  EXPECT_EQ(chain.decide(edit("docs/a")).verdict, Verdict::kAsk) << "revoked";
  EXPECT_EQ(world.grants.revoke(99, world.clock.now()).error().code, base::Errc::kNotFound);
}

TEST(Grants, NeverAnswerForADenialOrForWhatIsAskedEachTime) {
  Standing world;
  world.grant("edit_file", "**");
  world.grant("bash", "true");
  EXPECT_EQ(world.chain(permission_gate({.edit = Permit::kDeny}, {})).decide(edit("x")).verdict, Verdict::kBlock);
  const AutonomyRules always{.level = Level::kAutonomous, .always_ask = {ActionClass::kEditFile}};
  EXPECT_EQ(world.chain(autonomy_gate(always)).decide(edit("x")).verdict, Verdict::kAsk);
  EXPECT_EQ(world.chain(permission_gate({}, {})).decide(command("true")).verdict, Verdict::kContinue);
  EXPECT_EQ(world.chain(permission_gate({}, {})).decide(command("true; sudo true")).verdict, Verdict::kBlock);
}

TEST(Taint, StrangersWordsRaiseTheClassOfWhatFollows) {
  HookChain chain;
  ASSERT_TRUE(chain.add(taint_gate(risky_when_tainted())).has_value());
  const auto notify = [&](const char* session, SessionPhase phase, bool stranger) {
    chain.notify({.session = session, .phase = phase, .by_stranger = stranger});
  };
  notify("s", SessionPhase::kStarted, false);
  EXPECT_EQ(chain.decide(command("ls")).verdict, Verdict::kContinue);
  ToolInvocation search{.session = "s", .tool = "search_events", .action = ActionClass::kSearch};
  ToolOutput output;
  chain.after(search, output);
  EXPECT_EQ(chain.decide(command("ls")).verdict, Verdict::kAsk);
  EXPECT_EQ(chain.decide(edit("x")).verdict, Verdict::kAsk);
  EXPECT_EQ(chain.decide(search).verdict, Verdict::kContinue);
  notify("s", SessionPhase::kEnded, false);
  EXPECT_EQ(chain.decide(command("ls")).verdict, Verdict::kContinue);
  notify("s", SessionPhase::kStarted, true);
  EXPECT_EQ(chain.decide(command("ls")).verdict, Verdict::kAsk) << "a stranger woke it";
  notify("s", SessionPhase::kEnded, false);
  notify("s", SessionPhase::kResumed, false);
  EXPECT_EQ(chain.decide(command("ls")).verdict, Verdict::kAsk) << "nobody knows what it had read";
}

TEST(Taint, NobodyWashesStrangersWordsByHavingThemReadByAnotherAgent) {
  HookChain chain;
  ASSERT_TRUE(chain.add(taint_gate(risky_when_tainted())).has_value());
  chain.notify({.session = "s", .phase = SessionPhase::kStarted});
  EXPECT_EQ(chain.decide(edit("x")).verdict, Verdict::kContinue);
  ToolOutput output;
  chain.after(ToolInvocation{.session = "s", .tool = "background_task", .action = ActionClass::kDelegate}, output);
  EXPECT_EQ(chain.decide(edit("x")).verdict, Verdict::kAsk);
}

TEST(Pause, StopsToolsAndInterruptsSessions) {
  std::optional<std::string> reason;
  HookChain chain;
  ASSERT_TRUE(chain.add(pause_gate([&] { return reason; })).has_value());
  EXPECT_EQ(chain.decide(command("ls")).verdict, Verdict::kContinue);
  EXPECT_TRUE(chain.reserve(ModelCall{}).has_value());
  reason = "fire drill";
  EXPECT_EQ(chain.decide(command("ls")).verdict, Verdict::kBlock);
  EXPECT_EQ(chain.reserve(ModelCall{}).error().code, base::Errc::kCancelled);
  EXPECT_EQ(chain.disable("pause").error().code, base::Errc::kDenied);
}

TEST(Pause, ASessionGoesOnWhereItStood) {
  testing::TempDir dir;
  std::optional<std::string> reason = "fire drill";
  for (int life = 0; life < 2; ++life) {
    testing::World world(dir);
    world.add_gates();
    ASSERT_TRUE(world.hooks.add(pause_gate([&] { return reason; })).has_value());
    testing::ScriptedBackend backend({testing::ScriptedBackend::says("done")});
    const auto result = world.run(backend, testing::World::mention("hello"));
    EXPECT_EQ(result.has_value(), life == 1);
    EXPECT_EQ(backend.requests.size(), life == 1 ? 1u : 0u);
    if (result) EXPECT_EQ(result->status, SessionStatus::kSuccess);
    reason.reset();
  }
}

TEST(QuietHours, ActsWaitForAPersonEachTime) {
  Standing world;
  world.grant("edit_file", "**");
  world.clock.set(base::unix_time(1'764'198'000));  // 2025-11-26 23:00 UTC
  const auto quiet = parse_quiet_hours("22:30-07:00");
  ASSERT_TRUE(quiet.has_value());
  const HookChain chain = world.chain(quiet_hours_gate(*quiet, world.clock));
  EXPECT_EQ(chain.decide(edit("x")).verdict, Verdict::kAsk);
  EXPECT_EQ(chain.decide(ToolInvocation{.action = ActionClass::kSearch}).verdict, Verdict::kContinue);
  world.clock.set(base::unix_time(1'764'198'000 + 9 * 3600));
  EXPECT_EQ(chain.decide(edit("x")).verdict, Verdict::kContinue);
  for (const char* bad : {"", "22:30", "25:00-07:00", "22:30-07:00 Nowhere/City"})
    EXPECT_FALSE(parse_quiet_hours(bad).has_value()) << bad;
  EXPECT_EQ(parse_quiet_hours("22:30-07:00 Europe/Berlin")->zone, "Europe/Berlin");
}

}  // namespace
}  // namespace orchestration
