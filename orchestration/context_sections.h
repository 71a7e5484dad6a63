// Sections: what a session is told about its surroundings besides what woke it, within a bound. Pure.
#pragma once

#include <string>
#include <vector>

#include "orchestration/trigger.h"

namespace orchestration {

struct ContextSection {
  std::string name;      ///< "Active directives"
  std::string content;
  int priority = 0;      ///< the lowest is dropped first when there is too much
  Trust trust = Trust::kKnown;
};

constexpr std::size_t kMaxContextBytes = 32'768;

/// The sections by descending priority, each under its name in an envelope, so that none can pass for
/// another; "" when there are none. What does not fit is left out, and named.
std::string build_context(std::vector<ContextSection> sections, std::size_t max_bytes = kMaxContextBytes);

}  // namespace orchestration
