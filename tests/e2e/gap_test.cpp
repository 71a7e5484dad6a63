// The node is not there for a while, and the relay has limits: what is published all the same is found
// whatever its date, and handled once.
#include <gtest/gtest.h>

#include <algorithm>

#include "nipsa/kinds.h"
#include "nipsa/tick.h"
#include "tests/e2e/support/must.h"
#include "tests/e2e/support/story.h"

namespace e2e {
namespace {

using nostr::Event;
using namespace std::chrono_literals;

// Says nothing to the world, so nobody is asked.
constexpr std::string_view kQuiet = R"(
[[rule]]
on = "mention"
say = "I have seen it."
)";

/// Ticks that the node has claimed for any of `triggers`.
std::size_t ticks_of(World& world, const std::vector<Event>& triggers) {
  const std::vector<Event> claims = world.stranger().fetch(
      {.authors = {world.node_key()}, .kinds = {nipsa::kinds::kTickRequest}});
  return static_cast<std::size_t>(std::ranges::count_if(claims, [&](const Event& claim) {
    return std::ranges::any_of(triggers, [&](const Event& trigger) {
      return tag(claim, "slot") == nipsa::slot_of_event(trigger.id);
    });
  }));
}


TEST(Gap, WhatCameWhileTheNodeWasDownIsHandledOnce) {
  World world;
  world.start();
  world.await_announced();
  world.node().terminate();
  const Event note = mention(world, "Anybody home?");
  const std::vector<Event> wraps = world.stranger().wrap(
      world.node_key(), "Anybody?", {.refs = {}, .at = {}, .copies = 5, .dated_back = 24h});
  for (const Event& wrap : wraps) world.stranger().publish(wrap);

  world.start_node();
  const Asked asked = await_question(world, note);
  world.owner().send(asked.asker, "yes " + asked.code);
  await_receipt(world, asked, "done");
  world.stranger().await({.authors = {world.node_key()}, .kinds = {nipsa::kinds::kTickRequest}},
                         [&](const Event& claim) {
                           return std::ranges::any_of(wraps, [&](const Event& wrap) {
                             return tag(claim, "slot") == nipsa::slot_of_event(wrap.id);
                           });
                         });

  // Killed, so that nothing is tidied up, and away once more: days of wraps are looked through again.
  world.node().kill();
  const Event second = mention(world, "And now?");
  world.start_node();
  await_question(world, second);
  EXPECT_EQ(ticks_of(world, {note}), 1U);
  EXPECT_EQ(ticks_of(world, wraps), 1U) << "one message in five wraps is one message";
  EXPECT_EQ(ticks_of(world, {second}), 1U);
}

TEST(Gap, WhatAHomeThatIsGoneHasAnsweredIsNotAnsweredAgain) {
  World world({.playbook = std::string(kQuiet), .config = ""});
  world.start();
  world.await_announced();
  const std::vector<Event> old{mention(world, "One"), mention(world, "Two"), mention(world, "Three")};
  for (const Event& call : old) await_result(world, call);
  world.node().terminate();
  const Event missed = mention(world, "While nobody was there");

  for (const auto& entry : std::filesystem::directory_iterator(world.node_home()))
    if (entry.path().filename().string().starts_with("sovereign.db"))
      std::filesystem::remove(entry.path());
  world.start_node();
  await_result(world, missed);
  await_result(world, mention(world, "And now?"));
  EXPECT_EQ(ticks_of(world, old), old.size());
  EXPECT_EQ(ticks_of(world, {missed}), 1U);
  // And it keeps to that when it has a past of its own.
  world.node().kill();
  world.start_node();
  await_result(world, mention(world, "And after a fall?"));
  EXPECT_EQ(ticks_of(world, old), old.size());
}

// The field's most common relay, and an old one of its kind: private kinds for their parties only,
// ephemeral events only while they are fresh, twenty subscriptions.
TEST(Gap, TheMainJobRunsWithinTheLimitsOfStrfry) {
  World world({.faults = "profile = \"strfry\"\n[limits]\nmax_subscriptions = 20\n"});
  world.start();
  const Asked asked = mention_and_await_question(world);
  world.owner().send(asked.asker, "yes " + asked.code);
  await_receipt(world, asked, "done");
  expect_told_once(world, asked.mention);
}

}  // namespace
}  // namespace e2e
