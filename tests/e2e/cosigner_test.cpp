// The co-signer as an operator lives with it: the policy changes under it, it says what it would do
// and does it, one node of two is served, and its record shows what was done to it.
#include <gtest/gtest.h>

#include <fmt/format.h>

#include "frostr/reject.h"
#include "nipsa/kinds.h"
#include "node/home.h"
#include "nostr/base/failpoint.h"
#include "nostr/event/event_json.h"
#include "storage/actions.h"
#include "storage/audit.h"
#include "storage/ticks.h"
#include "tests/e2e/support/hostile_member.h"
#include "tests/e2e/support/must.h"
#include "tests/e2e/support/story.h"

namespace e2e {
namespace {

namespace fs = std::filesystem;
using base::json::Value;

constexpr int kMarket = World::kFirstCosigner;
constexpr int kGuard = World::kSecondCosigner;

Value ask_market(World& world, std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "cosigner");
  arguments.insert(arguments.end(), {"--home", world.cosigner_home(kMarket).string()});
  return world.ask(std::move(arguments));
}

std::string policy_of(World& world, int cosigner) {
  return must(node::read_file(world.cosigner_home(cosigner) / "policy.toml"));
}

void write_policy(World& world, int cosigner, const std::string& text) {
  must(node::write_file(world.cosigner_home(cosigner) / "policy.toml", text));
}

/// Waits until the running co-signer says of its policy what `test` wants.
void until_policy(World& world, const std::function<bool(const Value&)>& test) {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  for (;;) {
    const Value status = world.ask({"status", "--home", world.cosigner_home(kMarket).string()});
    if (test(status.at("policy"))) return;
    if (std::chrono::steady_clock::now() > deadline)
      throw std::runtime_error("the policy did not become that: " + status.at("policy").dump());
  }
}

std::vector<std::string> verdicts(const Value& rows, const std::string& kind) {
  std::vector<std::string> out;
  for (const Value& row : rows)
    if (row.value("kind", "") == kind) out.insert(out.begin(), row.value("verdict", ""));
  return out;
}

nostr::UnsignedEvent draft(World& world, HostileMember& member, nostr::Kind kind,
                           std::string content) {
  return {world.identity(), member.now(), kind, {}, std::move(content)};
}

/// What the co-signer really answers, in the words of `policy test`.
std::pair<std::string, std::string> really(HostileMember& member, const nostr::UnsignedEvent& event) {
  const Spoken spoken = member.sign(kMarket, member.session(kMarket, event));
  if (spoken.accepted) return {"sign", ""};
  const frostr::Reject reject = frostr::read_reject(spoken.reason);
  if (reject.kind == frostr::Reject::Kind::kApprovalRequired) return {"ask", ""};
  return {"refuse", reject.reason};
}

TEST(CosignerPolicy, TestSaysWhatTheRunningOneDoesBeforeAndAfterAReload) {
  World world;
  world.start_cosigner(kMarket);
  HostileMember member(world, 1);
  const fs::path file = world.root() / "event.json";
  const auto compare_with = [&](const std::string& when) {
    for (const auto& event :
         {draft(world, member, 1, "hello " + when), draft(world, member, 7, "+"),
          draft(world, member, 4, "a message"), draft(world, member, 30078, "unlisted"),
          draft(world, member, 1, "buy now " + when),
          draft(world, member, 1, std::string(300, 'x'))}) {
      must(node::write_file(file, nostr::to_json(event)));
      // A refusal is told by the exit code as well.
      const Exit told =
          world.command({"--json", "cosigner", "policy", "test", file.string(), "--home",
                         world.cosigner_home(kMarket).string()});
      const Value said = must(base::json::parse(told.out));
      const auto [verdict, reason] = really(member, event);
      EXPECT_EQ(said.value("verdict", ""), verdict) << when << " " << event.kind;
      EXPECT_EQ(said.value("reason", ""), reason) << when << " " << event.kind;
      EXPECT_EQ(told.code, verdict == "refuse" ? 4 : 0);
      EXPECT_EQ(said.at("steps").back().value("result", ""), verdict);
    }
  };
  compare_with("before");

  const std::string before = policy_of(world, kMarket);
  write_policy(world, kMarket,
               before + "\n[kinds.1]\nverdict = \"sign\"\nmax_chars = 200\n"
                        "content_never = [\"buy\"]\n[kinds.7]\nverdict = \"refuse\"\n");
  const auto hash = nostr::sha256(policy_of(world, kMarket)).hex();
  until_policy(world, [&](const Value& policy) { return policy.value("hash", "") == hash; });
  compare_with("after");

  write_policy(world, kMarket, before + "\n[kinds.1]\nverdit = \"sign\"\n");
  until_policy(world, [](const Value& policy) {
    return policy.value("error", "").contains("kinds.1.verdit: unknown key");
  });
  compare_with("with a mistake in the file");
  EXPECT_TRUE(world.command({"status", "--home", world.cosigner_home(kMarket).string()})
                  .out.contains("NOT taken"));

  write_policy(world, kMarket, before);
  until_policy(world, [&](const Value& policy) { return policy.value("error", "x").empty(); });
  const Value rows = ask_market(world, {"audit", "list", "-n", "500"});
  EXPECT_EQ(verdicts(rows, "policy"),
            (std::vector<std::string>{"loaded", "loosened", "rejected", "loosened"}))
      << "the last one lets kind 7 ask again";
}

TEST(CosignerAudit, SurvivesAKillAndShowsWhatWasDoneToIt) {
  World world;
  world.start_cosigner(kMarket);
  HostileMember member(world, 1);
  // Until it has seen the relays it says so and judges nothing: that is no verdict and has no row.
  for (int judged = 0, tries = 0; judged < 5 && tries < 100; ++tries)
    judged += really(member, draft(world, member, 4, fmt::format("no {}", tries))).second.contains("never-signed");
  const Value live = ask_market(world, {"audit", "verify"});
  EXPECT_GE(live.value("rows", 0), 6);
  world.cosigner(kMarket).kill();
  const Value killed = ask_market(world, {"audit", "verify"});
  EXPECT_EQ(killed.value("rows", 0), live.value("rows", 0)) << "each row was durable when it was told";
  EXPECT_EQ(killed.value("head", ""), live.value("head", ""));

  const fs::path anchor = world.root() / "anchor.json";
  must(node::write_file(anchor, Value{{"seq", killed["rows"]}, {"hash", killed["head"]}}.dump()));
  const std::vector<std::string> verify{"cosigner", "audit",           "verify",
                                        "--anchor", anchor.string(),   "--home",
                                        world.cosigner_home(kMarket).string()};
  EXPECT_EQ(world.command(verify).code, 0);
  {
    const auto db = world.open_cosigner_db(kMarket);
    must(db->script("DROP TRIGGER audit_stays;"
                    "DELETE FROM audit WHERE seq = (SELECT max(seq) FROM audit)"));
  }
  EXPECT_EQ(ask_market(world, {"audit", "verify"}).value("rows", 0), live.value("rows", 0) - 1);
  EXPECT_EQ(world.command(verify).code, 1) << "cut off";
  {
    const auto db = world.open_cosigner_db(kMarket);
    must(db->script("DROP TRIGGER audit_keeps; UPDATE audit SET reason = 'nothing' WHERE seq = 3"));
  }
  EXPECT_EQ(world.command({"cosigner", "audit", "verify", "--home",
                           world.cosigner_home(kMarket).string()})
                .code,
            1)
      << "changed";
}

Value status_of(World& world, const fs::path& home) {
  return world.ask({"status", "--home", home.string()});
}

/// Waits until the process of `home` says of itself what `test` wants.
void until(World& world, const fs::path& home, const std::function<bool(const Value&)>& test) {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  for (;;) {
    const Value status = status_of(world, home);
    if (test(status)) return;
    if (std::chrono::steady_clock::now() > deadline)
      throw std::runtime_error("never: " + status.dump());
  }
}

bool is_ready(const Value& status) { return status.value("ready", false); }
bool is_kept_out(const Value& status) {
  return status.value("why_not", "").contains("lease-held") && !is_ready(status);
}

/// A second home with the same share and the same node key, as a failover pair has.
fs::path twin_home(World& world) {
  const fs::path twin = world.root() / "twin";
  fs::create_directories(twin);
  for (const char* name : {"config.toml", "group.txt", "share.txt", "node.key"})
    fs::copy_file(world.node_home() / name, twin / name);
  std::string config = must(node::read_file(twin / "config.toml"));
  const std::string home = world.node_home().string();
  for (std::size_t at = config.find(home); at != config.npos; at = config.find(home, at))
    config.replace(at, home.size(), twin.string());
  must(node::write_file(twin / "config.toml", config));
  return twin;
}

TEST(CosignerLease, TheSecondNodeOfOneShareIsRefusedAndTakesOverOnTheOperatorsWord) {
  World world;
  world.start();
  world.await_announced();
  const Value first = ask_market(world, {"lease", "list"});
  ASSERT_EQ(first.size(), 1u);
  EXPECT_TRUE(first[0].value("held", false));
  EXPECT_EQ(first[0].value("runner", ""), world.node_key().hex());

  const fs::path twin = twin_home(world);
  Program second({"run", "--home", twin.string()},
                 {.environment = {}, .log = world.root() / "twin.log"});
  ASSERT_TRUE(second.read_line("running ").has_value());
  until(world, twin, is_kept_out);
  EXPECT_TRUE(is_ready(status_of(world, world.node_home())));

  // Killed and started again, the first is served at once: it is the same home.
  world.node().kill();
  world.start_node();
  until(world, world.node_home(), is_ready);
  EXPECT_TRUE(is_kept_out(status_of(world, twin)));

  // A mention while both run: one question, by one node.
  const Asked asked = mention_and_await_question(world);
  world.owner().send(asked.asker, "yes " + asked.code);
  await_reply(world);
  EXPECT_EQ(replies(world).size(), 1u);
  for (const Value& task : status_of(world, twin).at("tasks"))
    EXPECT_EQ(task.value("phase", ""), "planned") << "it does not tick";

  // The operator moves the share over.
  for (const int cosigner : {kMarket, kGuard})
    world.ask({"cosigner", "lease", "revoke", "1", "--home", world.cosigner_home(cosigner).string()});
  world.node().kill();
  until(world, twin, is_ready);
  const Value rows = ask_market(world, {"audit", "list", "-n", "500"});
  EXPECT_EQ(verdicts(rows, "lease"),
            (std::vector<std::string>{"granted", "restarted", "revoked", "taken-over"}));
  second.terminate();
}

#ifdef SOVEREIGN_FAILPOINTS  // else there is no clock to set
TEST(CosignerLease, TheSecondNodeTakesOverWhenTheFirstHasBeenSilentForTheTimeOfTheLease) {
  World world;
  world.start();
  world.await_announced();
  const fs::path twin = twin_home(world);
  world.node().kill();
  const auto start_twin = [&] {
    const auto ahead = std::to_string(base::clock_ahead().count());
    auto second = std::make_unique<Program>(
        std::vector<std::string>{"run", "--home", twin.string()},
        ProgramOptions{.environment = {{"SOVEREIGN_CLOCK_AHEAD", ahead}},
                       .log = world.root() / "twin.log"});
    if (!second->read_line("running ")) throw std::runtime_error("the twin did not start");
    return second;
  };
  {
    const auto second = start_twin();
    until(world, twin, is_kept_out);
    second->terminate();
  }
  world.pass_time(std::chrono::seconds{121});
  world.start_cosigner(kMarket);
  world.start_cosigner(kGuard);
  const auto second = start_twin();
  until(world, twin, is_ready);
  const Value rows = ask_market(world, {"audit", "list", "-n", "500"});
  EXPECT_EQ(verdicts(rows, "lease"), (std::vector<std::string>{"granted", "taken-over"}));
  second->terminate();
}
#endif

TEST(CosignerReadiness, FrostStatusSaysWhoIsThereAndWhatIsMissing) {
  World world;
  world.start_node();
  const std::string home = world.node_home().string();
  const auto member = [](const Value& status, int share) {
    for (const Value& one : status.at("cosigners"))
      if (one.value("idx", 0) == share) return one;
    return Value();
  };
  const Value alone = world.ask({"frost", "status", "--home", home});
  EXPECT_FALSE(is_ready(alone));
  EXPECT_EQ(alone.value("why_not", ""), "0 of 1 needed co-signers are online with nonces");
  EXPECT_NE(member(alone, kMarket).value("why_not", ""), "");

  world.start_cosigner(kMarket);
  until(world, home, [&](const Value& status) {
    return is_ready(status) && member(status, kMarket).value("apart", false);  // under transport keys
  });
  const Value status = world.ask({"frost", "status", "--home", home});
  EXPECT_TRUE(is_ready(status));
  EXPECT_EQ(status.value("why_not", "?"), "");
  const Value market = member(status, kMarket);
  EXPECT_TRUE(market.value("online", false));
  EXPECT_TRUE(market.value("judges", false));
  EXPECT_GT(market.value("nonces", 0), 0);
  EXPECT_EQ(market.value("why_not", "?"), "");
  EXPECT_FALSE(member(status, kGuard).value("online", true));
  EXPECT_NE(member(status, kGuard).value("why_not", ""), "");
  const Exit text = world.command({"frost", "status", "--home", home});
  EXPECT_TRUE(text.out.contains("share 2  online, judges by policy")) << text.out;
}

TEST(CosignerQuestions, OneTooManyIsToldAtOnceAndNotWaitedFor) {
  World world;
  world.start_cosigner(kMarket);  // alone, so that every question is put to it
  world.start_node();
  world.await_announced();
  for (int i = 0; i < 7; ++i) mention(world, fmt::format("Hello Scout, number {}", i));
  // Six wait for the operator, for a quarter of an hour; the seventh tick is over at once.
  const nostr::Event result =
      world.stranger().await({.authors = {world.node_key()}, .kinds = {nipsa::kinds::kTickResult}});
  EXPECT_TRUE(replies(world).empty());
  EXPECT_NE(tag(result, "status"), "success");
  EXPECT_EQ(world.ask({"pending", "--home", world.cosigner_home(kMarket).string()}).size(), 6u);
  world.stop_actors();
  const auto db = world.open_node_db();
  int undeliverable = 0;
  for (const storage::TickRow& tick : must(storage::Ticks(*db).history()))
    for (const storage::ActionRow& row : must(storage::Actions(*db).list(tick.slot)))
      if (row.state == storage::ActionState::kUndeliverable) {
        EXPECT_TRUE(row.result.contains("too-many-questions")) << row.result;
        ++undeliverable;
      }
  EXPECT_EQ(undeliverable, 1);
}

}  // namespace
}  // namespace e2e
