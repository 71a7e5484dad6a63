// Tasks for a node that runs: handed over, watched, left alone, called off — and one that no node runs for.
#include <gtest/gtest.h>

#include <csignal>

#include "storage/errands.h"
#include "storage/sessions.h"
#include "storage/ticks.h"
#include "tests/e2e/support/errand_world.h"
#include "tests/e2e/support/failpoints.h"

namespace e2e {
namespace {

using base::json::string_or;
using base::json::Value;

/// An answer that begins and does not go on while anybody listens.
const Value kEndless = {{"text", "one moment"}, {"hang", 1}};

struct TaskWorld : ErrandWorld {
  explicit TaskWorld(Value script, Environment environment = {}) : ErrandWorld(std::move(script)) {
    world.start_node(std::move(environment));
  }
  std::string detached(const std::string& text) {
    const Exit exit = task({"new", "--detach", text});
    EXPECT_EQ(exit.code, 0);
    return exit.out.substr(0, exit.out.find('\n'));
  }
  Value show(const std::string& id) {
    const Exit exit = task({"show", id, "--json"});
    EXPECT_EQ(exit.code, 0) << id;
    return exit.code == 0 ? lines_of(exit.out).front() : Value::object();
  }
  /// Looks until the model has been asked so often.
  void await_questions(std::size_t count) {
    while (server->seen().size() < count) ASSERT_TRUE(world.node().running(std::chrono::milliseconds{50}));
  }
};

TEST(Task, IsHandedToTheRunningNodeAndToldAsItGoes) {
  TaskWorld story(Value::array({calls("read_file", {{"path", "notes.txt"}}), says("The door is green.")}));
  const Exit exit = story.task({"new", "What colour is the door?", "--json"});
  ASSERT_EQ(exit.code, 0) << exit.out;
  const auto told = lines_of(exit.out);
  std::vector<std::string> events;
  for (const Value& line : told) events.push_back(line.at("event").get<std::string>());
  EXPECT_EQ(events, (std::vector<std::string>{"session", "turn", "call", "tool", "turn", "session", "ended"}))
      << "the same as run --once tells";
  const Value& last = told.back();
  EXPECT_EQ(last.at("status"), "success");
  EXPECT_EQ(last.at("text"), "The door is green.");
  EXPECT_EQ(last.at("turns"), 2);
  const std::string id = last.at("slot");
  // It can be looked at afterwards, and watched to an end that was long ago.
  const Value seen = story.show(id);
  EXPECT_EQ(seen.at("state"), "completed");
  EXPECT_EQ(seen.at("text"), "What colour is the door?");
  EXPECT_EQ(seen.at("result"), "The door is green.");
  EXPECT_EQ(seen.at("report"), last.at("result"));
  const Exit again = story.task({"watch", id, "--json"});
  EXPECT_EQ(again.code, 0);
  EXPECT_EQ(again.out, exit.out);
  const auto listed = lines_of(story.task({"list", "--json"}).out);
  ASSERT_EQ(listed.size(), 1u);
  EXPECT_EQ(listed[0].at("id"), id);
  EXPECT_EQ(story.task({"cancel", id}).code, 1) << "it has ended";
}

TEST(Task, OneCanBeLeftToItselfAndGivenToAnotherAgent) {
  TaskWorld story(Value::array({says("Nothing found.")}));
  const Exit exit = story.task({"new", "--agent", "Explore", "-", "--detach", "--json"}, "Find the door.\n");
  ASSERT_EQ(exit.code, 0);
  const Value task = lines_of(exit.out).front();
  EXPECT_EQ(task.at("agent"), "explore");
  const Exit watched = story.task({"watch", task.at("id").get<std::string>()});
  EXPECT_EQ(watched.code, 0);
  EXPECT_EQ(watched.out, "Nothing found.\n");
  ASSERT_EQ(story.server->seen().size(), 1u);
  EXPECT_NE(story.server->seen()[0].body.find("You are Explore"), std::string::npos);
  EXPECT_EQ(story.server->seen()[0].body.find("edit_file"), std::string::npos) << "with that agent's own rights";
}

TEST(Task, WhoStopsWatchingDoesNotStopIt) {
  TaskWorld story(Value::array({kEndless, says("never")}));
  EXPECT_EQ(story.task({"new", "do it", "--timeout", "1"}).code, 124);
  Program watching({"task", "new", "do another", "--home", story.home()}, {.environment = {}, .log = story.world.root() / "watch.log"});
  story.await_questions(2);
  ::kill(watching.pid(), SIGINT);
  EXPECT_EQ(watching.wait().code, 130);
  const std::string said = must(node::read_file(story.world.root() / "watch.log"));
  EXPECT_NE(said.find(" goes on: sovereign task watch m:"), std::string::npos) << said;
  const auto listed = lines_of(story.task({"list", "--json"}).out);
  ASSERT_EQ(listed.size(), 2u);
  for (const Value& task : listed) EXPECT_NE(task.at("state"), "cancelled");
}

TEST(Task, CalledOffItsSessionIsCutOffAndTheTickReportsSo) {
  TaskWorld story(Value::array({kEndless, says("never")}));
  const std::string id = story.detached("do it");
  story.await_questions(1);
  const Exit cancelled = story.task({"cancel", id, "--json"});
  ASSERT_EQ(cancelled.code, 0);
  const Exit watched = story.task({"watch", id, "--json"});
  EXPECT_EQ(watched.code, 5);
  const Value last = lines_of(watched.out).back();
  EXPECT_EQ(last.at("status"), "partial");
  EXPECT_EQ(last.at("detail"), "called-off");
  EXPECT_EQ(story.show(id).at("state"), "cancelled");
  // The model is not asked any more: its server hears that too.
  while (story.server->open_connections() > 0) ASSERT_TRUE(story.world.node().running(std::chrono::milliseconds{20}));
  EXPECT_EQ(story.server->seen().size(), 1u);
  story.world.stop_actors();
  const auto db = story.world.open_node_db();
  EXPECT_TRUE(must(storage::Sessions(*db).list_running()).empty());
  const auto tick = must(storage::Ticks(*db).get(id));
  EXPECT_EQ(tick->phase, storage::TickPhase::kDone);
  EXPECT_EQ(tick->result_id->hex(), last.at("result").get<std::string>()) << "its report is out";
}

TEST(Task, CalledOffWhileTheOperatorIsAskedTheQuestionIsTakenBack) {
  TaskWorld story(Value::array({calls("edit_file", {{"path", "notes.txt"}, {"old_text", "green"}, {"new_text", "red"}}), says("never")}));
  const std::string id = story.detached("Paint the door.");
  const Message asked = story.world.owner().await_message([](const Message& message) { return message.text.contains("edit_file") || message.text.contains("EDIT"); });
  EXPECT_EQ(story.task({"cancel", id}).code, 0);
  EXPECT_EQ(story.task({"watch", id}).code, 5);
  const Exit pending = story.world.command({"pending", "--home", story.home(), "--json"});
  EXPECT_EQ(pending.out, "[]\n");
  EXPECT_NO_THROW(story.world.owner().await_message([](const Message& message) { return message.text.contains("cancelled"); }));
  EXPECT_EQ(must(node::read_file(story.work() / "notes.txt")), "the door is green\n");
}

TEST(Task, WhatRunOnceLeftIsDroppedWithoutANode) {
  ErrandWorld story(Value::array({kEndless, says("Another thing done.")}));
  const Exit late = story.run({"do it", "--timeout", "6", "--json"});
  EXPECT_EQ(late.code, 124);
  const auto listed = lines_of(story.task({"list", "--json"}).out);
  ASSERT_EQ(listed.size(), 1u);
  const std::string id = listed[0].at("id");
  const std::string said = must(node::read_file(story.world.root() / "commands.log"));
  EXPECT_NE(said.find("sovereign task cancel " + id + " drops it"), std::string::npos) << said;
  const Exit cancelled = story.task({"cancel", id, "--json"});
  ASSERT_EQ(cancelled.code, 0);
  EXPECT_EQ(lines_of(cancelled.out).front().at("state"), "cancelling");
  const Exit next = story.run({"do another thing", "--json"});
  EXPECT_EQ(next.code, 0);
  EXPECT_EQ(lines_of(next.out).back().at("text"), "Another thing done.");
  EXPECT_EQ(story.server->seen().size(), 2u) << "nobody thinks about what was dropped";
  const auto db = story.world.open_node_db();
  const auto errand = must(storage::Errands(*db).get(id));
  EXPECT_TRUE(errand->called_off);
}

TEST(Task, TheNodeDyingInBetweenLosesNeitherTheTaskNorThatItWasCalledOff) {
  NEEDS_FAILPOINTS();
  TaskWorld story(Value::array({says("Done.")}), armed({"errand-planned"}));
  EXPECT_EQ(story.task({"new", "do it"}).code, 1) << "the node hung up";
  EXPECT_FALSE(story.world.node().running(std::chrono::seconds{30}));
  EXPECT_EQ(story.task({"new", "do it again"}).code, 3) << "and is away";
  const std::string id = lines_of(story.task({"list", "--json"}).out).front().at("id");
  story.world.start_node(armed({"errand-called-off"}));
  EXPECT_EQ(story.task({"watch", id}).out, "Done.\n");
  const std::string other = story.detached("do another");
  story.task({"cancel", other});
  EXPECT_FALSE(story.world.node().running(std::chrono::seconds{30}));
  story.world.start_node();
  EXPECT_EQ(story.task({"watch", other}).code, 5);
  EXPECT_EQ(story.show(other).at("state"), "cancelled");
}

TEST(Task, ManyAtOnceAreAllDoneAndAllRemembered) {
  constexpr std::size_t kAtOnce = 16;
  Value script = Value::array();
  for (std::size_t i = 0; i < kAtOnce; ++i) script.push_back(says("Done."));
  TaskWorld story(std::move(script));
  std::vector<std::string> ids;
  for (std::size_t i = 0; i < kAtOnce; ++i) ids.push_back(story.detached("task " + std::to_string(i)));
  // Each opens the memory while others save it: that is no sign of a memory that was turned back.
  for (const std::string& id : ids) EXPECT_EQ(story.task({"watch", id}).out, "Done.\n");
  const Exit state = story.world.command({"state", "show", "--json", "--home", story.home()});
  EXPECT_EQ(lines_of(state.out).front().at("tick_count"), kAtOnce);
}

TEST(Task, WhatCannotBeDoneSaysWhy) {
  TaskWorld story(Value::array({}));
  EXPECT_EQ(story.task({"new", " "}).code, 2);
  EXPECT_EQ(story.task({"new", "x", "--agent", "nobody"}).code, 1);
  EXPECT_EQ(story.task({"watch", "m:0000000000000000"}).code, 1);
  EXPECT_EQ(story.task({"cancel", "m:0000000000000000"}).code, 1);
  EXPECT_EQ(story.task({"cancel", "bg_0000000000000000"}).code, 1);
  EXPECT_EQ(story.world.command({"pause", "--home", story.home()}).code, 0);
  EXPECT_EQ(story.task({"new", "do it"}).code, 4);
  story.world.node().terminate();
  EXPECT_EQ(story.task({"new", "do it"}).code, 3);
  EXPECT_EQ(story.task({"cancel", "m:0000000000000000"}).code, 1);
}

}  // namespace
}  // namespace e2e
