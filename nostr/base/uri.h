// URIs as connection strings use them: percent-encoding and query parameters (RFC 3986, WHATWG
// URL).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "nostr/base/result.h"

namespace base {

/// Every byte but the unreserved ones (letters, digits, - . _ ~) as %XX.
std::string percent_encode(std::string_view text);

/// Query parameters in the order they stand, decoded.
using Query = std::vector<std::pair<std::string, std::string>>;

/// The parts of scheme://host[/path]?query; the views live as long as the text that was split.
struct UriView {
  std::string_view scheme;
  std::string_view host;  ///< between the slashes and the first of / ? #
  std::string_view path;  ///< with its leading slash, or empty
  std::string_view query;
};

/// kInvalid when there is no scheme, or the text holds a space or control character. The slashes
/// after the colon may be missing, as some wallets write them. Errors never quote the text: it may
/// be secret.
Result<UriView> split_uri(std::string_view text);
/// name=value pairs between ampersands; `+` is a space, as forms and URLSearchParams write it.
/// kInvalid for a broken escape or over `max_parameters` pairs.
Result<Query> parse_query(std::string_view query, std::size_t max_parameters = 64);
/// The first value called `name`, or nullopt. Valid as long as `query` is.
std::optional<std::string_view> query_value(const Query& query, std::string_view name);
/// Appends ?name=value, or &name=value when `uri` has a query already.
void append_query(std::string& uri, std::string_view name, std::string_view value);

}  // namespace base
