// The machine's clock, and times written for people and for logs.
#include "nostr/base/clock.h"

#include <fmt/format.h>

#include "nostr/base/failpoint.h"

namespace base {
namespace {

struct Parts {
  std::chrono::year_month_day date;
  std::chrono::hh_mm_ss<seconds> time;
};

Parts split(UnixTime t) {
  const auto day = std::chrono::floor<std::chrono::days>(t);
  return {std::chrono::year_month_day(day), std::chrono::hh_mm_ss<seconds>(t - day)};
}

std::string format_date(const std::chrono::year_month_day& date) {
  return fmt::format("{:04}-{:02}-{:02}", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()));
}

}  // namespace

std::string format_utc(UnixTime t) {
  const Parts parts = split(t);
  return fmt::format("{} {:02}:{:02} UTC", format_date(parts.date), parts.time.hours().count(),
                     parts.time.minutes().count());
}

std::string format_rfc3339(UnixTime t) {
  const Parts parts = split(t);
  return fmt::format("{}T{:02}:{:02}:{:02}Z", format_date(parts.date), parts.time.hours().count(),
                     parts.time.minutes().count(), parts.time.seconds().count());
}

UnixTime SystemClock::now() const {
  const UnixTime now = std::chrono::floor<seconds>(std::chrono::system_clock::now());
#ifdef SOVEREIGN_FAILPOINTS
  return now + clock_ahead();
#else
  return now;
#endif
}

}  // namespace base
