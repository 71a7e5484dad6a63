// Enumerations as words: the same spelling in the database, in JSON and on the terminal.
#pragma once

#include <array>
#include <concepts>
#include <optional>
#include <string_view>

namespace storage {

/// Specialise with `static constexpr std::array kNames{…}` in the order of the enumerators, which
/// count from 0. Words are append-only: databases hold them.
template <class E>
struct EnumText;

template <class E>
concept NamedEnum = std::is_enum_v<E> && requires { EnumText<E>::kNames; };

/// The word for `value`, e.g. "approved".
template <NamedEnum E>
constexpr std::string_view name_of(E value) {
  return EnumText<E>::kNames[static_cast<std::size_t>(value)];
}

/// The enumerator spelt `word`, or nullopt.
template <NamedEnum E>
constexpr std::optional<E> enum_from(std::string_view word) {
  for (std::size_t i = 0; i < EnumText<E>::kNames.size(); ++i)
    if (EnumText<E>::kNames[i] == word) return static_cast<E>(i);
  return std::nullopt;
}

}  // namespace storage
