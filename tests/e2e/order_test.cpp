// What an operator orders from a phone, or by a signed event from anywhere: everything stands still,
// and goes on only by a later word.
#include <functional>
#include <thread>

#include <gtest/gtest.h>

#include "node/key_file.h"
#include "tests/e2e/support/must.h"
#include "tests/e2e/support/story.h"

namespace e2e {
namespace {

Message await_word(World& world, const nostr::PublicKey& from, const std::string& start) {
  return world.owner().await_message(
      [&](const Message& m) { return m.from == from && m.text.starts_with(start); });
}

/// Looks until `condition` holds; a test failure after a long silence.
void eventually(const std::function<bool()>& condition) {
  for (int tries = 0; tries < 600; ++tries) {
    if (condition()) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  FAIL() << "it never happened";
}

TEST(Order, PausesTheNodeUntilASignedOneLetsItGoOn) {
  World world;
  world.start();
  world.await_announced();
  world.owner().send(world.node_key(), "pause: let me look");
  await_word(world, world.node_key(), "paused");
  const auto paused = world.ask({"status", "--home", world.node_home().string()});
  EXPECT_TRUE(paused["paused"].get<std::string>().ends_with(": let me look"));
  const nostr::Event woken = mention(world);
  world.owner().send(world.node_key(), "status");
  EXPECT_NE(await_word(world, world.node_key(), "paused: by npub1").text.find("relays: "),
            std::string::npos);

  const auto key_file = world.root() / "owner.key";
  must(node::save_key_file(key_file, world.owner().key()));
  const auto said = world.ask({"order", "resume", "--to", world.node_key().hex(), "--key-file",
                               key_file.string(), "--relay", world.relay_urls().at(0)});
  EXPECT_EQ(said["order"], "resume");
  await_word(world, world.node_key(), "going on");
  const Asked asked = await_question(world, woken);
  world.owner().send(asked.asker, "yes " + asked.code);
  expect_told_once(world, woken);
}

TEST(Order, PausedCosignersSignNothingAndSayWhy) {
  World world;
  world.start();
  const Asked asked = mention_and_await_question(world);
  for (const int cosigner : {2, 3}) {
    world.owner().send(world.service(cosigner), "pause");
    await_word(world, world.service(cosigner), "paused");
  }
  world.owner().send(asked.asker, "yes " + asked.code);
  const std::string home = world.cosigner_home(asked.cosigner).string();
  eventually([&] { return world.ask({"approval", "show", asked.code, "--home", home})["state"] == "approved"; });
  eventually([&] {
    const Exit audit = world.command({"cosigner", "audit", "list", "--home", home});
    return audit.out.find("paused") != std::string::npos;
  });
  const auto status = world.ask({"status", "--home", home});
  EXPECT_NE(status["paused"], "");
  EXPECT_TRUE(replies(world).empty());
  // The switch is the same file the command works.
  for (const int cosigner : {2, 3})
    EXPECT_EQ(world.command({"resume", "--home", world.cosigner_home(cosigner).string()}).code, 0);
  EXPECT_EQ(world.ask({"status", "--home", home})["paused"], "");
}

}  // namespace
}  // namespace e2e
