// How much an agent may do by itself.
#pragma once

#include <string_view>

namespace nipsa {

/// From most to least restricted; comparable.
enum class Autonomy {
  kSupervised,  ///< every external action asks
  kBounded,     ///< asks above the threshold and for listed classes
  kAutonomous,  ///< asks only where a guardian or co-signer demands it
};

/// The wire name: "supervised", "bounded", "autonomous".
std::string_view autonomy_name(Autonomy level);
/// Reads every spelling in use (case, semi_autonomous, FullyAutonomous); unknown text is supervised.
Autonomy read_autonomy(std::string_view text);

}  // namespace nipsa
