// The first thing a newcomer does, and the ways an identity comes into a home.
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "node/key_file.h"
#include "nostr/event/kinds.h"
#include "storage/events.h"
#include "storage/schema.h"
#include "tests/e2e/support/must.h"
#include "tests/e2e/support/person.h"
#include "tests/e2e/support/program.h"
#include "tests/node/support/temp_dir.h"

namespace e2e {
namespace {

using base::json::Value;
namespace fs = std::filesystem;

std::string read(const fs::path& path) {
  std::ifstream in(path);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

class Demo : public ::testing::Test {
 protected:
  Program start(std::vector<std::string> arguments) {
    fs::create_directories(dir_ / "tmp");
    return Program(std::move(arguments), {.environment = {{"TMPDIR", (dir_ / "tmp").string()}}, .log = log()});
  }
  fs::path log() const { return dir_ / "demo.log"; }
  /// What the demo tells on its way, once it holds `words`.
  std::string await_told(Program& demo, const std::string& words) {
    while (demo.running(std::chrono::milliseconds{50}))
      if (std::string told = read(log()); told.contains(words)) return told;
    ADD_FAILURE() << "the demo ended: " << read(log());
    return "";
  }
  /// The operator of a demo in `home`, with the client of their choice.
  Person operator_of(const fs::path& home, const std::string& told) {
    const std::size_t at = told.find("ws://127.0.0.1:");
    return Person({told.substr(at, told.find('\n', at) - at)}, must(node::load_key_file(home / "operator.key")));
  }

  node::testing::TempDir dir_;
};

TEST_F(Demo, TellsOneApprovalFromEndToEndAndLeavesNothingBehind) {
  Program demo = start({"init", "--demo", "--yes"});
  const auto line = demo.read_line("{");
  ASSERT_TRUE(line) << read(log());
  const Value facts = must(base::json::parse(*line));
  for (const char* id : {"identity", "node", "operator", "profile", "schedule", "state", "mention", "tick_request", "approval_request", "approval",
                         "decision", "reply", "tick_result", "trajectory", "trajectory_hash"})
    EXPECT_EQ(base::json::string_or(facts, id).size(), 64U) << id;
  EXPECT_EQ(facts.at("cosigners").size(), 2U);
  EXPECT_GT(base::json::int_or(facts, "trajectory_events"), 3);
  EXPECT_EQ(demo.wait().code, 0);
  EXPECT_TRUE(fs::is_empty(dir_ / "tmp")) << "the homes of a demo that went well are gone";
  EXPECT_TRUE(read(log()).contains("PUBLISH A NOTE (kind 1)")) << "the question is shown as the operator gets it";
}

TEST_F(Demo, AHomeKeepsEverythingAndTheReplyIsThereUnderTheGroupsKey) {
  Program demo = start({"init", "--demo", "--yes", "--home", (dir_ / "kept").string()});
  const auto line = demo.read_line("{");
  ASSERT_TRUE(line) << read(log());
  const Value facts = must(base::json::parse(*line));
  EXPECT_EQ(demo.wait().code, 0);
  const auto db = must(storage::open_database((dir_ / "kept" / "relay.db").string()));
  storage::EventDb events(*db);
  const auto id = must(nostr::EventId::from_hex(base::json::string_or(facts, "reply")));
  const auto reply = must(events.get(id));
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->pubkey.hex(), base::json::string_or(facts, "identity"));
  EXPECT_EQ(reply->kind, nostr::kinds::kTextNote);
  for (const char* share : {"share-1.txt", "share-2.txt", "share-3.txt"})
    EXPECT_FALSE(fs::exists(dir_ / "kept" / "deal" / share)) << "every share is in one home only";

  Program again = start({"init", "--demo", "--yes", "--home", (dir_ / "kept").string()});
  EXPECT_EQ(again.wait().code, 1) << "a demo does not write into what is there";
}

TEST_F(Demo, AnOperatorWhoSaysNoFromTheirOwnClientIsObeyed) {
  const fs::path home = dir_ / "home";
  Program demo = start({"init", "--demo", "--home", home.string()});
  Person person = operator_of(home, await_told(demo, "You are the operator"));
  const Message question = person.await_message([](const Message& message) { return message.text.contains("no "); });
  person.send(question.from, question.text.substr(question.text.rfind("no ")));
  const Exit end = demo.wait();
  EXPECT_EQ(end.code, 4) << read(log());
  EXPECT_TRUE(read(log()).contains("nothing was signed")) << read(log());
}

TEST_F(Demo, StaysUpAfterAYesAndEndsEverybodyWhenStopped) {
  const fs::path home = dir_ / "home";
  Program demo = start({"init", "--demo", "--home", home.string()});
  Person person = operator_of(home, await_told(demo, "You are the operator"));
  const Message question = person.await_message([](const Message& message) { return message.text.contains("yes "); });
  const std::size_t yes = question.text.rfind("yes ");
  person.send(question.from, question.text.substr(yes, question.text.find('\n', yes) - yes));
  await_told(demo, "Everybody stays up");
  const std::string agent = (home / "agent").string();
  EXPECT_EQ(run_program({"status", "--home", agent}, {.environment = {}, .log = log()}).code, 0);
  EXPECT_EQ(demo.terminate().code, 0);
  EXPECT_EQ(run_program({"status", "--home", agent}, {.environment = {}, .log = log()}).code, 3);
}

TEST_F(Demo, NobodyOutlivesADemoThatIsKilled) {
  const fs::path home = dir_ / "home";
  Program demo = start({"init", "--demo", "--home", home.string()});
  await_told(demo, "You are the operator");
  const std::string agent = (home / "agent").string();
  ASSERT_EQ(run_program({"status", "--home", agent}, {.environment = {}, .log = log()}).code, 0);
  demo.kill();
  while (run_program({"status", "--home", agent}, {.environment = {}, .log = log()}).code == 0) continue;
  while (run_program({"status", "--home", (home / "cosigner-2").string()}, {.environment = {}, .log = log()}).code == 0) continue;
}

// ---- homes -------------------------------------------------------------------------------------

class Init : public ::testing::Test {
 protected:
  Exit init(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"init", "--json", "--home", home().string()});
    return run_program(std::move(arguments), {.environment = {}, .log = log()});
  }
  fs::path home() const { return dir_ / "agent"; }
  fs::path log() const { return dir_ / "log"; }
  std::string path(const char* name) const { return (dir_ / name).string(); }
  std::vector<std::string> people() const {
    return {"--relay", "ws://127.0.0.1:7777", "--operator", kSomebody};
  }
  static std::vector<std::string> joined(std::vector<std::string> first, const std::vector<std::string>& second) {
    first.insert(first.end(), second.begin(), second.end());
    return first;
  }

  /// BIP-340's first test key: any point on the curve does.
  static constexpr const char* kSomebody = "f9308a019258c31049344f85f89d5229b531c845836f99b08601f113bce036f9";
  node::testing::TempDir dir_;
};

TEST_F(Init, AKeyThatIsImportedGoesOnAsAnIdentityInShares) {
  base::SystemRng rng;
  const nostr::SecretKey key = nostr::SecretKey::generate(rng);
  must(node::save_key_file(path("old.key"), key));
  const Exit end = init(joined({"--import", path("old.key"), "--out", path("shares")}, people()));
  ASSERT_EQ(end.code, 0) << read(log());
  EXPECT_EQ(base::json::string_or(must(base::json::parse(end.out)), "identity"), key.public_key().hex());
  EXPECT_TRUE(read(log()).contains("still signs alone")) << "whoever imports has to know";
  EXPECT_TRUE(fs::exists(home() / "share.txt"));
  EXPECT_EQ(fs::status(dir_ / "shares").permissions(), fs::perms::owner_all);
  EXPECT_FALSE(fs::exists(dir_ / "shares" / "share-1.txt")) << "this node's share is in its home only";
  EXPECT_TRUE(fs::exists(dir_ / "shares" / "share-2.txt"));
  EXPECT_TRUE(fs::exists(dir_ / "shares" / "share-3.txt"));

  // What was left for the others makes a co-signer's home.
  EXPECT_EQ(run_program({"cosigner", "init", "--home", path("guard"), "--group", path("shares/group.txt"), "--share", path("shares/share-2.txt"),
                         "--relay", "ws://127.0.0.1:7777", "--operator", kSomebody, "--runner", base::json::string_or(must(base::json::parse(end.out)), "node")},
                        {.environment = {}, .log = log()})
                .code,
            0);
}

TEST_F(Init, ANewIdentityIsMadeWithItsShares) {
  const Exit end = init(joined({"--new", "--out", path("shares")}, people()));
  ASSERT_EQ(end.code, 0) << read(log());
  EXPECT_TRUE(fs::exists(home() / "config.toml"));
  EXPECT_EQ(init(joined({"--new", "--out", path("others")}, people())).code, 1) << "a home is never overwritten";
  EXPECT_FALSE(fs::exists(dir_ / "others"));
}

TEST_F(Init, WhatIsWrongIsFoundBeforeAnythingIsWritten) {
  const std::vector<std::string> made{"--new", "--out", path("shares")};
  EXPECT_EQ(init(people()).code, 2) << "no identity";
  EXPECT_TRUE(read(log()).contains("--demo")) << "and the ways to one are told";
  EXPECT_EQ(init(joined({"--new"}, people())).code, 2) << "no place for the shares";
  EXPECT_EQ(init(joined({"--new", "--out", path("shares"), "--import", path("old.key")}, people())).code, 2) << "two identities";
  EXPECT_EQ(init(joined({"--share", path("share.txt")}, people())).code, 2) << "no group";
  EXPECT_EQ(init(joined(made, {"--relay", "http://127.0.0.1", "--operator", kSomebody})).code, 2);
  EXPECT_EQ(init(joined(made, {"--relay", "ws://127.0.0.1:7777", "--operator", "nobody"})).code, 2);
  EXPECT_EQ(init(joined(made, {"--operator", kSomebody})).code, 2) << "nobody is asked without a terminal";
  EXPECT_TRUE(read(log()).contains("wss://relay.damus.io")) << "relays are proposed";
  EXPECT_EQ(init(joined(made, {"--relay", "ws://127.0.0.1:7777"})).code, 2);
  EXPECT_FALSE(fs::exists(dir_ / "shares"));
  EXPECT_FALSE(fs::exists(home()));
}

}  // namespace
}  // namespace e2e
