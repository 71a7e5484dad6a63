// What the running process says of itself: co-signers, nonces, who judges, what waits or failed.
#pragma once

#include <optional>

#include "node/doctor/findings.h"
#include "node/home.h"
#include "nostr/base/json.h"

namespace node {

/// Reads an answer to the control method "status". Pure.
Findings read_status(const base::json::Value& status);
/// Asks the process of `home`, if one runs. Blocks for at most a few seconds.
Findings check_process(const Home& home);

}  // namespace node
