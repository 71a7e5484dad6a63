// A string per relay.
#include "node/dashboard/relay_timeline.h"

#include <algorithm>

namespace node {
namespace {

constexpr std::string_view kFromGoodToBad = ".osx";

char mark_of(const nostr::RelayStatus& relay) {
  switch (relay.state) {
    case nostr::RelayState::kOpen:
      return 'o';
    case nostr::RelayState::kSuspect:
      return 's';
    case nostr::RelayState::kConnecting:
      return relay.attempts > 0 ? 'x' : '.';
    case nostr::RelayState::kBackingOff:
    case nostr::RelayState::kLeft:
    case nostr::RelayState::kRefused:
      return 'x';
    case nostr::RelayState::kIdle:
      return '.';
  }
  return '.';
}

}  // namespace

void RelayTimeline::advance(std::int64_t minute) {
  if (minute <= minute_) return;
  const auto passed = static_cast<std::size_t>(
      std::min<std::int64_t>(minute - minute_, static_cast<std::int64_t>(kMinutes)));
  for (auto& [url, line] : lines_) {
    line.append(passed, '.');
    if (line.size() > kMinutes) line.erase(0, line.size() - kMinutes);
  }
  minute_ = minute;
  std::erase_if(lines_, [](const auto& entry) {
    return entry.second.find_first_not_of('.') == std::string::npos;
  });
}

void RelayTimeline::sample(const std::vector<nostr::RelayStatus>& relays, base::UnixTime now) {
  advance(base::to_unix(now) / 60);
  for (const nostr::RelayStatus& relay : relays) {
    if (!lines_.contains(relay.url) && lines_.size() >= kRelays) continue;
    std::string& line = lines_[relay.url];
    if (line.empty()) line = ".";
    const char mark = mark_of(relay);
    if (kFromGoodToBad.find(mark) > kFromGoodToBad.find(line.back())) line.back() = mark;
  }
}

base::json::Value RelayTimeline::view() const {
  base::json::Value relays = base::json::Value::array();
  for (const auto& [url, line] : lines_) relays.push_back({{"url", url}, {"line", line}});
  return {{"until", minute_ * 60}, {"relays", std::move(relays)}};
}

}  // namespace node
