// Spans of time as people write them.
#pragma once

#include <chrono>
#include <string_view>

#include "nostr/base/result.h"

namespace base {

/// "90", "90s", "5m", "2h", "3d", "1w": whole seconds, minutes, hours, days, weeks; a bare number is
/// seconds. Never negative, at most 100 years. Pure.
Result<std::chrono::seconds> parse_duration(std::string_view text);

}  // namespace base
