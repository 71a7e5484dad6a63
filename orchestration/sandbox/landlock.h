// Landlock: which files a process may touch, enforced by the kernel on the process itself.
#pragma once

#include <string>
#include <vector>

#include "nostr/base/result.h"
#include "orchestration/sandbox/fd.h"

namespace orchestration {

/// The version the kernel offers; 0 when it has none.
int landlock_version();

struct LandlockRules {
  std::vector<std::string> read;   ///< files or folders: read and execute below; missing ones are skipped
  std::vector<std::string> write;  ///< folders: everything below; files: read and write
};

/// A ruleset that refuses every file access not listed, every TCP port, and signals to processes outside
/// (the last two as far as the kernel's version knows them). kUnsupported without Landlock.
base::Result<Fd> landlock_ruleset(const LandlockRules& rules);

}  // namespace orchestration
