// Sending events from the command line: one outcome line per event and relay.
#pragma once

#include <string>
#include <vector>

#include "node/cli/command.h"
#include "node/runtime.h"
#include "nostr/event/event.h"

namespace node::cli {

/// How many of all pairs of event and relay were accepted.
struct PublishCounts {
  std::size_t accepted = 0;
  std::size_t total = 0;
  int exit_code() const { return accepted == total ? kOk : accepted == 0 ? kFailed : kPartial; }
};

/// Publishes every event to every relay and stops the pool. Each pair's outcome is one JSON line,
/// on stdout or, when that carries the events themselves, on stderr. `runtime` outlives the task.
base::Task<PublishCounts> publish_all(Runtime& runtime, std::vector<std::string> relays,
                                      std::vector<nostr::Event> events, bool to_stderr);

}  // namespace node::cli
