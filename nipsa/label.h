// Kind 1985 (NIP-32) as this floor uses it: values within one namespace.
#pragma once

#include "nipsa/kinds.h"
#include "nipsa/reading.h"

namespace nipsa {

/// The values of `space`, trimmed and in lower case: those marked with it, and those without a mark
/// where it is the only `L`. At most 16.
std::vector<std::string> label_values(const nostr::Tags& tags, std::string_view space);

}  // namespace nipsa
