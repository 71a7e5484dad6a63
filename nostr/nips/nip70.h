// NIP-70: events that only their author may publish.
#pragma once

#include "nostr/event/event.h"

namespace nostr {

/// Whether the author forbids others to bring this event to a relay: a tag that is "-" alone.
bool is_protected(const Tags& tags);
/// The tag that forbids it.
Tag protected_tag();

}  // namespace nostr
