// How relays did, minute by minute, for a day.
#pragma once

#include <deque>
#include <map>
#include <string>
#include <vector>

#include "nostr/base/clock.h"
#include "nostr/base/json.h"
#include "nostr/client/relay_status.h"

namespace node {

/// Bounded in relays and minutes. A minute is as bad as its worst sample. App thread.
class RelayTimeline {
 public:
  static constexpr std::size_t kMinutes = 24 * 60;
  static constexpr std::size_t kRelays = 64;

  void sample(const std::vector<nostr::RelayStatus>& relays, base::UnixTime now);
  /// {"until": start of the last minute, "relays": [{"url", "line"}]}: one character a minute, oldest
  /// first: "o" connected, "s" silent, "x" away, "." not wanted or not known.
  base::json::Value view() const;

 private:
  void advance(std::int64_t minute);

  std::int64_t minute_ = 0;  ///< of the last character
  std::map<std::string, std::string> lines_;
};

}  // namespace node
