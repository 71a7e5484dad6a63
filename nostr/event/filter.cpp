// HOT PATH: filter matching, once per incoming event and subscription. And filters as JSON.
#include "nostr/event/filter.h"

#include <algorithm>
#include <limits>

#include <fmt/format.h>

namespace nostr {
namespace {

using base::Errc;
using base::fail;
using base::json::Value;

template <class T>
bool admits(const std::vector<T>& allowed, const T& value) {
  return allowed.empty() || std::ranges::find(allowed, value) != allowed.end();
}

bool has_tag_value(const Event& event, char letter, const std::vector<std::string>& allowed) {
  for (const Tag& tag : event.tags) {
    if (tag.size() < 2 || tag[0].size() != 1 || tag[0][0] != letter) continue;
    if (std::ranges::find(allowed, tag[1]) != allowed.end()) return true;
  }
  return false;
}

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/// Reads one filter, keeping count of all values.
class FilterReader {
 public:
  base::Result<Filter> read(const Value& object) {
    if (!object.is_object()) return fail(Errc::kInvalid, "filter is not an object");
    for (const auto& [name, value] : object.items()) TRY(read_member(name, value));
    return std::move(filter_);
  }

 private:
  base::Result<void> read_member(const std::string& name, const Value& value) {
    if (name == "ids") return read_fixed(name, value, filter_.ids);
    if (name == "authors") return read_fixed(name, value, filter_.authors);
    if (name == "kinds") return read_kinds(value);
    if (name == "since") return read_time(name, value, filter_.since);
    if (name == "until") return read_time(name, value, filter_.until);
    if (name == "limit") return read_limit(value);
    if (name == "search") return read_search(value);
    if (name.size() == 2 && name[0] == '#' && is_letter(name[1])) return read_tag(name, value);
    return fail(Errc::kInvalid,
                fmt::format("filter member {} is not supported", name.substr(0, 32)));
  }

  base::Result<void> need_list(const std::string& name, const Value& value) {
    if (!value.is_array())
      return fail(Errc::kInvalid, fmt::format("filter member {} is not an array", name));
    if (value.empty())
      return fail(Errc::kInvalid, fmt::format("filter member {} is empty", name),
                  "leave it out to mean any");
    values_ += value.size();
    if (values_ > kMaxFilterValues)
      return fail(Errc::kInvalid, fmt::format("filter holds over {} values", kMaxFilterValues));
    return {};
  }

  template <class Fixed>
  base::Result<void> read_fixed(const std::string& name, const Value& value,
                                std::vector<Fixed>& out) {
    TRY(need_list(name, value));
    out.reserve(value.size());
    for (const Value& item : value) {
      if (!item.is_string())
        return fail(Errc::kInvalid, fmt::format("filter member {} holds no string", name));
      auto fixed = Fixed::from_hex(item.template get_ref<const std::string&>());
      if (!fixed)
        return std::unexpected(base::in_context("filter member " + name, std::move(fixed).error()));
      out.push_back(*fixed);
    }
    return {};
  }

  base::Result<void> read_kinds(const Value& value) {
    TRY(need_list("kinds", value));
    for (const Value& item : value) {
      if (!item.is_number_unsigned() ||
          item.get<std::uint64_t>() > std::numeric_limits<Kind>::max())
        return fail(Errc::kInvalid,
                    "filter member kinds holds something that is not a kind from 0 to 65535");
      filter_.kinds.push_back(static_cast<Kind>(item.get<std::uint64_t>()));
    }
    return {};
  }

  base::Result<void> read_tag(const std::string& name, const Value& value) {
    TRY(need_list(name, value));
    auto& out = filter_.tags[name[1]];
    for (const Value& item : value) {
      if (!item.is_string())
        return fail(Errc::kInvalid, fmt::format("filter member {} holds no string", name));
      out.push_back(item.get<std::string>());
    }
    return {};
  }

  static base::Result<void> read_time(const std::string& name, const Value& value,
                                      std::optional<UnixTime>& out) {
    constexpr std::uint64_t kMaxTime = std::uint64_t{1} << 53;
    if (!value.is_number_unsigned() || value.get<std::uint64_t>() > kMaxTime)
      return fail(Errc::kInvalid, fmt::format("filter member {} is not a time in seconds", name));
    out = base::unix_time(value.get<std::int64_t>());
    return {};
  }

  base::Result<void> read_limit(const Value& value) {
    if (!value.is_number_unsigned())
      return fail(Errc::kInvalid, "filter member limit is not a count");
    constexpr std::uint64_t kMost = std::numeric_limits<std::uint32_t>::max();
    filter_.limit = static_cast<std::uint32_t>(std::min(value.get<std::uint64_t>(), kMost));
    return {};
  }

  base::Result<void> read_search(const Value& value) {
    if (!value.is_string()) return fail(Errc::kInvalid, "filter member search is not a string");
    filter_.search = value.get<std::string>();
    if (filter_.search->size() > kMaxSearchBytes)
      return fail(Errc::kInvalid, fmt::format("filter member search is over {} bytes", kMaxSearchBytes));
    return {};
  }

  Filter filter_;
  std::size_t values_ = 0;
};

template <class Fixed>
Value hex_list(const std::vector<Fixed>& values) {
  Value out = Value::array();
  for (const Fixed& value : values) out.push_back(value.hex());
  return out;
}

/// Cheapest and most selective first.
bool matches_but_for_tags(const Filter& filter, const Event& event) {
  if (!admits(filter.kinds, event.kind)) return false;
  if (filter.since && event.created_at < *filter.since) return false;
  if (filter.until && event.created_at > *filter.until) return false;
  if (!admits(filter.authors, event.pubkey)) return false;
  return admits(filter.ids, event.id);
}

}  // namespace

bool matches(const Filter& filter, const Event& event) {
  if (!matches_but_for_tags(filter, event)) return false;
  for (const auto& [letter, allowed] : filter.tags)
    if (!allowed.empty() && !has_tag_value(event, letter, allowed)) return false;
  return true;
}

bool matches_any(const Filters& filters, const Event& event) {
  for (const Filter& filter : filters)
    if (matches(filter, event)) return true;
  return false;
}

bool matches_any_but_for_tags(const Filters& filters, const Event& event) {
  return std::ranges::any_of(filters, [&](const Filter& filter) { return matches_but_for_tags(filter, event); });
}

std::string to_json(const Filter& filter) {
  Value out = Value::object();
  if (!filter.ids.empty()) out["ids"] = hex_list(filter.ids);
  if (!filter.authors.empty()) out["authors"] = hex_list(filter.authors);
  if (!filter.kinds.empty()) out["kinds"] = filter.kinds;
  for (const auto& [letter, values] : filter.tags)
    if (!values.empty()) out[std::string{'#', letter}] = values;
  if (filter.since) out["since"] = base::to_unix(*filter.since);
  if (filter.until) out["until"] = base::to_unix(*filter.until);
  if (filter.limit) out["limit"] = *filter.limit;
  if (filter.search) out["search"] = *filter.search;
  return base::json::dump(out);
}

base::Result<Filter> filter_from(const Value& value) {
  return FilterReader().read(value);
}

base::Result<Filter> parse_filter(std::string_view json) {
  // A full filter of ids takes 67 bytes a value.
  TRY(const Value value,
      base::json::parse(json, {.max_bytes = kMaxFilterValues * 80, .max_depth = 2}));
  return filter_from(value);
}

}  // namespace nostr
