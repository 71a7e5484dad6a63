// How events are found: the integer keys of the indexes, and the search that merges them.
#pragma once

#include <cstdint>
#include <vector>

#include "nostr/event/filter.h"
#include "storage/events.h"

namespace storage {

/// First 8 bytes of an id. HOT.
std::int64_t id_key(const EventId& id);
/// First 8 bytes of a public key. HOT.
std::int64_t author_key(const PublicKey& author);
/// First 8 bytes of SHA-256 of "kind:pubkey:d".
std::int64_t address_key(const Address& address);
/// First 8 bytes of SHA-256 of the letter and the value: chosen values cannot collide cheaply. HOT.
std::int64_t tag_key(char letter, std::string_view value);
/// Keys of the single-letter tags of `event`, each once. HOT.
std::vector<std::int64_t> tag_keys(const Event& event);

/// The place of an event in NIP-01's order as one number; larger is earlier in a result.
std::int64_t index_pos(const Event& event);
/// Largest and smallest pos of events created at `t`.
std::int64_t last_pos_at(UnixTime t);
std::int64_t first_pos_at(UnixTime t);

/// Events of one filter, newest first, lowest id first within a second, unexpired at `now`, at most
/// min(filter.limit, cap).
Result<std::vector<Event>> find_events(Db& db, const nostr::Filter& filter, std::size_t cap, UnixTime now);

}  // namespace storage
