// What commands about money share: amounts as people write them, and the treasury wherever it is.
#pragma once

#include <string>
#include <string_view>

#include "node/cli/command.h"
#include "nostr/base/money.h"

namespace node::cli {

/// "21", "21sat", "500msat": whole satoshi unless the unit says otherwise. Pure.
base::Result<base::Msat> parse_money(std::string_view text);

/// "21 sat", "500 msat".
std::string format_money(std::int64_t msat);

/// Asks the process that owns the home, or, when none runs, does it here. `method` is wallet, budget or
/// job.
base::Result<base::json::Value> ask_treasury(const Context& context, const std::string& method,
                                             const base::json::Value& params);

}  // namespace node::cli
