// NIP-40: events that expire.
#pragma once

#include <optional>

#include "nostr/event/event.h"

namespace nostr {

/// The time of the first well-formed `expiration` tag.
std::optional<UnixTime> expiration_of(const Tags& tags);
/// Whether `event` carries an expiration that is not after `now`.
bool is_expired(const Event& event, UnixTime now);
Tag expiration_tag(UnixTime at);

}  // namespace nostr
