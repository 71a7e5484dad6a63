// Autonomy: does this act need the operator? A pure function of level, class and price.
// The levels are those of NIP-SA profiles (39200). For acts the group signs, the co-signer
// asks under its own policy; what this says is only the node being stricter.
#pragma once

#include <optional>
#include <set>
#include <string_view>

#include "nipsa/autonomy.h"
#include "nostr/base/money.h"
#include "nostr/base/result.h"
#include "orchestration/tools/outside.h"

namespace orchestration {

using Level = nipsa::Autonomy;

/// The level an operator configured: the NIP-SA words and the older names SemiAutonomous and
/// FullyAutonomous. kInvalid for anything else: a typo in a configuration is never a default.
base::Result<Level> parse_level(std::string_view name);

enum class Need { kAuto, kAsk, kDeny };

struct AutonomyRules {
  Level level = Level::kSupervised;
  base::Sat ask_above{1000};                     ///< local threshold, in force at kBounded
  std::optional<base::Sat> guardian_threshold;   ///< from the 39210 or the policy, at every level
  std::set<ActionClass> never;                   ///< denied at every level
  std::set<ActionClass> always_ask;              ///< asked at every level
  std::set<ActionClass> bounded_asks;            ///< asked at kBounded as well
};

/// Deny wins, then the lists, then the level, then the price: strictly above a threshold asks.
/// kSupervised asks for everything external; at kAutonomous only the list and the guardian's
/// threshold ask. What is neither external nor costs anything asks only if listed.
Need need(const AutonomyRules& rules, ActionClass action, base::Msat cost);

}  // namespace orchestration
