// NIP-50: splitting and joining a search string.
#include "nostr/nips/nip50.h"

#include <algorithm>

namespace nostr {

namespace {

constexpr std::size_t kMaxBytes = 1'024;
constexpr std::size_t kMaxWords = 64;
constexpr std::string_view kSpaces = " \t\r\n";

/// Where the key of an extension ends, or npos for a plain word.
std::size_t key_end(std::string_view word) {
  const auto colon = word.find(':');
  if (colon == std::string_view::npos || colon == 0 || colon + 1 == word.size() ||
      word.substr(colon).starts_with("://"))
    return std::string_view::npos;
  const auto key = word.substr(0, colon);
  const bool lower = std::ranges::all_of(
      key, [](char c) { return (c >= 'a' && c <= 'z') || c == '-' || c == '_'; });
  return lower ? colon : std::string_view::npos;
}

}  // namespace

base::Result<SearchQuery> parse_search(std::string_view search) {
  if (search.size() > kMaxBytes)
    return base::fail(base::Errc::kInvalid, "search is " + std::to_string(search.size()) +
                                                " bytes, limit is " + std::to_string(kMaxBytes));
  SearchQuery out;
  for (std::size_t words = 0;; ++words) {
    search.remove_prefix(std::min(search.find_first_not_of(kSpaces), search.size()));
    if (search.empty()) return out;
    if (words == kMaxWords)
      return base::fail(base::Errc::kInvalid, "search has more than 64 words");
    const auto word = search.substr(0, search.find_first_of(kSpaces));
    search.remove_prefix(word.size());
    if (const auto colon = key_end(word); colon != std::string_view::npos) {
      out.extensions.emplace_back(word.substr(0, colon), word.substr(colon + 1));
    } else {
      if (!out.text.empty()) out.text += ' ';
      out.text += word;
    }
  }
}

std::string build_search(const SearchQuery& query) {
  std::string out = query.text;
  for (const auto& [key, value] : query.extensions)
    out += (out.empty() ? "" : " ") + key + ":" + value;
  return out;
}

std::optional<std::string_view> search_extension(const SearchQuery& query, std::string_view key) {
  const auto found =
      std::ranges::find(query.extensions, key, &std::pair<std::string, std::string>::first);
  if (found == query.extensions.end()) return std::nullopt;
  return found->second;
}

}  // namespace nostr
