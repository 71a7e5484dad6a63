// What config.toml says in words: the file `init` writes, and the list `config show` prints.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "node/config_keys.h"
#include "node/config_sections.h"

namespace node {
namespace {

std::string render_backend(const BackendConfig& backend) {
  std::string out = fmt::format("\n[backends.{}]\n", in_toml(backend.id));
  for (const Field<BackendConfig>& key : backend_keys())
    if (key.name == "kind" || !key.is_default(backend))
      out += fmt::format("{} = {}\n", key.name, key.toml(backend));
  return out;
}

}  // namespace

std::vector<std::pair<std::string, std::string>> describe(const Config& config) {
  std::vector<std::pair<std::string, std::string>> out;
  for (const Field<Config>& key : config_keys()) out.emplace_back(key.name, key.show(config));
  for (const BackendConfig& backend : config.backends)
    for (const Field<BackendConfig>& key : backend_keys())
      if (key.name == "kind" || !key.is_default(backend))
        out.emplace_back(fmt::format("backends.{}.{}", backend.id, key.name), key.show(backend));
  for (const RouteConfig& route : config.routes)
    out.emplace_back("routes." + route.agent, shown(route.targets));
  for (const orchestration::AgentPatch& agent : config.agents)
    out.emplace_back("agents." + agent.id, agent.origin);
  for (const McpServerConfig& server : config.mcp)
    out.emplace_back("mcp." + server.name, server.url.empty()
                                               ? fmt::format("{}", fmt::join(server.command, " "))
                                               : server.url);
  for (const UserHookConfig& hook : config.hooks)
    out.emplace_back("hooks." + hook.name, fmt::format("{}", fmt::join(hook.command, " ")));
  for (const JobConfig& job : config.jobs)
    for (const Field<JobConfig>& key : job_keys())
      if (key.name == "kind" || !key.is_default(job))
        out.emplace_back(fmt::format("jobs.{}.{}", job.name, key.name), key.show(job));
  return out;
}

std::string render_config(const Config& c) {
  std::string out = fmt::format(
      "# sovereign: configuration of one agent node. `sovereign config check` verifies it.\n\n"
      "[identity]\n# The agent's threshold identity: the public group and this node's one share.\n"
      "group = {}\nshare = {}\n{}\n"
      "[node]\n# An ordinary key of the node itself: DMs, AUTH, ticks. Never the agent's.\n"
      "key_file = {}\nrelays = {}\n{}# Who may approve, deny and pause.\noperators = {}\n"
      "# Seconds after its deadline that a publication is remembered.\noutbox_keep = {}\n\n",
      in_toml(c.identity.group), in_toml(c.identity.share),
      c.identity.passphrase_file.empty()
          ? ""
          : fmt::format("passphrase_file = {}\n", in_toml(c.identity.passphrase_file)),
      in_toml(c.node.key_file), in_toml(c.node.relays),
      c.node.inbox_relays.empty()
          ? ""
          : fmt::format("inbox_relays = {}\n", in_toml(c.node.inbox_relays)),
      in_toml(c.node.operators), c.node.outbox_keep.count());
  out += fmt::format(
      "[agent]\nname = {}\nabout = {}\n# supervised | bounded | autonomous. The co-signers' "
      "policies can only be stricter.\n"
      "level = {}\n# Which backend below thinks.\nmodel = {}\n{}triggers = {}\n"
      "# Seconds between heartbeats; 0 is none.\nheartbeat = {}\n# Seconds a question stays "
      "open.\napproval_ttl = {}\nmax_steps = {}\n"
      "# Mentions and messages of others than operators that wake the agent within an hour.\n"
      "max_stranger_ticks_per_hour = {}\n"
      "# Tell operators when a session fails or stops short.\nnotices = {}\n"
      "# Ask a model which of the first ten issues comes next; else it is the first.\nchoose_issues = {}\n"
      "# Who may have the agent prove that its key is held, and whose delegations it takes as "
      "work.\nproves_to = {}\ndelegators = {}\n{}\n"
      "[approvals]\n# How many operators must say yes to what happens on this machine; a "
      "co-signer's "
      "policy has its own.\nquorum = {}\n# Sats that a reaction or a public reply may allow; more "
      "takes "
      "a private word.\nreaction_max = {}\n# Seconds between a yes that moves money and the "
      "payment, for "
      "second thoughts.\nhold = {}\n# Also mention you in public when something waits; what it is "
      "stays "
      "private.\npublic_mentions = {}\n# Files with bunker:// texts of your signer apps (NIP-46), "
      "which "
      "then show every question.\nsigners = {}\n\n"
      "[budget]\nper_tick_msat = {}\nper_day_msat = {}\n\n",
      in_toml(c.agent.name), in_toml(c.agent.about), in_toml(c.agent.level), in_toml(c.agent.model),
      c.agent.quiet_hours.empty() ? ""
                                  : fmt::format("quiet_hours = {}\n", in_toml(c.agent.quiet_hours)),
      in_toml(c.agent.triggers), c.agent.heartbeat.count(), c.agent.approval_ttl.count(),
      c.agent.max_steps, c.agent.max_stranger_ticks_per_hour, c.agent.notices, c.agent.choose_issues,
      in_toml(c.agent.proves_to), in_toml(c.agent.delegators),
      c.agent.disabled_hooks.empty()
          ? ""
          : fmt::format("disabled_hooks = {}\n", in_toml(c.agent.disabled_hooks)),
      c.approvals.quorum, c.approvals.reaction_max, c.approvals.hold.count(),
      c.approvals.public_mentions, in_toml(c.approvals.signers), c.budget.per_tick.value,
      c.budget.per_day.value);
  out += fmt::format(
      "[tools]\n# The only folder the agent may read files from; empty switches reading off.\n"
      "read_root = {}\n# Or a folder it may work in: files are written and commands run there, in "
      "a "
      "sandbox.\nworkspace = {}\n# bubblewrap | landlock | none. What is named here must stand, "
      "else no "
      "command runs.\nsandbox = {}\n# allow | ask | deny\nfetch = {}\nedit = {}\nbash = {}\n",
      in_toml(c.tools.read_root), in_toml(c.tools.workspace), in_toml(c.tools.sandbox),
      in_toml(c.tools.fetch), in_toml(c.tools.edit), in_toml(c.tools.bash));
  if (!c.tools.search_url.empty())
    out += fmt::format("search_url = {}\n", in_toml(c.tools.search_url));
  out += fmt::format(
      "# Rules for single commands: * is one word, ** at the end any rest. Deny wins, then the "
      "longest.\n"
      "bash_allow = {}\nbash_ask = {}\nbash_deny = {}\n",
      in_toml(c.tools.bash_allow), in_toml(c.tools.bash_ask), in_toml(c.tools.bash_deny));
  if (const Config::Integrations& on = c.integrations;
      !on.directives || !on.autopilot || !on.marketplace)
    out += fmt::format("\n[integrations]\ndirectives = {}\nautopilot = {}\nmarketplace = {}\n",
                       on.directives, on.autopilot, on.marketplace);
  out += fmt::format(
      "\n[skills]\n# Whose licences open a skill, and whose labels count.\nissuers = {}\nauditors "
      "= {}\n"
      "# Publishers trusted as they are, or \"KEY:HASH\" for one version.\npins = {}\n"
      "# What a skill may be granted at most, e.g. nostr:read, nostr:publish, http:outbound.\n"
      "capabilities = {}\nkill_quorum = {}\nmin_positive = {}\n",
      in_toml(c.skills.issuers), in_toml(c.skills.auditors), in_toml(c.skills.pins),
      in_toml(c.skills.capabilities), c.skills.kill_quorum, c.skills.min_positive);
  out += fmt::format(
      "\n[dashboard]\n# A page about this agent and /metrics, on loopback, for who has the token "
      "in "
      "dashboard.token; empty: none.\nlisten = {}\n",
      in_toml(c.dashboard.listen));
  if (!c.peers.judges.empty())
    out += fmt::format("\n[peers]\n# Share indices that judge by a policy.\njudges = [{}]\n",
                       fmt::join(c.peers.judges, ", "));
  for (const BackendConfig& b : c.backends) out += render_backend(b);
  if (!c.routes.empty()) out += "\n[routes]\n";
  for (const RouteConfig& route : c.routes)
    out += fmt::format("{} = {}\n", in_toml(route.agent), in_toml(route.targets));
  return out;
}

}  // namespace node
