// Local time through the tz database.
#include "frostr/quiet_hours.h"

#include <absl/time/time.h>
#include <fmt/format.h>

namespace frostr {
namespace {

constexpr int kDayMinutes = 24 * 60;

absl::TimeZone load(const std::string& zone) {
  absl::TimeZone out;
  // A zone that has vanished from the machine since the policy was read is UTC.
  if (!absl::LoadTimeZone(zone.c_str(), &out)) return absl::UTCTimeZone();
  return out;
}

absl::Time at(base::UnixTime time) { return absl::FromUnixSeconds(base::to_unix(time)); }

bool begins_on(const QuietHours& hours, absl::CivilDay day) {
  return hours.days[static_cast<std::size_t>(absl::GetWeekday(day))];
}

}  // namespace

std::optional<base::UnixTime> QuietHours::until(base::UnixTime now) const {
  const absl::TimeZone tz = load(zone);
  const absl::CivilDay today = absl::ToCivilDay(at(now), tz);
  const int length = to > from ? to - from : to + kDayMinutes - from;
  // The span that began yesterday may not be over; a zone's clock may be set back over midnight.
  for (const absl::CivilDay day : {today - 1, today}) {
    if (!begins_on(*this, day)) continue;
    const absl::CivilMinute begin = absl::CivilMinute(day) + from;
    const absl::Time first = absl::FromCivil(begin, tz);
    const absl::Time end = absl::FromCivil(begin + length, tz);
    if (at(now) >= first && at(now) < end) return base::unix_time(absl::ToUnixSeconds(end));
  }
  return std::nullopt;
}

std::string QuietHours::local(base::UnixTime time) const {
  return absl::FormatTime("%Y-%m-%d %H:%M %Z", at(time), load(zone));
}

bool is_known_zone(const std::string& zone) {
  absl::TimeZone ignored;
  return absl::LoadTimeZone(zone.c_str(), &ignored);
}

base::Result<int> parse_clock_time(std::string_view text) {
  const auto digit = [&](std::size_t i) { return text[i] >= '0' && text[i] <= '9'; };
  if (text.size() == 5 && text[2] == ':' && digit(0) && digit(1) && digit(3) && digit(4)) {
    const int hour = (text[0] - '0') * 10 + (text[1] - '0');
    const int minute = (text[3] - '0') * 10 + (text[4] - '0');
    if (minute < 60 && (hour < 24 || (hour == 24 && minute == 0)))
      return (hour * 60 + minute) % kDayMinutes;
  }
  return base::fail(base::Errc::kInvalid, "is no time of day", "write \"22:30\"");
}

std::string format_clock_time(int minutes) {
  return fmt::format("{:02}:{:02}", minutes / 60, minutes % 60);
}

}  // namespace frostr
