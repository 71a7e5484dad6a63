// A task that is cancelled stops what it is in the middle of: a model's answer, a command, a task of its own.
#include <atomic>
#include <filesystem>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "orchestration/llm/chat_completions.h"
#include "orchestration/llm/http_backend.h"
#include "orchestration/tools/command_tools.h"
#include "tests/nostr/net/support/raw_server.h"
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

// Checklist 42.
TEST(TaskCancel, TheRequestToTheModelIsAbortedAndItsReservationClosed) {
  std::atomic<bool> asked = false, gone = false;
  test::RawServer server([&](test::RawConnection& peer) {
    peer.read_until("\r\n\r\n");
    // The answer has begun, and will never end.
    peer.write("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n: thinking\n\n");
    asked = true;
    peer.wait_for_end();
    gone = true;
  });
  TempDir dir;
  TaskWorld team(dir);
  ASSERT_TRUE(team.hooks.add(budget_gate(*team.world.db, team.world.clock, {})).has_value());
  nostr::HttpClient http(team.world.loop);
  auto backend = HttpBackend::create(http, team.world.clock, std::make_unique<ChatDialect>(),
                                     {.id = "slow", .base_url = server.url("http", "/v1"), .wire = {.model = "m"}, .rates = {.in_per_1k = {1000}, .out_per_1k = {1000}}});
  ASSERT_TRUE(backend.has_value());
  team.start(**backend);
  const TaskRow task = team.hand_out();
  team.until([&] { return asked.load(); });
  EXPECT_EQ(team.world.budgets.list_open()->size(), 1u);
  EXPECT_EQ(team.board().cancel("sess-1", task.id)->state, TaskState::kCancelled);
  team.until([&] { return gone.load() && !team.abandoned.empty(); });
  EXPECT_TRUE(team.world.budgets.list_open()->empty());
  EXPECT_EQ(team.abandoned, std::vector<std::string>{task.id});
  // Again, and it is what it was.
  EXPECT_EQ(team.board().cancel("sess-1", task.id)->state, TaskState::kCancelled);
  EXPECT_EQ(team.abandoned.size(), 1u);
  team.stop();
}

// Checklist 42.
TEST(TaskCancel, TheWholeGroupOfItsCommandIsKilledAndWhatItHandedOutEnds) {
  TempDir dir;
  std::filesystem::create_directories(dir.path("work"));
  const std::string pipe = dir.path("work/pipe");
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  const int reader = ::open(pipe.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  TaskWorld team(dir);
  Sandbox sandbox(team.world.loop, {});
  if (!team.world.loop.run_until_complete(sandbox.probe())) GTEST_SKIP() << "no sandbox here";
  ASSERT_TRUE(team.world.tools.add(make_bash({sandbox, dir.path("work"), true})).has_value());
  Thinker mind([&](Request request) -> base::Task<Thinker::Outcome> {
    if (request.messages.at(1).content.contains("below"))
      for (;;) co_await base::sleep_for(1ms);
    co_return ScriptedBackend::calls({{"bash", R"({"command":"exec 9>pipe; echo ready >&9; (sleep 300) & (sleep 300) & wait"})"}});
  });
  team.start(mind);
  const auto said = team.call("background_task", TaskWorld::errand("run it", "frontend"));
  ASSERT_TRUE(said.has_value()) << said.error().detail;
  const TaskRow task = team.board().list("sess-1")->front();
  base::json::Value more = TaskWorld::errand();
  more["task"] = "below";
  ASSERT_TRUE(team.call("background_task", more, task.session).has_value());
  const TaskRow below = team.board().list(task.session)->front();
  char text[6];
  team.until([&] { return ::read(reader, text, sizeof text) == sizeof text; });
  team.until([&] { return team.board().find("", below.id)->state == TaskState::kRunning; });
  EXPECT_EQ(team.board().cancel("", task.id)->state, TaskState::kCancelled);
  EXPECT_EQ(team.board().find("", below.id)->state, TaskState::kCancelled);
  team.until([&] { return team.abandoned.size() == 2; });
  // When every process of the tree is gone, nobody holds the pipe's other end.
  ::fcntl(reader, F_SETFL, 0);
  EXPECT_EQ(::read(reader, text, 1), 0);
  ::close(reader);
  team.stop();
}

}  // namespace
}  // namespace orchestration
