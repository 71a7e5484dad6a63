// webfetch and web_search: pages of the web as foreign text, never from this machine's own network.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "nostr/net/http_client.h"
#include "orchestration/tools/tool.h"

namespace orchestration {

struct WebToolOptions {
  std::chrono::milliseconds timeout{30'000};
  std::size_t max_bytes = 1u << 20;
  /// A search engine that answers JSON as SearXNG does; `{query}` is replaced. Empty: no web_search.
  std::string search_url;
  /// For tests against a server on this machine; whatever it is, web_search may reach its own endpoint.
  bool allow_private_addresses = false;
};

/// webfetch: GET of an http(s) URL without user name, at most five redirects on the same host; to another
/// host it only says where it leads. The address of every connection is checked when it is opened, so neither
/// a redirect nor a name that changes its address leads to loopback, private, link-local or other special
/// networks. Text, HTML and JSON only.
/// `http` outlives the tools.
std::vector<std::unique_ptr<Tool>> make_web_tools(nostr::HttpClient& http, WebToolOptions options);

/// The host of an http(s) URL in lower case, without port. kInvalid for other schemes, user names, no host.
base::Result<std::string> host_of_url(std::string_view url);
/// Where a redirect from `url` leads. kDenied for other schemes.
base::Result<std::string> resolve_location(const std::string& url, const std::string& location);

}  // namespace orchestration
