// FAILPOINT(name): places where a test may kill the process, so that recovery is tested, not hoped for;
// and a clock that a test may set ahead, so that it need not wait.
#pragma once

#ifdef SOVEREIGN_FAILPOINTS

#include <chrono>

namespace base {

/// Counts a pass of `name` and kills this process with SIGKILL at the n-th one when the environment
/// says SOVEREIGN_FAILPOINT=name:n (n from 1; "name" alone means 1). Any thread.
void pass_failpoint(const char* name);

/// By how much SystemClock runs ahead of the machine's: SOVEREIGN_CLOCK_AHEAD (seconds) at first, then
/// what was set last. Any thread.
std::chrono::seconds clock_ahead();
void set_clock_ahead(std::chrono::seconds ahead);

}  // namespace base

#define FAILPOINT(name) ::base::pass_failpoint(name)
#else
#define FAILPOINT(name) static_cast<void>(0)
#endif
