// The packed form of an event inside the database: half the size of JSON and no parser to read it.
#pragma once

#include <string>

#include "nostr/event/event.h"

namespace storage {

/// Appends the packed form of `event` to `out`: version 1, id, pubkey, sig, created_at (8), kind (2),
/// tags as counted, length-prefixed strings, and the content as the rest. HOT.
void pack_event(const nostr::Event& event, std::string& out);

/// Reads what pack_event wrote; kDatabase when the bytes are not such. HOT.
base::Result<nostr::Event> unpack_event(base::ByteView bytes);

/// The id alone, from the front of a packed event; kDatabase when too short.
base::Result<nostr::EventId> packed_id(base::ByteView bytes);

}  // namespace storage
