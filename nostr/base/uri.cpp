// Percent-encoding and the pieces of a URI.
#include "nostr/base/uri.h"

#include <algorithm>

namespace base {
namespace {

bool is_unreserved(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '.' || c == '_' || c == '~';
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

Result<std::string> decode_component(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out.push_back(text[i] == '+' ? ' ' : text[i]);
      continue;
    }
    const int high = i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
    const int low = high >= 0 ? hex_digit(text[i + 2]) : -1;
    if (low < 0) return fail(Errc::kInvalid, "query has a % without two hex digits behind it");
    out.push_back(static_cast<char>(high << 4 | low));
    i += 2;
  }
  return out;
}

}  // namespace

std::string percent_encode(std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    if (is_unreserved(c)) {
      out.push_back(c);
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out.push_back('%');
    out.push_back(kHex[byte >> 4]);
    out.push_back(kHex[byte & 15]);
  }
  return out;
}

Result<UriView> split_uri(std::string_view text) {
  if (std::ranges::any_of(
          text, [](char c) { return static_cast<unsigned char>(c) <= 0x20 || c == 0x7f; }))
    return fail(Errc::kInvalid, "uri holds a space or control character");
  const auto colon = text.find(':');
  if (colon == std::string_view::npos || colon == 0)
    return fail(Errc::kInvalid, "uri has no scheme");
  UriView out;
  out.scheme = text.substr(0, colon);
  text.remove_prefix(colon + 1);
  if (text.starts_with("//")) text.remove_prefix(2);
  text = text.substr(0, text.find('#'));
  const auto question = text.find('?');
  if (question != std::string_view::npos) out.query = text.substr(question + 1);
  text = text.substr(0, question);
  const auto slash = std::min(text.find('/'), text.size());
  out.host = text.substr(0, slash);
  out.path = text.substr(slash);
  return out;
}

Result<Query> parse_query(std::string_view query, std::size_t max_parameters) {
  Query out;
  while (!query.empty()) {
    const auto end = std::min(query.find('&'), query.size());
    const auto pair = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    if (pair.empty()) continue;
    if (out.size() == max_parameters)
      return fail(Errc::kInvalid,
                  "query has more than " + std::to_string(max_parameters) + " parameters");
    const auto equals = std::min(pair.find('='), pair.size());
    TRY(std::string name, decode_component(pair.substr(0, equals)));
    TRY(std::string value, decode_component(pair.substr(std::min(equals + 1, pair.size()))));
    out.emplace_back(std::move(name), std::move(value));
  }
  return out;
}

std::optional<std::string_view> query_value(const Query& query, std::string_view name) {
  for (const auto& [key, value] : query)
    if (key == name) return value;
  return std::nullopt;
}

void append_query(std::string& uri, std::string_view name, std::string_view value) {
  uri += uri.find('?') == std::string::npos ? '?' : '&';
  uri += percent_encode(name);
  uri += '=';
  uri += percent_encode(value);
}

}  // namespace base
