// NIP-25: reactions.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "nostr/event/event.h"

namespace nostr {

/// What is reacted to. Clients copy the target's own `e` tags, so the last one counts.
struct ReactionTarget {
  std::optional<EventId> event;
  std::optional<Address> address;
};

/// Target of a reaction's tags; malformed tags are ignored.
ReactionTarget parse_reaction(const Tags& tags);
/// Kind 7 on `target`; content "+" likes, "-" dislikes, else an emoji.
Draft build_reaction(const Event& target, std::string_view relay_hint, std::string content, UnixTime at);

}  // namespace nostr
