// The permission table and the order in which its rules apply.
#include "orchestration/permissions.h"

#include <algorithm>
#include <iterator>

#include "orchestration/names.h"
#include "orchestration/shell/judge.h"

namespace orchestration {
namespace {

constexpr Name<Capability> kCapabilities[] = {{Capability::kQuery, "query"},
                                              {Capability::kFile, "file"},
                                              {Capability::kSign, "sign"},
                                              {Capability::kMessage, "message"},
                                              {Capability::kControl, "control"},
                                              {Capability::kEdit, "edit"},
                                              {Capability::kRun, "run"},
                                              {Capability::kFetch, "fetch"},
                                              {Capability::kServer, "server"},
                                              {Capability::kSpend, "spend"},
                                              {Capability::kDelegate, "delegate"}};

Permit patched(Permit base, const std::optional<Permit>& patch, PatchSource source) {
  if (!patch) return base;
  return source == PatchSource::kOperator ? *patch : stricter(base, *patch);
}

std::set<nostr::Kind> intersection(const std::set<nostr::Kind>& a, const std::set<nostr::Kind>& b) {
  std::set<nostr::Kind> out;
  std::set_intersection(a.begin(), a.end(), b.begin(), b.end(), std::inserter(out, out.end()));
  return out;
}

/// A workspace's own file can forbid and ask for more, never allow.
CommandRules narrowed(CommandRules base, const CommandRules& patch) {
  base.mode = stricter(base.mode, patch.mode);
  base.ask.insert(base.ask.end(), patch.ask.begin(), patch.ask.end());
  base.deny.insert(base.deny.end(), patch.deny.begin(), patch.deny.end());
  return base;
}

std::size_t literal_prefix(std::string_view pattern) {
  return std::min(pattern.find('*'), pattern.size());
}

/// What the rules about subjects say; nullopt when none matches.
std::optional<PermissionAnswer> rule_about(const std::vector<SubjectRule>& rules, const PermissionQuery& query) {
  const SubjectRule* best = nullptr;
  for (const SubjectRule& rule : rules) {
    if (rule.tool != "*" && rule.tool != query.tool) continue;
    if (query.subject.empty() || !matches_subject(rule.pattern, query.subject)) continue;
    const auto weight = [](const SubjectRule& r) {
      return std::pair{r.permit == Permit::kDeny, literal_prefix(r.pattern)};
    };
    if (!best || weight(rule) > weight(*best) ||
        (weight(rule) == weight(*best) && stricter(rule.permit, best->permit) != best->permit))
      best = &rule;
  }
  if (!best) return std::nullopt;
  if (best->permit == Permit::kAllow) return PermissionAnswer{Permit::kAllow, ""};
  return PermissionAnswer{best->permit, "rule \"" + best->tool + " " + best->pattern + "\" = " +
                                            std::string(permit_name(best->permit))};
}

PermissionAnswer by_level(const Permissions& permissions, Capability capability) {
  const Permit level = level_of(permissions, capability);
  if (level == Permit::kAllow) return {level, ""};
  return {level, std::string(capability_name(capability)) + " = " + std::string(permit_name(level))};
}

PermissionAnswer evaluate_path(const Permissions& permissions, const ShellScene& scene, PermissionQuery query,
                               std::string_view named) {
  const std::string root = scene.workspace.empty() ? "/" : scene.workspace;
  std::string path = resolve_path(std::string(named), root, scene.home);
  for (const std::string& kept : scene.protected_paths)
    if (is_within(path, kept)) return {Permit::kDeny, "the path is out of reach for tools"};
  // Rules speak of paths below the workspace, in their one normal spelling.
  if (path == root)
    path = ".";
  else if (is_within(path, root))
    path.erase(0, root == "/" ? 1 : root.size() + 1);
  query.subject = path;
  if (auto found = rule_about(permissions.rules, query)) return *std::move(found);
  return by_level(permissions, query.capability);
}

}  // namespace

std::vector<std::string_view> lines_of(std::string_view subject) {
  std::vector<std::string_view> out;
  for (std::size_t start = 0; start <= subject.size();) {
    const std::size_t end = std::min(subject.find('\n', start), subject.size());
    out.push_back(subject.substr(start, end - start));
    start = end + 1;
  }
  return out;
}

bool matches_subject(std::string_view pattern, std::string_view subject) {
  while (!pattern.empty() && pattern[0] != '*') {
    if (subject.empty() || subject[0] != pattern[0]) return false;
    pattern.remove_prefix(1);
    subject.remove_prefix(1);
  }
  if (pattern.empty()) return subject.empty();
  const bool deep = pattern.starts_with("**");
  pattern.remove_prefix(deep ? 2 : 1);
  if (pattern.empty()) return deep || !subject.contains('/');
  for (std::size_t skip = 0; skip <= subject.size(); ++skip) {
    if (matches_subject(pattern, subject.substr(skip))) return true;
    if (skip < subject.size() && !deep && subject[skip] == '/') return false;
  }
  return false;
}

std::string_view capability_name(Capability capability) {
  return name_in(kCapabilities, capability);
}
base::Result<Capability> parse_capability(std::string_view name) {
  return value_in(kCapabilities, name, "capability");
}

Permit level_of(const Permissions& permissions, Capability capability) {
  switch (capability) {
    case Capability::kQuery:
      return permissions.query;
    case Capability::kFile:
      return permissions.file;
    case Capability::kSign:
      return permissions.sign;
    case Capability::kMessage:
      return permissions.message;
    case Capability::kSpend:
      return permissions.spend;
    case Capability::kControl:
      return permissions.control;
    case Capability::kEdit:
      return permissions.edit;
    case Capability::kRun:
      return permissions.commands.mode;
    case Capability::kFetch:
      return permissions.fetch;
    case Capability::kServer:
      return permissions.server;
    case Capability::kDelegate:
      return permissions.delegate;
  }
  return Permit::kDeny;
}

bool may_ever(const Permissions& permissions, Capability capability) {
  if (level_of(permissions, capability) != Permit::kDeny) return true;
  if (capability == Capability::kRun)
    return !permissions.commands.allow.empty() || !permissions.commands.ask.empty();
  return std::any_of(permissions.rules.begin(), permissions.rules.end(),
                     [](const SubjectRule& rule) { return rule.permit != Permit::kDeny; });
}

Permissions apply(Permissions base, const PermissionsPatch& patch, PatchSource source) {
  base.query = patched(base.query, patch.query, source);
  base.file = patched(base.file, patch.file, source);
  base.sign = patched(base.sign, patch.sign, source);
  base.message = patched(base.message, patch.message, source);
  base.spend = patched(base.spend, patch.spend, source);
  base.control = patched(base.control, patch.control, source);
  base.edit = patched(base.edit, patch.edit, source);
  base.fetch = patched(base.fetch, patch.fetch, source);
  base.server = patched(base.server, patch.server, source);
  base.delegate = patched(base.delegate, patch.delegate, source);
  if (patch.commands)
    base.commands =
        source == PatchSource::kOperator ? *patch.commands : narrowed(base.commands, *patch.commands);
  base.commands.mode = patched(base.commands.mode, patch.run, source);
  for (SubjectRule rule : patch.rules) {
    if (source == PatchSource::kWorkspace) rule.permit = stricter(rule.permit, Permit::kAsk);
    base.rules.push_back(std::move(rule));
  }
  if (patch.sign_kinds)
    base.sign_kinds = source == PatchSource::kOperator
                          ? *patch.sign_kinds
                          : intersection(base.sign_kinds, *patch.sign_kinds);
  for (const auto& [tool, shown] : patch.tools) {
    if (!shown)
      base.hidden_tools.insert(tool);
    else if (source == PatchSource::kOperator)
      base.hidden_tools.erase(tool);
  }
  return base;
}

Permissions within(Permissions permissions, const Permissions& bound) {
  PermissionsPatch patch{.query = bound.query,
                         .file = bound.file,
                         .sign = bound.sign,
                         .message = bound.message,
                         .control = bound.control,
                         .edit = bound.edit,
                         .fetch = bound.fetch,
                         .server = bound.server,
                         .spend = bound.spend,
                         .sign_kinds = bound.sign_kinds};
  for (const std::string& tool : bound.hidden_tools) patch.tools[tool] = false;
  for (const SubjectRule& rule : bound.rules)
    if (rule.permit != Permit::kAllow) patch.rules.push_back(rule);
  Permissions out = apply(std::move(permissions), patch, PatchSource::kWorkspace);
  if (!may_ever(bound, Capability::kRun)) out.commands = {.mode = Permit::kDeny};
  else out.commands = narrowed(std::move(out.commands), bound.commands);
  return out;
}

PermissionAnswer evaluate(const Permissions& permissions, const NodeRules& node,
                          const PermissionQuery& query) {
  const std::string tool(query.tool);
  if (node.denied_tools.contains(tool)) return {Permit::kDeny, "this node never runs " + tool};
  if (permissions.hidden_tools.contains(tool))
    return {Permit::kDeny, tool + " is switched off for this agent"};
  if (query.capability == Capability::kSign) {
    if (!query.sign_kind) return {Permit::kDeny, tool + " does not say which kind it signs"};
    if (!permissions.sign_kinds.contains(*query.sign_kind))
      return {Permit::kDeny,
              "kind " + std::to_string(*query.sign_kind) + " is not on this agent's list"};
  }
  if (query.capability == Capability::kRun) {
    ShellScene scene = node.scene;
    scene.may_edit = permissions.edit != Permit::kDeny;
    ShellJudgement judged = judge(permissions.commands, scene, query.subject);
    return {judged.permit, judged.text()};
  }
  const bool is_path = query.capability == Capability::kFile || query.capability == Capability::kEdit;
  if (is_path && !query.subject.empty()) {
    PermissionAnswer worst{Permit::kAllow, ""};
    for (const std::string_view path : lines_of(query.subject)) {
      PermissionAnswer answer = evaluate_path(permissions, node.scene, query, path);
      if (stricter(answer.permit, worst.permit) != worst.permit) worst = std::move(answer);
    }
    return worst;
  }
  if (auto found = rule_about(permissions.rules, query)) return *std::move(found);
  return by_level(permissions, query.capability);
}

}  // namespace orchestration
