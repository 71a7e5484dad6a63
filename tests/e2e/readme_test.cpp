// What the README promises a newcomer is run as it stands there.
#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>

#include "tests/e2e/support/program.h"
#include "tests/node/support/temp_dir.h"

namespace e2e {
namespace {

namespace fs = std::filesystem;

std::string read(const fs::path& path) {
  std::ifstream in(path);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

/// The first block of shell commands below `heading`.
std::string block_below(const std::string& readme, const std::string& heading) {
  const std::size_t from = readme.find("```sh\n", readme.find(heading));
  const std::size_t begin = from + std::string("```sh\n").size();
  return readme.substr(begin, readme.find("```", begin) - begin);
}

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size()) text.replace(at, from.size(), to);
  return text;
}

/// A port of loopback that nobody listens on.
std::string free_port() {
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  EXPECT_EQ(::bind(fd, generic, size), 0);
  EXPECT_EQ(::getsockname(fd, generic, &size), 0);
  ::close(fd);
  return std::to_string(ntohs(address.sin_port));
}

TEST(Readme, ItsFiveMinutesWorkAsTheyStandThere) {
  const node::testing::TempDir dir;
  const std::string tour = replaced(block_below(read(fs::path(SOVEREIGN_SOURCE) / "README.md"), "## Five minutes"), "7777", free_port());
  ASSERT_TRUE(tour.contains("sovereign approve")) << tour;
  std::ofstream(dir / "tour.sh") << "set -euo pipefail\ntrap 'kill $(jobs -p)' EXIT\n" << tour;
  fs::create_directory(dir / "bin");
  fs::create_symlink(fs::absolute(SOVEREIGN_PROGRAM), dir / "bin" / "sovereign");
  const std::string path = dir.path().string();
  const std::string line = "cd '" + path + "' && env -i HOME='" + path + "' PATH='" + path + "/bin':/usr/bin:/bin timeout 120 bash tour.sh > out 2> err < /dev/null";
  EXPECT_EQ(std::system(line.c_str()), 0) << read(dir / "out") << read(dir / "err");  // NOLINT(concurrency-mt-unsafe)
  const std::string told = read(dir / "out");
  EXPECT_TRUE(told.contains("PUBLISH A NOTE (kind 1)")) << "the operator is asked as a client shows it\n" << told;
  EXPECT_TRUE(told.contains("approved")) << told;
  EXPECT_TRUE(told.contains("You wrote: \\\"Hello Scout, who are you?\\\"")) << "the reply is on the relay\n" << told;
  EXPECT_TRUE(told.contains("the session ends")) << "and the record says how it came about\n" << told;
}

/// The words `sovereign COMMAND SUBCOMMAND` of every command that has no subcommands.
void collect(const std::string& command, std::set<std::string>& out) {
  std::vector<std::string> arguments;
  std::istringstream words(command);
  for (std::string word; words >> word;) arguments.push_back(word);
  arguments.emplace_back("--help");
  std::istringstream help(run_program(arguments).out);
  std::vector<std::string> below;
  bool listing = false;
  for (std::string line; std::getline(help, line);) {
    if (!line.starts_with("  ")) listing = line.starts_with("Subcommands");
    else if (listing && line[2] != ' ') below.push_back(line.substr(2, line.find(' ', 2) - 2));
  }
  for (const std::string& sub : below) collect(command.empty() ? sub : command + " " + sub, out);
  if (below.empty() && !command.empty()) out.insert(command);
}

TEST(Readme, ItsTableNamesEveryCommand) {
  const std::string readme = read(fs::path(SOVEREIGN_SOURCE) / "README.md");
  const std::string table = readme.substr(readme.find("| group | commands |"), readme.find("The model is any") - readme.find("| group | commands |"));
  std::set<std::string> commands;
  collect("", commands);
  EXPECT_GT(commands.size(), 60U);
  for (const std::string& command : commands) {
    // "wallet connect\|pay": the last word may stand in a list behind the first ones.
    const std::size_t space = command.rfind(' ');
    const std::string last = command.substr(space == std::string::npos ? 0 : space + 1);
    const std::string group = space == std::string::npos ? "" : command.substr(0, space) + " ";
    const std::regex named("`" + group + "[^`]*\\b" + last + "\\b");
    EXPECT_TRUE(std::regex_search(table, named)) << "sovereign " << command;
  }
}

}  // namespace
}  // namespace e2e
