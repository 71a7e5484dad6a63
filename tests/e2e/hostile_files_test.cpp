// Files with mistakes, files of others, garbage at the control socket and on the command line: a
// clear word and an exit code each, and what runs goes on.
#include <gtest/gtest.h>

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <fstream>

#include <fmt/format.h>

#include "node/home.h"
#include "nostr/event/event_json.h"
#include "tests/e2e/support/must.h"
#include "tests/e2e/support/story.h"

namespace e2e {
namespace {

namespace fs = std::filesystem;
using base::json::Value;

/// How a command ended and what it complained about.
struct Complaint {
  int code = 0;
  std::string out;
  std::string error;
  bool says(std::string_view text) const { return error.find(text) != error.npos; }
};

class HostileFiles : public testing::Test {
 protected:
  static void SetUpTestSuite() { world_ = new World; }
  static void TearDownTestSuite() { delete world_; }
  static World& world() { return *world_; }

  static Complaint run(std::vector<std::string> arguments, std::string input = "") {
    const fs::path log = world().root() / "complaint.txt";
    fs::remove(log);
    const Exit exit = run_program(std::move(arguments),
                                  {.environment = {}, .log = log, .input = std::move(input)});
    return {exit.code, exit.out, must(node::read_file(log))};
  }
  static Complaint run_node() { return run({"run", "--home", world().node_home().string()}); }
  static Complaint run_cosigner() {
    return run({"cosigner", "--home", world().cosigner_home(2).string()});
  }

  /// Changes a file for as long as it lives.
  class Changed {
   public:
    Changed(fs::path path, const std::string& text, unsigned mode = 0600)
        : path_(std::move(path)), before_(must(node::read_file(path_))) {
      must(node::write_file(path_, text, mode));
    }
    ~Changed() { must(node::write_file(path_, before_, 0600)); }
    Changed(const Changed&) = delete;
    Changed& operator=(const Changed&) = delete;
    const std::string& before() const { return before_; }

   private:
    fs::path path_;
    std::string before_;
  };
  static std::string replaced(std::string text, const std::string& from, const std::string& to) {
    const std::size_t at = text.find(from);
    EXPECT_NE(at, text.npos) << from;
    return at == text.npos ? text : text.replace(at, from.size(), to);
  }

  static inline World* world_ = nullptr;
};

TEST_F(HostileFiles, AConfigWithAMistakeNamesItsPlaceAndAWayOut) {
  const fs::path path = world().node_home() / "config.toml";
  const std::string good = must(node::read_file(path));
  struct Case {
    std::string text;
    const char* says;
    const char* hint;
  };
  const std::vector<Case> cases{
      {replaced(good, "operators =", "opertaors ="), "node.opertaors: unknown key", "operators"},
      {replaced(good, "[budget]", "[budgets]"), "unknown key", "budget."},
      {replaced(good, "heartbeat = 0", "heartbeat = \"often\""), "agent.heartbeat: ", ""},
      {replaced(good, "heartbeat = 0", "heartbeat = -1"), "outside", ""},
      {replaced(good, "heartbeat = 0", "heartbeat = 1.5"), "expected", ""},
      {replaced(good, "heartbeat = 0", "heartbeat = [1]"), "expected one value", ""},
      {replaced(good, "level = \"bounded\"", "level = \"yolo\""), "\"yolo\" is not one of", ""},
      {replaced(good, "model = \"default\"", "model = \"gpt\""), "gpt", ""},
      {replaced(good, "kind = \"playbook\"", "kind = \"plybook\""), "\"plybook\" is not one of",
       ""},
      {good + "\n[backends.x]\nkind = \"openai\"\n", "base_url", ""},
      {"loose = 3\n" + good, "outside a section", ""},
      {good + "\n[agent]\nname = \"twice\"\n", "config.toml:", ""},
      {good + "\n[agent\n", "config.toml:", ""},
      {good + "\nname = \"\xff\xfe\"\n", "config.toml:", ""},
      {replaced(good, "operators = [", "operators = [\"npub1nonsense\", "), "operators", ""},
  };
  for (const Case& wrong : cases) {
    const Changed file(path, wrong.text);
    for (const Complaint& complaint :
         {run({"config", "check", "--home", world().node_home().string()}), run_node()}) {
      if (complaint.code == 0 && std::string_view(wrong.says) == "operators")
        continue;  // keys are read by run
      EXPECT_EQ(complaint.code, 1) << wrong.says;
      EXPECT_TRUE(complaint.says(wrong.says)) << wrong.says << " in: " << complaint.error;
      EXPECT_TRUE(complaint.says(wrong.hint)) << wrong.hint << " in: " << complaint.error;
    }
  }
  EXPECT_EQ(run({"config", "check", "--home", world().node_home().string()}).code, 0);
}

TEST_F(HostileFiles, APolicyWithAMistakeServesNobody) {
  const fs::path path = world().cosigner_home(2) / "policy.toml";
  const std::string good = must(node::read_file(path));
  for (const auto& [text, says] : std::vector<std::pair<std::string, std::string>>{
           {replaced(good, "quorum = 1", "quorm = 1"), "quorum"},
           {replaced(good, "quorum = 1", "quorum = 9"), "quorum"},
           {replaced(good, "quorum = 1", "quorum = true"), "quorum"},
           {replaced(good, "level = \"bounded\"", "level = \"free\""), "level"},
           {replaced(good, "default = \"refuse\"", "default = \"sign\""), "default"},
           {replaced(good, "blind = \"refuse\"", "blind = \"maybe\""), "blind"},
           {replaced(good, "[ecdh]", "[kinds.4]\nverdict = \"sing\"\n[ecdh]"), "sign"},
           {replaced(good, "[ecdh]", "[kinds.seven]\nverdict = \"sign\"\n[ecdh]"), "seven"},
           {replaced(good, "[ecdh]", "[edch]"), "ecdh"},
           {replaced(good, "idx = 1", "idx = 0"), "idx"},
           {good + "\n[[requesters]]\nidx = 1\n", "requester"},
           {good + "\nx = [", "policy.toml"}}) {
    const Changed file(path, text);
    const Complaint complaint = run_cosigner();
    EXPECT_EQ(complaint.code, 1) << says;
    EXPECT_TRUE(complaint.says(says)) << says << " in: " << complaint.error;
    EXPECT_TRUE(complaint.out.empty());
  }
}

TEST_F(HostileFiles, APlaybookWithAMistakeNamesTheLine) {
  const fs::path config = world().node_home() / "config.toml";
  const Changed named(config, replaced(must(node::read_file(config)), "kind = \"playbook\"",
                                       "kind = \"playbook\"\nplaybook = \"playbook.toml\""));
  const fs::path path = world().node_home() / "playbook.toml";
  for (const auto& [text, says] : std::vector<std::pair<std::string, std::string>>{
           {"[[rule]]\non = \"mention\"\nsya = \"hi\"\n", "did you mean"},
           {"[[rule]]\non = \"mentoin\"\nsay = \"hi\"\n", "mention"},
           {"[[rule]]\non = \"mention\"\nsay = \"{{contnet}}\"\n", "content"},
           {"[[rule]]\non = \"mention\"\nsay = \"{{content\"\n", "never closed"},
           {"[[rule]]\non = \"mention\"\nmatch = \"(\"\nsay = \"x\"\n", "match"},
           {"[[rule]]\non = \"mention\"\n", "either"},
           {"[[rule]]\non = \"mention\"\ncall = { tool = 7 }\n", "tool"},
           {"rule = 5\n", "[[rule]]"},
           {"", "[[rule]]"},
           {"[[rule]\n", "playbook"}}) {
    must(node::write_file(path, text));
    const Complaint complaint = run_node();
    EXPECT_EQ(complaint.code, 1) << text;
    EXPECT_TRUE(complaint.says(says)) << says << " in: " << complaint.error;
  }
  fs::remove(path);
  EXPECT_TRUE(run_node().says("cannot be read"));
}

TEST_F(HostileFiles, SecretsThatOthersCanReadAreRefused) {
  for (const char* name : {"share.txt", "node.key"}) {
    const fs::path path = world().node_home() / name;
    for (const mode_t mode : {0644U, 0640U, 0604U}) {
      ASSERT_EQ(::chmod(path.c_str(), mode), 0);
      const Complaint complaint = run_node();
      EXPECT_EQ(complaint.code, 4);
      EXPECT_TRUE(complaint.says("chmod 600")) << complaint.error;
    }
    ::chmod(path.c_str(), 0600);
  }
  const fs::path service = world().cosigner_home(2) / "service.key";
  ::chmod(service.c_str(), 0644);
  EXPECT_EQ(run_cosigner().code, 4);
  ::chmod(service.c_str(), 0600);
  EXPECT_EQ(run({"event", "-c", "x", "--key-file", (world().deal() / "group.txt").string()}).code,
            4);
}

TEST_F(HostileFiles, SharesThatDoNotFitAreRefused) {
  const fs::path path = world().cosigner_home(2) / "share.txt";
  const std::string good = must(node::read_file(path));
  const std::string foreign_deal = (world().root() / "foreign").string();
  ASSERT_EQ(run({"frost", "deal", "-t", "2", "-n", "3", "--out", foreign_deal}).code, 0);
  const std::string foreign = must(node::read_file(foreign_deal + "/share-2.txt"));
  for (const auto& [text, says] : std::vector<std::pair<std::string, std::string>>{
           {good.substr(0, good.size() / 2), "share"},
           {replaced(good, "bfshare1", "bfgroup1"), "share"},
           {std::string("\0\0\0", 3), "share"},
           {"", "share"},
           {std::string(70'000, 'q'), "65536"},
           {foreign, "share"}}) {
    const Changed file(path, text);
    const Complaint complaint = run_cosigner();
    EXPECT_EQ(complaint.code, 1) << complaint.error;
    EXPECT_TRUE(complaint.says(says)) << says << " in: " << complaint.error;
    EXPECT_FALSE(complaint.says(good.substr(8, 20))) << "a secret in an error";
  }
  const Changed group(world().cosigner_home(2) / "group.txt",
                      must(node::read_file(foreign_deal + "/group.txt")));
  EXPECT_EQ(run_cosigner().code, 1);
}

TEST_F(HostileFiles, ADatabaseOfALaterProgramIsLeftAlone) {
  const fs::path path = world().cosigner_home(3) / "sovereign.db";
  {
    const auto db = world().open_cosigner_db(3);
    must(db->script("PRAGMA user_version = 9999"));
  }
  const Complaint complaint = run({"cosigner", "--home", world().cosigner_home(3).string()});
  EXPECT_EQ(complaint.code, 1);
  EXPECT_TRUE(complaint.says("9999")) << complaint.error;
  must(node::write_file(path,
                        "this is no database, it is a text of more than a hundred characters, "
                        "which SQLite will notice when it reads the header of it"));
  EXPECT_EQ(run({"cosigner", "--home", world().cosigner_home(3).string()}).code, 1);
  fs::remove(path);
}

TEST_F(HostileFiles, TheCommandLineAnswersMistakesWithOneObject) {
  const auto error_of = [](const Complaint& complaint) {
    const Value object = must(
        base::json::parse(complaint.error.substr(0, complaint.error.find('\n'))), complaint.error);
    EXPECT_TRUE(object.contains("error") && object.contains("detail") && object.contains("hint"))
        << complaint.error;
    return object.value("error", "");
  };
  const std::string key = (world().root() / "some.key").string();
  ASSERT_EQ(run({"key", "new", key}).code, 0);
  struct Case {
    std::vector<std::string> arguments;
    int code;
  };
  const std::vector<Case> cases{
      {{"no-such-command"}, 2},
      {{"event", "--no-such-flag"}, 2},
      {{"event", "-k", "70000", "--key-file", key}, 2},
      {{"event", "-t", "novalue", "--key-file", key}, 2},
      {{"event", "-t", "=x", "--key-file", key}, 2},
      {{"event", "--tag", "{\"a\":1}", "--key-file", key}, 2},
      {{"event", "--tag", "[1]", "--key-file", key}, 2},
      {{"event", "--tag", "[\"a\"", "--key-file", key}, 2},
      {{"event", "--home", (world().root() / "nowhere").string()}, 2},
      {{"event", "--key-file", (world().root() / "nowhere.key").string()}, 1},
      {{"req", "ws://127.0.0.1:9", "-f", "{\"kind\":1}"}, 2},
      {{"req", "ws://127.0.0.1:9", "-f", "nonsense"}, 2},
      {{"encode", "npub", "xyz"}, 1},
      {{"encode", "ncake", std::string(64, 'a')}, 1},
      {{"decode", "npub1qqqq"}, 1},
      {{"decode", std::string(5'000, 'z')}, 1},
      {{"key", "new", key}, 1},
      {{"frost", "deal", "-t", "4", "-n", "3", "--out", (world().root() / "bad-deal").string()}, 1},
      {{"status", "--home", (world().root() / "nowhere").string()}, 3},
      {{"pending", "--home", (world().root() / "nowhere").string()}, 3},
      {{"relay", "--listen", "nonsense"}, 2},
      {{"dm", "list", "--key-file", key, "--relay", "ws://127.0.0.1:9", "--match", "("}, 2},
  };
  for (const Case& wrong : cases) {
    std::vector<std::string> arguments = wrong.arguments;
    arguments.push_back("--json");
    const Complaint complaint = run(arguments);
    EXPECT_EQ(complaint.code, wrong.code)
        << fmt::format("{}", wrong.arguments.front()) << ": " << complaint.error;
    EXPECT_FALSE(error_of(complaint).empty());
    EXPECT_TRUE(complaint.out.empty()) << complaint.out;
    EXPECT_TRUE(run(wrong.arguments).error.starts_with("error: ")) << wrong.arguments.front();
  }
}

TEST_F(HostileFiles, VerifyNamesEveryBadLine) {
  Person& author = world().stranger();
  const nostr::Event good = author.sign(1, {}, "good");
  nostr::Event forged = good;
  forged.content = "forged";
  const std::string input = nostr::to_json(good) + "\n\nnot json\n{}\n" + nostr::to_json(forged) +
                            "\n[1,2]\n\xff\xfe\n" + std::string(3'000, '[') + "\n" +
                            nostr::to_json(good);
  const Complaint complaint = run({"verify"}, input);
  EXPECT_EQ(complaint.code, 1);
  EXPECT_EQ(must(base::json::parse(complaint.out)), (Value{{"valid", 2}, {"invalid", 6}}));
  for (const char* line : {"line 3", "line 4", "line 5", "line 6", "line 7", "line 8"})
    EXPECT_TRUE(complaint.says(line)) << complaint.error;
  const Complaint none = run({"verify"}, "");
  EXPECT_EQ(none.code, 0);
  EXPECT_EQ(must(base::json::parse(none.out)), (Value{{"valid", 0}, {"invalid", 0}}));
}

/// A connection to a control socket.
class ControlLine {
 public:
  explicit ControlLine(const fs::path& socket)
      : fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, socket.c_str(), sizeof address.sun_path - 1);
    if (::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
      throw std::runtime_error("no control socket");
  }
  ~ControlLine() { ::close(fd_); }
  ControlLine(const ControlLine&) = delete;
  ControlLine& operator=(const ControlLine&) = delete;

  /// The answer's line, or "" when the connection was closed instead.
  std::string ask(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) break;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    std::string out;
    char one = 0;
    while (::read(fd_, &one, 1) == 1 && one != '\n') out += one;
    return out;
  }

 private:
  int fd_;
};

TEST_F(HostileFiles, TheControlSocketSurvivesGarbageAndAHomeHasOneProcess) {
  world().start();
  const Complaint second = run_node();
  EXPECT_EQ(second.code, 1);
  EXPECT_TRUE(second.says("error: ")) << second.error;
  EXPECT_EQ(run_cosigner().code, 1);
  for (const fs::path& home : {world().node_home(), world().cosigner_home(2)}) {
    const auto shown = world().ask({"config", "path", "--home", home.string()});
    const fs::path socket = shown.value("socket", "");
    for (const std::string& line :
         {std::string("garbage\n"), std::string("\n"), std::string("[]\n"), std::string("{}\n"),
          std::string("{\"method\":7}\n"), std::string("{\"method\":\"explode\"}\n"),
          std::string("{\"method\":\"approve\"}\n"),
          std::string("{\"method\":\"approve\",\"params\":[]}\n"),
          std::string("{\"method\":\"approve\",\"params\":{\"code\":\"AAAA-1111\"}}\n"),
          std::string("{\"method\":\"frost-sign\",\"params\":{\"hash\":\"zz\"}}\n"),
          std::string("{\"method\":\"frost-ecdh\",\"params\":{\"peer\":7}}\n"),
          std::string(3'000, '[') + "\n", std::string("\xff\xfe\n")}) {
      const std::string answer = ControlLine(socket).ask(line);
      EXPECT_NE(answer.find("\"error\""), answer.npos) << line.substr(0, 50) << " → " << answer;
    }
    EXPECT_NE(ControlLine(socket).ask(std::string(400'000, 'x')).find("\"limit\""),
              std::string::npos);
    {
      std::vector<std::unique_ptr<ControlLine>> many;
      for (int i = 0; i < 60; ++i) many.push_back(std::make_unique<ControlLine>(socket));
      EXPECT_EQ(world().ask({"status", "--home", home.string()}).value("identity", ""),
                world().identity().hex());
    }
  }
  const Asked asked = mention_and_await_question(world());
  world().owner().send(asked.asker, "yes " + asked.code);
  expect_told_once(world(), asked.mention);
}

}  // namespace
}  // namespace e2e
