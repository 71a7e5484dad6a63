// Failpoints: places where a program kills itself, in builds that have them.
#pragma once

#include <ostream>
#include <string>

#include "tests/e2e/support/world.h"

#ifdef SOVEREIGN_FAILPOINTS
#define NEEDS_FAILPOINTS() static_cast<void>(0)
#else
#define NEEDS_FAILPOINTS() \
  GTEST_SKIP() << "this build has no failpoints: configure with --preset test, debug or tsan"
#endif

namespace e2e {

/// A place in the code, reached for the n-th time.
struct Failpoint {
  std::string name;
  int pass = 1;
};

inline void PrintTo(const Failpoint& failpoint, std::ostream* out) { *out << failpoint.name << ":" << failpoint.pass; }

/// The environment in which a program dies there.
inline Environment armed(const Failpoint& failpoint) {
  return {{"SOVEREIGN_FAILPOINT", failpoint.name + ":" + std::to_string(failpoint.pass)}};
}

}  // namespace e2e
