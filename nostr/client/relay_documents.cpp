// Fetching NIP-11 documents in bounds.
#include "nostr/client/relay_documents.h"

#include <algorithm>

namespace nostr {

namespace {

constexpr std::size_t kMaxBytes = 128u << 10;
constexpr std::size_t kMaxEntries = 512;
constexpr base::seconds kKeep{3600};
constexpr base::seconds kKeepFailure{600};

/// ws://host/path → http://host/path.
std::string http_url(const std::string& url) { return "http" + url.substr(2); }

base::Result<RelayInfo> info_from(const std::string& url, const HttpReply& reply) {
  if (reply.status != 200)
    return base::fail(base::Errc::kUnavailable, url + " serves no information document: HTTP " +
                                                    std::to_string(reply.status));
  auto info = parse_relay_info(reply.body);
  if (!info) return base::fail(info.error().code, url + ": " + info.error().detail);
  return info;
}

}  // namespace

base::Task<base::Result<RelayDocument>> RelayDocuments::get(std::string url, bool allow_private) {
  const Entry entry = co_await look_up(url, allow_private);
  if (!entry.info) co_return std::unexpected(entry.info.error());
  co_return RelayDocument{*entry.info, entry.clock};
}

base::Task<std::optional<ClockOffset>> RelayDocuments::clock_of(std::string url,
                                                                bool allow_private) {
  const Entry entry = co_await look_up(url, allow_private);
  co_return entry.clock;
}

base::Task<RelayDocuments::Entry> RelayDocuments::look_up(std::string url, bool allow_private) {
  if (const Entry* known = fresh(url)) co_return *known;
  Entry entry = co_await fetch(url, allow_private);
  keep(url, entry);
  co_return entry;
}

base::Task<RelayDocuments::Entry> RelayDocuments::fetch(std::string url, bool allow_private) {
  HttpCall call;
  call.url = http_url(url);
  call.headers = {{"Accept", "application/nostr+json"}};
  call.connect_timeout = std::chrono::seconds{5};
  call.total_timeout = std::chrono::seconds{8};
  call.max_body_bytes = kMaxBytes;
  call.follow_redirects = true;
  call.allow_private_addresses = allow_private;
  const base::UnixTime sent = clock_.now();
  auto reply = co_await http_.perform(std::move(call));
  const base::UnixTime received = clock_.now();
  Entry entry{.at = received, .clock = std::nullopt, .info = RelayInfo{}};
  if (!reply) {
    entry.info = base::fail(reply.error().code, url + ": " + reply.error().detail);
  } else {
    entry.clock = measure_clock(reply->header("date"), sent, received);
    entry.info = info_from(url, *reply);
  }
  co_return entry;
}

const RelayDocuments::Entry* RelayDocuments::fresh(const std::string& url) const {
  const auto it = entries_.find(url);
  if (it == entries_.end()) return nullptr;
  const base::seconds age = clock_.now() - it->second.at;
  const base::seconds most = it->second.info ? kKeep : kKeepFailure;
  return age >= base::seconds{0} && age < most ? &it->second : nullptr;
}

void RelayDocuments::keep(const std::string& url, const Entry& entry) {
  if (entries_.size() >= kMaxEntries && !entries_.contains(url))
    entries_.erase(std::ranges::min_element(
        entries_, {}, [](const auto& known) { return known.second.at; }));
  entries_.insert_or_assign(url, entry);
}

}  // namespace nostr
