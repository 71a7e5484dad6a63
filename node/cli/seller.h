// What commands of a publisher share: whose key, which relays, and one verb done.
#pragma once

#include <functional>

#include "node/cli/command.h"
#include "node/config.h"
#include "node/skill_seller.h"

namespace node::cli {

struct SellerFlags {
  std::string key_file;
  std::vector<std::string> relays;
  bool offline = false;  ///< nothing is sent, so no relay is needed
};
/// Registers --key-file and --relay.
void add_seller_flags(CLI::App& command, SellerFlags& flags);

/// The relays named, or those of the configuration; kInvalid when there are none.
base::Result<std::vector<std::string>> market_relays(const Config& config,
                                                     const std::vector<std::string>& named);

/// Opens the home's books, does `act` and closes them; what it answered.
using SellerAct = std::function<base::Task<base::Result<base::json::Value>>(Runtime&, SkillSeller&)>;
base::Result<base::json::Value> with_seller(const Context& context, const SellerFlags& flags,
                                            const SellerAct& act);

}  // namespace node::cli
