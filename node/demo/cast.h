// Cast: everybody of the demo on one machine — a relay, two co-signers, a node — each the program
// itself, as a process of its own with a home of its own.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "nostr/base/json.h"
#include "nostr/base/loop.h"
#include "nostr/base/result.h"
#include "orchestration/sandbox/process.h"

namespace node::demo {

/// Who plays. Everything they write is below `root`; a part logs to `root`/NAME.log.
class Cast {
 public:
  static constexpr std::chrono::seconds kPatience{60};

  /// `program` is the executable that every part runs; `pass` names the variables of our environment
  /// that parts get besides the usual ones. `loop` outlives the cast.
  Cast(base::Loop& loop, std::filesystem::path root, std::filesystem::path program, std::vector<std::string> pass = {});
  ~Cast();

  const std::filesystem::path& root() const { return root_; }
  std::string path(const std::string& name) const { return (root_ / name).string(); }

  /// What a shell calls the program: its name when the PATH leads to it, else where it is.
  std::string program_name() const;

  /// Starts `sovereign ARGUMENTS` and waits for the line that begins with `ready`, which it returns.
  /// kTimeout, or kUnavailable when it ended first, with the last lines it logged.
  base::Task<base::Result<std::string>> start(std::string name, std::vector<std::string> arguments,
                                              std::string ready);
  /// Runs one command to its end; what it printed. kTimeout after `patience`; kUnavailable with the last
  /// lines it logged when it fails.
  base::Task<base::Result<std::string>> run(std::vector<std::string> arguments, std::string input = "",
                                            std::chrono::seconds patience = kPatience);
  /// The same with --json: the first object it prints.
  base::Task<base::Result<base::json::Value>> ask(std::vector<std::string> arguments,
                                                  std::chrono::seconds patience = kPatience);
  /// Ends every part: SIGTERM, and SIGKILL for who does not listen.
  base::Task<void> close();

 private:
  struct Part;

  orchestration::ProcessSpec spec(std::vector<std::string> arguments) const;
  base::Error ended_early(const Part& part, base::Errc code, std::string_view what) const;

  base::Loop& loop_;
  std::filesystem::path root_;
  std::filesystem::path program_;
  std::vector<std::string> environment_;
  std::vector<std::unique_ptr<Part>> parts_;
};

}  // namespace node::demo
