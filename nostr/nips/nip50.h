// NIP-50: the search string of a filter — words, and key:value extensions among them.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "nostr/base/result.h"

namespace nostr {

struct SearchQuery {
  std::string text;  ///< the words, single spaces between
  std::vector<std::pair<std::string, std::string>>
      extensions;  ///< include:spam, domain:…, language:…
  friend bool operator==(const SearchQuery&, const SearchQuery&) = default;
};

/// Words of the form key:value with a lower-case key are extensions; URLs and times are words.
/// kInvalid over 1 024 bytes or 64 words.
base::Result<SearchQuery> parse_search(std::string_view search);
/// The text, then the extensions.
std::string build_search(const SearchQuery& query);
/// The first value of `key`, or nullopt.
std::optional<std::string_view> search_extension(const SearchQuery& query, std::string_view key);

}  // namespace nostr
