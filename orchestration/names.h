// Tables that give enumerators their lower-case names, read in both directions.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

#include "nostr/base/result.h"

namespace orchestration {

template <class E>
struct Name {
  E value;
  std::string_view text;
};

template <class E, std::size_t N>
constexpr std::string_view name_in(const Name<E> (&table)[N], E value) {
  for (const Name<E>& row : table)
    if (row.value == value) return row.text;
  return "?";
}

/// kInvalid names `what` and lists the words that exist.
template <class E, std::size_t N>
base::Result<E> value_in(const Name<E> (&table)[N], std::string_view text, std::string_view what) {
  std::string known;
  for (const Name<E>& row : table) {
    if (row.text == text) return row.value;
    known += known.empty() ? "use " : ", ";
    known += row.text;
  }
  return base::fail(base::Errc::kInvalid,
                    std::string(what) + " \"" + std::string(text.substr(0, 64)) + "\" is unknown", known);
}

/// Levenshtein's distance over the first 64 characters of each.
std::size_t edit_distance(std::string_view a, std::string_view b);

/// The candidate closest to `word` by edit distance, or "" when none is near (distance over a third
/// of its length, at least 2): for "did you mean".
template <class Range>
std::string closest_name(std::string_view word, const Range& candidates) {
  std::string best;
  std::size_t best_distance = std::max<std::size_t>(2, word.size() / 3) + 1;
  for (const auto& candidate : candidates) {
    const std::size_t distance = edit_distance(word, candidate);
    if (distance < best_distance) {
      best_distance = distance;
      best = std::string(candidate);
    }
  }
  return best;
}

}  // namespace orchestration
