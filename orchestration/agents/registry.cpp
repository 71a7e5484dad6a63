// Building a registry, and finding agents in it.
#include "orchestration/agents/registry.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "nostr/base/suggest.h"
#include "orchestration/agents/builtin.h"

namespace orchestration {

using base::Errc;
using base::fail;
using base::Result;

namespace {

constexpr std::size_t kMaxAgents = 200;
constexpr std::size_t kMaxPromptBytes = 65'536;

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

Result<AgentSpec> own_agent(const AgentPatch& patch) {
  const auto wrong = [&](std::string what, std::string hint) {
    return fail(Errc::kInvalid, fmt::format("{}: agent {} {}", patch.origin, patch.id, what), std::move(hint));
  };
  if (!patch.prompt || patch.prompt->empty())
    return wrong("has no prompt", "prompt = \"\"\"You …\"\"\", or prompt_file");
  if (!patch.purpose || patch.purpose->empty())
    return wrong("has no purpose", "purpose: one line that says what it is asked for");
  AgentSpec agent{.id = patch.id, .name = patch.id};
  // It reads; what else it may do, its file says.
  agent.permissions.sign = agent.permissions.message = agent.permissions.spend = Permit::kDeny;
  agent.permissions.edit = Permit::kDeny;
  agent.permissions.commands.mode = Permit::kDeny;
  return agent;
}

}  // namespace

Result<AgentRegistry> AgentRegistry::create(const Frame& frame, const std::vector<AgentPatch>& patches) {
  AgentRegistry out;
  for (AgentSpec& agent : builtin_agents()) out.entries_.push_back({.spec = std::move(agent), .origins = {}});
  if (!frame.name.empty()) out.entries_.front().spec.name = frame.name;
  for (const AgentPatch& patch : patches) TRY(out.add(patch));
  for (Entry& entry : out.entries_) entry.spec.autonomy.level = frame.level;
  TRY(out.check_links());
  TRY(const std::size_t primary, out.choose_primary(lower(frame.default_agent)));
  const std::string first = out.entries_[primary].spec.id;
  std::ranges::sort(out.entries_, {}, [&](const Entry& entry) {
    return std::pair(entry.spec.id != first, entry.spec.id);
  });
  out.primary_ = 0;
  return out;
}

Result<void> AgentRegistry::add(const AgentPatch& patch) {
  if (!is_agent_id(patch.id))
    return fail(Errc::kInvalid, fmt::format("{}: \"{}\" is no name for an agent", patch.origin, patch.id),
                "a-z first, then a-z, 0-9, _ and -, up to 64 characters");
  Entry* entry = locate(patch.id);
  if (entry == nullptr) {
    if (entries_.size() >= kMaxAgents)
      return fail(Errc::kLimit, fmt::format("{}: more than {} agents", patch.origin, kMaxAgents));
    auto made = own_agent(patch);
    if (!made) {
      const std::string near = base::did_you_mean(patch.id, ids());
      return fail(Errc::kInvalid, made.error().detail, near.empty() ? made.error().hint : near);
    }
    entries_.push_back({.spec = *std::move(made), .builtin = false, .origins = {}});
    entry = &entries_.back();
  }
  entry->spec = apply(std::move(entry->spec), patch);
  entry->enabled = patch.enabled.value_or(entry->enabled);
  entry->origins.push_back(patch.origin);
  if (entry->spec.prompt.size() > kMaxPromptBytes)
    return fail(Errc::kInvalid, fmt::format("{}: the prompt of {} is {} bytes, limit is {}", patch.origin, patch.id,
                                            entry->spec.prompt.size(), kMaxPromptBytes));
  return {};
}

/// A task can be handed only to somebody who is there; one that is switched off just is not offered.
Result<void> AgentRegistry::check_links() const {
  const std::vector<std::string> known = ids();
  for (const Entry& entry : entries_)
    for (const std::string& helper : entry.spec.delegates_to) {
      if (std::ranges::find(known, helper) == known.end())
        return fail(Errc::kInvalid,
                    fmt::format("{}: agent {} delegates to \"{}\", which is not there",
                                entry.origins.empty() ? "built in" : entry.origins.back(), entry.spec.id, helper),
                    base::did_you_mean(helper, known));
      if (helper == entry.spec.id)
        return fail(Errc::kInvalid, fmt::format("agent {} delegates to itself", helper));
    }
  return {};
}

Result<std::size_t> AgentRegistry::choose_primary(const std::string& default_agent) const {
  if (!default_agent.empty()) {
    TRY(const Entry* chosen, find(default_agent));
    if (chosen->spec.mode == AgentMode::kSubagent)
      return fail(Errc::kInvalid, fmt::format("agent.default_agent: {} is a subagent", default_agent),
                  "mode = \"primary\" or \"all\" in its own section");
    return static_cast<std::size_t>(chosen - entries_.data());
  }
  for (const AgentMode mode : {AgentMode::kPrimary, AgentMode::kAll}) {
    std::vector<std::size_t> found;
    for (std::size_t i = 0; i < entries_.size(); ++i)
      if (entries_[i].enabled && entries_[i].spec.mode == mode) found.push_back(i);
    if (found.size() == 1) return found.front();
    if (found.size() > 1)
      return fail(Errc::kInvalid,
                  fmt::format("{} and {} could both answer for the node", entries_[found[0]].spec.id,
                              entries_[found[1]].spec.id),
                  "name one: default_agent in [agent]");
  }
  return fail(Errc::kInvalid, "no agent is left that could answer for the node", "enable sisyphus, or name a default_agent");
}

AgentRegistry::Entry* AgentRegistry::locate(std::string_view id) {
  const auto found = std::ranges::find(entries_, id, [](const Entry& entry) { return std::string_view(entry.spec.id); });
  return found == entries_.end() ? nullptr : &*found;
}

std::vector<std::string> AgentRegistry::ids() const {
  std::vector<std::string> out;
  for (const Entry& entry : entries_) out.push_back(entry.spec.id);
  return out;
}

Result<const AgentRegistry::Entry*> AgentRegistry::find(std::string_view id) const {
  const std::string wanted = lower(id);
  const auto found = std::ranges::find(entries_, wanted, [](const Entry& entry) { return entry.spec.id; });
  if (found == entries_.end())
    return fail(Errc::kNotFound, fmt::format("no agent is called \"{}\"", id.substr(0, 64)),
                base::did_you_mean(wanted, ids()));
  if (!found->enabled)
    return fail(Errc::kDenied, fmt::format("agent {} is switched off", wanted), "enabled = true in its section");
  return &*found;
}

std::vector<const AgentSpec*> AgentRegistry::helpers_of(const AgentSpec& agent) const {
  std::vector<const AgentSpec*> out;
  for (const Entry& entry : entries_)
    if (entry.enabled && entry.spec.mode != AgentMode::kPrimary &&
        std::ranges::find(agent.delegates_to, entry.spec.id) != agent.delegates_to.end())
      out.push_back(&entry.spec);
  return out;
}

}  // namespace orchestration
