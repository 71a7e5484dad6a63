// NIP-02: whom somebody follows.
#pragma once

#include <string>
#include <vector>

#include "nostr/event/event.h"

namespace nostr {

struct Follow {
  PublicKey pubkey;
  std::string relay;    ///< where to find it, "" when unknown
  std::string petname;  ///< what the follower calls it; escape before showing
  friend bool operator==(const Follow&, const Follow&) = default;
};

/// The most follows that are read of one list.
inline constexpr std::size_t kMaxFollows = 10'000;

/// Kind 3. `content` is kept as it stands in the list that is replaced: older clients keep relays
/// there.
Draft build_follows(const std::vector<Follow>& follows, std::string content, UnixTime at);
/// Liberal: malformed entries are left out, of several for one key the first counts, a relay hint
/// that is none is "". kInvalid for another kind.
base::Result<std::vector<Follow>> parse_follows(const Event& event);

}  // namespace nostr
