// NIP-62: asking relays to forget a key.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "nostr/event/event.h"

namespace nostr {

struct VanishRequest {
  bool everywhere = false;          ///< every relay is meant
  std::vector<std::string> relays;  ///< those that are, when not everywhere
  std::string reason;
  friend bool operator==(const VanishRequest&, const VanishRequest&) = default;
};

/// Kind 62. At least one relay, or everywhere.
Draft build_vanish_request(const VanishRequest& request, UnixTime at);
/// kInvalid for another kind, or when no relay is named. At most 64 relays are kept.
base::Result<VanishRequest> parse_vanish_request(const Event& event);
/// Whether the relay at `relay_url` is meant: then everything of the author up to the request's
/// created_at goes, deletions included. URLs are compared normalised.
bool must_vanish_from(const VanishRequest& request, std::string_view relay_url);

}  // namespace nostr
