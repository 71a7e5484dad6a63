// Permissions: (agent, tool, what it touches) → allow, ask or deny. Pure.
// Deny beats ask, ask beats allow.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "nostr/event/kinds.h"
#include "nostr/base/result.h"

namespace orchestration {

enum class Permit { kAllow, kAsk, kDeny };
std::string_view permit_name(Permit permit);
/// "allow", "ask" or "deny"; kInvalid otherwise.
base::Result<Permit> parse_permit(std::string_view name);
/// deny > ask > allow.
Permit stricter(Permit a, Permit b);

/// What a tool touches. Each has one level per agent.
enum class Capability {
  kQuery,    ///< events on the configured relays
  kFile,     ///< files below tools.read_root
  kSign,     ///< events under the agent's name, by kind
  kMessage,  ///< private messages under the node's key
  kSpend,    ///< money, through the wallet
  kControl,  ///< the session's own business: asking the operator
};
std::string_view capability_name(Capability capability);
base::Result<Capability> parse_capability(std::string_view name);

/// One agent's rules, complete: every capability has a level.
struct Permissions {
  Permit query = Permit::kAllow;
  Permit file = Permit::kAllow;
  Permit sign = Permit::kAllow;     ///< the co-signer decides; kAsk makes the node stricter
  Permit message = Permit::kAsk;
  Permit spend = Permit::kAsk;      ///< the operator is shown amount and destination
  Permit control = Permit::kAllow;
  std::set<nostr::Kind> sign_kinds{nostr::kinds::kTextNote, nostr::kinds::kReaction,
                                   nostr::kinds::kComment};
  std::set<std::string> hidden_tools;  ///< `tools[name] = false`: not shown, and refused if called
};

Permit level_of(const Permissions& permissions, Capability capability);

/// A partial object from a file; what is unset keeps the base value.
struct PermissionsPatch {
  std::optional<Permit> query, file, sign, message, spend, control;
  std::optional<std::set<nostr::Kind>> sign_kinds;
  std::map<std::string, bool> tools;
};

/// Who wrote a patch: only the operator's own configuration may widen.
enum class PatchSource { kOperator, kWorkspace };
/// Field by field. A workspace patch only narrows: the stricter level wins, kinds intersect,
/// hidden tools stay hidden.
Permissions apply(Permissions base, const PermissionsPatch& patch, PatchSource source);

/// What is about to happen.
struct PermissionQuery {
  std::string_view tool;
  Capability capability = Capability::kQuery;
  std::optional<nostr::Kind> sign_kind;  ///< required for kSign
};

struct PermissionAnswer {
  Permit permit = Permit::kDeny;
  std::string reason;  ///< names the rule; empty for kAllow
};

/// First that applies: the node's `denied_tools`, hidden tools, the kind list, the capability's level.
PermissionAnswer evaluate(const Permissions& permissions, const std::set<std::string>& denied_tools,
                          const PermissionQuery& query);

}  // namespace orchestration
