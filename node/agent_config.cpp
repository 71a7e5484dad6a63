// One table of keys; an error says where it stands and what would do.
#include "node/agent_config.h"

#include <algorithm>
#include <functional>

#include <fmt/format.h>

#include "node/config_raw.h"
#include "nostr/base/suggest.h"

namespace node {
namespace {

using base::Errc;
using base::fail;
using base::Result;
using orchestration::AgentPatch;
using orchestration::Permit;

constexpr std::size_t kMaxAgentFiles = 200;
constexpr std::int64_t kMaxPerDayMsat = 100'000'000'000;

/// What a key does to the patch; `dir` is where its file stands.
using Set = std::function<Result<void>(AgentPatch&, const Raw&, const std::filesystem::path& dir)>;
struct Key {
  std::string name;
  Set set;
};

/// A key whose value `read` makes and `field` keeps.
template <class Read, class Field>
Key key_of(std::string name, Read read, Field field) {
  return {std::move(name), [=](AgentPatch& patch, const Raw& raw, const auto&) -> Result<void> {
            TRY(auto value, read(raw));
            field(patch) = std::move(value);
            return {};
          }};
}

Result<Permit> permit(const Raw& raw) {
  TRY(const std::string word, text_of(raw));
  return orchestration::parse_permit(word);
}

Result<std::vector<orchestration::CommandRule>> rules(const Raw& raw) {
  TRY(const auto texts, texts_of(raw));
  std::vector<orchestration::CommandRule> out;
  for (const std::string& text : texts) {
    TRY(orchestration::CommandRule rule, orchestration::parse_command_rule(text));
    out.push_back(std::move(rule));
  }
  return out;
}

Result<std::set<nostr::Kind>> kinds(const Raw& raw) {
  TRY(expect_type(raw, Raw::Type::kInteger));
  std::set<nostr::Kind> out;
  for (const std::string& item : raw.items) {
    TRY(const std::int64_t kind, integer({{item}, false, raw.origin}, 0, 65'535));
    out.insert(static_cast<nostr::Kind>(kind));
  }
  return out;
}

auto number(std::int64_t low, std::int64_t high) {
  return [=](const Raw& raw) -> Result<std::uint32_t> {
    TRY(const std::int64_t value, integer(raw, low, high));
    return static_cast<std::uint32_t>(value);
  };
}

Key prompt_file() {
  return {"prompt_file", [](AgentPatch& patch, const Raw& raw, const std::filesystem::path& dir) -> Result<void> {
            TRY(const std::string path, text_of(raw));
            TRY(patch.prompt, read_file(absolute_path(path, dir)));
            return {};
          }};
}

std::vector<Key> make_keys() {
  const auto mode = [](const Raw& raw) -> Result<orchestration::AgentMode> {
    TRY(const std::string word, text_of(raw));
    return orchestration::parse_agent_mode(word);
  };
  const auto msat = [](const Raw& raw) -> Result<base::Msat> {
    TRY(const std::int64_t value, integer(raw, 0, kMaxPerDayMsat));
    return base::Msat{value};
  };
  const auto temperature = [](const Raw& raw) { return real(raw, 0, orchestration::kMaxTemperature); };
  const auto color = [](const Raw& raw) -> Result<std::string> {
    TRY(std::string text, text_of(raw));
    if (!orchestration::is_color(text)) return fail(Errc::kInvalid, fmt::format("\"{}\" is no colour", text), "\"#RRGGBB\"");
    return text;
  };
  std::vector<Key> out{
      key_of("enabled", truth_of, [](AgentPatch& p) -> auto& { return p.enabled; }),
      key_of("name", text_of, [](AgentPatch& p) -> auto& { return p.name; }),
      key_of("purpose", text_of, [](AgentPatch& p) -> auto& { return p.purpose; }),
      key_of("mode", mode, [](AgentPatch& p) -> auto& { return p.mode; }),
      key_of("prompt", text_of, [](AgentPatch& p) -> auto& { return p.prompt; }),
      prompt_file(),
      key_of("prompt_append", text_of, [](AgentPatch& p) -> auto& { return p.prompt_append; }),
      key_of("tools", texts_of, [](AgentPatch& p) -> auto& { return p.tools; }),
      key_of("hide", texts_of, [](AgentPatch& p) -> auto& { return p.hide; }),
      key_of("show", texts_of, [](AgentPatch& p) -> auto& { return p.show; }),
      key_of("temperature", temperature, [](AgentPatch& p) -> auto& { return p.temperature; }),
      key_of("color", color, [](AgentPatch& p) -> auto& { return p.color; }),
      key_of("delegates_to", texts_of, [](AgentPatch& p) -> auto& { return p.delegates_to; }),
      key_of("max_steps", number(1, 200), [](AgentPatch& p) -> auto& { return p.max_steps; }),
      key_of("max_output_tokens", number(16, 200'000), [](AgentPatch& p) -> auto& { return p.max_output_tokens; }),
      key_of("per_day_msat", msat, [](AgentPatch& p) -> auto& { return p.per_day; }),
      key_of("sign_kinds", kinds, [](AgentPatch& p) -> auto& { return p.permissions.sign_kinds; }),
      key_of("bash", permit, [](AgentPatch& p) -> auto& { return p.bash; }),
      key_of("bash_allow", rules, [](AgentPatch& p) -> auto& { return p.bash_allow; }),
      key_of("bash_ask", rules, [](AgentPatch& p) -> auto& { return p.bash_ask; }),
      key_of("bash_deny", rules, [](AgentPatch& p) -> auto& { return p.bash_deny; })};
  using Level = std::optional<Permit> orchestration::PermissionsPatch::*;
  using Patch = orchestration::PermissionsPatch;
  for (const auto& [name, level] : std::initializer_list<std::pair<const char*, Level>>{
           {"query", &Patch::query}, {"file", &Patch::file}, {"sign", &Patch::sign}, {"message", &Patch::message},
           {"control", &Patch::control}, {"edit", &Patch::edit}, {"fetch", &Patch::fetch},
           {"server", &Patch::server}, {"spend", &Patch::spend}, {"delegate", &Patch::delegate}})
    out.push_back(key_of(name, permit, [level](AgentPatch& p) -> auto& { return p.permissions.*level; }));
  return out;
}

const std::vector<Key>& keys() {
  static const std::vector<Key> all = make_keys();
  return all;
}

Result<void> set_key(AgentPatch& patch, const std::string& name, const Raw& raw, const std::filesystem::path& dir) {
  const auto found = std::ranges::find(keys(), name, &Key::name);
  if (found != keys().end()) return found->set(patch, raw, dir);
  std::vector<std::string> known;
  for (const Key& key : keys()) known.push_back(key.name);
  return fail(Errc::kInvalid, "unknown key", base::did_you_mean(name, known));
}

}  // namespace

Result<AgentPatch> read_agent_table(const std::string& id, const toml::table& table, const std::filesystem::path& dir) {
  AgentPatch patch{.id = id, .origin = place_of(table), .permissions = {}};
  for (const auto& [key, node] : table) {
    const std::string where = fmt::format("{}: agents.{}.{}", place_of(node), id, key.str());
    auto raw = raw_of(node);
    if (!raw) return std::unexpected(base::in_context(where, raw.error()));
    if (auto done = set_key(patch, std::string(key.str()), *raw, dir); !done)
      return std::unexpected(base::in_context(where, done.error()));
  }
  if (table.contains("prompt") && table.contains("prompt_file"))
    return fail(Errc::kInvalid, fmt::format("{}: agents.{}: prompt and prompt_file are both set", patch.origin, id));
  return patch;
}

Result<AgentPatch> parse_agent_file(const std::string& id, std::string_view text, const std::filesystem::path& file) {
  const std::string label = "agents/" + file.filename().string();
  const toml::parse_result parsed = toml::parse(text, std::string_view(label));
  if (!parsed)
    return fail(Errc::kInvalid, fmt::format("{}:{}: {}", label, parsed.error().source().begin.line,
                                            parsed.error().description()));
  TRY(AgentPatch patch, read_agent_table(id, parsed.table(), file.parent_path()));
  patch.origin = label;
  return patch;
}

Result<std::vector<AgentPatch>> read_agent_folder(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> files;
  std::error_code error;
  std::filesystem::directory_iterator entry(folder, error);
  if (error == std::errc::no_such_file_or_directory) return std::vector<AgentPatch>{};
  for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    if (entry->path().extension() != ".toml") continue;
    if (files.size() >= kMaxAgentFiles)
      return fail(Errc::kLimit, fmt::format("{} holds more than {} agents", folder.string(), kMaxAgentFiles));
    files.push_back(entry->path());
  }
  if (error)
    return fail(Errc::kIo, fmt::format("{} cannot be read: {}", folder.string(), error.message()),
                "a folder of agents, or nothing of that name");
  std::ranges::sort(files);
  std::vector<AgentPatch> out;
  for (const std::filesystem::path& file : files) {
    TRY(const std::string text, read_file(file));
    TRY(AgentPatch patch, parse_agent_file(file.stem().string(), text, file));
    out.push_back(std::move(patch));
  }
  return out;
}

Result<orchestration::AgentRegistry> agents_of(const Config& config) {
  TRY(const orchestration::Level level, orchestration::parse_level(config.agent.level));
  return orchestration::AgentRegistry::create(
      {.name = config.agent.name, .level = level, .default_agent = config.agent.default_agent}, config.agents);
}

std::string primary_id(const Config& config) {
  const auto agents = agents_of(config);
  return agents ? agents->primary().id : "";
}

Result<orchestration::AutonomyRules> purchase_rules(const Config& config) {
  TRY(const orchestration::AgentRegistry agents, agents_of(config));
  return agents.primary().autonomy;
}

}  // namespace node
