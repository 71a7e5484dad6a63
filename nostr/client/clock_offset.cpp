// Reading Date headers; the median of what they say.
#include "nostr/client/clock_offset.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <vector>

namespace nostr {

namespace {

constexpr std::array<std::string_view, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                   "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

/// The digits of `text` at `at` as a number; nullopt when one of them is none.
std::optional<int> number(std::string_view text, std::size_t at, std::size_t digits) {
  int out = 0;
  const char* const begin = text.data() + at;
  const auto [end, error] = std::from_chars(begin, begin + digits, out);
  if (error != std::errc{} || end != begin + digits || out < 0) return std::nullopt;
  return out;
}

}  // namespace

std::optional<base::UnixTime> parse_http_date(std::string_view text) {
  // Position by position: "Sun, 06 Nov 1994 08:49:37 GMT".
  if (text.size() != 29 || text.substr(3, 2) != ", " || !text.ends_with(" GMT") ||
      text[7] != ' ' || text[11] != ' ' || text[16] != ' ' || text[19] != ':' || text[22] != ':')
    return std::nullopt;
  const auto day = number(text, 5, 2);
  const auto month = std::ranges::find(kMonths, text.substr(8, 3));
  const auto year = number(text, 12, 4);
  const auto hour = number(text, 17, 2);
  const auto minute = number(text, 20, 2);
  const auto second = number(text, 23, 2);
  if (!day || month == kMonths.end() || !year || !hour || !minute || !second) return std::nullopt;
  const std::chrono::year_month_day date{
      std::chrono::year{*year}, std::chrono::month{static_cast<unsigned>(month - kMonths.begin()) + 1},
      std::chrono::day{static_cast<unsigned>(*day)}};
  if (!date.ok() || *hour > 23 || *minute > 59 || *second > 60) return std::nullopt;
  return std::chrono::sys_days{date} + std::chrono::hours{*hour} + std::chrono::minutes{*minute} +
         base::seconds{*second};
}

std::optional<ClockOffset> measure_clock(std::string_view date, base::UnixTime sent,
                                         base::UnixTime received) {
  const auto theirs = parse_http_date(date);
  if (!theirs || received < sent) return std::nullopt;
  // Written somewhere between the two, and cut to whole seconds on both sides.
  const base::seconds trip = received - sent;
  return ClockOffset{.behind = *theirs - (sent + trip / 2), .accuracy = trip / 2 + base::seconds{1}};
}

std::optional<ClockOffset> median_offset(std::span<const ClockOffset> offsets) {
  if (offsets.empty()) return std::nullopt;
  std::vector<ClockOffset> sorted(offsets.begin(), offsets.end());
  const auto middle = sorted.begin() + static_cast<std::ptrdiff_t>((sorted.size() - 1) / 2);
  std::ranges::nth_element(sorted, middle, {}, &ClockOffset::behind);
  return *middle;
}

std::string describe(const ClockOffset& offset) {
  if (!offset.is_off()) return {};
  const bool slow = offset.behind > base::seconds{0};
  return "your clock is off by " + std::to_string(std::abs(offset.behind.count())) + " s (" +
         (slow ? "slow)" : "fast)");
}

}  // namespace nostr
