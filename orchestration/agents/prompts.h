// The prompts of the built-in agents, as they were when the program was built.
#pragma once

#include <span>

#include "nostr/base/asset.h"

namespace orchestration {

std::span<const base::Asset> agent_prompts();

}  // namespace orchestration
