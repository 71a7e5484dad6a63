// What relays say of themselves and of our clock, and whether operators can be reached through them.
// Nothing is published: everything here only asks.
#pragma once

#include <string>
#include <vector>

#include "node/doctor/findings.h"
#include "node/doctor/home_checks.h"
#include "node/runtime.h"
#include "nostr/nips/nip11.h"

namespace node {

/// What of a relay's published limits stands in the way of an agent and its operator. Pure.
std::vector<std::string> objections(const nostr::RelayLimitation& limits);

/// Connects to each relay, reads its document, compares clocks, and looks for the operators' inboxes
/// (kind 10050) and whether those answer. References outlive the task.
base::Task<Findings> check_relays(Runtime& runtime, const Subject& subject);

}  // namespace node
