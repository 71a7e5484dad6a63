// Calls of one turn and of one session: side by side where they only look, one after the other where they do
// something, and each limit with a reason of its own.
#include <algorithm>

#include <gtest/gtest.h>

#include "nostr/base/loop_together.h"
#include "orchestration/tools/local_tool.h"
#include "tests/orchestration/support/session_world.h"

namespace orchestration {
namespace {

using base::json::Value;
using testing::ScriptedBackend;
using testing::TempDir;
using testing::World;

Value any_arguments() { return {{"type", "object"}, {"additionalProperties", true}}; }

/// How many calls are under way, and were at most.
struct Meter {
  int now = 0;
  int most = 0;
  std::vector<std::string> begun;
};

/// Ends when `others` calls were under way beside it, or, alone, in the end all the same.
class Slow final : public LocalTool {
 public:
  Slow(std::string name, Capability capability, ActionClass action, Meter& meter, int others)
      : LocalTool({.spec = {std::move(name), "", any_arguments()}, .capability = capability, .action = action, .subject_param = "n"}),
        meter_(meter),
        others_(others) {}
  base::Task<base::Result<std::string>> run(ToolContext, Value params) override {
    const std::string n = base::json::string_or(params, "n");
    meter_.begun.push_back(n);
    meter_.most = std::max(meter_.most, ++meter_.now);
    // The first one asked ends last.
    for (int i = 0; i < 200 && meter_.most <= others_; ++i) co_await base::sleep_for(std::chrono::milliseconds{5});
    for (int i = 0; i < (n == "0" ? 20 : 1); ++i) co_await base::next_turn();
    --meter_.now;
    if (n == "bad") co_return base::fail(base::Errc::kNotFound, "there is no bad");
    co_return "result " + n;
  }

 private:
  Meter& meter_;
  int others_;
};

struct Turn {
  explicit Turn(int others) {
    world.agent.permissions.edit = Permit::kAllow;
    world.add_gates();
    EXPECT_TRUE(world.tools.add(std::make_unique<Slow>("look", Capability::kFile, ActionClass::kReadFile, meter, others)).has_value());
    EXPECT_TRUE(world.tools.add(std::make_unique<Slow>("do", Capability::kEdit, ActionClass::kEditFile, meter, 0)).has_value());
  }
  std::vector<std::string> results(const ScriptedBackend& backend) const {
    std::vector<std::string> out;
    for (const Message& message : backend.requests.at(1).messages)
      if (message.role == Role::kTool) out.push_back(message.content);
    return out;
  }
  TempDir dir;
  World world{dir};
  Meter meter;
};

std::pair<std::string, std::string> call(const char* tool, const std::string& n) { return {tool, "{\"n\":\"" + n + "\"}"}; }

// Checklist 47.
TEST(SessionCalls, ThoseThatOnlyLookRunSideBySideAndAreAnsweredInTheirOrder) {
  Turn turn(2);
  ScriptedBackend backend({ScriptedBackend::calls({call("look", "0"), call("look", "1"), call("look", "bad"), call("look", "3")}), ScriptedBackend::says("done")});
  const auto result = turn.world.run(backend, World::mention("x"));
  ASSERT_TRUE(result.has_value()) << result.error().detail;
  EXPECT_EQ(turn.meter.most, 4);
  EXPECT_EQ(turn.results(backend), (std::vector<std::string>{"result 0", "result 1", "there is no bad", "result 3"}));
  EXPECT_EQ(result->tool_calls, 4u);
  // Each has its start and its end in the record.
  EXPECT_EQ(result->trajectory.count, 1u + 1 + 8 + 1 + 1);
}

// Checklist 47.
TEST(SessionCalls, AtMostEightRunAtOnce) {
  Turn turn(7);
  std::vector<std::pair<std::string, std::string>> wanted;
  for (int i = 0; i < 12; ++i) wanted.push_back(call("look", std::to_string(i)));
  ScriptedBackend backend({ScriptedBackend::calls(wanted), ScriptedBackend::says("done")});
  ASSERT_TRUE(turn.world.run(backend, World::mention("x")).has_value());
  EXPECT_EQ(turn.meter.most, 8);
  ASSERT_EQ(turn.results(backend).size(), 12u);
  for (int i = 0; i < 12; ++i) EXPECT_EQ(turn.results(backend)[static_cast<std::size_t>(i)], "result " + std::to_string(i));
}

// Checklist 47.
TEST(SessionCalls, OneThatDoesSomethingHasThemRunOneAfterTheOther) {
  Turn turn(0);
  ScriptedBackend backend({ScriptedBackend::calls({call("look", "0"), call("do", "1"), call("look", "2")}), ScriptedBackend::says("done")});
  ASSERT_TRUE(turn.world.run(backend, World::mention("x")).has_value());
  EXPECT_EQ(turn.meter.most, 1);
  EXPECT_EQ(turn.meter.begun, (std::vector<std::string>{"0", "1", "2"}));
  EXPECT_EQ(turn.results(backend), (std::vector<std::string>{"result 0", "result 1", "result 2"}));
}

// Checklist 47: where the operator is to be asked about one, nothing runs before the question is put.
TEST(SessionCalls, OneThatIsAskedAboutHasThemRunOneAfterTheOther) {
  Turn turn(0);
  turn.world.agent.permissions.rules = {{"look", "secret", Permit::kAsk}};
  turn.world.hooks = HookChain();
  turn.world.add_gates();
  turn.world.outside.on_approve = ActionStatus::kDenied;
  ScriptedBackend backend({ScriptedBackend::calls({call("look", "0"), call("look", "secret"), call("look", "2")}), ScriptedBackend::says("done")});
  ASSERT_TRUE(turn.world.run(backend, World::mention("x")).has_value());
  EXPECT_EQ(turn.meter.most, 1);
  EXPECT_EQ(turn.meter.begun, (std::vector<std::string>{"0", "2"}));
  EXPECT_EQ(turn.world.outside.effects().size(), 1u);
}

/// A command, and a thing to look at, that die with the node in the middle of their first run.
class Dies final : public LocalTool {
 public:
  Dies(std::string name, Capability capability, ActionClass action, int& runs)
      : LocalTool({.spec = {std::move(name), "", any_arguments()}, .capability = capability, .action = action, .subject_param = "command"}), runs_(runs) {}
  base::Task<base::Result<std::string>> run(ToolContext, Value) override {
    if (++runs_ == 1) co_return base::fail(base::Errc::kClosed, "the node dies");
    co_return std::string("seen");
  }

 private:
  int& runs_;
};

// Checklist 49.
TEST(SessionCalls, AfterACrashWhatOnlyLooksIsDoneAgainAndWhatActsIsReportedUnknown) {
  for (const bool acts : {false, true}) {
    TempDir dir;
    int runs = 0;
    for (int life = 0; life < 2; ++life) {
      World world(dir);
      world.agent.permissions.commands.mode = Permit::kAllow;
      world.add_gates();
      ASSERT_TRUE(world.tools.add(std::make_unique<Dies>("it", acts ? Capability::kRun : Capability::kFile,
                                                         acts ? ActionClass::kRunCommand : ActionClass::kReadFile, runs)).has_value());
      std::vector<ScriptedBackend::Outcome> script;
      if (life == 0) script.emplace_back(ScriptedBackend::calls({{"it", R"({"command":"make"})"}}));
      script.emplace_back(ScriptedBackend::says("finished"));
      ScriptedBackend backend(std::move(script));
      const auto result = world.run(backend, World::mention("do it"));
      EXPECT_EQ(result.has_value(), life == 1);
      if (life == 0) continue;
      const Message& answer = backend.requests.at(0).messages.back();
      EXPECT_EQ(answer.role, Role::kTool);
      EXPECT_EQ(answer.outcome, acts ? ToolOutcome::kError : ToolOutcome::kOk);
      EXPECT_EQ(answer.content.find("outcome is unknown") != std::string::npos, acts) << answer.content;
    }
    EXPECT_EQ(runs, acts ? 1 : 2);
  }
}

// Checklist 30: the assistant asked for three things, the node died in the first; each gets one answer.
TEST(SessionCalls, EveryCallLeftOpenByACrashIsAnsweredOnce) {
  TempDir dir;
  int runs = 0;
  for (int life = 0; life < 2; ++life) {
    World world(dir);
    world.agent.permissions.commands.mode = Permit::kAllow;
    world.add_gates();
    ASSERT_TRUE(world.tools.add(std::make_unique<Dies>("it", Capability::kRun, ActionClass::kRunCommand, runs)).has_value());
    std::vector<ScriptedBackend::Outcome> script;
    if (life == 0) script.emplace_back(ScriptedBackend::calls({{"it", R"({"command":"a"})"}, {"it", R"({"command":"b"})"}, {"it", R"({"command":"c"})"}}));
    script.emplace_back(ScriptedBackend::says("finished"));
    ScriptedBackend backend(std::move(script));
    const auto result = world.run(backend, World::mention("do it"));
    EXPECT_EQ(result.has_value(), life == 1);
    if (life == 0) continue;
    std::vector<std::string> answered;
    for (const Message& message : backend.requests.at(0).messages)
      if (message.role == Role::kTool) answered.push_back(message.call_id);
    EXPECT_EQ(answered, (std::vector<std::string>{"c00000000", "c00000001", "c00000002"}));
  }
  EXPECT_EQ(runs, 3) << "the first was not done again";
}

/// Fails each time, or says nothing.
class Poor final : public LocalTool {
 public:
  Poor(std::string name, bool fails)
      : LocalTool({.spec = {std::move(name), "", any_arguments()}, .capability = Capability::kFile, .action = ActionClass::kReadFile, .subject_param = "n"}), fails_(fails) {}
  base::Task<base::Result<std::string>> run(ToolContext, Value) override {
    if (fails_) co_return base::fail(base::Errc::kNotFound, "not there");
    co_return std::string();
  }

 private:
  bool fails_;
};

// Checklist 30.
TEST(SessionCalls, NoEmptyMessageIsSent) {
  TempDir dir;
  World world(dir);
  world.add_gates();
  ASSERT_TRUE(world.tools.add(std::make_unique<Poor>("silent", false)).has_value());
  int asked = 0;
  Hook insists{.name = "insists"};
  insists.before_finish = [&](const std::string&, const std::vector<std::string>&) -> std::optional<std::string> {
    return ++asked == 1 ? std::optional<std::string>("Go on.") : std::nullopt;
  };
  ASSERT_TRUE(world.hooks.add(std::move(insists)).has_value());
  ScriptedBackend backend({ScriptedBackend::calls({call("silent", "1")}), ScriptedBackend::says(""), ScriptedBackend::says("done")});
  const auto result = world.run(backend, World::mention("x"));
  ASSERT_TRUE(result.has_value()) << result.error().detail;
  ASSERT_EQ(backend.requests.size(), 3u);
  for (const Request& request : backend.requests)
    for (const Message& message : request.messages) EXPECT_FALSE(message.content.empty() && message.calls.empty()) << role_name(message.role);
}

// Checklist 48.
TEST(SessionCalls, TheFiftyFirstStepIsNotTaken) {
  TempDir dir;
  World world(dir);
  world.add_gates();
  ASSERT_TRUE(world.tools.add(std::make_unique<Poor>("silent", false)).has_value());
  std::vector<ScriptedBackend::Outcome> script;
  for (int i = 0; i < 60; ++i) script.emplace_back(ScriptedBackend::calls({call("silent", std::to_string(i))}));
  ScriptedBackend backend(std::move(script));
  const auto result = world.run(backend, World::mention("x"));
  ASSERT_TRUE(result.has_value());
  EXPECT_EQ(result->detail, "limit-turns");
  EXPECT_EQ(backend.requests.size(), 50u);
}

// Checklist 48.
TEST(SessionCalls, TheSeventeenthCallOfATurnIsNotMade) {
  Turn turn(0);
  std::vector<std::pair<std::string, std::string>> wanted;
  for (int i = 0; i < 17; ++i) wanted.push_back(call("do", std::to_string(i)));
  ScriptedBackend backend({ScriptedBackend::calls(wanted), ScriptedBackend::says("done")});
  ASSERT_TRUE(turn.world.run(backend, World::mention("x")).has_value());
  EXPECT_EQ(turn.meter.begun.size(), 16u);
  const auto results = turn.results(backend);
  ASSERT_EQ(results.size(), 17u) << "it has its answer all the same";
  EXPECT_EQ(results.back(), "Only 16 calls are made in one turn.");
  // Beside each other as well.
  Turn together(0);
  wanted.clear();
  for (int i = 0; i < 20; ++i) wanted.push_back(call("look", std::to_string(i)));
  ScriptedBackend other({ScriptedBackend::calls(wanted), ScriptedBackend::says("done")});
  ASSERT_TRUE(together.world.run(other, World::mention("x")).has_value());
  EXPECT_EQ(together.meter.begun.size(), 16u);
  EXPECT_EQ(together.results(other).size(), 20u);
}

// Checklist 48.
TEST(SessionCalls, EightFailuresInARowEndIt) {
  TempDir dir;
  World world(dir);
  world.add_gates();
  ASSERT_TRUE(world.tools.add(std::make_unique<Poor>("fails", true)).has_value());
  ASSERT_TRUE(world.tools.add(std::make_unique<Poor>("silent", false)).has_value());
  std::vector<ScriptedBackend::Outcome> script;
  for (int i = 0; i < 7; ++i) script.emplace_back(ScriptedBackend::calls({call("fails", std::to_string(i))}));
  script.emplace_back(ScriptedBackend::calls({call("silent", "x")}));  // one that works: the count begins anew
  for (int i = 10; i < 30; ++i) script.emplace_back(ScriptedBackend::calls({call("fails", std::to_string(i))}));
  ScriptedBackend backend(std::move(script));
  const auto result = world.run(backend, World::mention("x"));
  ASSERT_TRUE(result.has_value());
  EXPECT_EQ(result->detail, "failed-calls");
  EXPECT_EQ(result->status, SessionStatus::kPartial);
  EXPECT_EQ(backend.requests.size(), 16u);
}

// Checklist 48.
TEST(SessionCalls, AThirdTimeTheSameIsAskedAboutWhereItDoesSomething) {
  TempDir dir;
  World world(dir);
  world.agent.permissions.edit = Permit::kAllow;
  world.add_gates();
  Meter meter;
  ASSERT_TRUE(world.tools.add(std::make_unique<Slow>("do", Capability::kEdit, ActionClass::kEditFile, meter, 0)).has_value());
  world.outside.on_approve = ActionStatus::kDenied;
  std::vector<ScriptedBackend::Outcome> script;
  for (int i = 0; i < 6; ++i) script.emplace_back(ScriptedBackend::calls({call("do", "same")}));
  ScriptedBackend backend(std::move(script));
  const auto result = world.run(backend, World::mention("x"));
  ASSERT_TRUE(result.has_value());
  EXPECT_EQ(result->detail, "loop") << "and a fourth time is the end of it";
  EXPECT_EQ(meter.begun.size(), 2u);
  const auto effects = world.outside.effects();
  ASSERT_FALSE(effects.empty());
  EXPECT_NE(effects.front().find("doom_loop"), std::string::npos) << effects.front();
}

// Checklist 48.
TEST(SessionCalls, TheOperatorMayLetAThirdTimePass) {
  TempDir dir;
  World world(dir);
  world.agent.permissions.edit = Permit::kAllow;
  world.add_gates();
  Meter meter;
  ASSERT_TRUE(world.tools.add(std::make_unique<Slow>("do", Capability::kEdit, ActionClass::kEditFile, meter, 0)).has_value());
  const auto same = [] { return ScriptedBackend::calls({call("do", "same")}); };
  ScriptedBackend backend({same(), same(), same(), ScriptedBackend::says("done")});
  const auto result = world.run(backend, World::mention("x"));
  ASSERT_TRUE(result.has_value());
  EXPECT_EQ(result->status, SessionStatus::kSuccess) << result->detail;
  EXPECT_EQ(meter.begun.size(), 3u);
}

// Checklist 18.
TEST(SessionCalls, AToolThatIsSwitchedOffIsNeitherOfferedNorRun) {
  TempDir dir;
  World world(dir);
  world.agent.permissions.edit = Permit::kAllow;
  world.agent.permissions.hidden_tools = {"do"};
  world.add_gates();
  Meter meter;
  ASSERT_TRUE(world.tools.add(std::make_unique<Slow>("do", Capability::kEdit, ActionClass::kEditFile, meter, 0)).has_value());
  ScriptedBackend backend({ScriptedBackend::calls({call("do", "1")}), ScriptedBackend::says("done")});
  ASSERT_TRUE(world.run(backend, World::mention("x")).has_value());
  for (const Request& request : backend.requests) EXPECT_EQ(std::ranges::find(request.tools, "do", &ToolSpec::name), request.tools.end());
  EXPECT_TRUE(meter.begun.empty());
  EXPECT_NE(backend.requests.at(1).messages.back().outcome, ToolOutcome::kOk);
  EXPECT_TRUE(world.outside.effects().empty()) << "and nobody is asked";
}

// Checklist 17.
TEST(SessionCalls, WhatIsDeniedIsNotAskedAboutAndWhatNobodyAnswersIsNotDone) {
  for (const ActionStatus answer : {ActionStatus::kUndeliverable, ActionStatus::kExpired, ActionStatus::kWithdrawn}) {
    TempDir dir;
    World world(dir);
    world.agent.permissions.edit = Permit::kAsk;
    world.agent.permissions.rules = {{"do", "never", Permit::kDeny}};
    world.add_gates();
    Meter meter;
    ASSERT_TRUE(world.tools.add(std::make_unique<Slow>("do", Capability::kEdit, ActionClass::kEditFile, meter, 0)).has_value());
    world.outside.on_approve = answer;
    ScriptedBackend backend({ScriptedBackend::calls({call("do", "never")}), ScriptedBackend::calls({call("do", "perhaps")}), ScriptedBackend::says("done")});
    const auto result = world.run(backend, World::mention("x"));
    ASSERT_TRUE(result.has_value());
    EXPECT_TRUE(meter.begun.empty());
    const auto effects = world.outside.effects();
    ASSERT_EQ(effects.size(), 1u) << "one question, about the one that may be";
    EXPECT_NE(effects[0].find("c00010000"), std::string::npos) << effects[0];
    EXPECT_EQ(backend.requests.at(1).messages.back().outcome, ToolOutcome::kDenied);
    EXPECT_EQ(backend.requests.at(2).messages.back().outcome, ToolOutcome::kExpired);
  }
}

}  // namespace
}  // namespace orchestration
