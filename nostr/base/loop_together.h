// Several coroutines side by side, for one that waits for all of them.
#pragma once

#include <vector>

#include "nostr/base/task.h"

namespace base {

/// Runs `tasks` side by side on the loop and returns when every one has ended. A cancellation from outside
/// cancels each and is thrown when all have ended; otherwise the first exception of one is rethrown then.
Task<void> all_of(std::vector<Task<void>> tasks);

}  // namespace base
