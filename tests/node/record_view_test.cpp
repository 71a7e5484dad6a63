// The record as people read it.
#include "node/record_view.h"

#include <gtest/gtest.h>

#include "node/cli/status_text.h"
#include "storage/audit.h"
#include "storage/schema.h"
#include "storage/ticks.h"

namespace node {
namespace {

using base::json::Value;

class RecordView : public ::testing::Test {
 protected:
  RecordView() : db_(*storage::open_database(":memory:")) {}

  Value read(std::int64_t since = 0, std::size_t limit = 100) {
    return *record_view(*db_, {}, base::unix_time(since), limit);
  }

  std::unique_ptr<storage::Db> db_;
};

TEST_F(RecordView, ATickIsToldWhenItBeginsAndWhenItEnds) {
  storage::Ticks ticks(*db_);
  ASSERT_TRUE(ticks.add("h:1", "heartbeat", std::nullopt, base::unix_time(100)).has_value());
  EXPECT_EQ(read().size(), 1U);
  ASSERT_TRUE(ticks.set_phase("h:1", storage::TickPhase::kPlanned, storage::TickPhase::kFailed,
                              "no backend", base::unix_time(130)).has_value());
  const Value entries = read();
  ASSERT_EQ(entries.size(), 2U);
  EXPECT_EQ(entries[0]["at"], 100);
  EXPECT_EQ(entries[1]["text"], "failed: no backend");
  EXPECT_NE(entries[0]["id"], entries[1]["id"]);
  EXPECT_EQ(read(120).size(), 1U);
  EXPECT_EQ(read(0, 1)[0]["at"], 130) << "the newest are kept";
}

TEST_F(RecordView, VerdictsOfACosignerAreEntries) {
  storage::AuditLog log(*db_);
  ASSERT_TRUE(log.append({.time = base::unix_time(5), .kind = "sign", .verdict = "refused",
                          .reason = "kind 4\nis never signed"}).has_value());
  const Value entries = read();
  ASSERT_EQ(entries.size(), 1U);
  EXPECT_EQ(entries[0]["what"], "verdict");
  EXPECT_EQ(entries[0]["text"], "sign  refused  kind 4 is never signed") << "one entry, one line";
}

TEST(StepText, TellsWhatHappenedInALine) {
  EXPECT_EQ(step_text({{"type", "user"}, {"trigger", "mention"}, {"author", "abcdef0123"},
                       {"trust", "stranger"}, {"content", "hi"}}),
            "mention by abcdef01 (stranger): hi");
  EXPECT_EQ(step_text({{"type", "tool"}, {"name", "bash"}, {"outcome", "denied"}, {"result", "no"}}),
            "bash denied: no");
  EXPECT_EQ(step_text({{"type", "tool"}, {"sealed", true}}), "tool (sealed to the operator)");
}

TEST(DoingNow, SaysWhatItWaitsForBeforeWhatItDoes) {
  Value status = {{"role", "node"}, {"ready", true}, {"tasks", Value::array()}, {"pending", Value::array()}};
  EXPECT_EQ(doing_now(status), "idle");
  status["tasks"] = {{{"trigger", "mention"}, {"phase", "running"}, {"note", ""}, {"waits_for", ""}}};
  EXPECT_EQ(doing_now(status), "works on a mention: running");
  status["tasks"][0]["waits_for"] = "the operator's answer about kind:1";
  EXPECT_EQ(doing_now(status), "waits for the operator's answer about kind:1 (mention)");
  status["pending"] = {{{"state", "open"}, {"code", "K7QF-2M9X"}, {"action", "bash"}}};
  EXPECT_EQ(doing_now(status), "waits for the operator: K7QF-2M9X (bash)");
  status["paused"] = "lunch";
  EXPECT_EQ(doing_now(status), "paused: lunch");
}

TEST(Frame, FitsItsRows) {
  Value record = Value::array();
  for (int i = 0; i < 100; ++i)
    record.push_back({{"at", i}, {"what", "tick"}, {"id", std::to_string(i)}, {"text", "x"}});
  const auto lines = cli::frame_lines({{"role", "node"}}, record, "now", 20);
  EXPECT_EQ(lines.size(), 20U);
  EXPECT_TRUE(lines.back().starts_with("1970-01-01"));
}

}  // namespace
}  // namespace node
