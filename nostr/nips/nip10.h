// NIP-10: which note a text note answers, and the tags of an answer.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "nostr/event/event.h"

namespace nostr {

/// A pointer to an event as `e` tags carry it.
struct EventRef {
  EventId id;
  std::string relay;                ///< hint, may be empty
  std::optional<PublicKey> author;  ///< hint
  friend bool operator==(const EventRef&, const EventRef&) = default;
};

/// Where a note stands in its thread; both empty for a root note.
struct Thread {
  std::optional<EventRef> root;
  std::optional<EventRef> parent;
};

/// Reads marked tags first (`reply`, then `root`), else the positional form (first unmarked is the
/// root, last the parent). Mentions and malformed tags are ignored.
Thread parse_thread(const Tags& tags);

/// Tags of a kind 1 answer of `self` to `parent`: marked `e` tags for root and parent, and `p` tags
/// for the parent's author and those it named (at most `max_participants`, without `self`).
Tags reply_tags(const Event& parent, std::string_view relay_hint, const PublicKey& self,
                std::size_t max_participants = 20);

/// Reads the id, relay hint and (for element `author_at`) the author of an e-like tag.
std::optional<EventRef> parse_event_ref(const Tag& tag, std::size_t author_at);

}  // namespace nostr
