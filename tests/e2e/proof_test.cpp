// Whether somebody holds a key: an agent answers whom it may, its co-signers and operator have the
// last word, and nobody else's answer holds.
#include <gtest/gtest.h>

#include "nipsa/kinds.h"
#include "node/home.h"
#include "tests/e2e/support/must.h"
#include "tests/e2e/support/story.h"

namespace e2e {
namespace {

using base::json::Value;
using nostr::Event;

void append(const std::filesystem::path& file, const std::string& text) {
  must(node::write_file(file, must(node::read_file(file)) + text));
}

Exit ask(World& world, const std::string& key, const nostr::PublicKey& who,
         const std::string& lasts) {
  return world.command({"proof", "ask", who.hex(), "--key-file", key, "--relay",
                        world.relay_urls().front(), "--for", lasts, "--json"});
}

TEST(Proof, AnAgentProvesItsKeyToWhomItsOperatorNamed) {
  World world;
  for (const int cosigner : {World::kFirstCosigner, World::kSecondCosigner})
    append(world.cosigner_home(cosigner) / "policy.toml", "\n[kinds.33411]\nverdict = \"sign\"\n");
  world.start_cosigner(World::kFirstCosigner);
  world.start_cosigner(World::kSecondCosigner);
  world.start_node({{"SOVEREIGN_AGENT_PROVES_TO", world.owner().pubkey().hex()}});
  world.await_announced();
  const std::string owner = (world.root() / "owner.key").string(),
                    stranger = (world.root() / "stranger.key").string();
  world.owner().save_key(owner);
  world.stranger().save_key(stranger);

  const Exit proved = ask(world, owner, world.identity(), "5m");
  ASSERT_EQ(proved.code, 0) << proved.out;
  const Value answer = must(base::json::parse(proved.out));
  EXPECT_EQ(base::json::string_or(answer, "pubkey"), world.identity().hex());
  EXPECT_EQ(answer.at("proved"), true);
  const auto responses =
      world.owner().fetch({.authors = {world.identity()}, .kinds = {nipsa::kinds::kAuthResponse}});
  ASSERT_EQ(responses.size(), 1U);
  EXPECT_EQ(responses.front().id.hex(), base::json::string_or(answer, "response"));
  EXPECT_EQ(responses.front().content, "");

  // Nobody else is answered, and an agent that nobody named answers nobody.
  EXPECT_EQ(ask(world, stranger, world.identity(), "3s").code, 124);
  EXPECT_EQ(world.owner()
                .fetch({.authors = {world.identity()}, .kinds = {nipsa::kinds::kAuthResponse}})
                .size(),
            1U);
}

TEST(Proof, ToOthersItIsGivenByHandAndWithTheOperatorsYes) {
  World world;
  world.start();
  world.await_announced();
  const std::string stranger = (world.root() / "stranger.key").string(),
                    relay = world.relay_urls().front();
  world.stranger().save_key(stranger);
  Program asking(
      {"proof", "ask", world.identity().hex(), "--key-file", stranger, "--relay", relay, "--for",
       "10m", "--json"},
      {.environment = {}, .log = world.root() / "asking.log", .binary = "", .input = ""});
  const Event challenge = world.stranger().await(
      {.authors = {world.stranger().pubkey()}, .kinds = {nipsa::kinds::kAuthChallenge}});
  Program giving(
      {"proof", "give", challenge.id.hex(), "--home", world.node_home().string(), "--json"},
      {.environment = {}, .log = world.root() / "giving.log", .binary = "", .input = ""});
  const Message question = world.owner().await_message([](const Message& m) {
    return !code_in(m.text).empty() && m.text.contains("PROVE TO SOMEBODY");
  });
  world.owner().send(question.from, "yes " + code_in(question.text));
  EXPECT_EQ(giving.wait().code, 0);
  EXPECT_EQ(asking.wait().code, 0);
}

TEST(Proof, AnOrdinaryKeyAnswersAChallengeOnceItIsItsOwn) {
  World world;
  const std::string owner = (world.root() / "owner.key").string(),
                    stranger = (world.root() / "stranger.key").string();
  const std::string relay = world.relay_urls().front();
  world.owner().save_key(owner);
  world.stranger().save_key(stranger);
  Program asking(
      {"proof", "ask", world.stranger().pubkey().hex(), "--key-file", owner, "--relay", relay,
       "--for", "10m", "--json"},
      {.environment = {}, .log = world.root() / "asking.log", .binary = "", .input = ""});
  const Event challenge = world.owner().await(
      {.authors = {world.owner().pubkey()}, .kinds = {nipsa::kinds::kAuthChallenge}});
  const std::string id = challenge.id.hex();
  EXPECT_EQ(world.command({"proof", "give", id, "--key-file", owner, "--relay", relay}).code, 4)
      << "it is to another key";
  EXPECT_EQ(world
                .command({"proof", "give", std::string(64, '0'), "--key-file", stranger, "--relay",
                          relay})
                .code,
            1);
  EXPECT_EQ(world.command({"proof", "give", id, "--key-file", stranger, "--relay", relay}).code, 0);
  EXPECT_EQ(asking.wait().code, 0);
}

}  // namespace
}  // namespace e2e
