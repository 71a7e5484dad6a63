// The relay goes away in the middle. What was published meanwhile is found when it is back, and
// acted on once.
#include <gtest/gtest.h>

#include "nipsa/kinds.h"
#include "tests/e2e/support/must.h"
#include "tests/e2e/support/story.h"

namespace e2e {
namespace {

using nostr::Event;

/// Waits until the program of `home` has lost the relay and has tried in vain to have it back.
void await_cut(World& world, const std::filesystem::path& home, const std::string& url) {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (std::chrono::steady_clock::now() < deadline) {
    const base::json::Value status = world.ask({"status", "--home", home.string()});
    for (const auto& relay : status.value("relays", base::json::Value::array()))
      if (base::json::string_or(relay, "url").starts_with(url) && !relay.value("connected", true) &&
          base::json::string_or(relay, "last_error").contains("refused"))
        return;
  }
  throw std::runtime_error("nobody noticed that the relay is gone");
}

void await_cut_everywhere(World& world, int relay) {
  const std::string url = world.relay_urls().at(static_cast<std::size_t>(relay));
  await_cut(world, world.node_home(), url);
  for (const int index : {World::kFirstCosigner, World::kSecondCosigner})
    await_cut(world, world.cosigner_home(index), url);
}

TEST(Outage, AnAnswerPublishedMeanwhileIsActedOnOnce) {
  World world;
  world.start();
  const Asked asked = mention_and_await_question(world);
  world.relay().kill();
  await_cut_everywhere(world, 0);
  world.store_at_relay(
      0, world.owner().wrap(asked.asker, "yes " + asked.code, {.refs = {}, .at = {}, .copies = 2}));
  world.start_relay();
  await_receipt(world, asked, "done");
  expect_told_once(world, asked.mention);
  EXPECT_EQ(receipts(world, asked.code), 1U);
}

TEST(Outage, AMentionPublishedMeanwhileIsAnswered) {
  World world;
  world.start();
  world.await_announced();
  world.relay().kill();
  await_cut_everywhere(world, 0);
  const Event note = world.stranger().sign(nostr::kinds::kTextNote, {{"p", world.identity().hex()}},
                                           "Anybody home?");
  world.store_at_relay(0, {note});
  world.start_relay();
  const Asked asked = await_question(world, note);
  world.owner().send(asked.asker, "yes " + asked.code);
  await_receipt(world, asked, "done");
  expect_told_once(world, note);
}

TEST(Outage, ADecisionTakenWhileCutOffIsPublishedAfterwards) {
  World world;
  world.start();
  const Asked asked = mention_and_await_question(world);
  world.relay().kill();
  await_cut_everywhere(world, 0);
  // The operator walks over to the co-signer's own machine.
  const auto decided =
      world.ask({"approve", asked.code, "--home", world.cosigner_home(asked.cosigner).string()});
  EXPECT_EQ(decided.value("state", ""), "approved");
  world.start_relay();
  await_receipt(world, asked, "done");
  expect_told_once(world, asked.mention);
  EXPECT_EQ(receipts(world, asked.code), 1U);
}

TEST(Outage, TheReplyGoesOutWhenTheRelayIsBack) {
  World world;
  world.start();
  const Asked asked = mention_and_await_question(world);
  world.node().freeze();
  world.owner().send(asked.asker, "yes " + asked.code);
  world.owner().await({.authors = {asked.asker}, .kinds = {nipsa::kinds::kApprovalDecision}});
  world.relay().kill();
  world.node().thaw();
  await_cut_everywhere(world, 0);
  world.start_relay();
  await_receipt(world, asked, "done");
  expect_told_once(world, asked.mention);
}

TEST(Outage, OneOfTwoRelaysIsEnoughAndTheSameAnswerOnBothCountsOnce) {
  World world({.relays = 2});
  world.start();
  const Asked asked = mention_and_await_question(world);
  const auto answer = world.owner().wrap(asked.asker, "yes " + asked.code);
  world.relay(0).kill();
  await_cut_everywhere(world, 0);
  // It waits on the relay that is away and arrives by the other one.
  world.store_at_relay(0, answer);
  world.owner().move_to({world.relay_urls().at(1)});
  world.stranger().move_to({world.relay_urls().at(1)});
  for (const Event& wrap : answer) world.owner().publish(wrap);
  await_receipt(world, asked, "done");
  world.start_relay(0);
  await_result(world, asked.mention);
  // What the relay missed is brought to it, and the answer it brings changes nothing.
  Person reader({world.relay_urls().at(0)});
  const Event late =
      reader.await({.authors = {world.identity()}, .kinds = {nostr::kinds::kTextNote}});
  world.owner().move_to(world.relay_urls());
  world.stranger().move_to(world.relay_urls());
  expect_told_once(world, asked.mention);
  EXPECT_EQ(replies(world).at(0).id, late.id);
  EXPECT_EQ(receipts(world, asked.code), 1U);
}

}  // namespace
}  // namespace e2e
