// Reading the configuration: the file section by section, then the environment, then what must fit
// together.
#include "node/config.h"

#include <algorithm>

#include <fmt/format.h>
#include "node/agent_config.h"
#include "node/config_keys.h"
#include "node/config_sections.h"
#include "nostr/nips/nip19.h"

extern char** environ;  // NOLINT: POSIX declares it nowhere

namespace node {
namespace {

using base::Errc;
using base::fail;
using base::Result;

Result<void> set_key(Config& config, const std::string& name, const Raw& raw,
                     const std::filesystem::path& dir) {
  if (auto done = set_field(config_keys(), config, name, raw, dir); !done)
    return std::unexpected(base::in_context(fmt::format("{}: {}", raw.origin, name), done.error()));
  config.origins[name] = raw.origin;
  return {};
}

Result<void> read_route(Config& config, const std::string& agent, const toml::node& value) {
  auto raw = raw_of(value);
  if (!raw || raw->items.empty() || !expect_type(*raw, Raw::Type::kText))
    return fail(Errc::kInvalid,
                fmt::format("{}: routes.{} is a list of backends, or patterns of them",
                            place_of(value), agent));
  config.origins[fmt::format("routes.{}", agent)] = raw->origin;
  config.routes.push_back({agent, raw->items});
  return {};
}

Result<void> read_agent(Config& config, const std::string& id, const toml::table& table,
                        const std::filesystem::path& dir) {
  TRY(orchestration::AgentPatch patch, read_agent_table(id, table, dir));
  config.agents.push_back(std::move(patch));
  return {};
}

using ReadSection = Result<void> (*)(Config&, const std::string& name, const toml::table&,
                                     const std::filesystem::path&);

/// How [SECTION.NAME] is read; null for a section of plain keys.
ReadSection reader_of(std::string_view section) {
  if (section == "backends") return read_backend_section;
  if (section == "agents") return read_agent;
  if (section == "mcp") return read_mcp_section;
  if (section == "hooks") return read_hook_section;
  if (section == "jobs") return read_job_section;
  return nullptr;
}

Result<void> read_member(Config& config, const std::string& section, const std::string& key,
                         const toml::node& value, const std::filesystem::path& dir) {
  if (section == "routes") return read_route(config, key, value);
  if (const ReadSection read = reader_of(section)) {
    if (!value.is_table())
      return fail(Errc::kInvalid,
                  fmt::format("{}: write [{}.{}] as a section", place_of(value), section, key));
    return read(config, key, *value.as_table(), dir);
  }
  const std::string name = fmt::format("{}.{}", section, key);
  auto raw = raw_of(value);
  if (!raw)
    return std::unexpected(
        base::in_context(fmt::format("{}: {}", place_of(value), name), raw.error()));
  return set_key(config, name, *raw, dir);
}

Result<void> read_text(Config& config, std::string_view text, const std::filesystem::path& dir) {
  const toml::parse_result parsed = toml::parse(text, std::string_view("config.toml"));
  if (!parsed)
    return fail(Errc::kInvalid,
                fmt::format("config.toml:{}: {}", parsed.error().source().begin.line,
                            parsed.error().description()));
  for (const auto& [section, node] : parsed.table()) {
    const toml::table* table = node.as_table();
    if (!table)
      return fail(Errc::kInvalid, fmt::format("{}: \"{}\" stands outside a section", place_of(node),
                                              section.str()));
    for (const auto& [key, value] : *table)
      TRY(read_member(config, std::string(section.str()), std::string(key.str()), value, dir));
  }
  return {};
}

std::string environment_name(const std::string& key) {
  std::string out = "SOVEREIGN_";
  for (char c : key)
    out += c == '.' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return out;
}

/// Words apart by spaces or commas.
std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> out;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t end = std::min(text.find_first_of(" ,", at), text.size());
    if (end > at) out.emplace_back(text.substr(at, end - at));
    at = end + 1;
  }
  return out;
}

Result<void> read_environment(Config& config, const std::map<std::string, std::string>& environment,
                              const std::filesystem::path& dir) {
  for (const Field<Config>& key : config_keys()) {
    const auto it = environment.find(environment_name(key.name));
    // Rules hold spaces; they belong into the file.
    if (it == environment.end() || key.name.starts_with("tools.bash_")) continue;
    Raw raw{{it->second}, key.is_list, "environment " + it->first};
    if (key.is_list) raw.items = words_of(it->second);
    TRY(set_key(config, key.name, raw, dir));
  }
  return {};
}

std::map<std::string, std::string> own_environment() {
  std::map<std::string, std::string> out;
  for (char** entry = environ; entry && *entry; ++entry) {
    const std::string_view text(*entry);
    if (!text.starts_with("SOVEREIGN_")) continue;
    const std::size_t equals = text.find('=');
    if (equals != std::string_view::npos)
      out.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return out;
}

}  // namespace

Result<Config> parse_config(std::string_view toml, const std::filesystem::path& base_dir,
                            const std::map<std::string, std::string>& environment) {
  Config config;
  for (const Field<Config>& key : config_keys()) config.origins[key.name] = "default";
  TRY(config.agents, read_agent_folder(base_dir / "agents"));
  TRY(read_text(config, toml, base_dir));
  TRY(read_environment(config, environment, base_dir));
  if (!config.tools.read_root.empty() && !config.tools.workspace.empty())
    return fail(Errc::kInvalid, "tools.read_root and tools.workspace are both set",
                "a workspace can be read already: keep one");
  if (!config.node.operators.empty() && config.approvals.quorum > config.node.operators.size())
    return fail(Errc::kInvalid, fmt::format("approvals.quorum is {}, but there are {} operators",
                                            config.approvals.quorum, config.node.operators.size()));
  if (config.backends.empty()) config.backends.push_back({.id = "default"});
  const auto chosen =
      std::find_if(config.backends.begin(), config.backends.end(),
                   [&](const BackendConfig& b) { return b.id == config.agent.model; });
  if (chosen == config.backends.end()) {
    std::vector<std::string> ids;
    for (const BackendConfig& backend : config.backends) ids.push_back(backend.id);
    return fail(Errc::kInvalid,
                fmt::format("agent.model names the backend \"{}\", which is not configured",
                            config.agent.model),
                base::did_you_mean(config.agent.model, ids));
  }
  TRY(agents_of(config));
  TRY(check_jobs(config));
  return config;
}

Result<std::vector<nostr::PublicKey>> keys_of(const std::vector<std::string>& texts,
                                              std::string_view where) {
  std::vector<nostr::PublicKey> out;
  for (const std::string& text : texts) {
    auto key = nostr::parse_public_key(text);
    if (!key) return std::unexpected(base::in_context(where, std::move(key).error()));
    out.push_back(*key);
  }
  return out;
}

Result<Config> load_config(const Home& home) {
  auto text = read_file(home.config_file());
  if (!text && text.error().code != Errc::kNotFound) return std::unexpected(text.error());
  return parse_config(text ? *text : "", home.config_dir, own_environment());
}

}  // namespace node
