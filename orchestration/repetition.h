// How often a model does the same thing in a row. Pure.
#pragma once

#include <vector>

#include "orchestration/transcript.h"

namespace orchestration {

/// How many of the last calls are the same one, arguments and all.
inline std::size_t repetitions(const std::vector<CallRecord>& calls) {
  const auto same = [&](const CallRecord& call) {
    return call.plan.tool == calls.back().plan.tool && call.plan.params == calls.back().plan.params;
  };
  std::size_t count = 0;
  while (count < calls.size() && same(calls[calls.size() - 1 - count])) ++count;
  return count;
}

/// How many of the last calls `matches` holds for, without a gap.
template <class Predicate>
std::size_t trailing(const std::vector<CallRecord>& calls, Predicate matches) {
  std::size_t count = 0;
  for (auto it = calls.rbegin(); it != calls.rend() && matches(*it); ++it) ++count;
  return count;
}

}  // namespace orchestration
