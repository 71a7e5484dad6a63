// The permission table and the order in which its rules apply.
#include "orchestration/permissions.h"

#include <algorithm>
#include <iterator>

#include "orchestration/names.h"

namespace orchestration {
namespace {

constexpr Name<Permit> kPermits[] = {
    {Permit::kAllow, "allow"}, {Permit::kAsk, "ask"}, {Permit::kDeny, "deny"}};
constexpr Name<Capability> kCapabilities[] = {{Capability::kQuery, "query"},
                                              {Capability::kFile, "file"},
                                              {Capability::kSign, "sign"},
                                              {Capability::kMessage, "message"},
                                              {Capability::kSpend, "spend"},
                                              {Capability::kControl, "control"}};

Permit patched(Permit base, const std::optional<Permit>& patch, PatchSource source) {
  if (!patch) return base;
  return source == PatchSource::kOperator ? *patch : stricter(base, *patch);
}

std::set<nostr::Kind> intersection(const std::set<nostr::Kind>& a, const std::set<nostr::Kind>& b) {
  std::set<nostr::Kind> out;
  std::set_intersection(a.begin(), a.end(), b.begin(), b.end(), std::inserter(out, out.end()));
  return out;
}

}  // namespace

std::string_view permit_name(Permit permit) {
  return name_in(kPermits, permit);
}
base::Result<Permit> parse_permit(std::string_view name) {
  return value_in(kPermits, name, "permission");
}
std::string_view capability_name(Capability capability) {
  return name_in(kCapabilities, capability);
}
base::Result<Capability> parse_capability(std::string_view name) {
  return value_in(kCapabilities, name, "capability");
}

Permit stricter(Permit a, Permit b) {
  return std::max(a, b);
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
  }
  return Permit::kDeny;
}

Permissions apply(Permissions base, const PermissionsPatch& patch, PatchSource source) {
  base.query = patched(base.query, patch.query, source);
  base.file = patched(base.file, patch.file, source);
  base.sign = patched(base.sign, patch.sign, source);
  base.message = patched(base.message, patch.message, source);
  base.spend = patched(base.spend, patch.spend, source);
  base.control = patched(base.control, patch.control, source);
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

PermissionAnswer evaluate(const Permissions& permissions, const std::set<std::string>& denied_tools,
                          const PermissionQuery& query) {
  const std::string tool(query.tool);
  if (denied_tools.contains(tool)) return {Permit::kDeny, "this node never runs " + tool};
  if (permissions.hidden_tools.contains(tool))
    return {Permit::kDeny, tool + " is switched off for this agent"};
  if (query.capability == Capability::kSign) {
    if (!query.sign_kind) return {Permit::kDeny, tool + " does not say which kind it signs"};
    if (!permissions.sign_kinds.contains(*query.sign_kind))
      return {Permit::kDeny,
              "kind " + std::to_string(*query.sign_kind) + " is not on this agent's list"};
  }
  const Permit level = level_of(permissions, query.capability);
  if (level == Permit::kAllow) return {level, ""};
  return {level,
          std::string(capability_name(query.capability)) + " = " + std::string(permit_name(level))};
}

}  // namespace orchestration
