// Machines are switched off for a while. What was open is carried on or reported, and what ran out
// stays run out.
#include <gtest/gtest.h>

#include "nipsa/kinds.h"
#include "nipsa/tick.h"
#include "storage/approvals.h"
#include "tests/e2e/support/failpoints.h"
#include "tests/e2e/support/must.h"
#include "tests/e2e/support/story.h"

namespace e2e {
namespace {

using nostr::Event;

TEST(Time, AQuestionThatRanOutWhileNobodyWasThereExpires) {
  NEEDS_FAILPOINTS();
  World world;
  world.start();
  const Asked asked = mention_and_await_question(world);
  world.pass_time(std::chrono::seconds{1'000});
  // The yes arrives before the co-signer is back, and too late all the same.
  const nostr::EventId late = world.owner().send(asked.asker, "yes " + asked.code);
  world.start();
  await_receipt(world, asked, "expired");
  const Event result = await_result(world, asked.mention);
  EXPECT_TRUE(replies(world).empty());
  expect_valid_trajectory(world, result);
  world.stop_actors();
  const auto db = world.open_cosigner_db(asked.cosigner);
  storage::Approvals approvals(*db);
  const auto question = must(approvals.by_code(asked.code)).at(0);
  EXPECT_EQ(question.state, storage::QuestionState::kExpired);
  EXPECT_TRUE(must(approvals.decisions(question.id)).empty());
  for (const storage::Signal& signal : must(approvals.signals(question.id))) {
    EXPECT_EQ(signal.id, late);
    EXPECT_EQ(signal.verdict, storage::SignalVerdict::kLate);
  }
}

TEST(Time, AYesInTimeCountsHoweverLongTheNodeWasAway) {
  NEEDS_FAILPOINTS();
  World world;
  world.start();
  const Asked asked = mention_and_await_question(world);
  world.pass_time(std::chrono::seconds{700});
  world.start();
  world.owner().send(asked.asker, "yes " + asked.code);
  await_receipt(world, asked, "done");
  expect_told_once(world, asked.mention);
}

class LeftBehind : public testing::TestWithParam<Failpoint> {};

std::string test_name(const testing::TestParamInfo<Failpoint>& info) {
  std::string name = info.param.name + "_" + std::to_string(info.param.pass);
  for (char& c : name)
    if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
  return name;
}

/// A node dies and comes back when its stamps are too old to be signed.
TEST_P(LeftBehind, ATickGoesOn) {
  NEEDS_FAILPOINTS();
  World world;
  world.start();
  world.await_announced();
  world.node().terminate();
  world.start_node(armed(GetParam()));
  const Event note = mention(world);
  world.node().wait();
  world.pass_time(std::chrono::seconds{800});
  world.start();
  const Asked asked = await_question(world, note);
  world.owner().send(asked.asker, "yes " + asked.code);
  await_receipt(world, asked, "done");
  expect_told_once(world, note);
}

INSTANTIATE_TEST_SUITE_P(InTheMiddle, LeftBehind,
                         testing::Values(Failpoint{"tick-claimed"}, Failpoint{"state-opened"},
                                         Failpoint{"stamp-committed", 1}, Failpoint{"step-committed", 1},
                                         Failpoint{"stamp-committed", 2}),
                         test_name);

TEST(Time, ATickWhoseClaimRanOutIsReportedAndTheNextOneWorks) {
  NEEDS_FAILPOINTS();
  World world;
  world.start();
  const Asked first = mention_and_await_question(world);
  world.owner().send(first.asker, "yes " + first.code);
  expect_told_once(world, first.mention);

  // Now there is a state to open, and the node dies before it is.
  world.node().terminate();
  world.start_node(armed({"claim-committed"}));
  mention(world, "Are you still there?");
  world.node().wait();
  world.pass_time(std::chrono::seconds{800});
  world.start();
  // The claim itself never went out, so the report is found by what it says.
  const auto says_why = [](const Event& event) {
    const auto parsed = nipsa::parse_tick_result(event);
    return parsed && parsed->detail == "state-unavailable";
  };
  const Event report = world.stranger().await({.authors = {world.node_key()}, .kinds = {nipsa::kinds::kTickResult}}, says_why);
  const nipsa::TickResult result = must(nipsa::parse_tick_result(report));
  EXPECT_EQ(result.status, nipsa::TickStatus::kError);
  EXPECT_FALSE(result.trajectory);

  const Asked next = mention_and_await_question(world, "And now?");
  world.owner().send(next.asker, "yes " + next.code);
  await_receipt(world, next, "done");
  EXPECT_EQ(must(nipsa::parse_tick_result(await_result(world, next.mention))).status, nipsa::TickStatus::kSuccess);
  EXPECT_EQ(replies(world).size(), 2U);
}

}  // namespace
}  // namespace e2e
