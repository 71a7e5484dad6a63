// A state that is larger than an event: its parts go out before the head that names them, another
// home reads them from another relay, a lost one stops the agent and is never passed over in
// silence.
#include <gtest/gtest.h>

#include <filesystem>

#include "nipsa/kinds.h"
#include "nipsa/tick.h"
#include "node/home.h"
#include "nostr/crypto/hash.h"
#include "nostr/nips/nip44.h"
#include "tests/e2e/support/agent_eyes.h"
#include "tests/e2e/support/failpoints.h"
#include "tests/e2e/support/must.h"
#include "tests/e2e/support/story.h"

namespace e2e {
namespace {

using nostr::Event;

// Says nothing to the world, so nobody is asked.
constexpr std::string_view kQuiet = R"(
[[rule]]
on = "mention"
say = "I have seen it."
)";

nipsa::State remembering(int memories, std::size_t bytes = 403) {
  nipsa::State out;
  for (int i = 0; i < memories; ++i)
    out.memory.push_back({"m" + std::to_string(i), "observation", std::string(bytes, 'x'),
                          1'760'000'000 + i, nipsa::Json::object()});
  out.tick_count = memories;
  return out;
}

nipsa::TickResult tick(World& world, const std::string& text) {
  return must(nipsa::parse_tick_result(await_result(world, mention(world, text))));
}

TEST(State, WhatIsTooLargeForOneEventSurvivesOnAnotherHomeAndRelay) {
  World world({.relays = 2, .playbook = std::string(kQuiet), .config = ""});
  world.start();
  world.await_announced();
  AgentEyes eyes(world);
  eyes.publish(nipsa::encode_state(remembering(25)).value());
  EXPECT_TRUE(eyes.parts().empty());

  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(tick(world, "Hello " + std::to_string(i)).status, nipsa::TickStatus::kSuccess);
  const auto before = must(eyes.state());
  EXPECT_EQ(before.memory.size(), 28U) << "nothing is forgotten";
  EXPECT_EQ(before.tick_count, 28);
  const auto parts = eyes.parts();
  ASSERT_EQ(parts.size(), 1U);
  EXPECT_EQ(tag(parts.front(), "d"), "nip-sa/state/1");
  const auto shown = world.ask({"state", "show", "--home", world.node_home().string()});
  EXPECT_EQ(base::json::int_or(shown, "parts"), 1);
  EXPECT_EQ(base::json::int_or(shown, "memories"), 28);
  EXPECT_EQ(base::json::string_or(shown, "problem"), "");

  // Another home with the same share, which has only the second relay.
  world.node().terminate();
  for (const auto& entry : std::filesystem::directory_iterator(world.node_home()))
    if (entry.path().filename().string().starts_with("sovereign.db"))
      std::filesystem::remove(entry.path());
  world.relay(0).terminate();
  world.stranger().move_to({world.relay_urls().at(1)});
  world.start_node();
  EXPECT_EQ(tick(world, "Do you remember?").status, nipsa::TickStatus::kSuccess);
  const auto after = must(eyes.state());
  // What only the relay that is gone knew to be answered is heard once more.
  ASSERT_GE(after.memory.size(), 29U);
  EXPECT_EQ(after.tick_count, static_cast<std::int64_t>(after.memory.size()));
  for (std::size_t i = 0; i < before.memory.size(); ++i)
    EXPECT_EQ(after.memory[i], before.memory[i]);
  EXPECT_EQ(eyes.parts(), parts) << "a part that did not change is not written again";
}

TEST(State, ALostPartStopsTheAgentUntilTheOperatorAcceptsTheLoss) {
  World world({.playbook = std::string(kQuiet), .config = ""});
  world.start();
  world.await_announced();
  AgentEyes eyes(world);
  auto head = remembering(3);
  head.extra["ext"] = nipsa::Json::array(
      {{{"d", "nip-sa/state/1"}, {"sha256", nostr::sha256("what nobody has any more").hex()}}});
  const Event standing = eyes.publish(nipsa::encode_state(head).value());

  const auto refused = tick(world, "Hello");
  EXPECT_EQ(refused.status, nipsa::TickStatus::kError);
  EXPECT_EQ(refused.detail, "state-unavailable");
  const auto heads =
      world.stranger().fetch({.authors = {world.identity()}, .kinds = {nipsa::kinds::kState}});
  ASSERT_EQ(heads.size(), 1U);
  EXPECT_EQ(heads.front().id, standing.id) << "no shorter state was written over it";
  const std::string home = world.node_home().string();
  const auto shown = world.ask({"state", "show", "--home", home});
  EXPECT_EQ(base::json::string_or(shown, "problem"), "E_REF: nip-sa/state/1 is missing");
  EXPECT_EQ(base::json::string_or(shown, "head"), standing.id.hex());

  world.owner().await_message([](const Message& m) { return m.text.contains("E_REF: nip-sa/state/1 is missing"); });

  EXPECT_EQ(world.command({"state", "accept", "--home", home}).code, 0);
  EXPECT_EQ(tick(world, "And now?").status, nipsa::TickStatus::kSuccess);
  const auto after = must(eyes.state());
  EXPECT_EQ(after.memory.size(), 4U);
  EXPECT_EQ(after.memory.front().id, "m0");
  EXPECT_NE(world.command({"state", "accept", "--home", home}).code, 0)
      << "nothing is wrong any more";
}

TEST(State, AnOlderStateThanTheLastOneIsNotBelieved) {
  World world({.playbook = std::string(kQuiet), .config = ""});
  world.start();
  world.await_announced();
  EXPECT_EQ(tick(world, "One").status, nipsa::TickStatus::kSuccess);
  EXPECT_EQ(tick(world, "Two").status, nipsa::TickStatus::kSuccess);
  AgentEyes eyes(world);
  const auto heads =
      world.stranger().fetch({.authors = {world.identity()}, .kinds = {nipsa::kinds::kState}});
  ASSERT_EQ(heads.size(), 1U);
  // Newer by its date, and of an earlier day: somebody with two shares wants the agent to forget.
  const Event rolled_back =
      eyes.publish(nipsa::encode_state(remembering(1)).value(), heads.front());
  const auto refused = tick(world, "Three");
  EXPECT_EQ(refused.detail, "state-unavailable");
  const auto shown = world.ask({"state", "show", "--home", world.node_home().string()});
  EXPECT_TRUE(base::json::string_or(shown, "problem").starts_with("E_CONFLICT"))
      << base::json::string_or(shown, "problem");
  EXPECT_EQ(base::json::string_or(shown, "head"), rolled_back.id.hex());
}

TEST(State, AHeadThatCannotBeReadIsNeitherUsedNorOverwritten) {
  World world({.playbook = std::string(kQuiet), .config = ""});
  world.start();
  world.await_announced();
  AgentEyes eyes(world);
  const auto now = world.stranger().now();
  const std::string sealed_for_nobody = must(nostr::nip44_encrypt(
      must(nostr::nip44_conversation_key(world.stranger().key(), world.owner().pubkey())), "{}",
      world.stranger().rng()));
  struct Case {
    const char* what;
    nostr::Tags tags;
    std::string content;
    const char* problem;
  };
  int seconds = 0;
  for (const Case& c : {Case{"of a later version",
                             {{"encrypted"}, {"state_version", "2"}},
                             sealed_for_nobody,
                             "E_VERSION"},
                        Case{"under another key",
                             {{"encrypted"}, {"state_version", "1"}},
                             sealed_for_nobody,
                             "E_CRYPTO"},
                        Case{"in plain text",
                             {{"state_version", "1"}},
                             nipsa::encode_state(remembering(1)).value(),
                             "E_CRYPTO"}}) {
    SCOPED_TRACE(c.what);
    nostr::Draft draft{.kind = nipsa::kinds::kState,
                       .created_at = now + std::chrono::seconds{seconds++},
                       .tags = {{"d", "state"}},
                       .content = c.content};
    draft.tags.insert(draft.tags.end(), c.tags.begin(), c.tags.end());
    const Event head = eyes.sign_and_publish(std::move(draft));
    const auto result = tick(world, c.what);
    EXPECT_EQ(result.status, nipsa::TickStatus::kError);
    EXPECT_EQ(result.detail, "state-unavailable");
    const auto heads =
        world.stranger().fetch({.authors = {world.identity()}, .kinds = {nipsa::kinds::kState}});
    ASSERT_EQ(heads.size(), 1U);
    EXPECT_EQ(heads.front().id, head.id);
    const auto shown = world.ask({"state", "show", "--home", world.node_home().string()});
    EXPECT_TRUE(base::json::string_or(shown, "problem").starts_with(c.problem))
        << base::json::string_or(shown, "problem");
  }
}

// Two homes of one agent, one after the other: what a tick adds is added to the head that stands when it saves.
TEST(State, WhatAnotherHomeSavedInBetweenIsKept) {
  World world;
  world.start();
  world.await_announced();
  AgentEyes eyes(world);
  const Event first = eyes.publish(nipsa::encode_state(remembering(2)).value());
  const Asked asked = mention_and_await_question(world);
  const Event between = eyes.publish(nipsa::encode_state(remembering(3)).value(), first);
  world.owner().send(asked.asker, "yes " + asked.code);
  const auto result = must(nipsa::parse_tick_result(await_result(world, asked.mention)));
  EXPECT_EQ(result.status, nipsa::TickStatus::kSuccess) << result.detail;
  const auto heads =
      world.stranger().fetch({.authors = {world.identity()}, .kinds = {nipsa::kinds::kState}});
  ASSERT_EQ(heads.size(), 1U);
  EXPECT_EQ(must(nipsa::parse_state(heads.front())).prev, between.id);
  EXPECT_GT(heads.front().created_at, between.created_at);
  const auto state = must(eyes.state());
  EXPECT_EQ(state.memory.size(), 4U) << "theirs, and what this tick remembers";
  EXPECT_EQ(state.tick_count, 4);
}

TEST(State, WhereCoSignersSignNoPartsTheOldestIsForgottenAndTheNewestKept) {
  World world({.playbook = std::string(kQuiet), .config = ""});
  for (const int cosigner : {World::kFirstCosigner, World::kSecondCosigner}) {
    const auto policy = world.cosigner_home(cosigner) / "policy.toml";
    must(node::write_file(
        policy, must(node::read_file(policy)) + "\n[kinds.30078]\nverdict = \"refuse\"\n"));
  }
  world.start();
  world.await_announced();
  AgentEyes eyes(world);
  eyes.publish(nipsa::encode_state(remembering(25)).value());
  EXPECT_EQ(tick(world, "Hello").status, nipsa::TickStatus::kSuccess);
  EXPECT_TRUE(eyes.parts().empty());
  const auto state = must(eyes.state());
  EXPECT_LT(state.memory.size(), 26U);
  EXPECT_TRUE(state.memory.back().content.contains("I have seen it."));
  EXPECT_EQ(state.tick_count, 26);
}

TEST(State, KilledBetweenAPartAndItsHeadItGoesOn) {
  NEEDS_FAILPOINTS();
  for (const char* place : {"state-proposed", "state-part-published"}) {
    SCOPED_TRACE(place);
    World world({.playbook = std::string(kQuiet), .config = ""});
    world.start();
    world.await_announced();
    AgentEyes eyes(world);
    eyes.publish(nipsa::encode_state(remembering(25)).value());
    world.node().terminate();
    world.start_node(armed({place}));
    world.revive();
    EXPECT_EQ(tick(world, "Hello").status, nipsa::TickStatus::kSuccess);
    EXPECT_EQ(world.deaths(), 1);
    EXPECT_EQ(must(eyes.state()).memory.size(), 26U);
    EXPECT_EQ(eyes.parts().size(), 1U);
  }
}

}  // namespace
}  // namespace e2e
