// How far this machine's clock is from those of the relays (pure).
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "nostr/base/clock.h"

namespace nostr {

/// What one look at somebody else's clock has shown.
struct ClockOffset {
  base::seconds behind{0};    ///< positive: our clock is slow; negative: it is fast
  base::seconds accuracy{1};  ///< the truth lies within ± this
  friend bool operator==(const ClockOffset&, const ClockOffset&) = default;

  /// More than a network and a rounded header can explain.
  bool is_off() const { return behind > accuracy + kTolerated || -behind > accuracy + kTolerated; }
  static constexpr base::seconds kTolerated{30};
};

/// The IMF-fixdate of an HTTP Date header, "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110 section
/// 5.6.7); the two obsolete forms are not read. nullopt for anything else.
std::optional<base::UnixTime> parse_http_date(std::string_view text);

/// From a Date header that came with an answer asked for at `sent` and read at `received`.
std::optional<ClockOffset> measure_clock(std::string_view date, base::UnixTime sent,
                                         base::UnixTime received);

/// The median of what several relays say: one with a wrong clock of its own changes nothing.
std::optional<ClockOffset> median_offset(std::span<const ClockOffset> offsets);

/// "your clock is off by 600 s (slow)", or "" when it is right within the accuracy.
std::string describe(const ClockOffset& offset);

}  // namespace nostr
