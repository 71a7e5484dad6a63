// `sovereign issue` and `sovereign directive` as a shell sees them, and a node that works while they change.
#include <gtest/gtest.h>

#include "nostr/base/files.h"
#include "nostr/base/json.h"
#include "tests/e2e/support/must.h"
#include "tests/e2e/support/program.h"
#include "tests/node/support/temp_dir.h"

namespace e2e {
namespace {

using base::json::Value;

class Queue : public ::testing::Test {
 protected:
  Exit sovereign(std::vector<std::string> arguments, std::string input = "") {
    arguments.insert(arguments.end(), {"--home", dir_.path().string(), "--json"});
    return run_program(std::move(arguments), {.environment = {}, .log = dir_ / "log", .binary = "", .input = std::move(input)});
  }
  Value answer(std::vector<std::string> arguments, std::string input = "") {
    const Exit exit = sovereign(std::move(arguments), std::move(input));
    EXPECT_EQ(exit.code, 0) << exit.out << base::read_file(dir_ / "log").value_or("");
    return base::json::parse(exit.out, {.max_bytes = 1u << 20}).value_or(Value::object());
  }
  node::testing::TempDir dir_;
};

TEST_F(Queue, IssuesAreAddedOrderedAndFinished) {
  EXPECT_EQ(answer({"issue", "add", "first", "--priority", "low"})["number"], 1);
  EXPECT_EQ(answer({"issue", "add", "second", "--needs", "1", "--type", "bug"})["needs"], Value::array({1}));
  EXPECT_EQ(answer({"issue", "priority", "1", "urgent"})["priority"], "urgent");
  EXPECT_EQ(answer({"issue", "block", "1", "--reason", "no key"})["blocked_reason"], "no key");
  EXPECT_EQ(answer({"issue", "unblock", "1"})["is_blocked"], false);
  const Value done = answer({"issue", "done", "1"});
  EXPECT_EQ(done["status"], "done");
  std::vector<std::string> history;
  for (const Value& event : done["events"]) history.push_back(event["what"]);
  EXPECT_EQ(history, (std::vector<std::string>{"created", "changed", "blocked", "unblocked", "completed"}));
  EXPECT_EQ(sovereign({"issue", "done", "1"}).code, 1);
  EXPECT_EQ(sovereign({"issue", "show", "9"}).code, 1);
  EXPECT_EQ(sovereign({"issue", "add", "x", "--priority", "soon"}).code, 2);
}

TEST_F(Queue, IssuesTravelAsAFile) {
  answer({"issue", "add", "first"});
  const std::string file = sovereign({"issue", "export"}).out;
  node::testing::TempDir other;
  const auto import = [&] {
    return must(base::json::parse(run_program({"issue", "import", "-", "--home", other.path().string(), "--json"}, {.environment = {}, .log = dir_ / "log", .binary = "", .input = file}).out));
  };
  EXPECT_EQ(import()["imported"], 1);
  EXPECT_EQ(import()["known"], 1);
}

TEST_F(Queue, DirectivesAreFilesThatChangeALineAtATime) {
  EXPECT_EQ(answer({"directive", "add", "d-1", "Within a day.", "--title", "Answer questions", "--priority", "high"})["status"], "active");
  EXPECT_EQ(answer({"directive", "find", "questions"})["id"], "d-1");
  EXPECT_EQ(answer({"directive", "pause", "d-1"})["status"], "paused");
  EXPECT_EQ(sovereign({"directive", "find", "questions"}).out, "");
  EXPECT_EQ(answer({"directive", "resume", "d-1"})["status"], "active");
  EXPECT_EQ(answer({"directive", "done", "d-1"})["status"], "completed");
  EXPECT_EQ(answer({"directive", "show", "d-1"})["goal"], "Within a day.");
  EXPECT_NE(must(base::read_file(dir_ / "directives" / "d-1.md")).find("status: \"completed\""), std::string::npos);
  EXPECT_EQ(sovereign({"directive", "pause", "d-2"}).code, 1);
  EXPECT_EQ(sovereign({"directive", "list", "--status", "odd"}).code, 2);
}

}  // namespace
}  // namespace e2e
