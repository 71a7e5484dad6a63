// NIP-65: which relays somebody reads from and writes to.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "nostr/event/event.h"

namespace nostr {

/// An author's relays. A relay without a marker stands in both lists.
struct RelayList {
  std::vector<std::string> read;   ///< where the author looks for mentions
  std::vector<std::string> write;  ///< where the author publishes
  friend bool operator==(const RelayList&, const RelayList&) = default;
};

Draft build_relay_list(const RelayList& list, UnixTime at);
/// Liberal: malformed URLs are left out, at most 32 are kept per list. kInvalid for another kind.
base::Result<RelayList> parse_relay_list(const Event& event);

/// Whether `url` is ws:// or wss:// with a host, without spaces or control characters, ≤ 512 bytes.
bool is_relay_url(std::string_view url);
/// Lower-case scheme and host, no default port, no trailing slash: equal relays compare equal.
/// Returned unchanged when it is no relay URL.
std::string normalize_relay_url(std::string_view url);

}  // namespace nostr
