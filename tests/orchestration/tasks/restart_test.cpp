// Tasks across a restart of the node: what waited is begun, what was at work goes on, and a command that was cut
// off is not run again.
#include <algorithm>

#include <gtest/gtest.h>

#include "orchestration/tools/local_tool.h"
#include "tests/orchestration/support/task_world.h"

namespace orchestration {
namespace {

using storage::TaskRow;
using storage::TaskState;
using testing::ScriptedBackend;
using testing::TaskWorld;
using testing::TempDir;
using testing::Thinker;
using namespace std::chrono_literals;

base::Task<Thinker::Outcome> never(Request) {
  for (;;) co_await base::sleep_for(1ms);
}

// Checklist 45.
TEST(TaskRestart, WhatWaitedIsBegunAndWhatWasAtWorkGoesOn) {
  TempDir dir;
  std::vector<std::string> ids;
  {
    Thinker stuck(never);
    TaskWorld before(dir);
    before.start(stuck, {.running = 1});
    for (int i = 0; i < 3; ++i) ids.push_back(before.hand_out("task " + std::to_string(i)).id);
    before.until([&] { return before.board().find("", ids[0])->state == TaskState::kRunning; });
    EXPECT_EQ(before.board().find("", ids[1])->state, TaskState::kPending);
  }
  Thinker mind([](Request) -> base::Task<Thinker::Outcome> { co_return ScriptedBackend::says("found"); });
  TaskWorld after(dir);
  after.start(mind);
  for (const std::string& id : ids) {
    after.until([&] { return storage::is_final(after.board().find("", id)->state); });
    EXPECT_EQ(after.board().find("", id)->state, TaskState::kCompleted);
  }
  EXPECT_EQ(after.board().find("", ids[0])->starts, 2);
  EXPECT_EQ(after.board().find("", ids[1])->starts, 1);
  EXPECT_EQ(after.board().untold("sess-1")->size(), 3u);
}

/// A command that is still running when the node goes down; it counts how often it was begun.
class Deploy final : public LocalTool {
 public:
  explicit Deploy(int& runs)
      : LocalTool({.spec = {"deploy", "", {{"type", "object"}, {"additionalProperties", true}}}, .capability = Capability::kControl, .action = ActionClass::kRunCommand, .subject_param = "n"}), runs_(runs) {}
  base::Task<base::Result<std::string>> run(ToolContext, base::json::Value) override {
    ++runs_;
    for (;;) co_await base::sleep_for(1ms);
  }

 private:
  int& runs_;
};

// Checklist 45.
TEST(TaskRestart, ACommandThatWasCutOffIsAnErrorToItsTaskAndNotRunAgain) {
  TempDir dir;
  int runs = 0;
  std::string id;
  {
    Thinker mind([](Request) -> base::Task<Thinker::Outcome> { co_return ScriptedBackend::calls({{"deploy", "{}"}}); });
    TaskWorld before(dir);
    ASSERT_TRUE(before.world.tools.add(std::make_unique<Deploy>(runs)).has_value());
    before.start(mind);
    id = before.hand_out().id;
    before.until([&] { return runs == 1; });
  }
  std::vector<Message> seen;
  Thinker mind([&](Request request) -> base::Task<Thinker::Outcome> {
    seen.push_back(request.messages.back());
    co_return ScriptedBackend::says("It was cut off, I do not know whether it went through.");
  });
  TaskWorld after(dir);
  ASSERT_TRUE(after.world.tools.add(std::make_unique<Deploy>(runs)).has_value());
  after.start(mind);
  after.until([&] { return storage::is_final(after.board().find("", id)->state); });
  ASSERT_EQ(seen.size(), 1u);
  EXPECT_EQ(seen[0].role, Role::kTool);
  EXPECT_EQ(seen[0].outcome, ToolOutcome::kError);
  EXPECT_TRUE(seen[0].content.starts_with("Interrupted: the node stopped while this ran, and the outcome is unknown.")) << seen[0].content;
  EXPECT_EQ(runs, 1);
  EXPECT_TRUE(after.board().find("", id)->result.contains("cut off")) << "and its parent is told";
}

// Checklist 45.
TEST(TaskRestart, OnlyWhatEndedLongAgoAndWasHeardOfIsForgotten) {
  TempDir dir;
  TaskWorld team(dir);
  Thinker mind([](Request request) -> base::Task<Thinker::Outcome> {
    if (request.messages.at(1).content.contains("stays"))
      for (;;) co_await base::sleep_for(1ms);
    co_return ScriptedBackend::says("found");
  });
  team.start(mind);
  const auto ended = [&](const TaskRow& task) {
    team.until([&] { return storage::is_final(team.board().find("", task.id)->state); });
    return task;
  };
  base::json::Value stays = TaskWorld::errand();
  stays["task"] = "stays";
  ASSERT_TRUE(team.call("background_task", stays).has_value());
  const TaskRow at_work = team.board().list("sess-1")->front();
  const TaskRow old = ended(team.hand_out());
  const TaskRow unheard = ended(team.hand_out());
  ASSERT_TRUE(*team.board().tell(old.id));
  team.world.clock.advance(base::seconds{86'400 + 1'000});
  const TaskRow fresh = ended(team.hand_out());
  ASSERT_TRUE(*team.board().tell(fresh.id));
  team.world.clock.advance(base::seconds{700});
  team.until([&] { return !team.board().find("", old.id).has_value(); });
  EXPECT_TRUE(team.board().find("", fresh.id).has_value());
  EXPECT_TRUE(team.board().find("", unheard.id).has_value()) << "somebody has still to hear of it";
  EXPECT_TRUE(team.board().find("", at_work.id).has_value());
  team.stop();
}

}  // namespace
}  // namespace orchestration
