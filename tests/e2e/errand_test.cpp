// One task without a person at a desk: `run --once TASK`, told as it goes, with an exit code for a script.
#include <gtest/gtest.h>

#include <fmt/format.h>

#include "storage/ticks.h"
#include "tests/e2e/support/errand_world.h"

namespace e2e {
namespace {

using base::json::Value;

TEST(Errand, IsDoneAndToldAsItGoes) {
  ErrandWorld story(Value::array({calls("read_file", {{"path", "notes.txt"}}), says("The door is green.")}));
  const Exit exit = story.run({"What colour is the door?", "--json"});
  ASSERT_EQ(exit.code, 0) << exit.out;
  const auto told = lines_of(exit.out);
  std::vector<std::string> events;
  for (const Value& line : told) events.push_back(line.at("event").get<std::string>());
  EXPECT_EQ(events, (std::vector<std::string>{"session", "turn", "call", "tool", "turn", "session", "ended"}));
  const Value& last = told.back();
  EXPECT_EQ(last.at("status"), "success");
  EXPECT_EQ(last.at("text"), "The door is green.");
  EXPECT_EQ(last.at("turns"), 2);
  EXPECT_EQ(last.at("calls"), 1);
  EXPECT_EQ(told.at(3).at("outcome"), "ok");
  // The model was given the operator's words as such, not as somebody's note.
  const auto seen = story.server->seen();
  ASSERT_EQ(seen.size(), 2u);
  EXPECT_NE(seen[0].body.find("What colour is the door?"), std::string::npos);
  EXPECT_EQ(seen[0].body.find("stranger\\\""), std::string::npos);
  EXPECT_NE(seen[1].body.find("the door is green"), std::string::npos);
  // Nothing is left over, and the tick is a tick like others.
  story.world.stop_actors();
  const auto db = story.world.open_node_db();
  const auto history = must(storage::Ticks(*db).history());
  ASSERT_EQ(history.size(), 1u);
  EXPECT_EQ(history[0].trigger_kind, "manual");
  EXPECT_EQ(history[0].phase, storage::TickPhase::kDone);
  EXPECT_EQ(history[0].result_id->hex(), last.at("result").get<std::string>());
}

TEST(Errand, ForAPersonTheAnswerIsOnStdoutAndProgressBesideIt) {
  ErrandWorld story(Value::array({calls("read_file", {{"path", "notes.txt"}}), says("Green.\nVery \x1b[31mgreen.")}));
  const Exit exit = story.run({"-"}, "What colour is the door?\n");
  ASSERT_EQ(exit.code, 0);
  EXPECT_EQ(exit.out.substr(0, 12), "Green.\nVery ");
  EXPECT_EQ(exit.out.find('\x1b'), std::string::npos);
  const std::string told = must(node::read_file(story.world.root() / "commands.log"));
  EXPECT_NE(told.find("calls read_file notes.txt"), std::string::npos) << told;
  EXPECT_NE(told.find("success: 2 turns, 1 calls"), std::string::npos) << told;
}

TEST(Errand, ItsExitCodeSaysHowItEnded) {
  struct Row {
    Value script;
    int code;
    const char* detail;
  };
  const Value same = calls("read_file", {{"path", "notes.txt"}});
  for (const Row& row : {Row{Value::array({same, same, same, same, same}), 5, "loop"},
                         Row{Value::array({{{"status", 400}, {"body", {{"error", {{"message", "no"}}}}}}}), 1, "model-denied"}}) {
    ErrandWorld story(row.script);
    const Exit exit = story.run({"do it", "--json"});
    EXPECT_EQ(exit.code, row.code) << exit.out;
    EXPECT_EQ(lines_of(exit.out).back().at("detail"), row.detail);
    // The operator hears of it without asking.
    const std::string wanted = std::string("did not come out well: ") + row.detail;
    EXPECT_NO_THROW(story.world.owner().await_message([&](const Message& message) { return message.text.contains(wanted); }));
  }
}

TEST(Errand, LongerThanTheModelsWindowItIsSummedUpAndGoesOn) {
  Value script = Value::array();
  for (int i = 0; i < 4; ++i) script.push_back(calls("read_file", {{"path", fmt::format("page{}.txt", i)}}));
  // Nobody told the node how much this model reads; now the server does.
  script.push_back({{"status", 400}, {"body", {{"error", {{"message", "too many tokens"}, {"code", "context_length_exceeded"}}}}}});
  script.push_back(says("Goal: read four pages. Done: all are about doors."));
  script.push_back(says("They are about doors."));
  ErrandWorld story(std::move(script));
  for (int i = 0; i < 4; ++i) {
    std::string page;
    for (int line = 0; line < 500; ++line) page += fmt::format("page {} line {}: a door, and another door\n", i, line);
    must(node::write_file(story.world.root() / "work" / fmt::format("page{}.txt", i), page));
  }
  const Exit exit = story.run({"Read the four pages.", "--json"});
  ASSERT_EQ(exit.code, 0) << exit.out;
  EXPECT_EQ(lines_of(exit.out).back().at("text"), "They are about doors.");
  const auto seen = story.server->seen();
  ASSERT_EQ(seen.size(), 7u);
  EXPECT_NE(seen[5].body.find("Sum it up"), std::string::npos);
  EXPECT_LT(seen[5].body.size(), seen[4].body.size() * 7 / 10);
  EXPECT_LT(seen[6].body.size(), seen[4].body.size() * 7 / 10);
  EXPECT_NE(seen[6].body.find("Read the four pages."), std::string::npos) << "the order stands there word for word";
  EXPECT_NE(seen[6].body.find("all are about doors"), std::string::npos);
}

TEST(Errand, OutOfTimeItIsLeftToTheNextRun) {
  ErrandWorld story(Value::array({{{"text", "one moment"}, {"hang", 1}}, says("never")}));
  const Exit exit = story.run({"do it", "--timeout", "6"});
  EXPECT_EQ(exit.code, 124);
  story.world.stop_actors();
  const auto db = story.world.open_node_db();
  EXPECT_EQ(must(storage::Ticks(*db).list_unfinished()).size(), 1u);
}

TEST(Errand, WhatIsNoTaskIsAUsageError) {
  ErrandWorld story(Value::array({}));
  EXPECT_EQ(story.run({""}).code, 2);
  EXPECT_EQ(story.run({"-"}, " \n").code, 2);
  EXPECT_EQ(story.run({"-"}, "\xff\xfe").code, 2);
  EXPECT_EQ(story.world.command({"run", "task without --once", "--home", story.world.node_home().string()}).code, 2);
  EXPECT_EQ(story.world.command({"pause", "--home", story.world.node_home().string()}).code, 0);
  EXPECT_EQ(story.run({"do it"}).code, 4);
}

}  // namespace
}  // namespace e2e
