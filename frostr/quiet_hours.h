// QuietHours: a span of local time that comes back every day, in the zone of the people concerned.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "nostr/base/clock.h"
#include "nostr/base/result.h"

namespace frostr {

/// From `from` to `to` (exclusive) on the days it begins on; `to` <= `from` ends the next morning.
/// Clock times that a change of the zone's offset skips count as the moment of the change.
struct QuietHours {
  std::string zone = "UTC";  ///< a name of the tz database, e.g. "Europe/Berlin"
  int from = 0;              ///< minutes after local midnight, 0..1439
  int to = 0;                ///< equal to `from`: the whole day
  std::array<bool, 7> days{true, true, true, true, true, true, true};  ///< Monday first

  /// When the span that `now` lies in ends; nullopt outside.
  std::optional<base::UnixTime> until(base::UnixTime now) const;
  /// `time` as a clock in the zone shows it: "2026-11-26 07:00 CET".
  std::string local(base::UnixTime time) const;
};

/// Whether the machine's tz database knows `zone`.
bool is_known_zone(const std::string& zone);
/// "22:30" as minutes after midnight; kInvalid otherwise. "24:00" is midnight, 0.
base::Result<int> parse_clock_time(std::string_view text);
std::string format_clock_time(int minutes);

}  // namespace frostr
