// What a backend, an MCP server, a hook of the operator and a job for sale may be told.
#include "node/config_sections.h"

#include <algorithm>
#include <set>

#include "node/agent_config.h"
#include "nostr/event/kinds.h"

#include "nostr/nips/nip19.h"

namespace node {
namespace {

using base::Errc;
using base::fail;
using base::Result;

constexpr std::int64_t kHighestRate = 1'000'000'000;
constexpr std::int64_t kHighestPrice = 100'000'000'000;  // msat: a whole coin
constexpr std::int64_t kHour = 3'600;

#define SOV_KEY(Section, member, ...) \
  field<Section>(#member, [](auto& s) -> auto& { return s.member; }, __VA_ARGS__)

const std::vector<Field<McpServerConfig>>& mcp_keys() {
  using namespace reading;
  static const std::vector<Field<McpServerConfig>> kKeys{
      SOV_KEY(McpServerConfig, command, texts),          SOV_KEY(McpServerConfig, url, text),
      SOV_KEY(McpServerConfig, bearer_file, path),       SOV_KEY(McpServerConfig, env, texts),
      SOV_KEY(McpServerConfig, readable, paths),         SOV_KEY(McpServerConfig, network, flag),
      SOV_KEY(McpServerConfig, timeout, span(1, kHour)),
  };
  return kKeys;
}

const std::vector<Field<UserHookConfig>>& hook_keys() {
  using namespace reading;
  static const std::vector<Field<UserHookConfig>> kKeys{
      SOV_KEY(UserHookConfig, command, texts),
      SOV_KEY(UserHookConfig, tools, texts),
      SOV_KEY(UserHookConfig, timeout, span(1, 60)),
  };
  return kKeys;
}

/// The members of [SECTION.NAME]; errors name the line.
template <class Entry>
Result<void> read_members(Config& config, Entry& entry, const std::vector<Field<Entry>>& fields,
                          const std::string& section, const toml::table& table,
                          const std::filesystem::path& dir) {
  for (const auto& [key, node] : table) {
    const std::string name = fmt::format("{}.{}", section, key.str());
    auto placed = [&](base::Error error) {
      return std::unexpected(
          base::in_context(fmt::format("{}: {}", place_of(node), name), std::move(error)));
    };
    auto raw = raw_of(node);
    if (!raw) return placed(raw.error());
    if (auto done = set_field(fields, entry, std::string(key.str()), *raw, dir); !done)
      return placed(done.error());
    config.origins[name] = raw->origin;
  }
  return {};
}

bool is_plain_name(std::string_view name) {
  return !name.empty() && name.size() <= 32 && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
}

Result<void> check_name(std::string_view section, std::string_view name) {
  if (is_plain_name(name)) return {};
  return fail(Errc::kInvalid,
              fmt::format("[{}.{}]: a name is made of a-z, 0-9, _ and -", section, name));
}

}  // namespace

const std::vector<Field<BackendConfig>>& backend_keys() {
  using namespace reading;
  static const std::vector<Field<BackendConfig>> kKeys{
      SOV_KEY(BackendConfig, kind,
              word({"openai", "responses", "ollama", "llamacpp", "vllm", "gpt-oss", "codex",
                    "opencode", "nip90", "playbook"})),
      SOV_KEY(BackendConfig, base_url, text),
      SOV_KEY(BackendConfig, model, text),
      SOV_KEY(BackendConfig, api_key_env, text),
      SOV_KEY(BackendConfig, api_key_file, path),
      SOV_KEY(BackendConfig, program, path),
      SOV_KEY(BackendConfig, provider, text),
      SOV_KEY(BackendConfig, relays, texts),
      SOV_KEY(BackendConfig, max_price_msat, whole(0, kHighestRate)),
      SOV_KEY(BackendConfig, public_prompts, flag),
      SOV_KEY(BackendConfig, playbook, path),
      SOV_KEY(BackendConfig, rate_in_msat_per_1k, whole(0, kHighestRate)),
      SOV_KEY(BackendConfig, rate_cached_in_msat_per_1k, whole(0, kHighestRate)),
      SOV_KEY(BackendConfig, rate_out_msat_per_1k, whole(0, kHighestRate)),
      SOV_KEY(BackendConfig, context_tokens, whole(0, 100'000'000)),
      SOV_KEY(BackendConfig, supports, words({"tools", "json", "images"})),
      SOV_KEY(BackendConfig, quirks,
              words({"no-stream", "no-stream-with-tools", "no-stream-usage", "no-json-schema",
                     "max-completion-tokens", "no-temperature", "nip04", "harmony", "think-tags",
                     "text-tools"})),
      SOV_KEY(BackendConfig, account, text),
      SOV_KEY(BackendConfig, max_concurrency, whole(0, 1'000)),
      SOV_KEY(BackendConfig, rpm, whole(0, 100'000)),
      SOV_KEY(BackendConfig, tpm, whole(0, 1'000'000'000)),
      SOV_KEY(BackendConfig, enabled, flag),
      SOV_KEY(BackendConfig, timeout, span(1, kHour)),
      SOV_KEY(BackendConfig, first_token_timeout, span(1, kHour)),
      SOV_KEY(BackendConfig, idle_timeout, span(1, kHour)),
  };
  return kKeys;
}

const std::vector<Field<JobConfig>>& job_keys() {
  using namespace reading;
  static const std::vector<Field<JobConfig>> kKeys{
      SOV_KEY(JobConfig, kind,
              whole(nostr::kinds::kJobRequestFirst, nostr::kinds::kJobRequestLast)),
      SOV_KEY(JobConfig, agent, text),
      SOV_KEY(JobConfig, about, text),
      field<JobConfig>(
          "price_msat", [](auto& s) -> auto& { return s.price; }, whole(0, kHighestPrice)),
      SOV_KEY(JobConfig, max_open, whole(1, 32)),
      SOV_KEY(JobConfig, max_per_customer, whole(1, 10'000)),
      SOV_KEY(JobConfig, max_per_hour, whole(1, 10'000)),
      SOV_KEY(JobConfig, enabled, flag),
  };
  return kKeys;
}

#undef SOV_KEY

Result<void> read_backend_section(Config& config, const std::string& id, const toml::table& table,
                                  const std::filesystem::path& dir) {
  BackendConfig backend{.id = id};
  TRY(read_members(config, backend, backend_keys(), "backends." + id, table, dir));
  if (backend.kind == "nip90") {
    if (auto key = nostr::parse_public_key(backend.provider); !key)
      return fail(Errc::kInvalid, fmt::format("backends.{}: kind nip90 needs provider", id),
                  "provider = \"npub1…\", whose jobs of kind 5050 are done");
  } else if (!backend.provider.empty() || !backend.relays.empty() || backend.max_price_msat != 0) {
    return fail(Errc::kInvalid, fmt::format("backends.{}: provider, relays and max_price_msat are for kind nip90", id));
  }
  const bool has_address = backend.kind != "playbook" && backend.kind != "nip90";
  if (has_address && backend.base_url.empty())
    return fail(Errc::kInvalid,
                fmt::format("backends.{}: kind {} needs base_url", id, backend.kind),
                backend.kind == "ollama" ? "base_url = \"http://127.0.0.1:11434\""
                                         : "base_url = \"http://127.0.0.1:8080/v1\"");
  const bool priced = backend.rate_in_msat_per_1k != 0 || backend.rate_out_msat_per_1k != 0;
  if (is_external_agent(backend) &&
      (priced || !backend.api_key_env.empty() || !backend.api_key_file.empty()))
    return fail(Errc::kInvalid,
                fmt::format("backends.{}: {} takes neither rates nor a key", id, backend.kind),
                backend.kind == "nip90" ? "max_price_msat bounds what a call costs"
                                         : "nothing bounds what one of its runs costs: give it a server of your own");
  config.backends.push_back(std::move(backend));
  return {};
}

Result<void> read_mcp_section(Config& config, const std::string& name, const toml::table& table,
                              const std::filesystem::path& dir) {
  TRY(check_name("mcp", name));
  McpServerConfig server{.name = name};
  TRY(read_members(config, server, mcp_keys(), "mcp." + name, table, dir));
  if (server.command.empty() == server.url.empty())
    return fail(Errc::kInvalid, fmt::format("mcp.{} needs either command or url", name));
  config.mcp.push_back(std::move(server));
  return {};
}

Result<void> read_hook_section(Config& config, const std::string& name, const toml::table& table,
                               const std::filesystem::path& dir) {
  TRY(check_name("hooks", name));
  UserHookConfig hook{.name = name};
  TRY(read_members(config, hook, hook_keys(), "hooks." + name, table, dir));
  if (hook.command.empty() || !hook.command.front().starts_with('/'))
    return fail(Errc::kInvalid,
                fmt::format("hooks.{} needs command, beginning with an absolute path", name));
  config.hooks.push_back(std::move(hook));
  return {};
}

Result<void> read_job_section(Config& config, const std::string& name, const toml::table& table,
                              const std::filesystem::path& dir) {
  TRY(check_name("jobs", name));
  JobConfig job{.name = name};
  TRY(read_members(config, job, job_keys(), "jobs." + name, table, dir));
  config.jobs.push_back(std::move(job));
  return {};
}

Result<void> check_jobs(const Config& config) {
  TRY(const auto agents, agents_of(config));
  std::set<std::uint32_t> kinds;
  for (const JobConfig& job : config.jobs) {
    if (!job.enabled) continue;
    if (!kinds.insert(job.kind).second)
      return fail(Errc::kInvalid,
                  fmt::format("jobs.{}: another offer has kind {} already", job.name, job.kind));
    if (!job.agent.empty())
      if (auto agent = agents.find(job.agent); !agent)
        return std::unexpected(
            base::in_context(fmt::format("jobs.{}.agent", job.name), std::move(agent).error()));
    // Its answer goes to a stranger unread, and such a program has tools that we do not hold.
    for (const BackendConfig& backend : config.backends)
      if (backend.enabled && is_external_agent(backend))
        return fail(
            Errc::kInvalid,
            fmt::format("jobs.{} cannot be done beside backends.{}, which has tools of its own",
                        job.name, backend.id),
            "enabled = false for one of the two");
  }
  return {};
}

}  // namespace node
