// Killed right after any commit and started again, everybody goes on where they were: one reply, one
// report, one receipt, no nonce twice.
#include <gtest/gtest.h>

#include <cstdlib>

#include "nipsa/kinds.h"
#include "nipsa/tick.h"
#include "storage/actions.h"
#include "storage/approvals.h"
#include "storage/budgets.h"
#include "storage/sessions.h"
#include "storage/ticks.h"
#include "tests/e2e/support/failpoints.h"
#include "tests/e2e/support/must.h"
#include "tests/e2e/support/story.h"

namespace e2e {
namespace {

using nostr::Event;

std::string test_name(const testing::TestParamInfo<Failpoint>& info) {
  std::string name = info.param.name + "_" + std::to_string(info.param.pass);
  for (char& c : name)
    if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
  return name;
}

/// Plays the main job to its end while whoever dies is started again.
Asked play(World& world) {
  world.revive();
  const Asked asked = mention_and_await_question(world);
  world.owner().send(asked.asker, "yes " + asked.code);
  await_reply(world);
  await_receipt(world, asked, "done");
  await_result(world, asked.mention);
  return asked;
}

/// What must hold afterwards, whoever died and when.
void expect_whole(World& world, const Asked& asked) {
  expect_told_once(world, asked.mention);
  EXPECT_EQ(receipts(world, asked.code), 1U);
  const auto questions = world.stranger().fetch({.authors = {world.node_key()}, .kinds = {nipsa::kinds::kApprovalRequest}});
  EXPECT_EQ(questions.size(), 1U) << "one action is one question";
  const auto states = world.stranger().fetch({.authors = {world.identity()}, .kinds = {nipsa::kinds::kState}});
  EXPECT_EQ(states.size(), 1U);
  world.stop_actors();

  const auto node = world.open_node_db();
  EXPECT_TRUE(must(storage::Budgets(*node).list_open()).empty()) << "a reservation was left behind";
  EXPECT_TRUE(must(storage::Ticks(*node).list_unfinished()).empty());
  EXPECT_TRUE(must(storage::Sessions(*node).list_running()).empty());
  for (const storage::ActionRow& action : must(storage::Actions(*node).list(nipsa::slot_of_event(asked.mention.id))))
    EXPECT_EQ(action.state, storage::ActionState::kPublished) << action.action_class;
  const auto db = world.open_cosigner_db(asked.cosigner);
  storage::Approvals approvals(*db);
  const auto remembered = must(approvals.history());
  ASSERT_EQ(remembered.size(), 1U);
  EXPECT_EQ(remembered.front().state, storage::QuestionState::kConsumed);
  EXPECT_EQ(must(approvals.receipts(remembered.front().id)).size(), 1U);
  EXPECT_EQ(must(approvals.decisions(remembered.front().id)).size(), 1U);
}

// ---- the node --------------------------------------------------------------------------------------

class KilledNode : public testing::TestWithParam<Failpoint> {};

TEST_P(KilledNode, GoesOnAndRepliesOnce) {
  NEEDS_FAILPOINTS();
  World world;
  world.start();
  world.await_announced();
  world.node().terminate();
  world.start_node(armed(GetParam()));
  const Asked asked = play(world);
  EXPECT_EQ(world.deaths(), 1) << "the node never came by " << GetParam().name;
  expect_whole(world, asked);
}

INSTANTIATE_TEST_SUITE_P(
    AfterEachCommit, KilledNode,
    testing::Values(Failpoint{"trigger-ingested"}, Failpoint{"tick-planned"}, Failpoint{"claim-committed"},
                    Failpoint{"state-opened"}, Failpoint{"session-appended"}, Failpoint{"budget-reserved"},
                    Failpoint{"session_step"}, Failpoint{"budget-settled"}, Failpoint{"call-started"},
                    Failpoint{"action-added"}, Failpoint{"stamp-committed"}, Failpoint{"question-posted"},
                    Failpoint{"decision-taken"}, Failpoint{"signature-committed"},
                    Failpoint{"try-started", 4}, Failpoint{"relay-answered", 4}, Failpoint{"accepted-committed"}, Failpoint{"call-finished"},
                    Failpoint{"step-committed"}, Failpoint{"state-saved"}, Failpoint{"result-committed"}),
    test_name);

// ---- the co-signer that asks -------------------------------------------------------------------------

class KilledCosigner : public testing::TestWithParam<Failpoint> {};

TEST_P(KilledCosigner, GoesOnAndAsksAndTellsOnce) {
  NEEDS_FAILPOINTS();
  World world;
  world.start_cosigner(World::kFirstCosigner);
  world.start_node();
  world.await_announced();
  world.cosigner(World::kFirstCosigner).terminate();
  world.start_cosigner(World::kFirstCosigner, armed(GetParam()));
  const Asked asked = play(world);
  EXPECT_EQ(world.deaths(), 1) << "the co-signer never came by " << GetParam().name;
  expect_whole(world, asked);
}

INSTANTIATE_TEST_SUITE_P(AfterEachCommit, KilledCosigner,
                         testing::Values(Failpoint{"inbox-after-commit"}, Failpoint{"question-committed"},
                                         Failpoint{"relay-answered", 3}, Failpoint{"signal-added"},
                                         Failpoint{"decision-committed"}, Failpoint{"nonce-spent", 3},
                                         Failpoint{"question-consumed"}, Failpoint{"receipt-committed"}),
                         test_name);

// ---- at any commit whatever --------------------------------------------------------------------------

enum class Victim { kNode, kCosigner };

/// Kills `victim` at every so-many-th commit in turn, until it outlives the story.
void sweep(Victim victim, const std::string& failpoint) {
  constexpr int kStride = 11;
  const char* chosen = std::getenv("SOVEREIGN_E2E_STRIDE");  // NOLINT(concurrency-mt-unsafe)
  const int stride = chosen ? std::max(1, std::atoi(chosen)) : kStride;
  for (int pass = 1;; pass += stride) {
    SCOPED_TRACE(failpoint + ":" + std::to_string(pass));
    World world;
    world.start_cosigner(World::kFirstCosigner);
    world.start_node();
    world.await_announced();
    world.stop_actors();
    world.start_cosigner(World::kFirstCosigner, victim == Victim::kCosigner ? armed({failpoint, pass}) : Environment{});
    world.start_node(victim == Victim::kNode ? armed({failpoint, pass}) : Environment{});
    const Asked asked = play(world);
    const int deaths = world.deaths();
    expect_whole(world, asked);
    if (deaths == 0 || testing::Test::HasFailure()) return;
  }
}

TEST(KilledAnywhere, NodeBeforeCommits) {
  NEEDS_FAILPOINTS();
  sweep(Victim::kNode, "db-before-commit");
}

TEST(KilledAnywhere, NodeAfterCommits) {
  NEEDS_FAILPOINTS();
  sweep(Victim::kNode, "db-after-commit");
}

TEST(KilledAnywhere, CosignerBeforeCommits) {
  NEEDS_FAILPOINTS();
  sweep(Victim::kCosigner, "db-before-commit");
}

TEST(KilledAnywhere, CosignerAfterCommits) {
  NEEDS_FAILPOINTS();
  sweep(Victim::kCosigner, "db-after-commit");
}

}  // namespace
}  // namespace e2e
