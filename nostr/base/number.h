// Decimal numbers in text that strangers wrote.
#pragma once

#include <charconv>
#include <limits>
#include <optional>
#include <string_view>

#include "nostr/base/money.h"

namespace base {

/// All of `text` as a decimal integer of low..high; nullopt otherwise, and so for "", "+1", " 1"
/// and "1.0".
template <class T>
std::optional<T> parse_number(std::string_view text, T low = 0,
                              T high = std::numeric_limits<T>::max()) {
  T value = 0;
  const char* const last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, value);
  if (text.empty() || error != std::errc{} || end != last || value < low || value > high)
    return std::nullopt;
  return value;
}

/// An amount of 0..kMaxMsat.
inline std::optional<Msat> parse_msat(std::string_view text) {
  const auto value = parse_number<std::int64_t>(text, 0, kMaxMsat.value);
  return value ? std::optional(Msat{*value}) : std::nullopt;
}

}  // namespace base
