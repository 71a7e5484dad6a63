// The table of plain keys: member, and what may stand there.
#include "node/config_keys.h"

#include <algorithm>

#include "orchestration/hooks/standing_hooks.h"
#include "orchestration/shell/command_rules.h"

namespace node {

using base::Errc;
using base::fail;
using base::Result;

namespace reading {

Result<std::string> path(const Raw& raw, const Dir& dir) {
  TRY(const std::string text, text_of(raw));
  return absolute_path(text, dir);
}

Result<std::vector<std::string>> paths(const Raw& raw, const Dir& dir) {
  TRY(std::vector<std::string> out, texts_of(raw));
  for (std::string& one : out) one = absolute_path(one, dir);
  return out;
}

Result<std::vector<std::string>> rules(const Raw& raw, const Dir&) {
  TRY(std::vector<std::string> out, texts_of(raw));
  for (const std::string& one : out) TRY(orchestration::parse_command_rule(one));
  return out;
}

namespace {

Result<std::string> quiet_hours(const Raw& raw, const Dir&) {
  TRY(std::string text, text_of(raw));
  if (!text.empty()) TRY(orchestration::parse_quiet_hours(text));
  return text;
}

Result<std::vector<std::uint32_t>> share_indices(const Raw& raw, const Dir&) {
  std::vector<std::uint32_t> out;
  for (const std::string& item : raw.items) {
    TRY(const std::int64_t index, integer(Raw{{item}, false, "", raw.type}, 1, 65'535));
    out.push_back(static_cast<std::uint32_t>(index));
  }
  return out;
}

Result<std::vector<std::string>> switchable_hooks(const Raw& raw, const Dir&) {
  TRY(std::vector<std::string> out, texts_of(raw));
  for (const std::string& one : out)
    if (std::ranges::find(kSwitchableHooks, one) == kSwitchableHooks.end())
      return fail(Errc::kInvalid,
                  fmt::format("\"{}\" is not one of {}", one, fmt::join(kSwitchableHooks, ", ")),
                  "hooks that guard the node stay on");
  return out;
}

}  // namespace
}  // namespace reading

namespace {

constexpr std::int64_t kDay = 86'400;
constexpr std::int64_t kYear = 365 * kDay;
constexpr std::int64_t kAllSats = 2'100'000'000'000'000;

}  // namespace

#define SOV_KEY(member, ...) \
  field<Config>(#member, [](auto& c) -> auto& { return c.member; }, __VA_ARGS__)

const std::vector<Field<Config>>& config_keys() {
  using namespace reading;
  const auto permit = word({"allow", "ask", "deny"});
  const auto msat = whole(0, base::kMaxMsat.value);
  static const std::vector<Field<Config>> kKeys{
      SOV_KEY(identity.group, path),
      SOV_KEY(identity.share, path),
      SOV_KEY(identity.passphrase_file, path),
      SOV_KEY(node.key_file, path),
      SOV_KEY(node.relays, texts),
      SOV_KEY(node.inbox_relays, texts),
      SOV_KEY(node.operators, texts),
      SOV_KEY(node.outbox_keep, span(kDay, kYear)),
      SOV_KEY(agent.name, text),
      SOV_KEY(agent.about, text),
      SOV_KEY(agent.level, word({"supervised", "bounded", "autonomous"})),
      SOV_KEY(agent.quiet_hours, quiet_hours),
      SOV_KEY(agent.default_agent, text),
      SOV_KEY(agent.model, text),
      SOV_KEY(agent.triggers, words({"mention", "dm"})),
      SOV_KEY(agent.heartbeat, span(0, kYear)),
      SOV_KEY(agent.approval_ttl, span(10, kDay)),
      SOV_KEY(agent.max_stranger_ticks_per_hour, whole(1, 100'000)),
      SOV_KEY(agent.max_steps, whole(1, 200)),
      SOV_KEY(agent.disabled_hooks, switchable_hooks),
      SOV_KEY(agent.proves_to, texts),
      SOV_KEY(agent.delegators, texts),
      SOV_KEY(agent.choose_issues, flag),
      SOV_KEY(agent.notices, flag),
      SOV_KEY(approvals.quorum, whole(1, 16)),
      SOV_KEY(approvals.reaction_max, whole(0, kAllSats)),
      SOV_KEY(approvals.hold, span(0, 600)),
      SOV_KEY(approvals.public_mentions, flag),
      SOV_KEY(approvals.signers, paths),
      field<Config>(
          "budget.per_tick_msat", [](auto& c) -> auto& { return c.budget.per_tick; }, msat),
      field<Config>(
          "budget.per_day_msat", [](auto& c) -> auto& { return c.budget.per_day; }, msat),
      SOV_KEY(tools.read_root, path),
      SOV_KEY(tools.workspace, path),
      SOV_KEY(tools.sandbox, word({"bubblewrap", "landlock", "none"})),
      SOV_KEY(tools.fetch, permit),
      SOV_KEY(tools.search_url, text),
      SOV_KEY(tools.edit, permit),
      SOV_KEY(tools.bash, permit),
      SOV_KEY(tools.bash_allow, rules),
      SOV_KEY(tools.bash_ask, rules),
      SOV_KEY(tools.bash_deny, rules),
      SOV_KEY(integrations.directives, flag),
      SOV_KEY(integrations.autopilot, flag),
      SOV_KEY(integrations.marketplace, flag),
      SOV_KEY(skills.issuers, texts),
      SOV_KEY(skills.auditors, texts),
      SOV_KEY(skills.pins, texts),
      SOV_KEY(skills.capabilities, texts),
      SOV_KEY(skills.kill_quorum, whole(1, 100)),
      SOV_KEY(skills.min_positive, whole(1, 100)),
      SOV_KEY(dashboard.listen, text),
      SOV_KEY(peers.judges, share_indices),
  };
  return kKeys;
}

#undef SOV_KEY

}  // namespace node
