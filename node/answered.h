// What this agent has answered already, as its relays tell it: for a home that starts without a
// past.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "nostr/client/pool.h"

namespace node {

/// The events that woke a tick which came to its end since `since`: those that a claim (39210) of
/// `runner` names, with a result (39211) by the same key. A claim without a result was abandoned
/// and counts for nothing (nip-sa 3.5). kUnavailable when no relay answered.
base::Task<base::Result<std::set<nostr::EventId>>> answered_since(nostr::Pool& pool,
                                                                  std::vector<std::string> relays,
                                                                  nostr::PublicKey runner,
                                                                  base::UnixTime since);

}  // namespace node
