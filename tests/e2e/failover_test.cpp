// One of two co-signers is lost at the worst moment: the other one finishes what was approved, the
// spent nonce stays spent, and whoever asked still tells the operator the truth.
#include <gtest/gtest.h>

#include <csignal>

#include "nipsa/kinds.h"
#include "storage/approvals.h"
#include "storage/nonces.h"
#include "tests/e2e/support/failpoints.h"
#include "tests/e2e/support/must.h"
#include "tests/e2e/support/story.h"

namespace e2e {
namespace {

using nostr::Event;
using storage::QuestionState;

constexpr nostr::Kind kCosigning = 20000;  // the co-signers' messages: ephemeral, so only seen live
constexpr int kNodesShare = 1;

struct Ledger {
  std::int64_t spent = 0;
  std::int64_t ready = 0;
};

/// What a stopped co-signer's ledger says about the nonces it gave to the node.
Ledger ledger_of(World& world, int cosigner) {
  const auto db = world.open_cosigner_db(cosigner);
  storage::NonceLedger nonces(*db);
  return {
      must(nonces.count(storage::NonceSide::kIssued, kNodesShare, storage::NonceState::kSpent)),
      must(nonces.count(storage::NonceSide::kIssued, kNodesShare, storage::NonceState::kReady))};
}

storage::Question question_at(World& world, const Asked& asked) {
  const auto db = world.open_cosigner_db(asked.cosigner);
  return must(storage::Approvals(*db).by_code(asked.code)).at(0);
}

TEST(Failover, ANonceSpentInDeathNeverSignsAndTheOtherCosignerFinishes) {
  NEEDS_FAILPOINTS();
  World world;
  world.start();
  const Asked asked = mention_and_await_question(world);
  world.cosigner(asked.cosigner).terminate();
  // Not at any signature: the node may want another one first, the moment this member is back.
  world.start_cosigner(asked.cosigner, armed({"cosign.approval-spent"}));
  const std::vector<Event>& wire = world.stranger().watch(
      {.kinds = {kCosigning}, .tags = {{'p', {world.share(asked.cosigner).hex()}}}});
  world.owner().send(asked.asker, "yes " + asked.code);
  EXPECT_EQ(world.cosigner(asked.cosigner).wait().signal, SIGKILL);
  const Ledger at_death = ledger_of(world, asked.cosigner);
  EXPECT_GT(at_death.spent, 0);
  EXPECT_EQ(question_at(world, asked).state, QuestionState::kConsumed);

  await_reply(world);
  expect_told_once(world, asked.mention);
  EXPECT_EQ(receipts(world, asked.code), 0U) << "the asker is dead and only it may tell";

  // Back again, it is sent what it was sent before: whoever recorded the wire gains nothing.
  world.start_cosigner(asked.cosigner);
  await_receipt(world, asked, "done");
  ASSERT_FALSE(wire.empty());
  for (const Event& request : std::vector<Event>(wire)) world.stranger().offer(request);
  // Its answer to the command line comes after the relay's messages that were there before.
  world.ask({"status", "--home", world.cosigner_home(asked.cosigner).string()});
  world.stop_actors();
  EXPECT_EQ(ledger_of(world, asked.cosigner).spent, at_death.spent);
  EXPECT_EQ(receipts(world, asked.code), 1U);
}

TEST(Failover, ACosignerThatDiesAfterItsYesIsReplacedAndLearnsTheOutcome) {
  World world;
  world.start();
  const Asked asked = mention_and_await_question(world);
  // The operator's word reaches it while nobody can ask it to sign.
  world.node().freeze();
  world.owner().send(asked.asker, "yes " + asked.code);
  world.owner().await({.authors = {asked.asker}, .kinds = {nipsa::kinds::kApprovalDecision}});
  world.cosigner(asked.cosigner).kill();
  world.node().thaw();
  const Event reply = await_reply(world);
  expect_told_once(world, asked.mention);

  // It comes back and learns what has become of its yes.
  world.start_cosigner(asked.cosigner);
  await_receipt(world, asked, "done");
  world.stop_actors();
  const auto db = world.open_cosigner_db(asked.cosigner);
  storage::Approvals approvals(*db);
  EXPECT_EQ(must(approvals.by_code(asked.code)).at(0).state, QuestionState::kConsumed);
  EXPECT_EQ(must(approvals.bound_event(must(approvals.by_code(asked.code)).at(0).digest)),
            reply.id);
}

}  // namespace
}  // namespace e2e
