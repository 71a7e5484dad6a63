// The main job as a test, and how tests of whole worlds are written: read this one first.
#include <gtest/gtest.h>

#include "nipsa/kinds.h"
#include "nipsa/state.h"
#include "storage/approvals.h"
#include "tests/e2e/support/must.h"
#include "tests/e2e/support/story.h"

namespace e2e {
namespace {

TEST(Example, AMentionIsAnsweredOnceTheOperatorSaidYes) {
  // A relay, homes for a node and two co-signers, an operator, a stranger. Nothing but the relay
  // runs yet: a test that wants a program in a special state starts the programs one by one.
  World world;
  world.start();

  // People are clients with keys of their own. They wait for events, never for time.
  const Asked asked = mention_and_await_question(world);
  EXPECT_TRUE(replies(world).empty()) << "nothing may be signed before the answer";

  // The operator answers like anybody would, in a private message to whoever asked.
  world.owner().send(asked.asker, "yes " + asked.code);
  const nostr::Event reply = await_reply(world);
  EXPECT_EQ(reply.pubkey, world.identity());
  EXPECT_EQ(await_receipt(world, asked, "done").from, asked.asker);

  // What came of it is on the relay, for everybody to check.
  expect_told_once(world, asked.mention);
  EXPECT_EQ(world.stranger()
                .fetch({.authors = {world.identity()}, .kinds = {nipsa::kinds::kState}})
                .size(),
            1U);
  EXPECT_EQ(receipts(world, asked.code), 1U);

  // And what a program remembers is in its database, once it has stopped.
  world.stop_actors();
  const auto db = world.open_cosigner_db(asked.cosigner);
  storage::Approvals approvals(*db);
  const auto questions = must(approvals.history());
  ASSERT_EQ(questions.size(), 1U);
  EXPECT_EQ(questions.front().state, storage::QuestionState::kConsumed);
  EXPECT_EQ(must(approvals.bound_event(questions.front().digest)), reply.id);
}

}  // namespace
}  // namespace e2e
