// The system calls a tool's process has no business with, as a filter for the kernel.
#pragma once

#include <string>

#include "nostr/base/result.h"

namespace orchestration {

struct SeccompRules {
  bool refuse_sockets = false;  ///< no socket(2) at all: where no network namespace keeps it in
  bool keep_group = false;      ///< no setsid and setpgid: where only the group holds the tree together
};

/// A BPF program for the running architecture. Refused with EPERM: tracing, mounting, namespaces, keys,
/// modules, clocks, BPF, io_uring, terminal injection, and what `rules` adds.
base::Result<std::string> seccomp_filter(SeccompRules rules);

}  // namespace orchestration
