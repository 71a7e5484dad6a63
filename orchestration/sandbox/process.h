// Process: one child with a clean environment, limits, and an end that takes its whole group along.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "nostr/base/loop.h"

namespace orchestration {

/// Per process, as setrlimit(2) counts; 0 leaves the limit of this program.
struct ResourceLimits {
  std::chrono::seconds cpu{600};
  std::uint64_t memory_bytes = 4ull << 30;     ///< address space
  std::uint64_t file_bytes = 256ull << 20;     ///< largest file it may write
  std::uint64_t open_files = 512;
  std::uint64_t processes = 512;               ///< of this user; root is not bound by it
};

/// Restrictions the child puts on itself between fork and exec.
struct SelfConfinement {
  int landlock_ruleset = -1;  ///< descriptor; -1: none
  std::string seccomp_filter; ///< BPF program as the kernel takes it; empty: none
};

struct ProcessSpec {
  std::vector<std::string> argv;         ///< argv[0] is looked up in the PATH of `environment`
  std::vector<std::string> environment;  ///< all of it: nothing is inherited
  std::string directory;                 ///< where it starts; empty: the root directory
  ResourceLimits limits;
  std::vector<int> keep;                 ///< descriptors it gets under the same numbers
  SelfConfinement confinement;
  bool with_input = false;               ///< else it reads end of file
};

struct ExitStatus {
  int code = 0;    ///< what it returned; 128 + signal when one ended it, as shells count
  int signal = 0;  ///< 0 when it returned
};

/// A running child in a session of its own. Destroying it kills the group, and it does not outlive the
/// thread that started it. App thread.
class Process {
 public:
  using Sink = std::function<void(std::string_view)>;

  /// Starts it; what it says is handed to the sinks on the app thread as it comes. kNotFound when there
  /// is no such program, kIo when something on the way fails. `loop` outlives the process.
  static base::Result<Process> start(base::Loop& loop, ProcessSpec spec, Sink on_output, Sink on_errors);
  ~Process();
  Process(Process&&) noexcept;
  Process& operator=(Process&&) noexcept;

  /// Queues bytes for its input; kLimit when more than 8 MiB wait there already.
  base::Result<void> write(std::string bytes);
  /// Lets it read end of file after what is queued.
  void close_input();
  /// Waits until it has ended and said everything, at most `limit`; kTimeout then, and it runs on.
  base::Task<base::Result<ExitStatus>> wait(std::chrono::milliseconds limit);
  /// Ends the whole group at once.
  void kill();
  int pid() const;

 private:
  struct Impl;
  explicit Process(std::shared_ptr<Impl> impl);
  std::shared_ptr<Impl> impl_;
};

struct RunLimits {
  std::chrono::milliseconds time{120'000};
  std::size_t output_bytes = 1u << 20;  ///< kept of each stream: the head and the tail
};

struct ProcessOutcome {
  ExitStatus status;
  bool timed_out = false;
  std::string output;
  std::string errors;
  std::uint64_t output_bytes = 0;  ///< said in all
  std::uint64_t errors_bytes = 0;
};

/// Runs `spec` to its end, feeding it `input`. Cancelling the task kills the group.
base::Task<base::Result<ProcessOutcome>> run_process(base::Loop& loop, ProcessSpec spec, std::string input,
                                                     RunLimits limits);

}  // namespace orchestration
