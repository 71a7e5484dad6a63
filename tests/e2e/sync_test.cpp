// `sovereign sync`: relay to relay, relay to file, by NIP-77 and by pages, again after a crash.
#include <gtest/gtest.h>

#include <fstream>
#include <set>

#include "nostr/base/json.h"
#include "nostr/event/event_json.h"
#include "tests/e2e/support/must.h"
#include "tests/e2e/support/program.h"
#include "tests/node/support/temp_dir.h"

namespace e2e {
namespace {

using base::json::Value;

class Sync : public ::testing::Test {
 protected:
  struct Server {
    std::unique_ptr<Program> program;
    std::string url;
  };
  Sync() { run({"key", "new", key()}); }

  Server serve(const std::string& faults = "") {
    std::vector<std::string> arguments{"relay", "--listen", "127.0.0.1:0"};
    if (!faults.empty()) {
      std::ofstream(dir_ / "faults.toml") << faults;
      arguments.insert(arguments.end(), {"--faults", (dir_ / "faults.toml").string()});
    }
    Server out{std::make_unique<Program>(std::move(arguments), options()), ""};
    out.url = out.program->read_line("listening ").value_or("listening ").substr(10);
    return out;
  }
  ProgramOptions options(std::string input = "") const {
    return {.environment = {}, .log = dir_ / "log", .input = std::move(input)};
  }
  Exit run(std::vector<std::string> arguments, std::string input = "") {
    return run_program(std::move(arguments), options(std::move(input)));
  }
  std::string key() const { return (dir_ / "me.key").string(); }
  std::string path(const std::string& name) const { return (dir_ / name).string(); }

  /// `count` notes called "NAME n", one a line.
  std::string notes(const std::string& name, int count) {
    std::string out;
    for (int i = 0; i < count; ++i)
      out += run({"event", "-c", name + " " + std::to_string(i), "--key-file", key()}).out;
    return out;
  }
  void publish(const Server& at, const std::string& events) {
    EXPECT_EQ(run({"publish", at.url}, events).code, 0);
  }
  std::set<std::string> at(const Server& relay) {
    return contents(run({"req", relay.url, "-f", R"({"kinds":[1]})"}).out);
  }
  static std::set<std::string> contents(const std::string& lines) {
    std::set<std::string> out;
    std::istringstream in(lines);
    for (std::string line; std::getline(in, line);)
      out.insert(must(nostr::parse_event(line), line).content);
    return out;
  }
  std::string text_of(const std::string& name) const {
    std::ifstream in(dir_ / name);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  /// Runs a sync of kind 1 that must end with `code`; what it says of each relay.
  std::vector<Value> sync(std::vector<std::string> arguments, int code = 0) {
    arguments.insert(arguments.begin(), {"--json", "sync", "-f", R"({"kinds":[1]})"});
    const Exit ended = run(std::move(arguments));
    EXPECT_EQ(ended.code, code) << text_of("log");
    const Value out = must(base::json::parse(ended.out), ended.out);
    return out.at("relays").get<std::vector<Value>>();
  }

  node::testing::TempDir dir_;
};

TEST_F(Sync, TwoRelaysEndUpWithTheSameEventsAndNothingIsKept) {
  const Server one = serve(), two = serve();
  publish(one, notes("one", 3));
  publish(two, notes("two", 2));
  const auto reports = sync({one.url, two.url, "--both", "--db", ":memory:"});
  ASSERT_EQ(reports.size(), 2U);
  for (const Value& report : reports) EXPECT_EQ(report.at("method"), "negentropy");
  EXPECT_EQ(reports.at(0).at("downloaded"), 3);
  EXPECT_EQ(reports.at(0).at("uploaded"), 2);
  EXPECT_EQ(at(one).size(), 5U);
  EXPECT_EQ(at(one), at(two));
  const auto again = sync({one.url, two.url, "--both", "--db", path("kept.db")});
  EXPECT_EQ(again.at(1).at("uploaded"), 0);
}

TEST_F(Sync, AFileIsFilledAndARefusedNip77IsNoObstacle) {
  const Server one = serve("[[rule]]\nfault = \"neg-error\"\nmessage = \"blocked: no\"\n");
  publish(one, notes("there", 4));
  std::ofstream(dir_ / "notes.jsonl") << notes("here", 2);
  const auto reports = sync({one.url, "--both", "--file", path("notes.jsonl")});
  EXPECT_EQ(reports.at(0).at("method"), "pages");
  EXPECT_EQ(reports.at(0).at("downloaded"), 4);
  EXPECT_EQ(reports.at(0).at("uploaded"), 2);
  EXPECT_EQ(contents(text_of("notes.jsonl")).size(), 6U);
  EXPECT_EQ(contents(text_of("notes.jsonl")), at(one));
}

TEST_F(Sync, ASyncThatWasKilledIsGoneOnWith) {
  const Server one = serve();
  const std::string events = notes("note", 4);
  publish(one, events);
  // As a crash leaves it: a whole line and a piece of the next.
  std::ofstream(dir_ / "notes.jsonl") << events.substr(0, events.find('\n') + 40);
  const auto reports = sync({one.url, "--file", path("notes.jsonl")});
  EXPECT_EQ(reports.at(0).at("downloaded"), 3);
  EXPECT_EQ(contents(text_of("notes.jsonl")), at(one));
}

TEST_F(Sync, ExitCodesTellAllFromSomeFromNone) {
  const Server one = serve();
  const std::string dead = "ws://127.0.0.1:1";
  EXPECT_EQ(sync({one.url, dead, "--db", ":memory:"}, 5).at(1).contains("error"), true);
  sync({dead, "--db", ":memory:"}, 1);
  EXPECT_EQ(run({"sync", one.url, "-f", "no filter", "--db", ":memory:"}).code, 2);
  EXPECT_EQ(run({"sync", "nowhere", "-f", "{}", "--db", ":memory:"}).code, 2);
  std::ofstream(dir_ / "bad.jsonl") << "{}\n";
  EXPECT_EQ(run({"sync", one.url, "-f", "{}", "--file", path("bad.jsonl")}).code, 1);
  EXPECT_NE(text_of("log").find("bad.jsonl, line 1"), std::string::npos) << text_of("log");
}

}  // namespace
}  // namespace e2e
