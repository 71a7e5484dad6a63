// A piece of work from its order to its note or its patch, by three agents with a model behind HTTP each of whose answers
// follows from the conversation: survey, look up, edit, test, ask, publish. Killed three times on the way it
// ends in the same files, the same note and the same reports.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include <fmt/format.h>

#include "node/home.h"
#include "storage/sessions.h"
#include "storage/tasks.h"
#include "tests/e2e/support/failpoints.h"
#include "tests/e2e/support/must.h"
#include "tests/e2e/support/story.h"
#include "tools/model_server/server.h"

namespace e2e {
namespace {

namespace fs = std::filesystem;
using base::json::Value;

constexpr int kFiles = 200;
constexpr std::string_view kFault = "def half(a):\n    return a // 2\n";
constexpr std::string_view kMended = "def half(a):\n    return (a + 1) // 2\n";
constexpr std::string_view kCommit = "git commit -a -m 'Round half a coin up'";
constexpr std::string_view kNote = "half() rounds up now; three tests pass.";

Value call(std::string name, Value arguments) {
  return {{"name", std::move(name)}, {"arguments", std::move(arguments)}};
}

Value errand(std::string agent, std::string description, std::string task) {
  return call("background_task", {{"agent", std::move(agent)},
                                  {"description", std::move(description)},
                                  {"task", std::move(task)},
                                  {"outcome", "one line"}});
}

Value step(std::vector<std::string> wanted, std::vector<Value> calls, std::string text = "") {
  Value out = {{"if", std::move(wanted)}, {"usage", {{"prompt_tokens", 400}, {"completion_tokens", 40}}}};
  if (!calls.empty()) out["calls"] = std::move(calls);
  else out["text"] = std::move(text);
  return out;
}

constexpr const char* kSisyphus = "You are Scout";
const std::vector<Value> kNone;

/// Says what was done.
Value by_note() {
  return Value::array({step({kSisyphus, "Done: reply"}, kNone, "Mended, tested and announced."),
                       step({kSisyphus, "OK 3 tests"}, {call("reply", {{"content", kNote}})})});
}

/// Commits what was done and publishes the commit.
Value by_patch() {
  return Value::array({step({kSisyphus, "Done: post"}, kNone, "Mended, tested and sent."),
                       step({kSisyphus, "1 file changed"}, {call("publish_patch", Value::object())}),
                       step({kSisyphus, "OK 3 tests"}, {call("bash", {{"command", kCommit}})})});
}

/// What each agent does next, latest stage first: a conversation that holds a later mark also holds the
/// earlier ones.
Value plan(Value ending) {
  const char* sisyphus = kSisyphus;
  const std::vector<Value>& none = kNone;
  Value out = std::move(ending);
  for (Value& one : Value::array({
      step({"You are Explore", "src/money.py:1:"}, none, "EXPLORE-REPORT src/money.py line 2 divides down"),
      step({"You are Explore"}, {call("grep", {{"pattern", "def half"}})}),
      step({"You are Librarian"}, none, "LIBRARIAN-REPORT // floors; (a + 1) // 2 rounds half up"),
      step({sisyphus, "Changed src/money.py"}, {call("bash", {{"command", "sh run_tests.sh"}})}),
      step({sisyphus, "EXPLORE-REPORT", "LIBRARIAN-REPORT"},
           {call("edit_file", {{"path", "src/money.py"}, {"old_text", "a // 2"}, {"new_text", "(a + 1) // 2"}})}),
      step({sisyphus, "survey the repository"}, none, "I wait for both."),
      step({sisyphus}, {errand("explore", "survey the repository", "Where is half() and what does it do?"),
                        errand("librarian", "look up rounding", "How does // round?")})}))
    out.push_back(std::move(one));
  return out;
}

/// A repository of 200 files, one of them at fault, and a test that says so.
void write_repository(const fs::path& folder) {
  fs::create_directories(folder / "src");
  for (int i = 0; i < kFiles - 2; ++i)
    std::ofstream(folder / "src" / fmt::format("f{:03}.py", i)) << fmt::format("def f{}():\n    return {}\n", i, i);
  std::ofstream(folder / "src" / "money.py") << kFault;
  std::ofstream(folder / "run_tests.sh")
      << "set -e\ngrep -q '(a + 1) // 2' src/money.py || { echo 'FAILED half(3)'; exit 1; }\necho 'OK 3 tests'\n";
}

class Coding : public ::testing::Test {
 protected:
  explicit Coding(Value ending = by_note())
      : server_(must(model_server::ModelServer::listen(0, {{"plan", plan(std::move(ending))}}))),
        world_({.playbook = "",
                .config = fmt::format("\n[backends.scripted]\nkind = \"openai\"\nbase_url = \"{}\"\n"
                                      "model = \"test-model\"\n",
                                      server_->base_url())}) {
    folder_ = world_.root() / "work";
    write_repository(folder_);
    const fs::path config = world_.node_home() / "config.toml";
    std::string text = must(node::read_file(config));
    const auto set = [&](std::string_view from, const std::string& to) {
      const std::size_t at = text.find(from);
      ASSERT_NE(at, std::string::npos) << from;
      text.replace(at, from.size(), to);
    };
    set("workspace = \"\"", fmt::format("workspace = \"{}\"", folder_.string()));
    set("edit = \"ask\"", "edit = \"allow\"");
    set("bash_allow = []", "bash_allow = [\"sh run_tests.sh\", \"git commit **\"]");
    must(node::write_file(config, text));
    world_.start_cosigner(World::kFirstCosigner);
    world_.start_cosigner(World::kSecondCosigner);
  }
  void start_node(Environment environment = {}) {
    environment["SOVEREIGN_AGENT_MODEL"] = "scripted";
    world_.start_node(std::move(environment));
  }
  /// What other agents report counts as foreign words, after which edits and commands are asked about: the
  /// operator has answered for these in advance.
  void grant() {
    const std::string home = world_.node_home().string();
    EXPECT_EQ(world_.command({"grant", "add", "edit_file", "src/**", "--home", home}).code, 0);
    EXPECT_EQ(world_.command({"grant", "add", "bash", "sh run_tests.sh", "--home", home}).code, 0);
    EXPECT_EQ(world_.command({"grant", "add", "bash", std::string(kCommit), "--home", home}).code, 0);
  }
  /// Waits for the node to die where it was told to.
  void await_death() { EXPECT_FALSE(world_.node().running(std::chrono::seconds{30})) << "it never came by"; }

  /// The operator's own order: what strangers write raises what has to be asked.
  nostr::Event order() {
    const nostr::Event event = world_.owner().sign(nostr::kinds::kTextNote, {{"p", world_.identity().hex()}},
                                                   "half(3) should be 2: mend it, test it, say so.");
    world_.owner().publish(event);
    return event;
  }

  void finish(const nostr::Event& order) {
    const Asked asked = await_question(world_, order);
    EXPECT_NE(asked.message.text.find(std::string("| ") + std::string(kNote)), std::string::npos) << asked.message.text;
    world_.owner().send(asked.asker, "yes " + asked.code);
    EXPECT_EQ(await_reply(world_).content, kNote);
    await_result(world_, order);
    EXPECT_EQ(replies(world_).size(), 1u);
    world_.stop_actors();
    std::ifstream mended(folder_ / "src" / "money.py");
    EXPECT_EQ(std::string(std::istreambuf_iterator<char>(mended), {}), kMended) << "edited once, not twice";
    const auto db = world_.open_node_db();
    const auto tasks = must(storage::Tasks(*db).history(10));
    ASSERT_EQ(tasks.size(), 2u);
    for (const storage::TaskRow& task : tasks) {
      EXPECT_EQ(task.state, storage::TaskState::kCompleted) << task.note;
      EXPECT_TRUE(task.result.contains("-REPORT")) << task.result;
      EXPECT_TRUE(task.told);
    }
    EXPECT_TRUE(must(storage::Sessions(*db).list_running()).empty());
  }

  std::unique_ptr<model_server::ModelServer> server_;
  World world_;
  fs::path folder_;
};

TEST_F(Coding, ThreeAgentsMendAFaultAndAskBeforeTheySaySo) {
  start_node();
  world_.await_announced();
  grant();
  finish(order());
}

/// The same work for a repository that is on Nostr.
class CodingPatch : public Coding {
 protected:
  CodingPatch() : Coding(by_patch()) {
    repository_ = "30617:" + world_.owner().pubkey().hex() + ":coins";
    EXPECT_TRUE(shell("git init -q && git config user.email scout@example.com && git config user.name Scout && git add . && "
                      "git commit -q -m first && git config nostr.repo " + repository_));
  }
  bool shell(const std::string& line) {
    const std::string whole = "cd '" + folder_.string() + "' && { " + line + "; } >> ../shell.log 2>&1";
    return std::system(whole.c_str()) == 0;  // NOLINT(concurrency-mt-unsafe)
  }

  std::string repository_;
};

TEST_F(CodingPatch, EndsInAPatchThatTheOperatorHasReadAndAnybodyCanApply) {
  start_node();
  world_.await_announced();
  grant();
  const nostr::Event given = order();
  const Asked asked = await_question(world_, given);
  // A longer question comes in parts; the first says what it is about.
  std::string shown;
  for (const Message& message : world_.owner().messages())
    if (message.from == asked.asker) shown += message.text;
  EXPECT_NE(shown.find("PUBLISH A PATCH (kind 1617)"), std::string::npos) << shown;
  EXPECT_NE(shown.find("| +    return (a + 1) // 2"), std::string::npos) << shown;
  world_.owner().send(asked.asker, "yes " + asked.code);
  const nostr::Event patch = world_.stranger().await({.authors = {world_.identity()}, .kinds = {1617}});
  EXPECT_EQ(tag(patch, "a"), repository_);
  await_result(world_, given);
  // Somebody else takes it from the relay into the repository as it was.
  const std::string relay = world_.relay_urls().front();
  const Value listed = world_.ask({"patch", "list", "--relay", relay, "--repo", repository_});
  EXPECT_EQ(listed.at("subject"), "Round half a coin up");
  EXPECT_EQ(listed.at("author"), world_.identity().hex());
  const Exit shown_patch = world_.command({"patch", "show", listed.at("id").get<std::string>(), "--relay", relay});
  EXPECT_EQ(shown_patch.out, patch.content);
  must(node::write_file(world_.root() / "the.patch", shown_patch.out));
  EXPECT_TRUE(shell("git clone -q . ../other && cd ../other && git reset -q --hard HEAD~1 && git config user.email c@d && "
                    "git config user.name C && git am -q ../the.patch"))
      << must(node::read_file(world_.root() / "shell.log"));
  EXPECT_EQ(must(node::read_file(world_.root() / "other" / "src" / "money.py")), kMended);
}

TEST_F(Coding, KilledThreeTimesItEndsInTheSame) {
  NEEDS_FAILPOINTS();
  start_node();
  world_.await_announced();
  grant();
  world_.node().terminate();
  start_node(armed({"task-ended"}));
  const nostr::Event given = order();
  await_death();
  start_node(armed({"session_heard"}));
  await_death();
  start_node(armed({"session_step", 3}));
  await_death();
  start_node();
  finish(given);
}

}  // namespace
}  // namespace e2e
