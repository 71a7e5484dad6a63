// A number and perhaps a letter.
#include "nostr/base/duration.h"

#include <cstdint>

#include <fmt/format.h>

#include "nostr/base/number.h"

namespace base {
namespace {

constexpr std::int64_t kLongest = std::int64_t{100} * 365 * 86'400;

/// Seconds in the unit that `letter` stands for; 0 when it is none.
std::int64_t seconds_in(char letter) {
  switch (letter) {
    case 's': return 1;
    case 'm': return 60;
    case 'h': return 3'600;
    case 'd': return 86'400;
    case 'w': return 604'800;
    default: return 0;
  }
}

}  // namespace

Result<std::chrono::seconds> parse_duration(std::string_view text) {
  std::string_view number = text;
  std::int64_t unit = text.empty() ? 0 : seconds_in(text.back());
  if (unit != 0) number.remove_suffix(1);
  else unit = 1;
  const auto value = parse_number<std::int64_t>(number, 0, kLongest / unit);
  if (!value) return fail(Errc::kInvalid, fmt::format("\"{}\" is no span of time", text), "30s, 5m, 2h, 3d or 1w");
  return std::chrono::seconds{*value * unit};
}

}  // namespace base
