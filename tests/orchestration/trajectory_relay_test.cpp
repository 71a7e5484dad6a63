// The record of a session as a relay keeps it: 39231 is addressable, so a step without an address
// of its own would push the one before it out.
#include <gtest/gtest.h>

#include "nipsa/chain.h"
#include "nipsa/kinds.h"
#include "tests/orchestration/support/relay_world.h"
#include "tests/orchestration/support/session_world.h"

namespace orchestration {
namespace {

using testing::RelayWorld;
using testing::ScriptedBackend;
using testing::TempDir;
using testing::World;

TEST(PublishedTrajectory, ARelayKeepsEveryStepAndTheChainVerifiesFromIt) {
  TempDir dir;
  World world(dir);
  world.add_gates();
  std::vector<ScriptedBackend::Outcome> script;
  for (int i = 0; i < 6; ++i)
    script.push_back(
        ScriptedBackend::calls({{"post", R"({"content":"note )" + std::to_string(i) + "\"}"}}));
  script.push_back(ScriptedBackend::says("done"));
  ScriptedBackend backend(std::move(script));
  const auto result = world.run(backend, World::mention("work"));
  ASSERT_TRUE(result.has_value()) << result.error().detail;
  const auto steps = world.trajectory.events(result->session);
  ASSERT_EQ(steps.size(), 1u + 7 + 2 * 6 + 1) << "user, agent, tool_start and tool, session_end";

  RelayWorld relay;
  for (const nostr::Event& step : steps) {
    const auto outcome = relay.loop.run_until_complete(relay.pool.publish({relay.url()}, step));
    EXPECT_EQ(outcome.at(0).state, nostr::PublishOutcome::State::kAccepted)
        << outcome.at(0).message;
  }
  const auto kept = relay.loop.run_until_complete(relay.pool.fetch(
      {relay.url()}, {{.kinds = {nipsa::kinds::kTrajectoryEvent}}}, std::chrono::seconds{10}));
  ASSERT_EQ(kept.events.size(), steps.size());
  std::vector<nostr::Event> read;
  for (const nostr::EventPtr& event : kept.events) read.push_back(*event);
  const nipsa::ChainClaim claim{.agent = World::identity().agent,
                                .session_d = result->session,
                                .writer = World::identity().node,
                                .hash = result->trajectory.hash,
                                .alg = "chain-v1",
                                .count = static_cast<std::uint32_t>(steps.size())};
  EXPECT_EQ(nipsa::verify_chain(claim, read).verdict, nipsa::ChainVerdict::kValid);
  // One step that a relay lost, and one byte that somebody changed, are both found.
  std::vector<nostr::Event> short_one(read.begin() + 1, read.end());
  EXPECT_EQ(nipsa::verify_chain(claim, short_one).verdict, nipsa::ChainVerdict::kIncomplete);
  read[3].content[0] ^= 1;
  EXPECT_NE(nipsa::verify_chain(claim, read).verdict, nipsa::ChainVerdict::kValid);
}

}  // namespace
}  // namespace orchestration
