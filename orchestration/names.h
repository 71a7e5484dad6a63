// Tables that give enumerators their lower-case names, read in both directions.
#pragma once

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

}  // namespace orchestration
