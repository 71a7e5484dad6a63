// What model calls cost: rates, estimates, and the reservation held around each call.
// The ledger itself is storage/budgets.
#pragma once

#include <cstdint>
#include <string_view>

#include "nostr/base/money.h"
#include "nostr/base/result.h"

namespace orchestration {

/// Tokens of one call. `estimated` when the provider did not say and we counted bytes.
struct Usage {
  std::uint64_t prompt_tokens = 0;      ///< all of them, cached ones included
  std::uint64_t cached_tokens = 0;      ///< at most prompt_tokens
  std::uint64_t completion_tokens = 0;
  bool estimated = false;

  friend bool operator==(const Usage&, const Usage&) = default;
};

/// Price of 1000 tokens in millisatoshi. Zero is a model of one's own.
struct Rates {
  base::Msat in_per_1k;
  base::Msat cached_in_per_1k;
  base::Msat out_per_1k;
};

/// Each part rounded up to a whole millisatoshi, then summed. kLimit when it exceeds base::kMaxMsat,
/// kInvalid when more tokens are cached than were sent.
base::Result<base::Msat> cost_of(const Usage& usage, const Rates& rates);

/// The older formula in whole satoshi, each part rounded down, so that small calls are free: for comparing
/// with books that were kept by it, never for charging. kLimit as cost_of().
base::Result<base::Sat> sats_rounded_down(const Usage& usage, base::Sat in_per_1k, base::Sat out_per_1k);

/// Four bytes a token, rounded up: the fallback when nobody counts for us.
std::uint64_t estimate_tokens(std::size_t bytes);

}  // namespace orchestration
