// What relays say in words: there is no standard beyond the prefix, so common phrasings are read.
#include "nostr/client/publish_outcome.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace nostr {

namespace {

constexpr std::chrono::seconds kLongestHint{3'600};

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

/// Seconds in the unit that `word` begins with; 0 when it is none.
std::int64_t unit_of(std::string_view word) {
  const std::size_t end = word.find_first_not_of("abcdefghijklmnopqrstuvwxyz");
  const std::string_view unit = word.substr(0, end);
  using Units = std::array<std::string_view, 5>;
  constexpr Units kSeconds = {"s", "sec", "secs", "second", "seconds"};
  constexpr Units kMinutes = {"m", "min", "mins", "minute", "minutes"};
  constexpr Units kHours = {"h", "hr", "hrs", "hour", "hours"};
  const auto in = [&](const Units& units) { return std::ranges::find(units, unit) != units.end(); };
  return in(kSeconds) ? 1 : in(kMinutes) ? 60 : in(kHours) ? 3'600 : 0;
}

}  // namespace

std::string_view state_name(PublishOutcome::State state) {
  switch (state) {
    case PublishOutcome::State::kAccepted:
      return "accepted";
    case PublishOutcome::State::kRejected:
      return "rejected";
    case PublishOutcome::State::kUnknown:
      return "unknown";
    case PublishOutcome::State::kUnsent:
      return "unsent";
  }
  return "unknown";
}

std::optional<std::chrono::seconds> retry_hint(std::string_view message) {
  const std::string text = lower(message.substr(0, 1024));
  // "10 events per 60 s" names a rate; only what follows one of these words is a time to wait.
  std::size_t at = std::string::npos;
  for (const std::string_view word : {" after ", " in ", "wait "})
    at = std::min(at, text.find(word));
  if (at == std::string::npos) return std::nullopt;
  const std::size_t digits = text.find_first_of("0123456789", at);
  if (digits == std::string::npos) return std::nullopt;
  std::int64_t number = 0;
  const auto [end, error] =
      std::from_chars(text.data() + digits, text.data() + text.size(), number);
  if (error != std::errc()) return std::nullopt;
  const std::size_t word = text.find_first_not_of(" ", static_cast<std::size_t>(end - text.data()));
  const std::int64_t unit =
      word == std::string::npos ? 0 : unit_of(std::string_view(text).substr(word));
  if (unit == 0) return std::nullopt;
  return std::chrono::seconds{
      std::clamp<std::int64_t>(number, 1, kLongestHint.count() / unit) * unit};
}

bool says_wrong_time(std::string_view message) {
  const std::string text = lower(message.substr(0, 1024));
  return std::ranges::any_of(
      std::array<std::string_view, 8>{"created_at", "created at", "timestamp", "too old",
                                      "too early", "too late", "in the future", "in the past"},
      [&](std::string_view phrase) { return text.contains(phrase); });
}

}  // namespace nostr
