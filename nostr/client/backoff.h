// How long to wait before the next connection attempt (pure).
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

#include "nostr/base/rng.h"

namespace nostr {

/// Bounds of the exponential growth; 0 < initial ≤ max.
struct BackoffLimits {
  std::chrono::milliseconds initial{500};
  std::chrono::milliseconds max{60'000};
};

/// The delay after `failures` consecutive failures (0 counts as 1): initial · 2^(failures-1), at
/// most max, of which the upper half is random, so that a relay that comes back is not met by all
/// of its clients in the same instant. Result in [d/2, d].
inline std::chrono::milliseconds backoff_delay(std::uint32_t failures, BackoffLimits limits,
                                               base::Rng& rng) {
  auto delay = std::max(limits.initial, std::chrono::milliseconds{1});
  for (std::uint32_t i = 1; i < failures && delay < limits.max; ++i) delay *= 2;
  delay = std::min(delay, std::max(limits.max, std::chrono::milliseconds{1}));
  const auto half = delay.count() / 2;
  const auto spread = static_cast<std::uint64_t>(delay.count() - half) + 1;
  return std::chrono::milliseconds{half + static_cast<std::int64_t>(rng.below(spread))};
}

}  // namespace nostr
