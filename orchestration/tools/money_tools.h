// pay: the one tool through which an agent spends.
#pragma once

#include <memory>

#include "nostr/base/clock.h"
#include "orchestration/tools/tool.h"

namespace orchestration {

/// The tool. It checks what it is told and orders; paying, asking and remembering are Outside's. `clock`
/// outlives it.
std::unique_ptr<Tool> make_pay(const base::Clock& clock, std::string agent);

}  // namespace orchestration
