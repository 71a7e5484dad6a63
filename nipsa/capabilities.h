// What a skill may do: names like "http:outbound", denied unless manifest, licence and operator all
// grant them.
#pragma once

#include <string>
#include <vector>

#include "nipsa/reading.h"

namespace nipsa {

/// Sorted, lower case, each once. Empty: the skill does nothing outside itself ("none").
using Capabilities = std::vector<std::string>;

/// Trims, lowers, sorts. E_TAG_BAD for a name that is not [a-z0-9][a-z0-9:._-]{0,63}, for "none"
/// beside others, for more than 32.
Result<Capabilities> normal_capabilities(const std::vector<std::string>& names);
/// What both grant.
Capabilities common_capabilities(const Capabilities& a, const Capabilities& b);
/// What `wanted` holds and `granted` does not.
Capabilities missing_capabilities(const Capabilities& wanted, const Capabilities& granted);
/// "http:outbound, fs:read", or "none".
std::string capabilities_text(const Capabilities& list);

}  // namespace nipsa
