// Every example that --help prints is run, as printed, against a real relay.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "nostr/base/json.h"
#include "tests/e2e/support/program.h"
#include "tests/node/support/temp_dir.h"

namespace e2e {
namespace {

namespace fs = std::filesystem;

/// Where examples say the relay is.
constexpr std::string_view kPrintedRelay = "ws://127.0.0.1:7777";

std::string read(const fs::path& path) {
  std::ifstream in(path);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

void write(const fs::path& path, const std::string& text) {
  std::ofstream(path) << text;
  fs::permissions(path, fs::perms::owner_read | fs::perms::owner_write);
}

std::string first_line(const std::string& text) {
  return text.substr(0, text.find('\n'));
}

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
    text.replace(at, from.size(), to);
  return text;
}

struct Example {
  std::string command;  ///< whose help it stands in, e.g. "dm send"
  std::string line;
};

/// A relay, a folder with what examples speak of, and a shell.
class Examples : public ::testing::Test {
 protected:
  Examples() : relay_({"relay", "--listen", "127.0.0.1:0"}, {.environment = {}, .log = dir_ / "relay.log"}) {
    const auto line = relay_.read_line("listening ");
    url_ = line ? line->substr(line->find("ws://")) : "";
    fs::create_directory(dir_ / "bin");
    fs::create_symlink(fs::absolute(SOVEREIGN_PROGRAM), dir_ / "bin" / "sovereign");
  }

  /// Runs `line` in a fresh folder; the exit code. What it said is in out_ and err_.
  int shell(const std::string& line) {
    write(work_ / "line.sh", line + "\n");
    const std::string setting =
        "cd '" + work_.string() + "' && env -i HOME='" + work_.string() + "' PATH='" +
        (dir_ / "bin").string() + "':/usr/bin:/bin NPUB=" + npub_ + " NOTE=" + note_ +
        " bash -o pipefail line.sh > '" + (dir_ / "out").string() + "' 2> '" +
        (dir_ / "err").string() + "' < /dev/null";
    const int status = std::system(setting.c_str());  // NOLINT(concurrency-mt-unsafe)
    out_ = read(dir_ / "out");
    err_ = read(dir_ / "err");
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  void expect_ok(const std::string& line) {
    ASSERT_EQ(shell(replaced(line, kPrintedRelay, url_)), 0) << line << "\n" << err_;
  }

  /// A folder with keys, a passphrase, an identity in shares, and people and a note on the relay.
  void set_scene() {
    work_ = dir_ / "scene";
    fs::create_directory(work_);
    write(work_ / "phrase.txt", "correct horse battery staple\n");
    expect_ok("sovereign frost deal -t 2 -n 3 --out .");
    expect_ok("sovereign key new me.key");
    npub_ = first_line(out_);
    write(work_ / "faults.toml", "seed = 1\n");
    std::string asked;
    for (int i = 0; i < 40; ++i)
      asked += "{\"inputs\":{\"task_description\":\"page " + std::to_string(i) + "\",\"available_agents\":[\"frontend\"]}}\n";
    write(work_ / "examples.jsonl", asked);
    write(work_ / "wallet.txt", npub_ + "\n");  // what `decode -` reads
    expect_ok("sovereign event -k 10050 -t relay=" + url_ + " --key-file me.key --relay " + url_);
    expect_ok("sovereign event -c 'a note' -t t=news --key-file me.key --relay " + url_);
    write(work_ / "events.jsonl", out_);
    note_ = base::json::parse(first_line(out_))->at("id");
    expect_ok("sovereign key encrypt me.key --out locked.key --passphrase-file phrase.txt");
    expect_ok("sovereign dm send $NPUB hello --key-file me.key --relay " + url_);
  }
  /// The scene as each example finds it.
  void enter(int number) {
    work_ = dir_ / ("example-" + std::to_string(number));
    fs::copy(dir_ / "scene", work_, fs::copy_options::recursive);
  }

  /// The indented lines under "Examples:" in the help of `command` and of its subcommands.
  void collect(const std::string& command, std::vector<Example>& out) {
    ASSERT_EQ(shell("sovereign " + command + " --help"), 0) << command;
    std::istringstream help(out_);
    std::string line;
    enum class Part { kOther, kExamples, kCommands } part = Part::kOther;
    std::vector<std::string> commands;
    while (std::getline(help, line)) {
      if (!line.starts_with("  ")) {
        part = line.starts_with("Example")       ? Part::kExamples
               : line.starts_with("Subcommands") ? Part::kCommands
                                                 : Part::kOther;
      } else if (part == Part::kExamples && !out.empty() && out.back().line.ends_with('\\')) {
        out.back().line.replace(out.back().line.size() - 1, 1, line);
      } else if (part == Part::kExamples) {
        out.push_back({command, line.substr(2)});
      } else if (part == Part::kCommands && line[2] != ' ') {
        commands.push_back(line.substr(2, line.find(' ', 2) - 2));
      }
    }
    for (const std::string& sub : commands)
      collect(command.empty() ? sub : command + " " + sub, out);
  }

  node::testing::TempDir dir_;
  Program relay_;
  std::string url_;
  fs::path work_ = dir_.path();
  std::string npub_, note_;
  std::string out_, err_;
};

/// Those of a shell user end well. The others need a home that is set up and go on, perhaps for ever:
/// of them it is only asked that they are understood.
bool is_toolbox(const Example& example) {
  for (const std::string_view command : {"event", "req", "count", "publish", "verify", "dm", "key",
                                         "encode", "decode", "outbox", "sync", "completion", "man", "signature list",
                                         "signature show", "signature run", "signature eval", "signature compile",
                                         "credit status", "issue add", "issue list", "issue export", "issue import", "directive add",
                                         "directive list", "directive find", "init", "qr"})
    if (example.command == command || example.command.starts_with(std::string(command) + " "))
      return true;
  return example.command.empty();
}

TEST_F(Examples, AllOfThemRun) {
  set_scene();
  std::vector<Example> examples;
  collect("", examples);
  int number = 0;
  for (const Example& example : examples) {
    enter(++number);
    const std::string line = replaced(example.line, kPrintedRelay, url_);
    SCOPED_TRACE(example.command + ": " + line);
    const bool ends = is_toolbox(example) && !example.line.contains("--stream");
    const int code = shell((ends ? "" : "timeout -s INT 1 ") + line);
    EXPECT_NE(code, 2) << "the program does not understand its own example: " << err_;
    if (ends) EXPECT_EQ(code, 0) << out_ << err_;
    fs::remove_all(work_);
  }
  EXPECT_GT(number, 20);
}

}  // namespace
}  // namespace e2e
