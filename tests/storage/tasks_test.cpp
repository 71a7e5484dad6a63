// Tasks: which moves their states make, and that of several ends exactly one stands.
#include "storage/tasks.h"

#include <algorithm>
#include <array>

#include "storage/schema.h"
#include "tests/storage/fixture.h"

namespace storage {
namespace {

using testing::errc_of;
using testing::must;
using testing::StorageTest;
using testing::unix_time;

constexpr UnixTime kNow = unix_time(1'000'000);

class TasksTest : public StorageTest {
 protected:
  TaskRow add(std::string id) {
    TaskRow row{.id = std::move(id), .tick = "t", .parent = "p", .agent = "explore", .description = "x", .brief = "{}", .created = kNow};
    row.call = "call " + row.id;
    row.session = "session " + row.id;
    must(Tasks(*db_).add(row));
    return row;
  }
  TaskRow get(const std::string& id) { return *must(Tasks(*db_).get(id)); }
};

// Checklist 37.
TEST_F(TasksTest, WhatHasEndedEndsNoOtherWay) {
  Tasks tasks(*db_);
  constexpr std::array kEnds{TaskState::kCompleted, TaskState::kFailed, TaskState::kCancelled};
  for (const TaskState first : kEnds)
    for (const TaskState second : kEnds) {
      const std::string id = std::string(name_of(first)) + std::string(name_of(second));
      add(id);
      must(tasks.start(id, kNow));
      EXPECT_TRUE(must(tasks.end(id, first, "first", "said first", kNow)));
      EXPECT_FALSE(must(tasks.end(id, second, "second", "said second", kNow)));
      EXPECT_EQ(errc_of(tasks.start(id, kNow)), Errc::kConflict) << "nor does it begin again";
      EXPECT_EQ(get(id).state, first);
      EXPECT_EQ(get(id).note, "first");
      EXPECT_EQ(get(id).result, "said first");
    }
}

// Checklist 37.
TEST_F(TasksTest, OneThatWaitsCanBeCancelledOrFailAndIsToldOnlyWhenItEnded) {
  Tasks tasks(*db_);
  add("a");
  add("b");
  EXPECT_FALSE(must(tasks.tell("a")));
  EXPECT_TRUE(must(tasks.end("a", TaskState::kCancelled, "", "", kNow)));
  EXPECT_TRUE(must(tasks.end("b", TaskState::kFailed, "", "", kNow)));
  EXPECT_TRUE(must(tasks.tell("a")));
  EXPECT_FALSE(must(tasks.tell("a")));
  EXPECT_EQ(errc_of(tasks.start("none", kNow)), Errc::kConflict);
  EXPECT_FALSE(must(tasks.end("none", TaskState::kFailed, "", "", kNow)));
}

// Checklist 37: whoever comes in which order, through whichever of several hands; another process has none.
TEST_F(TasksTest, OfEndsAtTheSameTimeExactlyOneWins) {
  std::array<TaskState, 3> order{TaskState::kCompleted, TaskState::kFailed, TaskState::kCancelled};
  int round = 0;
  do {
    const std::string id = "task" + std::to_string(round++);
    add(id);
    must(Tasks(*db_).start(id, kNow));
    Tasks hands[3]{Tasks(*db_), Tasks(*db_), Tasks(*db_)};
    int won = 0;
    for (std::size_t i = 0; i < 3; ++i) won += must(hands[i].end(id, order[i], std::to_string(i), "", kNow)) ? 1 : 0;
    EXPECT_EQ(won, 1);
    EXPECT_EQ(get(id).state, order[0]);
    EXPECT_EQ(get(id).note, "0");
  } while (std::next_permutation(order.begin(), order.end()));
  EXPECT_EQ(round, 6);
  EXPECT_EQ(errc_of(Db::open(db_->path(), {})), Errc::kConflict);
}

// Checklist 45.
TEST_F(TasksTest, OnlyEndedOnesThatWereHeardOfAreForgotten) {
  Tasks tasks(*db_);
  for (const char* id : {"old", "unheard", "fresh", "running", "pending"}) add(id);
  must(tasks.start("running", kNow));
  must(tasks.end("old", TaskState::kCompleted, "", "", kNow));
  must(tasks.end("unheard", TaskState::kFailed, "", "", kNow));
  must(tasks.end("fresh", TaskState::kCompleted, "", "", kNow + base::seconds{100}));
  must(tasks.tell("old"));
  must(tasks.tell("fresh"));
  must(tasks.prune(kNow + base::seconds{50}, 1'000));
  EXPECT_FALSE(must(tasks.get("old")).has_value());
  for (const char* id : {"unheard", "fresh", "running", "pending"}) EXPECT_TRUE(must(tasks.get(id)).has_value()) << id;
  must(tasks.prune(kNow, 0));
  EXPECT_FALSE(must(tasks.get("fresh")).has_value()) << "too many";
  for (const char* id : {"unheard", "running", "pending"}) EXPECT_TRUE(must(tasks.get(id)).has_value()) << id;
}

}  // namespace
}  // namespace storage
