// NIP-65 relay lists, and what counts as a relay URL.
#include "nostr/nips/nip65.h"

#include <algorithm>

namespace nostr {

namespace {

template <class T>
bool contains(const std::vector<T>& list, const T& value) {
  return std::ranges::find(list, value) != list.end();
}

constexpr std::size_t kMaxRelays = 32;
constexpr std::size_t kMaxUrl = 512;

std::string lowered(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

struct UrlParts {
  std::string scheme;          // "ws" or "wss"
  std::string_view authority;  // host[:port]
  std::string_view rest;       // path and query
};

std::optional<UrlParts> split_url(std::string_view url) {
  const auto colon = url.find("://");
  if (colon == std::string_view::npos) return std::nullopt;
  UrlParts parts;
  parts.scheme = lowered(url.substr(0, colon));
  if (parts.scheme != "ws" && parts.scheme != "wss") return std::nullopt;
  const auto after = url.substr(colon + 3);
  const auto end = std::min(after.find_first_of("/?#"), after.size());
  parts.authority = after.substr(0, end);
  parts.rest = after.substr(end);
  return parts;
}

/// A colon and one to five digits.
bool is_port(std::string_view text) {
  return text.starts_with(':') && text.size() > 1 && text.size() <= 6 &&
         std::ranges::all_of(text.substr(1), [](char c) { return c >= '0' && c <= '9'; });
}

/// A host, in brackets when it is an IPv6 address, and perhaps a port; no user name.
bool is_authority(std::string_view text) {
  const std::size_t host =
      text.starts_with('[') ? text.find(']') + 1 : std::min(text.find(':'), text.size());
  const auto port = text.substr(host);
  return host > 0 && !text.contains('@') && (port.empty() || is_port(port));
}

void add_unique(std::vector<std::string>& list, const std::string& url) {
  if (list.size() < kMaxRelays && !contains(list, url)) list.push_back(url);
}

}  // namespace

bool is_relay_url(std::string_view url) {
  if (url.size() > kMaxUrl) return false;
  for (const char c : url)
    if (static_cast<unsigned char>(c) <= 0x20 || c == 0x7f) return false;
  const auto parts = split_url(url);
  return parts && is_authority(parts->authority);
}

std::string normalize_relay_url(std::string_view url) {
  if (!is_relay_url(url)) return std::string(url);
  const auto parts = split_url(url);
  std::string host = lowered(parts->authority);
  const std::string_view default_port = parts->scheme == "ws" ? ":80" : ":443";
  if (host.ends_with(default_port)) host.resize(host.size() - default_port.size());
  std::string rest(parts->rest.substr(0, parts->rest.find('#')));
  if (!rest.contains('?'))
    while (rest.ends_with('/')) rest.pop_back();
  return parts->scheme + "://" + host + rest;
}

Draft build_relay_list(const RelayList& list, UnixTime at) {
  Draft draft{.kind = kinds::kRelayList, .created_at = at, .tags = {}, .content = ""};
  for (const auto& url : list.write) {
    Tag tag{"r", url};
    if (!contains(list.read, url)) tag.push_back("write");
    draft.tags.push_back(std::move(tag));
  }
  for (const auto& url : list.read)
    if (!contains(list.write, url)) draft.tags.push_back({"r", url, "read"});
  return draft;
}

base::Result<RelayList> parse_relay_list(const Event& event) {
  if (event.kind != kinds::kRelayList)
    return base::fail(base::Errc::kInvalid,
                      "event has kind " + std::to_string(event.kind) + ", a relay list has 10002");
  RelayList list;
  for (const Tag& tag : event.tags) {
    if (tag.size() < 2 || tag[0] != "r" || !is_relay_url(tag[1])) continue;
    const std::string url = normalize_relay_url(tag[1]);
    const std::string_view marker = tag.size() > 2 ? std::string_view(tag[2]) : "";
    if (marker != "write") add_unique(list.read, url);
    if (marker != "read") add_unique(list.write, url);
  }
  return list;
}

}  // namespace nostr
