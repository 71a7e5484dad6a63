// Permissions: (agent, tool, what it touches) → allow, ask or deny. Pure.
// Deny beats ask, ask beats allow; a rule about one path, host or command beats the general level.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "nostr/event/kinds.h"
#include "nostr/nips/nip34.h"
#include "nostr/base/result.h"
#include "orchestration/permit.h"
#include "orchestration/shell/command_rules.h"
#include "orchestration/shell/dangers.h"

namespace orchestration {

/// What a tool touches. Each has one level per agent.
enum class Capability {
  kQuery,    ///< events on the configured relays
  kFile,     ///< files below tools.read_root
  kSign,     ///< events under the agent's name, by kind
  kMessage,  ///< private messages under the node's key
  kControl,  ///< the session's own business: asking the operator, its list of things to do
  kEdit,     ///< files below the workspace are written
  kRun,      ///< commands in the sandbox; the subject is the command line
  kFetch,    ///< pages of the web; the subject is the host
  kServer,   ///< tools of MCP servers; the subject is server__tool
  kSpend,    ///< money, through the wallet
  kDelegate, ///< tasks for other agents; the subject is the agent
};
std::string_view capability_name(Capability capability);
base::Result<Capability> parse_capability(std::string_view name);

/// A level for the subjects of one tool that match a pattern: paths ("src/**"), hosts ("*.example.org").
/// `*` stands for anything but "/", `**` for anything. Commands have rules of their own.
struct SubjectRule {
  std::string tool;     ///< "*" for every tool
  std::string pattern;
  Permit permit = Permit::kAsk;
  friend bool operator==(const SubjectRule&, const SubjectRule&) = default;
};
/// Whether `subject` is one of those `pattern` stands for.
bool matches_subject(std::string_view pattern, std::string_view subject);

/// The paths of a subject that names several, a line each; one, perhaps empty, otherwise.
std::vector<std::string_view> lines_of(std::string_view subject);

/// One agent's rules, complete: every capability has a level.
struct Permissions {
  Permit query = Permit::kAllow;
  Permit file = Permit::kAllow;
  Permit sign = Permit::kAllow;     ///< the co-signer decides; kAsk makes the node stricter
  Permit message = Permit::kAsk;
  Permit spend = Permit::kAsk;      ///< the operator is shown amount and destination
  Permit control = Permit::kAllow;
  Permit edit = Permit::kAsk;
  CommandRules commands;            ///< kRun: its mode is the level
  Permit fetch = Permit::kAsk;
  Permit server = Permit::kAsk;
  Permit delegate = Permit::kDeny;  ///< to whom, AgentSpec::delegates_to says
  std::vector<SubjectRule> rules;
  std::set<nostr::Kind> sign_kinds{nostr::kinds::kTextNote, nostr::kinds::kReaction,
                                   nostr::kinds::kComment, nostr::kinds::kPatch};
  std::set<std::string> hidden_tools;  ///< `tools[name] = false`: not shown, and refused if called
};

Permit level_of(const Permissions& permissions, Capability capability);
/// Whether anything of the kind can be permitted: by the level or by a rule. Else it is not offered.
bool may_ever(const Permissions& permissions, Capability capability);

/// A partial object from a file; what is unset keeps the base value.
struct PermissionsPatch {
  std::optional<Permit> query, file, sign, message, control, edit, run, fetch, server,
      spend, delegate;
  std::optional<CommandRules> commands;  ///< as a whole; from a workspace only its ask and deny rules count
  std::vector<SubjectRule> rules;        ///< added; from a workspace an allow counts as ask
  std::optional<std::set<nostr::Kind>> sign_kinds;
  std::map<std::string, bool> tools;
};

/// Who wrote a patch: only the operator's own configuration may widen.
enum class PatchSource { kOperator, kWorkspace };
/// Field by field. A workspace patch only narrows: the stricter level wins, kinds intersect,
/// hidden tools stay hidden.
Permissions apply(Permissions base, const PermissionsPatch& patch, PatchSource source);

/// `permissions` without whatever `bound` does not have: what an agent may do for another one.
Permissions within(Permissions permissions, const Permissions& bound);

/// What holds for every agent of this node, whatever its own rules say.
struct NodeRules {
  std::set<std::string> denied_tools;
  ShellScene scene;  ///< for commands; its protected paths are out of reach for every tool
};

/// What is about to happen.
struct PermissionQuery {
  std::string_view tool;
  Capability capability = Capability::kQuery;
  std::optional<nostr::Kind> sign_kind;  ///< required for kSign
  std::string_view subject;              ///< path, host, command line; empty when the tool has none
};

struct PermissionAnswer {
  Permit permit = Permit::kDeny;
  std::string reason;  ///< names the rule; empty for kAllow
};

/// First that applies: the node's denied tools and protected paths, hidden tools, the kind list, the
/// rules about the subject (a deny; else the longest literal prefix, a tie asks), the level. For kRun:
/// judge() (shell/judge.h).
PermissionAnswer evaluate(const Permissions& permissions, const NodeRules& node,
                          const PermissionQuery& query);

}  // namespace orchestration
