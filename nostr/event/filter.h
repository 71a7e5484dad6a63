// REQ filters: matching and JSON (NIP-01 "Communication between clients and relays").
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "nostr/base/json.h"
#include "nostr/event/event.h"

namespace nostr {

/// A conjunction of conditions; an empty list means "any". Several filters are a disjunction.
struct Filter {
  std::vector<EventId> ids;
  std::vector<PublicKey> authors;
  std::vector<Kind> kinds;
  std::map<char, std::vector<std::string>> tags;  ///< `#x` conditions by letter
  std::optional<UnixTime> since;                  ///< inclusive
  std::optional<UnixTime> until;                  ///< inclusive
  std::optional<std::uint32_t> limit;             ///< applies to stored events only
  /// NIP-50, for relays that search. matches() takes any event for a hit: what fits is their opinion.
  std::optional<std::string> search;

  friend bool operator==(const Filter&, const Filter&) = default;
};

using Filters = std::vector<Filter>;

/// Whether `event` meets every condition of `filter`; `limit` plays no part. HOT.
bool matches(const Filter& filter, const Event& event);
bool matches_any(const Filters& filters, const Event& event);
/// The same, whatever the tags.
bool matches_any_but_for_tags(const Filters& filters, const Event& event);

/// Compact JSON object.
std::string to_json(const Filter& filter);
inline constexpr std::size_t kMaxSearchBytes = 1'024;
/// How many values all lists of one filter may hold together.
inline constexpr std::size_t kMaxFilterValues = 10'000;

/// Strict: unknown members, prefixes, upper-case hex and a `search` over kMaxSearchBytes are kInvalid,
/// and so are over kMaxFilterValues values and an empty list, which some read as "nothing" and
/// others as "anything". A `limit` beyond 32 bits is the largest there is.
base::Result<Filter> filter_from(const base::json::Value& value);
base::Result<Filter> parse_filter(std::string_view json);

}  // namespace nostr
