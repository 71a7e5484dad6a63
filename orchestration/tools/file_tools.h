// read_file: text below one directory, and nothing outside it whatever the path says.
#pragma once

#include <memory>
#include <string>

#include "nostr/base/loop.h"
#include "nostr/base/workers.h"
#include "orchestration/tools/tool.h"

namespace orchestration {

struct ReadFileOptions {
  std::string root;                     ///< tools.read_root; must exist
  std::size_t max_bytes = 256 * 1024;   ///< per call
  std::size_t max_lines = 2000;
};

/// Reads `max_bytes` from `offset` of the regular file `path` (relative to the root). The path is
/// walked component by component without following any symbolic link, so nothing below the root
/// can point out of it; devices, pipes and directories are refused. Blocking: for workers.
base::Result<std::string> read_below(const std::string& root, const std::string& path,
                                     std::size_t offset, std::size_t max_bytes);

/// The tool. `loop` and `workers` outlive it; reading happens on a worker.
std::unique_ptr<Tool> make_read_file(base::Loop& loop, base::Workers& workers, ReadFileOptions options);

}  // namespace orchestration
