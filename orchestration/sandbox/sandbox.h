// Sandbox: where tools' processes run — a wall of named strength that is probed before it is trusted.
//
// Behind every wall a process gets a clean environment without secrets, no inherited descriptors, a
// session of its own, limits on time, memory, files and output, and an end that takes the whole tree
// along. What keeps it from the rest of the machine is the wall itself. If the wall that is configured
// does not stand on this machine, nothing runs: a weaker one is taken only when it is named.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "orchestration/sandbox/fd.h"
#include "orchestration/sandbox/process.h"

namespace orchestration {

enum class Wall {
  kBubblewrap,  ///< own namespaces: sees /usr and the workspace, no network, no home, no other process
  kLandlock,    ///< the same files enforced by Landlock, sockets refused by seccomp; sees other processes
  kNone,        ///< limits only: the process can do what this program can do
};
/// "bubblewrap", "landlock", "none".
std::string_view wall_name(Wall wall);
base::Result<Wall> parse_wall(std::string_view name);

struct SandboxOptions {
  Wall wall = Wall::kBubblewrap;
  std::string bwrap = "/usr/bin/bwrap";
};

/// What to run and what it may touch.
struct SandboxJob {
  std::vector<std::string> argv;         ///< argv[0] from /usr/local/bin, /usr/bin, /bin, or a path
  std::string workspace;                 ///< absolute; seen under the same path; empty: sees no files of ours
  bool may_write = false;                ///< below the workspace (behind bubblewrap not .git/hooks and config)
  std::string directory;                 ///< where it starts; empty: the workspace
  std::vector<std::string> readable;     ///< further files or folders it may read
  bool network = false;
  std::vector<std::string> environment;  ///< "NAME=value" on top of the clean one
  std::string input;
  ResourceLimits limits;
  RunLimits run;
};

/// What stands between a process and this machine, in words for a person.
struct SandboxReport {
  Wall wall = Wall::kBubblewrap;
  std::vector<std::string> enforced;
  std::vector<std::string> missing;
};

/// App thread.
class Sandbox {
 public:
  Sandbox(base::Loop& loop, SandboxOptions options);  ///< `loop` outlives it

  /// Runs a process behind the wall and looks at what it sees: once, later calls repeat the answer.
  /// kUnsupported with a hint when the wall does not stand.
  base::Task<base::Result<SandboxReport>> probe();
  /// Runs `job` to its end; kUnsupported when probe() fails. Cancelling ends its whole tree.
  base::Task<base::Result<ProcessOutcome>> run(SandboxJob job);
  /// How `job` is started, for processes that stay and talk. Only after a probe() that succeeded.
  /// `input` and `run` of the job are not used. The descriptors in `held` are needed until it runs.
  base::Result<ProcessSpec> spec(const SandboxJob& job, std::vector<Fd>& held) const;

  Wall wall() const { return options_.wall; }

 private:
  base::Result<ProcessSpec> bubblewrap(const SandboxJob& job, std::vector<Fd>& held) const;
  base::Result<ProcessSpec> landlocked(const SandboxJob& job, std::vector<Fd>& held) const;

  base::Loop& loop_;
  SandboxOptions options_;
  std::optional<base::Result<SandboxReport>> report_;
};

}  // namespace orchestration
