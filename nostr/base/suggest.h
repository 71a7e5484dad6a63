// "Did you mean …?" for misspelt keys, commands and names.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace base {

/// A hint naming the known word nearest to `typed` (edit distance at most a third of its length),
/// or listing up to eight known words when none is near.
std::string did_you_mean(std::string_view typed, const std::vector<std::string>& known);

}  // namespace base
