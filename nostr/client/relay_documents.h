// The information documents of relays (NIP-11), fetched when they matter and remembered.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "nostr/base/clock.h"
#include "nostr/base/loop.h"
#include "nostr/client/clock_offset.h"
#include "nostr/net/http_client.h"
#include "nostr/nips/nip11.h"

namespace nostr {

struct RelayDocument {
  RelayInfo info;
  std::optional<ClockOffset> clock;  ///< when the answer bore a usable Date
};

/// A cache in front of HTTP. libcurl starts at the first fetch. App thread.
class RelayDocuments {
 public:
  /// `loop` and `clock` outlive this.
  RelayDocuments(base::Loop& loop, const base::Clock& clock) : clock_(clock), http_(loop) {}

  /// The document of the relay at `url` (ws:// or wss://, in normal form): at most an hour old, a
  /// failure at most ten minutes. Redirects are followed; no hop may lead to a private address
  /// unless `allow_private`. Errors name the relay.
  base::Task<base::Result<RelayDocument>> get(std::string url, bool allow_private);
  /// What the relay's HTTP server says of our clock, asked anew unless known; needs no document.
  base::Task<std::optional<ClockOffset>> clock_of(std::string url, bool allow_private);

 private:
  struct Entry {
    base::UnixTime at;
    std::optional<ClockOffset> clock;
    base::Result<RelayInfo> info;
  };
  base::Task<Entry> look_up(std::string url, bool allow_private);
  base::Task<Entry> fetch(std::string url, bool allow_private);
  const Entry* fresh(const std::string& url) const;
  void keep(const std::string& url, const Entry& entry);

  const base::Clock& clock_;
  HttpClient http_;
  std::map<std::string, Entry> entries_;
};

}  // namespace nostr
