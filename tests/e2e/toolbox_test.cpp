// The toolbox as scripts use it: what goes to stdout, what exit codes say, what pipes into what.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "nostr/base/json.h"
#include "nostr/event/event_json.h"
#include "nostr/nips/nip10.h"
#include "nostr/nips/nip13.h"
#include "tests/e2e/support/must.h"
#include "tests/e2e/support/program.h"
#include "tests/node/support/temp_dir.h"

namespace e2e {
namespace {

using base::json::Value;

std::vector<Value> objects(const std::string& text) {
  std::vector<Value> out;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);)
    out.push_back(must(base::json::parse(line, {.max_bytes = 1u << 20}), line));
  return out;
}

class Toolbox : public ::testing::Test {
 protected:
  Toolbox() : relay_({"relay", "--listen", "127.0.0.1:0"}, options()) {
    url_ = relay_.read_line("listening ").value_or("listening ").substr(10);
    key_ = (dir_ / "me.key").string();
    npub_ = run({"key", "new", key_}).out;
    npub_ = npub_.substr(0, npub_.find('\n'));
  }
  ProgramOptions options(std::string input = "") const {
    return {.environment = {}, .log = dir_ / "log", .input = std::move(input)};
  }
  Exit run(std::vector<std::string> arguments, std::string input = "") {
    std::filesystem::remove(dir_ / "log");
    return run_program(std::move(arguments), options(std::move(input)));
  }
  std::string said() const {
    std::ifstream in(dir_ / "log");
    std::stringstream text;
    text << in.rdbuf();
    return text.str();
  }
  std::string file(const std::string& name, const std::string& text) {
    std::ofstream(dir_ / name) << text;
    std::filesystem::permissions(dir_ / name, std::filesystem::perms::owner_read |
                                                  std::filesystem::perms::owner_write);
    return (dir_ / name).string();
  }
  nostr::Event event(std::vector<std::string> arguments, std::string input = "") {
    arguments.insert(arguments.begin(), "event");
    arguments.insert(arguments.end(), {"--key-file", key_});
    const Exit ended = run(std::move(arguments), std::move(input));
    EXPECT_EQ(ended.code, 0) << said();
    return must(nostr::parse_event(ended.out.substr(0, ended.out.find('\n'))), ended.out);
  }
  std::vector<std::string> contents(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"req", url_});
    const Exit ended = run(std::move(arguments));
    EXPECT_EQ(ended.code, 0) << said();
    std::vector<std::string> out;
    for (const Value& object : objects(ended.out)) out.push_back(object.at("content"));
    std::ranges::sort(out);
    return out;
  }

  node::testing::TempDir dir_;
  Program relay_;
  std::string url_, key_, npub_;
  const std::string dead_ = "ws://127.0.0.1:1";
};

TEST_F(Toolbox, ExitCodesTellAllFromSomeFromNone) {
  const std::vector<std::string> base{"event", "-c", "x", "--key-file", key_};
  const auto to = [&](std::vector<std::string> more) {
    std::vector<std::string> all = base;
    all.insert(all.end(), more.begin(), more.end());
    return run(all).code;
  };
  EXPECT_EQ(to({"--relay", url_}), 0);
  EXPECT_EQ(to({"--relay", url_, "--relay", dead_}), 5);
  EXPECT_EQ(to({"--relay", url_, "--relay", dead_, "--quorum", "1"}), 0);
  EXPECT_EQ(to({"--relay", dead_}), 1);
  EXPECT_NE(said().find("unsent"), std::string::npos) << said();
}

TEST_F(Toolbox, PublishPrintsOneOutcomePerPairOfEventAndRelay) {
  std::string events;
  for (const char* content : {"a", "b", "c"}) events += run({"event", "-c", content, "--key-file", key_}).out;
  const Exit ended = run({"publish", url_, dead_, "--quorum", "1"}, events + "\n");
  EXPECT_EQ(ended.code, 0) << said();
  int accepted = 0;
  const auto lines = objects(ended.out);
  ASSERT_EQ(lines.size(), 6u);
  for (const Value& line : lines) {
    EXPECT_EQ(line.at("id").get<std::string>().size(), 64u);
    EXPECT_TRUE(line.contains("reason"));
    if (line.at("status") == "accepted") ++accepted;
    else EXPECT_EQ(line.at("relay"), dead_);
  }
  EXPECT_EQ(accepted, 3);
  EXPECT_EQ(run({"publish", url_, dead_}, events).code, 5);
  EXPECT_EQ(run({"publish", url_}, events + "no event\n").code, 5);
  EXPECT_EQ(run({"publish", url_}, "no event\n").code, 1) << "nothing was published";
}

TEST_F(Toolbox, ARefusalIsNamedByItsPrefix) {
  Value forged = must(base::json::parse(run({"event", "-c", "x", "--key-file", key_}).out));
  forged["content"] = "y";
  const Exit ended = run({"publish", url_}, base::json::dump(forged) + "\n");
  EXPECT_EQ(ended.code, 1);
  const auto lines = objects(ended.out);
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_EQ(lines[0].at("status"), "rejected");
  EXPECT_EQ(lines[0].at("prefix"), "invalid");
}

TEST_F(Toolbox, ErrorsNeverExitWithZeroAndAreOneObjectWithJson) {
  const std::vector<std::vector<std::string>> wrong{
      {"req", dead_, "-f", "{}", "--json"},
      {"req", url_, "-f", "{\"kinds\":1}", "--json"},
      {"req", url_, "--since", "soon", "--json"},
      {"count", dead_, "--json"},
      {"event", "-c", "x", "--key-file", (dir_ / "none").string(), "--json"},
      {"event", "--expires", "5 parsecs", "--key-file", key_, "--json"},
      {"key", "show", (dir_ / "none").string(), "--json"},
      {"key", "new", key_, "--json"},
      {"dm", "send", "npub1wrong", "x", "--key-file", key_, "--relay", url_, "--json"},
      {"status", "--json"},
      {"publsh", "--json"}};
  for (const auto& arguments : wrong) {
    const Exit ended = run(arguments);
    EXPECT_GT(ended.code, 0) << arguments[0] << " " << arguments[1];
    EXPECT_EQ(ended.out, "") << arguments[0];
    EXPECT_FALSE(said().empty()) << arguments[0];
  }
  run({"publsh", "--json"});
  EXPECT_EQ(objects(said()).at(0).at("hint"), "did you mean \"publish\"?");
}

TEST_F(Toolbox, EventTakesTextsFromFilesAndPipesAndTagsFromFlags) {
  const std::string note = file("note.txt", "from a file\n");
  EXPECT_EQ(event({"-c", "@" + note}).content, "from a file\n");
  EXPECT_EQ(event({"-c", "-"}, "from a pipe").content, "from a pipe");
  EXPECT_EQ(event({"-c", "@@alice"}).content, "@alice");
  const nostr::Event tagged = event({"-c", "x", "--mention", npub_, "--expires", "2h"});
  EXPECT_EQ(nostr::tag_value(tagged.tags, "p"), tagged.pubkey.hex());
  EXPECT_EQ(nostr::tag_value(tagged.tags, "expiration"),
            std::to_string(base::to_unix(tagged.created_at) + 7'200));
  EXPECT_EQ(base::to_unix(event({"--created-at", "2025-01-01"}).created_at), 1'735'689'600);
}

TEST_F(Toolbox, EventMines) {
  const nostr::Event mined = event({"-c", "x", "--pow", "10"});
  EXPECT_TRUE(nostr::has_work(mined, 10));
  EXPECT_TRUE(nostr::check(mined).has_value());
}

TEST_F(Toolbox, AReplyStandsUnderWhatItAnswers) {
  const nostr::Event note = event({"-c", "a note", "--relay", url_});
  const nostr::Event reply =
      event({"-c", "yes", "--reply-to", note.id.hex(), "--relay", url_});
  const nostr::Thread thread = nostr::parse_thread(reply.tags);
  ASSERT_TRUE(thread.root.has_value());
  EXPECT_EQ(thread.root->id, note.id);
  EXPECT_EQ(nostr::tag_value(reply.tags, "p"), std::nullopt) << "nobody is told of their own note";
  const nostr::Event article = event({"-k", "30023", "-t", "d=x", "-c", "long", "--relay", url_});
  const nostr::Event comment =
      event({"-c", "well", "--reply-to", article.id.hex(), "--relay", url_});
  EXPECT_EQ(comment.kind, 1111);
  EXPECT_EQ(nostr::tag_value(comment.tags, "k"), "30023");
  EXPECT_EQ(run({"event", "-c", "x", "--reply-to", std::string(64, '0'), "--relay", url_,
                 "--key-file", key_})
                .code,
            1);
}

TEST_F(Toolbox, ReqFiltersByFlags) {
  event({"-c", "old", "--created-at", "3d", "-t", "t=news", "--relay", url_});
  const nostr::Event fresh = event({"-c", "fresh", "-t", "t=news", "--relay", url_});
  event({"-k", "7", "-c", "+", "-t", "e=" + fresh.id.hex(), "--relay", url_});
  event({"-k", "30023", "-c", "article", "-t", "d=one", "--mention", npub_, "--relay", url_});
  using Strings = std::vector<std::string>;
  EXPECT_EQ(contents({"-k", "1"}), (Strings{"fresh", "old"}));
  EXPECT_EQ(contents({"-k", "1", "--since", "1d"}), Strings{"fresh"});
  EXPECT_EQ(contents({"-k", "1", "--until", "1d"}), Strings{"old"});
  EXPECT_EQ(contents({"-t", "t=news", "-l", "1"}), Strings{"fresh"});
  EXPECT_EQ(contents({"-e", fresh.id.hex()}), Strings{"+"});
  EXPECT_EQ(contents({"-i", fresh.id.hex()}), Strings{"fresh"});
  EXPECT_EQ(contents({"-d", "one", "-a", npub_}), Strings{"article"});
  EXPECT_EQ(contents({"-p", npub_}), Strings{"article"});
  EXPECT_EQ(contents({"-k", "7", "-f", R"({"kinds":[30023]})"}), (Strings{"+", "article"}));
  const Exit counted = run({"count", url_, "-k", "1"});
  EXPECT_EQ(objects(counted.out).at(0).at("count"), 2);
}

TEST_F(Toolbox, ALockedKeyServesWhereverAKeyFileIsRead) {
  const std::string phrase = file("phrase", "open sesame\n");
  const std::string locked = (dir_ / "locked.key").string();
  ASSERT_EQ(run({"key", "encrypt", key_, "--out", locked, "--passphrase-file", phrase}).code, 0)
      << said();
  std::ifstream in(locked);
  std::string text;
  std::getline(in, text);
  EXPECT_TRUE(text.starts_with("ncryptsec1"));
  const auto show = [&](const std::string& with) {
    return run({"key", "show", locked, "--passphrase-file", with});
  };
  EXPECT_TRUE(show(phrase).out.starts_with(npub_));
  EXPECT_EQ(show(file("wrong", "sesame open\n")).code, 1);
  EXPECT_EQ(run({"key", "show", locked, "--passphrase-file", "-"}, "open sesame\n").out.substr(0, 63),
            npub_);
  ProgramOptions with = options();
  with.environment["SOVEREIGN_PASSPHRASE_FILE"] = phrase;
  const Exit signed_by = run_program({"event", "-c", "x", "--key-file", locked}, with);
  EXPECT_EQ(signed_by.code, 0) << said();
  const std::string open = (dir_ / "open.key").string();
  EXPECT_EQ(run({"key", "decrypt", locked, "--out", open, "--passphrase-file", phrase}).code, 0);
  EXPECT_TRUE(run({"key", "show", open}).out.starts_with(npub_));
  EXPECT_EQ(run({"key", "decrypt", locked, "--out", open, "--passphrase-file", phrase}).code, 1)
      << "a key is never overwritten";
}

TEST_F(Toolbox, StdinStreamsThroughPublish) {
  // What req prints is what publish reads and verify checks.
  event({"-c", "one", "-t", "t=piped", "--relay", url_});
  const Exit found = run({"req", url_, "-t", "t=piped"});
  EXPECT_EQ(objects(run({"publish", url_}, found.out).out).at(0).at("status"), "accepted");
  EXPECT_EQ(run({"verify"}, found.out).out, "{\"invalid\":0,\"valid\":1}\n");
}

}  // namespace
}  // namespace e2e
