// FAILPOINT(name): places where a test may kill the process, so that recovery is tested, not hoped for.
#pragma once

#ifdef SOVEREIGN_FAILPOINTS

namespace base {

/// Counts a pass of `name` and kills this process with SIGKILL at the n-th one when the environment
/// says SOVEREIGN_FAILPOINT=name:n (n from 1; "name" alone means 1). Any thread.
void pass_failpoint(const char* name);

}  // namespace base

#define FAILPOINT(name) ::base::pass_failpoint(name)
#else
#define FAILPOINT(name) static_cast<void>(0)
#endif
