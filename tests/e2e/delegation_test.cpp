// Tasks handed to other agents, in a real node: two run side by side, are heard of once each whoever is
// killed when, and what the node publishes in the end is the same.
#include <gtest/gtest.h>

#include <fstream>

#include "node/home.h"
#include "storage/sessions.h"
#include "storage/tasks.h"
#include "tests/e2e/support/failpoints.h"
#include "tests/e2e/support/must.h"
#include "tests/e2e/support/story.h"

namespace e2e {
namespace {

using base::json::Value;
using nostr::Event;

constexpr std::string_view kPlaybook = R"toml(
[[rule]]
on = "mention"
call = { tool = "background_task", args = { agent = "explore", description = "find the fault", task = "Find FAULT", outcome = "path and line" } }
[[rule]]
on = "tool"
match = "is with explore"
call = { tool = "background_task", args = { agent = "oracle", description = "judge it", task = "Judge the risk", outcome = "one sentence" } }
[[rule]]
on = "tool"
match = "is with oracle"
say = "Both are on it."
[[rule]]
on = "news"
match = "small risk"
call = { tool = "reply", args = { content = "Found and judged." } }
[[rule]]
on = "news"
say = "One of two."
[[rule]]
on = "tool"
match = "Done: reply"
say = "Replied."
[[rule]]
on = "task"
match = "Find FAULT"
call = { tool = "grep", args = { pattern = "FAULT" } }
[[rule]]
on = "tool"
match = "a.txt"
say = "It is in a.txt"
[[rule]]
on = "task"
match = "Judge the risk"
say = "small risk"
)toml";

class Delegation : public ::testing::TestWithParam<Failpoint> {
 protected:
  Delegation() : world_({.playbook = std::string(kPlaybook), .config = "\n"}) {
    const auto folder = world_.root() / "work";
    std::filesystem::create_directory(folder);
    std::ofstream(folder / "a.txt") << "one\nFAULT here\n";
    const auto config = world_.node_home() / "config.toml";
    std::string text = must(node::read_file(config));
    const std::string wanted = "read_root = \"\"";
    text.replace(text.find(wanted), wanted.size(), "read_root = \"" + folder.string() + "\"");
    must(node::write_file(config, text));
  }

  Asked play() {
    world_.revive();
    const Asked asked = mention_and_await_question(world_);
    EXPECT_NE(asked.message.text.find("| Found and judged."), std::string::npos) << asked.message.text;
    world_.owner().send(asked.asker, "yes " + asked.code);
    EXPECT_EQ(await_reply(world_).content, "Found and judged.");
    await_result(world_, asked.mention);
    return asked;
  }

  void expect_whole() {
    EXPECT_EQ(replies(world_).size(), 1u);
    world_.stop_actors();
    const auto db = world_.open_node_db();
    const auto tasks = must(storage::Tasks(*db).history(10));
    ASSERT_EQ(tasks.size(), 2u);
    for (const storage::TaskRow& task : tasks) {
      EXPECT_EQ(task.state, storage::TaskState::kCompleted) << task.agent << ": " << task.note;
      EXPECT_EQ(task.result, task.agent == "explore" ? "It is in a.txt" : "small risk");
      EXPECT_TRUE(task.told);
      // Heard of once, by its parent.
      int heard = 0;
      for (const storage::MessageRow& message : must(storage::Sessions(*db).transcript(task.parent)))
        if (message.role == "user" && message.json.contains(task.id)) ++heard;
      EXPECT_EQ(heard, 1) << task.agent;
    }
    EXPECT_TRUE(must(storage::Sessions(*db).list_running()).empty());
  }

  World world_;
};

TEST_F(Delegation, TwoHelpersReportAndTheWorkIsFinished) {
  world_.start();
  play();
  const auto home = world_.node_home().string();
  const Exit listed = world_.command({"task", "list", "--home", home, "--json"});
  EXPECT_EQ(listed.code, 0);
  EXPECT_EQ(std::ranges::count(listed.out, '\n'), 2) << listed.out;
  const std::string id = must(base::json::parse(listed.out.substr(0, listed.out.find('\n')))).at("id");
  const Value shown = world_.ask({"task", "show", id, "--home", home});
  EXPECT_EQ(shown.at("brief").at("from"), "sisyphus");
  EXPECT_EQ(world_.command({"task", "show", "bg_0000000000000000", "--home", home}).code, 1);
  expect_whole();
  EXPECT_EQ(world_.command({"task", "list", "--home", home}).code, 0) << "without a node as well";
}

TEST_P(Delegation, WhoeverIsKilledWhenTheEndIsTheSame) {
  NEEDS_FAILPOINTS();
  world_.start();
  world_.await_announced();
  world_.node().terminate();
  world_.start_node(armed(GetParam()));
  play();
  EXPECT_EQ(world_.deaths(), 1) << "the node never came by " << GetParam().name;
  expect_whole();
}

constexpr std::string_view kHeraldPlaybook = R"toml(
[[rule]]
on = "mention"
call = { tool = "background_task", args = { agent = "herald", description = "announce it", task = "Announce it", outcome = "a note" } }
[[rule]]
on = "tool"
match = "is with herald"
say = "It will be announced."
[[rule]]
on = "task"
match = "Announce it"
call = { tool = "post", args = { content = "Hear ye!" } }
[[rule]]
on = "news"
say = "So be it."
)toml";

// Nobody waits for the answer any more: the operator is told, the request is deleted, and a yes changes nothing.
TEST(DelegationCancelled, ATaskThatIsCutOffTakesItsQuestionBack) {
  World world({.playbook = std::string(kHeraldPlaybook), .config = "\n[agents.sisyphus]\ndelegates_to = [\"herald\"]\n"});
  std::filesystem::create_directory(world.node_home() / "agents");
  must(node::write_file(world.node_home() / "agents" / "herald.toml",
                        "purpose = \"announces what it is told\"\nprompt = \"You are Herald.\"\ntools = [\"post\"]\n"
                        "sign = \"allow\"\nsign_kinds = [1]\n"));
  world.start();
  const Asked asked = mention_and_await_question(world);
  EXPECT_NE(asked.message.text.find("| Hear ye!"), std::string::npos) << asked.message.text;
  const auto home = world.node_home().string();
  const Exit listed = world.command({"task", "list", "--home", home, "--json"});
  const std::string id = must(base::json::parse(listed.out.substr(0, listed.out.find('\n')))).at("id");
  EXPECT_EQ(world.command({"task", "cancel", id, "--home", home}).code, 0);
  const Event deletion = world.stranger().await({.authors = {world.node_key()}, .kinds = {nostr::kinds::kDeletion}},
                                                [](const Event& event) { return tag(event, "k") == "39212"; });
  EXPECT_FALSE(tag(deletion, "e").empty());
  await_receipt(world, asked, "cancelled");
  world.owner().send(asked.asker, "yes " + asked.code);
  await_result(world, asked.mention);
  const Exit open = world.command({"pending", "--home", world.cosigner_home(asked.cosigner).string(), "--json"});
  EXPECT_TRUE(must(base::json::parse(open.out)).empty()) << open.out;
  EXPECT_TRUE(replies(world).empty()) << "nothing was announced";
  EXPECT_TRUE(world.stranger().fetch({.ids = {must(nostr::EventId::from_hex(tag(deletion, "e")))}}).empty());
}

INSTANTIATE_TEST_SUITE_P(AfterEachCommit, Delegation,
                         testing::Values(Failpoint{"task-handed-out"}, Failpoint{"task-handed-out", 2},
                                         Failpoint{"task-ended"}, Failpoint{"task-ended", 2},
                                         Failpoint{"session_heard"}, Failpoint{"session_step", 6},
                                         Failpoint{"db-after-commit", 60}, Failpoint{"db-before-commit", 90}));

}  // namespace
}  // namespace e2e
