// What a new policy changes, and in which direction: for the record of whoever loosened it.
#pragma once

#include <string>
#include <vector>

#include "frostr/policy.h"

namespace frostr {

enum class Direction {
  kTighter,  ///< allows less
  kLooser,   ///< allows more
  kOther,    ///< another set, neither within the other, or no matter of more and less
};

struct PolicyChange {
  std::string what;  ///< the key, e.g. "kinds.1.verdict", and its values
  Direction direction = Direction::kOther;
};

/// Every difference between two policies, in the order of the file. What is neither tighter nor
/// looser counts as looser for loosens(): another operator may allow what this one would not.
std::vector<PolicyChange> compare(const Policy& before, const Policy& after);
bool loosens(const std::vector<PolicyChange>& changes);
/// "kinds.1.verdict ask → sign (looser); …".
std::string describe(const std::vector<PolicyChange>& changes);

}  // namespace frostr
