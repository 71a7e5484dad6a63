// Field: one key of a section of the configuration, with how it is read, shown and written back. A
// section is a table of these, and parsing, listing, the environment and spelling all go by the
// table.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "node/config_raw.h"
#include "nostr/base/json.h"
#include "nostr/base/money.h"
#include "nostr/base/suggest.h"

namespace node {

template <class Section>
struct Field {
  std::string name;
  /// Whether several words in the environment are several values.
  bool is_list = false;
  /// `dir` resolves relative paths.
  std::function<base::Result<void>(Section&, const Raw&, const std::filesystem::path& dir)> read;
  /// As a person reads it; "" when there is nothing to say.
  std::function<std::string(const Section&)> show;
  /// As config.toml says it.
  std::function<std::string(const Section&)> toml;
  std::function<bool(const Section&)> is_default;
};

/// What a value is kept as may be narrower than what was read: its bounds were checked by then.
template <class T>
void keep(T& member, T value) {
  member = std::move(value);
}
inline void keep(std::uint32_t& member, std::int64_t value) {
  member = static_cast<std::uint32_t>(value);
}
inline void keep(base::Msat& member, std::int64_t value) {
  member = base::Msat(value);
}
inline void keep(std::optional<std::int64_t>& member, std::int64_t value) {
  member = value;
}

inline std::string shown(const std::string& value) {
  return value;
}
inline std::string shown(bool value) {
  return value ? "true" : "false";
}
inline std::string shown(std::int64_t value) {
  return std::to_string(value);
}
inline std::string shown(std::uint32_t value) {
  return std::to_string(value);
}
inline std::string shown(base::Msat value) {
  return std::to_string(value.value);
}
inline std::string shown(std::chrono::seconds value) {
  return std::to_string(value.count());
}
inline std::string shown(const std::optional<std::int64_t>& value) {
  return value ? std::to_string(*value) : "";
}
template <class T>
std::string shown(const std::vector<T>& values) {
  std::vector<std::string> words;
  for (const T& value : values) words.push_back(shown(value));
  return fmt::format("{}", fmt::join(words, ", "));
}

inline std::string in_toml(const std::string& value) {
  return base::json::dump(value);
}
template <class T>
  requires(!std::is_convertible_v<T, std::string>)
std::string in_toml(const T& value) {
  return shown(value);
}
template <class T>
std::string in_toml(const std::vector<T>& values) {
  std::vector<std::string> words;
  for (const T& value : values) words.push_back(in_toml(value));
  return fmt::format("[{}]", fmt::join(words, ", "));
}

template <class T>
inline constexpr bool kIsList = false;
template <class T>
inline constexpr bool kIsList<std::vector<T>> = true;

/// `get` names the member, constant or not; `reading` makes its value of what was written.
template <class Section, class Get, class Reading>
Field<Section> field(std::string name, Get get, Reading reading) {
  using Member = std::remove_cvref_t<decltype(get(std::declval<Section&>()))>;
  return {.name = std::move(name),
          .is_list = kIsList<Member>,
          .read = [get, reading](Section& section, const Raw& raw,
                                 const std::filesystem::path& dir) -> base::Result<void> {
            TRY(auto value, reading(raw, dir));
            keep(get(section), std::move(value));
            return {};
          },
          .show = [get](const Section& section) { return shown(get(section)); },
          .toml = [get](const Section& section) { return in_toml(get(section)); },
          .is_default =
              [get](const Section& section) {
                const Section usual{};
                return get(section) == get(usual);
              }};
}

/// The readings. Each is what `field` calls with the raw value and the folder relative paths start
/// from.
namespace reading {

using Dir = std::filesystem::path;

inline base::Result<std::string> text(const Raw& raw, const Dir&) {
  return text_of(raw);
}
inline base::Result<std::vector<std::string>> texts(const Raw& raw, const Dir&) {
  return texts_of(raw);
}
inline base::Result<bool> flag(const Raw& raw, const Dir&) {
  return truth_of(raw);
}
/// A path, absolute from then on.
base::Result<std::string> path(const Raw& raw, const Dir& dir);
base::Result<std::vector<std::string>> paths(const Raw& raw, const Dir& dir);
/// Command rules; one that is malformed is found here, not when it would be needed.
base::Result<std::vector<std::string>> rules(const Raw& raw, const Dir& dir);
/// One of `words`.
inline auto word(std::vector<std::string> words) {
  return [words = std::move(words)](const Raw& raw, const Dir&) { return one_of(raw, words); };
}
/// Any of `words`.
inline auto words(std::vector<std::string> allowed) {
  return [allowed = std::move(allowed)](const Raw& raw,
                                        const Dir&) -> base::Result<std::vector<std::string>> {
    TRY(expect_type(raw, Raw::Type::kText));
    for (const std::string& item : raw.items)
      TRY(one_of(Raw{{item}, false, "", raw.type}, allowed));
    return raw.items;
  };
}
inline auto whole(std::int64_t low, std::int64_t high) {
  return [low, high](const Raw& raw, const Dir&) { return integer(raw, low, high); };
}
/// Seconds, or a text with a unit; `low` and `high` are seconds.
inline auto span(std::int64_t low, std::int64_t high) {
  return [low, high](const Raw& raw, const Dir&) { return span_of_time(raw, low, high); };
}

}  // namespace reading

/// Sets the member that `key` names. kInvalid for an unknown one, with the nearest that is known.
template <class Section>
base::Result<void> set_field(const std::vector<Field<Section>>& fields, Section& section,
                             const std::string& key, const Raw& raw,
                             const std::filesystem::path& dir) {
  std::vector<std::string> known;
  for (const Field<Section>& one : fields) {
    if (one.name == key) return one.read(section, raw, dir);
    known.push_back(one.name);
  }
  return base::fail(base::Errc::kInvalid, fmt::format("unknown key \"{}\"", key),
                    base::did_you_mean(key, known));
}

}  // namespace node
