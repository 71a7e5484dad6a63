// One agent lets another act (39260): what it names is the most the other may do, for as long as it
// stands, and only whom the operator named hands out work.
#include <gtest/gtest.h>

#include "nipsa/chain.h"
#include "nipsa/delegation.h"
#include "nipsa/kinds.h"
#include "nipsa/tick.h"
#include "node/home.h"
#include "tests/e2e/support/must.h"
#include "tests/e2e/support/story.h"

namespace e2e {
namespace {

using base::json::string_or;
using base::json::Value;
using nostr::Event;

// Posts whatever it is asked to, and says so.
constexpr std::string_view kObedient = R"(
[[rule]]
on = "delegation"
call = { tool = "post", args = { content = "five sources on X" } }

[[rule]]
on = "tool"
say = "{{tool_result}}"

[[rule]]
on = "denied"
say = "{{tool_result}}"
)";
const std::string kScope = "nip90:" + std::string(64, 'a');

class HandedWork : public ::testing::Test {
 protected:
  HandedWork() : world_({.playbook = std::string(kObedient), .config = ""}) {
    parent_ = (world_.root() / "parent.key").string();
    world_.stranger().save_key(parent_);
    owner_ = (world_.root() / "owner.key").string();
    world_.owner().save_key(owner_);
  }
  void start_node() {
    world_.start_node({{"SOVEREIGN_AGENT_DELEGATORS", world_.stranger().pubkey().hex()}});
  }
  void start() {
    world_.start_cosigner(World::kFirstCosigner);
    world_.start_cosigner(World::kSecondCosigner);
    start_node();
    world_.await_announced();
  }
  std::vector<std::string> giving(const std::string& key, const nostr::PublicKey& to,
                                  std::vector<std::string> more) const {
    std::vector<std::string> out{
        "delegation", "give", to.hex(),  "Collect five sources",      "--scope", kScope,
        "--key-file", key,    "--relay", world_.relay_urls().front(), "--json"};
    out.insert(out.end(), more.begin(), more.end());
    return out;
  }
  /// The id of one that was given.
  std::string give(const std::string& key, const nostr::PublicKey& to,
                   std::vector<std::string> more = {}) {
    const Exit exit = world_.command(giving(key, to, std::move(more)));
    EXPECT_EQ(exit.code, 0) << exit.out;
    return string_or(must(base::json::parse(exit.out)), "id");
  }
  /// What is said of the tick it caused.
  Event report_on(const std::string& id) {
    const Event claim = world_.stranger().await(
        {.authors = {world_.node_key()}, .kinds = {nipsa::kinds::kTickRequest}},
        [&](const Event& e) { return tag(e, "e") == id; });
    return world_.stranger().await(
        {.authors = {world_.node_key()}, .kinds = {nipsa::kinds::kTickResult}},
        [&](const Event& e) { return tag(e, "e") == claim.id.hex(); });
  }
  void approve(const std::string& words) {
    const Message question = world_.owner().await_message(
        [&](const Message& m) { return !code_in(m.text).empty() && m.text.contains(words); });
    world_.owner().send(question.from, "yes " + code_in(question.text));
  }
  std::string state_of(const std::string& id, int code) {
    const Exit exit = world_.command(
        {"delegation", "show", id, "--relay", world_.relay_urls().front(), "--json"});
    EXPECT_EQ(exit.code, code) << exit.out;
    // A relay that obeys deletions has nothing to show any more.
    return exit.out.empty() ? "gone" : string_or(must(base::json::parse(exit.out)), "state");
  }
  World world_;
  std::string parent_, owner_;
};

TEST_F(HandedWork, IsDoneWithinWhatItNamesAndIsOnTheRecord) {
  start();
  const std::string session(64, 'b');
  const std::string id =
      give(parent_, world_.identity(), {"--capability", "nostr:publish", "--session", session});
  EXPECT_EQ(state_of(id, 0), "live");
  approve("five sources on X");
  const Event result = report_on(id);
  EXPECT_EQ(must(nipsa::parse_tick_result(result)).status, nipsa::TickStatus::kSuccess);
  EXPECT_EQ(replies(world_).size(), 1U) << "the operator's yes is needed as ever";
  expect_valid_trajectory(world_, result);
  const Event first = world_.stranger().await(
      {.authors = {world_.node_key()}, .kinds = {nipsa::kinds::kTrajectoryEvent}},
      [](const Event& e) { return tag(e, "seq") == "1"; });
  EXPECT_EQ(tag(first, "step"), "delegation");
  EXPECT_EQ(tag(first, "parent_session"), session);
  const auto heads = world_.stranger().fetch(
      {.authors = {world_.identity()}, .kinds = {nipsa::kinds::kTrajectory}});
  ASSERT_FALSE(heads.empty());
  EXPECT_EQ(tag(heads.front(), "visibility"), "private") << "its steps are sealed, and it says so";

  // One that names nothing lets nothing be done.
  const std::string empty = give(parent_, world_.identity());
  EXPECT_EQ(must(nipsa::parse_tick_result(report_on(empty))).actions, 0U);
  EXPECT_EQ(replies(world_).size(), 1U);

  // Nobody else hands out work: what comes after theirs is done, and theirs is not.
  const std::string foreign = give(owner_, world_.identity(), {"--capability", "nostr:publish"});
  report_on(give(parent_, world_.identity()));
  for (const Event& claim : world_.stranger().fetch(
           {.authors = {world_.node_key()}, .kinds = {nipsa::kinds::kTickRequest}}))
    EXPECT_NE(tag(claim, "e"), foreign);
}

TEST_F(HandedWork, TakenBackItIsNotDoneAnyMore) {
  start();
  world_.node().terminate();
  const std::string id = give(parent_, world_.identity(), {"--capability", "nostr:publish"});
  EXPECT_NE(world_
                .command({"delegation", "revoke", id, "--key-file", owner_, "--relay",
                          world_.relay_urls().front()})
                .code,
            0)
      << "only who gave it";
  EXPECT_EQ(state_of(id, 0), "live");
  EXPECT_EQ(world_
                .command({"delegation", "revoke", id, "--key-file", parent_, "--relay",
                          world_.relay_urls().front()})
                .code,
            0);
  const std::string next = give(parent_, world_.identity());
  start_node();
  report_on(next);
  EXPECT_TRUE(replies(world_).empty());
  for (const Event& event : world_.stranger().fetch(
           {.authors = {world_.node_key()}, .kinds = {nipsa::kinds::kTickResult}})) {
    const auto result = must(nipsa::parse_tick_result(event));
    EXPECT_TRUE(result.status == nipsa::TickStatus::kSuccess ||
                result.detail == "delegation-revoked")
        << result.detail;
  }
}

TEST_F(HandedWork, IsGivenOnWithinWhatWasGiven) {
  const auto refused = [&](const std::string& key, const nostr::PublicKey& to,
                           std::vector<std::string> more) {
    return world_.command(giving(key, to, std::move(more))).code != 0;
  };
  const std::string root = give(owner_, world_.stranger().pubkey(),
                                {"--capability", "nostr:read", "--max", "300", "--for", "1h"});
  const nostr::PublicKey to = world_.identity();
  const std::string child = give(
      parent_, to, {"--under", root, "--capability", "nostr:read", "--max", "200", "--for", "30m"});
  EXPECT_EQ(state_of(child, 0), "live");
  EXPECT_TRUE(refused(parent_, to, {"--under", root, "--max", "200", "--for", "30m"}))
      << "together over the sum";
  EXPECT_TRUE(refused(parent_, to, {"--under", root, "--for", "2h"}))
      << "longer than what was given";
  EXPECT_TRUE(
      refused(parent_, to, {"--under", root, "--capability", "nostr:publish", "--for", "30m"}))
      << "what was not given";
  EXPECT_TRUE(refused(owner_, to, {"--under", root, "--for", "30m"})) << "to another it was given";
  EXPECT_TRUE(refused(parent_, to, {"--credit", "env-77"})) << "credit without a sum";
  EXPECT_TRUE(refused(parent_, to, {"--credit", "env-77", "--max", "5"})) << "no such credit";
  EXPECT_TRUE(refused(parent_, to, {"--for", "31d"}));

  const Exit listed =
      world_.command({"delegation", "list", "--from", world_.stranger().pubkey().hex(), "--relay",
                      world_.relay_urls().front(), "--json"});
  const Value one = must(base::json::parse(listed.out));
  EXPECT_EQ(string_or(one, "id"), child);
  EXPECT_EQ(base::json::int_or(one, "depth"), 2);
  EXPECT_EQ(base::json::int_or(one, "max_sat"), 200);
  // Taken back at the root, all below it falls.
  EXPECT_EQ(world_
                .command({"delegation", "revoke", root, "--key-file", owner_, "--relay",
                          world_.relay_urls().front()})
                .code,
            0);
  EXPECT_EQ(state_of(child, 1), "invalid") << "there is nothing above it any more";
}

TEST_F(HandedWork, AnAgentGivesItAsItsCoSignersAndOperatorSay) {
  for (const int cosigner : {World::kFirstCosigner, World::kSecondCosigner}) {
    const auto policy = world_.cosigner_home(cosigner) / "policy.toml";
    must(node::write_file(policy,
                          must(node::read_file(policy)) + "\n[kinds.39260]\nverdict = \"ask\"\n"));
  }
  start();
  const std::string home = world_.node_home().string();
  Program giving(
      {"delegation", "give", world_.stranger().pubkey().hex(), "Collect five sources", "--scope",
       kScope, "--home", home, "--json"},
      {.environment = {}, .log = world_.root() / "giving.log", .binary = "", .input = ""});
  approve("LET ANOTHER AGENT ACT FOR IT");
  const Exit given = giving.wait();
  ASSERT_EQ(given.code, 0);
  const std::string id = string_or(must(base::json::parse(given.out)), "id");
  EXPECT_EQ(state_of(id, 0), "live");
  Program revoking(
      {"delegation", "revoke", id, "--home", home, "--json"},
      {.environment = {}, .log = world_.root() / "revoking.log", .binary = "", .input = ""});
  approve("DELETE what it published");
  EXPECT_EQ(revoking.wait().code, 0);
  EXPECT_EQ(state_of(id, 1), "gone");
}

}  // namespace
}  // namespace e2e
