// Prices in integers: every part rounded up, nothing overflows silently.
#include "orchestration/cost.h"

#include <string>

namespace orchestration {
namespace {

__extension__ using Wide = unsigned __int128;

Wide part(std::uint64_t tokens, base::Msat per_1k) {
  if (per_1k.value <= 0) return 0;
  return (Wide{tokens} * static_cast<std::uint64_t>(per_1k.value) + 999) / 1000;
}

}  // namespace

base::Result<base::Msat> cost_of(const Usage& usage, const Rates& rates) {
  if (usage.cached_tokens > usage.prompt_tokens)
    return base::fail(base::Errc::kInvalid, "usage says " + std::to_string(usage.cached_tokens) +
                                                " of " + std::to_string(usage.prompt_tokens) +
                                                " prompt tokens were cached");
  const Wide sum = part(usage.prompt_tokens - usage.cached_tokens, rates.in_per_1k) +
                   part(usage.cached_tokens, rates.cached_in_per_1k) +
                   part(usage.completion_tokens, rates.out_per_1k);
  if (sum > static_cast<std::uint64_t>(base::kMaxMsat.value))
    return base::fail(base::Errc::kLimit, "a model call would cost more than all bitcoin");
  return base::Msat{static_cast<std::int64_t>(sum)};
}

base::Result<base::Sat> sats_rounded_down(const Usage& usage, base::Sat in_per_1k, base::Sat out_per_1k) {
  const auto whole = [](std::uint64_t tokens, base::Sat rate) {
    return rate.value <= 0 ? Wide{0} : Wide{tokens} * static_cast<std::uint64_t>(rate.value) / 1000;
  };
  const Wide sum = whole(usage.prompt_tokens, in_per_1k) + whole(usage.completion_tokens, out_per_1k);
  if (sum > static_cast<std::uint64_t>(base::kMaxMsat.value) / 1000)
    return base::fail(base::Errc::kLimit, "a model call would cost more than all bitcoin");
  return base::Sat{static_cast<std::int64_t>(sum)};
}

std::uint64_t estimate_tokens(std::size_t bytes) { return (std::uint64_t{bytes} + 3) / 4; }

}  // namespace orchestration
