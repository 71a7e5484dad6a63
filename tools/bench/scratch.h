// A directory for what a bench writes, gone at the end, and programs run as children.
#pragma once

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <fmt/core.h>

#include "nostr/base/result.h"

namespace bench {

struct Scratch {
  Scratch() {
    std::string pattern = std::filesystem::temp_directory_path() / "sovereign-bench-XXXXXX";
    CHECK(::mkdtemp(pattern.data()) != nullptr);
    path = pattern;
  }
  ~Scratch() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  std::filesystem::path path;
};

/// A program under measurement: its standard output is read here, its errors go to a log.
class Child {
 public:
  Child(std::vector<std::string> argv, const std::filesystem::path& log) {
    int ends[2];
    CHECK(::pipe2(ends, O_CLOEXEC) == 0);
    pid_ = ::fork();
    CHECK(pid_ >= 0);
    if (pid_ == 0) {
      ::dup2(ends[1], 1);
      const int err = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
      if (err >= 0) ::dup2(err, 2);
      std::vector<char*> args;
      for (std::string& arg : argv) args.push_back(arg.data());
      args.push_back(nullptr);
      ::execvp(args[0], args.data());
      ::_exit(127);
    }
    ::close(ends[1]);
    out_ = ends[0];
  }
  ~Child() {
    if (pid_ > 0) {
      ::kill(pid_, SIGTERM);
      ::waitpid(pid_, nullptr, 0);
    }
    ::close(out_);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  std::string first_line() {
    std::string line;
    for (char c = 0; ::read(out_, &c, 1) == 1 && c != '\n';) line += c;
    return line;
  }
  /// Everything until the program ends, without keeping it: how many lines there were.
  std::size_t count_lines() {
    char buffer[65'536];
    std::size_t lines = 0;
    for (ssize_t n = 0; (n = ::read(out_, buffer, sizeof buffer)) > 0;)
      for (ssize_t i = 0; i < n; ++i)
        if (buffer[i] == '\n') ++lines;
    return lines;
  }
  /// Waits for the end. What the program used; exits when it failed.
  rusage finish() {
    rusage usage{};
    int status = 0;
    CHECK(::wait4(pid_, &status, 0, &usage) == pid_);
    pid_ = -1;
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
      fmt::print(stderr, "error: a program under measurement failed with status {}\n", status);
      std::exit(1);
    }
    return usage;
  }
  /// A field of /proc/PID/status in MB.
  double memory(const std::string& field) const {
    std::ifstream status(fmt::format("/proc/{}/status", pid_));
    for (std::string line; std::getline(status, line);)
      if (line.starts_with(field + ":")) return std::atof(line.c_str() + field.size() + 1) / 1024.0;
    return 0;
  }

 private:
  pid_t pid_ = -1;
  int out_ = -1;
};

}  // namespace bench
