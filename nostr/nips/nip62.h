// NIP-62: an author's request that relays forget everything it has published.
#pragma once

#include <string>
#include <vector>

#include "nostr/event/event.h"

namespace nostr {

namespace kinds {
inline constexpr Kind kVanishRequest = 62;  // NIP-62
}  // namespace kinds

/// Whom a request is for.
enum class VanishScope {
  kNobody,  ///< another kind, or no `relay` tag: not a valid request
  kOthers,  ///< only relays of other names
  kUs,      ///< one of `urls`, or ALL_RELAYS
};

/// Whether `event` asks a relay called `urls` to forget its author.
VanishScope vanish_scope(const Event& event, const std::vector<std::string>& urls);

/// Whether `request` covers `target`: an event of its author, or a gift wrap to it, not later than the
/// request and not the request itself.
bool vanishes(const Event& request, const Event& target);

/// A kind 62 draft; no `relays` means all of them.
Draft build_vanish_request(const std::vector<std::string>& relays, std::string reason, UnixTime at);

}  // namespace nostr
