// TickLimit: what one tick may cost, where its own claim says less than the configuration.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "nostr/base/money.h"
#include "nostr/base/result.h"

namespace orchestration {

/// The limit of the tick of that slot alone; nothing when it has none. An error allows nothing.
using TickLimit = std::function<base::Result<std::optional<base::Msat>>(const std::string& tick)>;

/// The lower of `common`, which holds for every tick (unset: no limit), and `of_tick`'s word on this one.
base::Result<std::optional<base::Msat>> tick_limit(std::optional<base::Msat> common, const TickLimit& of_tick,
                                                   const std::string& tick);

}  // namespace orchestration
