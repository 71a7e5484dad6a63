// Program: the real executable as a child process — started, watched, killed and started again.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace e2e {

/// How long anything may take before a test gives up. Generous: no test measures time.
inline constexpr std::chrono::seconds kPatience{60};

/// How a process ended and what it said.
struct Exit {
  int code = -1;    ///< exit code, or -1 when a signal ended it
  int signal = 0;   ///< the signal, or 0
  std::string out;  ///< what is left of its standard output
};

struct ProgramOptions {
  std::map<std::string, std::string> environment;  ///< added to a bare one, e.g. SOVEREIGN_FAILPOINT
  std::filesystem::path log;                       ///< standard error is appended here
  std::string binary;                              ///< to run instead of `sovereign`
  std::string input;                               ///< what it reads on standard input, at most 64 KiB
};

/// One child process running `sovereign` (or what SOVEREIGN_BINARY names) with `arguments`. It dies
/// with the test. Not thread-safe.
class Program {
 public:
  /// Starts it at once; the environment holds nothing but PATH, HOME (beside the log) and what
  /// `options` adds, so that nobody's own configuration plays a part.
  explicit Program(std::vector<std::string> arguments, ProgramOptions options = {});
  /// Kills it when it still runs.
  ~Program();
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  /// The next line of standard output that starts with `prefix`, without the line end; lines before
  /// it are dropped. nullopt when the process ends its output, or stays silent for `limit`.
  std::optional<std::string> read_line(std::string_view prefix = "", std::chrono::milliseconds limit = kPatience);
  /// Whether it is still there after `limit`; returns as soon as it has ended.
  bool running(std::chrono::milliseconds limit = std::chrono::milliseconds{0});
  pid_t pid() const { return pid_; }
  /// Waits for its end; a process that does not end within `limit` is killed (signal 9).
  Exit wait(std::chrono::milliseconds limit = kPatience);
  /// SIGKILL, as a power cut looks to a process.
  Exit kill();
  /// SIGTERM, and waits until it has stopped by itself.
  Exit terminate();
  /// SIGSTOP and SIGCONT: a process that is there and silent.
  void freeze();
  void thaw();

 private:
  bool read_some(std::chrono::milliseconds limit);
  bool reap(std::chrono::milliseconds limit);

  pid_t pid_ = -1;
  int out_ = -1;         ///< read end of its standard output
  std::string pending_;  ///< read and not yet taken
  std::optional<Exit> exit_;
};

/// Runs `sovereign` to its end.
Exit run_program(std::vector<std::string> arguments, ProgramOptions options = {});

}  // namespace e2e
