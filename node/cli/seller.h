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
  std::string blobs_at;  ///< where long bodies lie
  bool as_group = false;  ///< the home's group, instead of a key
  bool offline = false;  ///< nothing is sent, so no relay is needed
};
/// Registers --key-file, --as-group and --relay.
void add_seller_flags(CLI::App& command, SellerFlags& flags);
/// Registers --blobs-at, for commands that deliver.
void add_blob_flag(CLI::App& command, SellerFlags& flags);

/// The relays named, or those of the configuration; kInvalid when there are none.
base::Result<std::vector<std::string>> market_relays(const Config& config,
                                                     const std::vector<std::string>& named);

/// Opens the home's books, does `act` and closes them; what it answered.
using SellerAct = std::function<base::Task<base::Result<base::json::Value>>(Runtime&, SkillSeller&)>;
base::Result<base::json::Value> with_seller(const Context& context, const SellerFlags& flags,
                                            const SellerAct& act);

/// The same where a shop of that home may be open: then it is asked through its control socket.
base::Result<base::json::Value> ask_seller(const Context& context, const SellerFlags& flags,
                                           const base::json::Value& params, const SellerAct& act);

/// The home's books, open. `runtime` outlives them. Without a key file or a group it is the service key of a
/// co-signer's home, else the node's, made when there is none.
base::Result<std::unique_ptr<SkillSeller>> open_seller(Runtime& runtime, const Home& home, const Config& config,
                                                       const SellerFlags& flags, std::vector<std::string> relays);

}  // namespace node::cli
