// A session's own list: one per session, kept across restarts, words checked.
#include "orchestration/tools/todo_tools.h"

#include <gtest/gtest.h>

#include "nostr/base/loop.h"
#include "storage/schema.h"
#include "tests/orchestration/support/temp_dir.h"

namespace orchestration {
namespace {

using base::json::Value;

Value item(const char* id, const char* status, const char* priority = "medium") {
  return {{"id", id}, {"content", std::string("do ") + id}, {"status", status}, {"priority", priority}};
}

TEST(TodoTools, TheListIsPerSessionAndSurvivesARestart) {
  testing::TempDir dir;
  const base::ManualClock clock{base::unix_time(1'760'000'000)};
  for (int life = 0; life < 2; ++life) {
    const auto db = storage::open_database(dir.path("todo.db")).value();
    storage::Todos todos(*db);
    const auto tools = make_todo_tools(todos, clock);
    base::Loop loop;
    const auto run = [&](std::size_t tool, const char* session, Value params) {
      return loop.run_until_complete(tools[tool]->run({.session = session}, std::move(params)));
    };
    if (life == 0) {
      ASSERT_TRUE(run(0, "one", {{"items", {item("a", "pending", "high"), item("b", "completed", "low")}}}).has_value());
      EXPECT_EQ(run(0, "one", {{"items", {item("a", "pending"), item("a", "pending")}}}).error().code, base::Errc::kInvalid);
      EXPECT_EQ(run(0, "one", {{"items", {item("a", "maybe")}}}).error().code, base::Errc::kInvalid);
    }
    EXPECT_EQ(*run(1, "one", Value::object()), "[ ] !do a (a)\n[x] .do b (b)\n");
    EXPECT_EQ(*run(1, "two", Value::object()), "The list is empty.");
  }
}

TEST(TodoTools, CountsWhatIsOpen) {
  const auto items = parse_todos({item("a", "pending"), item("b", "in_progress"), item("c", "completed"),
                                  item("d", "cancelled"), item("e", "blocked")});
  ASSERT_TRUE(items.has_value());
  EXPECT_EQ(open_todos(*items), 2u);
}

}  // namespace
}  // namespace orchestration
