// Reading the configuration: one table of keys drives parsing, environment, listing and spelling.
#include "node/config.h"

#include <algorithm>
#include <functional>
#include <limits>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include "node/agent_config.h"
#include "node/config_raw.h"
#include "nostr/base/json.h"
#include "nostr/base/suggest.h"
#include "orchestration/hooks/standing_hooks.h"
#include "orchestration/shell/command_rules.h"

extern char** environ;  // NOLINT: POSIX declares it nowhere

namespace node {
namespace {

using base::Errc;
using base::fail;
using base::Result;

Result<bool> truth(const Raw& raw) {
  TRY(expect_type(raw, Raw::Type::kBoolean));
  TRY(const std::string text, one(raw));
  return text == "true";
}

/// One key: how to set it and how to show it.
struct Key {
  std::string name;  ///< "section.key"
  std::function<Result<void>(Config&, const Raw&, const std::filesystem::path&)> set;
  std::function<std::string(const Config&)> show;
};

template <class Get>
Key text_key(std::string name, Get get) {
  return {std::move(name),
          [get](Config& c, const Raw& raw, const auto&) -> Result<void> {
            TRY(get(c), text_of(raw));
            return {};
          },
          [get](const Config& c) { return get(const_cast<Config&>(c)); }};  // NOLINT
}

template <class Get>
Key path_key(std::string name, Get get) {
  Key key = text_key(std::move(name), get);
  key.set = [get](Config& c, const Raw& raw, const std::filesystem::path& dir) -> Result<void> {
    TRY(const std::string text, text_of(raw));
    get(c) = absolute_path(text, dir);
    return {};
  };
  return key;
}

template <class Get>
Key list_key(std::string name, Get get) {
  return {std::move(name),
          [get](Config& c, const Raw& raw, const auto&) -> Result<void> {
            TRY(expect_type(raw, Raw::Type::kText));
            get(c) = raw.items;
            return {};
          },
          [get](const Config& c) {
            return fmt::format("{}", fmt::join(get(const_cast<Config&>(c)), " "));
          }};  // NOLINT
}

/// Files, named from where the configuration lies.
template <class Get>
Key paths_key(std::string name, Get get) {
  Key key = list_key(std::move(name), get);
  key.set = [get](Config& c, const Raw& raw, const std::filesystem::path& dir) -> Result<void> {
    TRY(expect_type(raw, Raw::Type::kText));
    get(c).clear();
    for (const std::string& item : raw.items) get(c).push_back(absolute_path(item, dir));
    return {};
  };
  return key;
}

template <class Get>
Key flag_key(std::string name, Get get) {
  return {std::move(name),
          [get](Config& c, const Raw& raw, const auto&) -> Result<void> {
            TRY(get(c), truth(raw));
            return {};
          },
          [get](const Config& c) -> std::string {
            return get(const_cast<Config&>(c)) ? "true" : "false";  // NOLINT
          }};
}

/// One of a few words.
template <class Get>
Key word_key(std::string name, std::vector<std::string> words, Get get) {
  Key key = text_key(std::move(name), get);
  key.set = [get, words](Config& c, const Raw& raw, const auto&) -> Result<void> {
    TRY(get(c), one_of(raw, words));
    return {};
  };
  return key;
}

/// Command rules; one that is malformed is found here, not when it would be needed.
template <class Get>
Key rules_key(std::string name, Get get) {
  Key key = list_key(std::move(name), get);
  key.set = [get](Config& c, const Raw& raw, const auto&) -> Result<void> {
    TRY(expect_type(raw, Raw::Type::kText));
    for (const std::string& item : raw.items) TRY(orchestration::parse_command_rule(item));
    get(c) = raw.items;
    return {};
  };
  key.show = [get](const Config& c) {
    return fmt::format("{}", fmt::join(get(const_cast<Config&>(c)), ", "));
  };  // NOLINT
  return key;
}

template <class Get>
Key int_key(std::string name, std::int64_t low, std::int64_t high, Get get) {
  return {std::move(name),
          [get, low, high](Config& c, const Raw& raw, const auto&) -> Result<void> {
            TRY(const std::int64_t value, integer(raw, low, high));
            get(c, &value);
            return {};
          },
          [get](const Config& c) {
            return std::to_string(get(const_cast<Config&>(c), nullptr));
          }};  // NOLINT
}

/// A span of time, shown in seconds.
template <class Get>
Key span_key(std::string name, std::int64_t low, std::int64_t high, Get get) {
  return {std::move(name),
          [get, low, high](Config& c, const Raw& raw, const auto&) -> Result<void> {
            TRY(get(c), span_of_time(raw, low, high));
            return {};
          },
          [get](const Config& c) { return std::to_string(get(const_cast<Config&>(c)).count()); }};  // NOLINT
}

constexpr std::int64_t kDaySeconds = 86'400;

/// Reads or writes one integer-like member: one lambda serves both directions.
#define SOV_INT(expr, type)                              \
  [](Config& c, const std::int64_t* v) -> std::int64_t { \
    if (v) expr = type(*v);                              \
    return as_int(expr);                                 \
  }

std::int64_t as_int(std::uint32_t v) {
  return v;
}
std::int64_t as_int(base::Msat m) {
  return m.value;
}
std::int64_t as_int(std::int64_t v) {
  return v;
}
std::uint32_t to_u32(std::int64_t v) {
  return static_cast<std::uint32_t>(v);
}

const std::vector<Key>& keys() {
  static const std::vector<Key> kKeys = [] {
    std::vector<Key> k;
    k.push_back(
        path_key("identity.group", [](Config& c) -> std::string& { return c.identity.group; }));
    k.push_back(
        path_key("identity.share", [](Config& c) -> std::string& { return c.identity.share; }));
    k.push_back(path_key("identity.passphrase_file",
                         [](Config& c) -> std::string& { return c.identity.passphrase_file; }));
    k.push_back(
        path_key("node.key_file", [](Config& c) -> std::string& { return c.node.key_file; }));
    k.push_back(list_key("node.relays", [](Config& c) -> auto& { return c.node.relays; }));
    k.push_back(
        list_key("node.inbox_relays", [](Config& c) -> auto& { return c.node.inbox_relays; }));
    k.push_back(list_key("node.operators", [](Config& c) -> auto& { return c.node.operators; }));
    k.push_back(span_key("node.outbox_keep", kDaySeconds, 365 * kDaySeconds,
                        [](Config& c) -> std::chrono::seconds& { return c.node.outbox_keep; }));
    k.push_back(text_key("agent.name", [](Config& c) -> std::string& { return c.agent.name; }));
    k.push_back(text_key("agent.about", [](Config& c) -> std::string& { return c.agent.about; }));
    Key level = text_key("agent.level", [](Config& c) -> std::string& { return c.agent.level; });
    level.set = [](Config& c, const Raw& raw, const auto&) -> Result<void> {
      TRY(c.agent.level, one_of(raw, {"supervised", "bounded", "autonomous"}));
      return {};
    };
    k.push_back(std::move(level));
    Key quiet =
        text_key("agent.quiet_hours", [](Config& c) -> std::string& { return c.agent.quiet_hours; });
    quiet.set = [](Config& c, const Raw& raw, const auto&) -> Result<void> {
      TRY(c.agent.quiet_hours, text_of(raw));
      if (!c.agent.quiet_hours.empty()) TRY(orchestration::parse_quiet_hours(c.agent.quiet_hours));
      return {};
    };
    k.push_back(std::move(quiet));
    k.push_back(text_key("agent.default_agent",
                         [](Config& c) -> std::string& { return c.agent.default_agent; }));
    k.push_back(text_key("agent.model", [](Config& c) -> std::string& { return c.agent.model; }));
    Key triggers = list_key("agent.triggers", [](Config& c) -> auto& { return c.agent.triggers; });
    triggers.set = [](Config& c, const Raw& raw, const auto&) -> Result<void> {
      for (const std::string& item : raw.items)
        if (item != "mention" && item != "dm")
          return fail(Errc::kInvalid, fmt::format("\"{}\" is not one of mention, dm", item));
      c.agent.triggers = raw.items;
      return {};
    };
    k.push_back(std::move(triggers));
    k.push_back(span_key("agent.heartbeat", 0, 31'536'000,
                        [](Config& c) -> std::chrono::seconds& { return c.agent.heartbeat; }));
    k.push_back(span_key("agent.approval_ttl", 10, kDaySeconds,
                        [](Config& c) -> std::chrono::seconds& { return c.agent.approval_ttl; }));
    k.push_back(int_key("agent.max_stranger_ticks_per_hour", 1, 100'000,
                        SOV_INT(c.agent.max_stranger_ticks_per_hour, to_u32)));
    k.push_back(int_key("agent.max_steps", 1, 200, SOV_INT(c.agent.max_steps, to_u32)));
    k.push_back(int_key("approvals.quorum", 1, 16, SOV_INT(c.approvals.quorum, to_u32)));
    k.push_back(int_key("approvals.reaction_max", 0, 2'100'000'000'000'000,
                        SOV_INT(c.approvals.reaction_max, std::int64_t)));
    k.push_back(span_key("approvals.hold", 0, 600, [](Config& c) -> std::chrono::seconds& { return c.approvals.hold; }));
    Key hooks = list_key("agent.disabled_hooks", [](Config& c) -> auto& { return c.agent.disabled_hooks; });
    hooks.set = [](Config& c, const Raw& raw, const auto&) -> Result<void> {
      TRY(expect_type(raw, Raw::Type::kText));
      for (const std::string& item : raw.items)
        if (std::ranges::find(kSwitchableHooks, item) == kSwitchableHooks.end())
          return fail(Errc::kInvalid, fmt::format("\"{}\" is not one of {}", item, fmt::join(kSwitchableHooks, ", ")),
                      "hooks that guard the node stay on");
      c.agent.disabled_hooks = raw.items;
      return {};
    };
    k.push_back(std::move(hooks));
    k.push_back(flag_key("agent.notices", [](Config& c) -> bool& { return c.agent.notices; }));
    k.push_back(flag_key("approvals.public_mentions",
                         [](Config& c) -> bool& { return c.approvals.public_mentions; }));
    k.push_back(paths_key("approvals.signers", [](Config& c) -> std::vector<std::string>& {
      return c.approvals.signers;
    }));
    k.push_back(int_key("budget.per_tick_msat", 0, base::kMaxMsat.value,
                        SOV_INT(c.budget.per_tick, base::Msat)));
    k.push_back(int_key("budget.per_day_msat", 0, base::kMaxMsat.value,
                        SOV_INT(c.budget.per_day, base::Msat)));
    k.push_back(
        path_key("tools.read_root", [](Config& c) -> std::string& { return c.tools.read_root; }));
    k.push_back(
        path_key("tools.workspace", [](Config& c) -> std::string& { return c.tools.workspace; }));
    k.push_back(word_key("tools.sandbox", {"bubblewrap", "landlock", "none"},
                         [](Config& c) -> std::string& { return c.tools.sandbox; }));
    k.push_back(word_key("tools.fetch", {"allow", "ask", "deny"},
                         [](Config& c) -> std::string& { return c.tools.fetch; }));
    k.push_back(text_key("tools.search_url",
                         [](Config& c) -> std::string& { return c.tools.search_url; }));
    k.push_back(word_key("tools.edit", {"allow", "ask", "deny"},
                         [](Config& c) -> std::string& { return c.tools.edit; }));
    k.push_back(word_key("tools.bash", {"allow", "ask", "deny"},
                         [](Config& c) -> std::string& { return c.tools.bash; }));
    k.push_back(rules_key("tools.bash_allow", [](Config& c) -> auto& { return c.tools.bash_allow; }));
    k.push_back(rules_key("tools.bash_ask", [](Config& c) -> auto& { return c.tools.bash_ask; }));
    k.push_back(rules_key("tools.bash_deny", [](Config& c) -> auto& { return c.tools.bash_deny; }));
    k.push_back(flag_key("integrations.directives", [](Config& c) -> bool& { return c.integrations.directives; }));
    k.push_back(flag_key("integrations.autopilot", [](Config& c) -> bool& { return c.integrations.autopilot; }));
    k.push_back(flag_key("integrations.marketplace", [](Config& c) -> bool& { return c.integrations.marketplace; }));
    k.push_back(list_key("skills.issuers", [](Config& c) -> auto& { return c.skills.issuers; }));
    k.push_back(list_key("skills.auditors", [](Config& c) -> auto& { return c.skills.auditors; }));
    k.push_back(list_key("skills.pins", [](Config& c) -> auto& { return c.skills.pins; }));
    k.push_back(
        list_key("skills.capabilities", [](Config& c) -> auto& { return c.skills.capabilities; }));
    k.push_back(int_key("skills.kill_quorum", 1, 100, SOV_INT(c.skills.kill_quorum, to_u32)));
    k.push_back(int_key("skills.min_positive", 1, 100, SOV_INT(c.skills.min_positive, to_u32)));
    k.push_back(text_key("dashboard.listen",
                         [](Config& c) -> std::string& { return c.dashboard.listen; }));
    k.push_back(
        {"peers.judges",
         [](Config& c, const Raw& raw, const auto&) -> Result<void> {
           c.peers.judges.clear();
           for (const std::string& item : raw.items) {
             TRY(const std::int64_t index, integer(Raw{{item}, false, "", raw.type}, 1, 65'535));
             c.peers.judges.push_back(to_u32(index));
           }
           return {};
         },
         [](const Config& c) { return fmt::format("{}", fmt::join(c.peers.judges, " ")); }});
    return k;
  }();
  return kKeys;
}

#undef SOV_INT

Result<std::vector<std::string>> some_of(const Raw& raw, const std::vector<std::string>& allowed) {
  TRY(expect_type(raw, Raw::Type::kText));
  for (const std::string& item : raw.items) TRY(one_of(Raw{{item}, false, "", raw.type}, allowed));
  return raw.items;
}

/// One member of [backends.ID].
struct BackendKey {
  std::string_view name;
  Result<void> (*set)(BackendConfig&, const Raw&, const std::filesystem::path&);
  std::string (*show)(const BackendConfig&);  ///< "" when there is nothing to say; TOML
};

std::string quoted(const std::string& text) { return text.empty() ? "" : base::json::dump(text); }
std::string counted(std::int64_t value, std::int64_t usual = 0) { return value == usual ? "" : std::to_string(value); }
std::string listed(const std::vector<std::string>& items, const std::vector<std::string>& usual) {
  return items == usual ? "" : base::json::dump(base::json::Value(items));
}

constexpr std::int64_t kHighestRate = 1'000'000'000;

#define SOV_SET [](BackendConfig & b, const Raw& raw, const std::filesystem::path& dir) -> Result<void>
#define SOV_SHOW [](const BackendConfig& b) -> std::string

const std::vector<BackendKey>& backend_keys() {
  static const std::vector<BackendKey> kKeys = {
      {"kind",
       SOV_SET {
         static_cast<void>(dir);
         TRY(b.kind, one_of(raw, {"openai", "responses", "ollama", "llamacpp", "vllm", "gpt-oss", "codex", "opencode", "playbook"}));
         return {};
       },
       SOV_SHOW { return quoted(b.kind); }},
      {"base_url", SOV_SET { static_cast<void>(dir); TRY(b.base_url, text_of(raw)); return {}; },
       SOV_SHOW { return quoted(b.base_url); }},
      {"model", SOV_SET { static_cast<void>(dir); TRY(b.model, text_of(raw)); return {}; },
       SOV_SHOW { return quoted(b.model); }},
      {"api_key_env", SOV_SET { static_cast<void>(dir); TRY(b.api_key_env, text_of(raw)); return {}; },
       SOV_SHOW { return quoted(b.api_key_env); }},
      {"api_key_file",
       SOV_SET { TRY(const std::string path, text_of(raw)); b.api_key_file = absolute_path(path, dir); return {}; },
       SOV_SHOW { return quoted(b.api_key_file); }},
      {"program",
       SOV_SET { TRY(const std::string path, text_of(raw)); b.program = absolute_path(path, dir); return {}; },
       SOV_SHOW { return quoted(b.program); }},
      {"playbook",
       SOV_SET { TRY(const std::string path, text_of(raw)); b.playbook = absolute_path(path, dir); return {}; },
       SOV_SHOW { return quoted(b.playbook); }},
      {"rate_in_msat_per_1k",
       SOV_SET { static_cast<void>(dir); TRY(b.rate_in_msat_per_1k, integer(raw, 0, kHighestRate)); return {}; },
       SOV_SHOW { return counted(b.rate_in_msat_per_1k); }},
      {"rate_cached_in_msat_per_1k",
       SOV_SET { static_cast<void>(dir); TRY(b.rate_cached_in_msat_per_1k, integer(raw, 0, kHighestRate)); return {}; },
       SOV_SHOW { return b.rate_cached_in_msat_per_1k ? std::to_string(*b.rate_cached_in_msat_per_1k) : ""; }},
      {"rate_out_msat_per_1k",
       SOV_SET { static_cast<void>(dir); TRY(b.rate_out_msat_per_1k, integer(raw, 0, kHighestRate)); return {}; },
       SOV_SHOW { return counted(b.rate_out_msat_per_1k); }},
      {"context_tokens",
       SOV_SET { static_cast<void>(dir); TRY(b.context_tokens, integer(raw, 0, 100'000'000)); return {}; },
       SOV_SHOW { return counted(b.context_tokens); }},
      {"supports",
       SOV_SET { static_cast<void>(dir); TRY(b.supports, some_of(raw, {"tools", "json", "images"})); return {}; },
       SOV_SHOW { return listed(b.supports, BackendConfig{}.supports); }},
      {"quirks",
       SOV_SET {
         static_cast<void>(dir);
         TRY(b.quirks, some_of(raw, {"no-stream", "no-stream-with-tools", "no-stream-usage", "no-json-schema",
                                     "max-completion-tokens", "no-temperature", "harmony", "think-tags"}));
         return {};
       },
       SOV_SHOW { return listed(b.quirks, {}); }},
      {"account", SOV_SET { static_cast<void>(dir); TRY(b.account, text_of(raw)); return {}; },
       SOV_SHOW { return quoted(b.account); }},
      {"max_concurrency",
       SOV_SET { static_cast<void>(dir); TRY(b.max_concurrency, integer(raw, 0, 1'000)); return {}; },
       SOV_SHOW { return counted(b.max_concurrency); }},
      {"rpm", SOV_SET { static_cast<void>(dir); TRY(b.rpm, integer(raw, 0, 100'000)); return {}; },
       SOV_SHOW { return counted(b.rpm); }},
      {"tpm", SOV_SET { static_cast<void>(dir); TRY(b.tpm, integer(raw, 0, 1'000'000'000)); return {}; },
       SOV_SHOW { return counted(b.tpm); }},
      {"enabled", SOV_SET { static_cast<void>(dir); TRY(b.enabled, truth(raw)); return {}; },
       SOV_SHOW { return b.enabled ? "" : "false"; }},
      {"timeout",
       SOV_SET {
         static_cast<void>(dir);
         TRY(b.timeout, span_of_time(raw, 1, 3'600));
         return {};
       },
       SOV_SHOW { return std::to_string(b.timeout.count()); }},
      {"first_token_timeout",
       SOV_SET {
         static_cast<void>(dir);
         TRY(b.first_token_timeout, span_of_time(raw, 1, 3'600));
         return {};
       },
       SOV_SHOW { return counted(b.first_token_timeout.count(), 60); }},
      {"idle_timeout",
       SOV_SET {
         static_cast<void>(dir);
         TRY(b.idle_timeout, span_of_time(raw, 1, 3'600));
         return {};
       },
       SOV_SHOW { return counted(b.idle_timeout.count(), 30); }},
  };
  return kKeys;
}

#undef SOV_SET
#undef SOV_SHOW

Result<void> set_backend(BackendConfig& backend, const std::string& key, const Raw& raw,
                         const std::filesystem::path& dir) {
  std::vector<std::string> known;
  for (const BackendKey& one : backend_keys()) {
    if (one.name == key) return one.set(backend, raw, dir);
    known.emplace_back(one.name);
  }
  return fail(Errc::kInvalid, fmt::format("unknown key \"{}\"", key), base::did_you_mean(key, known));
}

const Key* find_key(const std::string& name) {
  const auto it =
      std::find_if(keys().begin(), keys().end(), [&](const Key& k) { return k.name == name; });
  return it == keys().end() ? nullptr : &*it;
}

std::vector<std::string> known_names() {
  std::vector<std::string> names;
  for (const Key& key : keys()) names.push_back(key.name);
  return names;
}

Result<void> apply(Config& config, const std::string& name, const Raw& raw,
                   const std::filesystem::path& dir) {
  auto placed = [&](base::Error error) {
    return std::unexpected(
        base::in_context(fmt::format("{}: {}", raw.origin, name), std::move(error)));
  };
  const Key* key = find_key(name);
  if (!key) return placed({Errc::kInvalid, "unknown key", base::did_you_mean(name, known_names())});
  if (auto done = key->set(config, raw, dir); !done) return placed(done.error());
  config.origins[name] = raw.origin;
  return {};
}

Result<void> apply_backend_table(Config& config, const std::string& id, const toml::table& table,
                                 const std::filesystem::path& dir) {
  BackendConfig backend;
  backend.id = id;
  for (const auto& [key, node] : table) {
    const std::string name = fmt::format("backends.{}.{}", id, key.str());
    auto placed = [&](base::Error error) {
      return std::unexpected(base::in_context(
          fmt::format("config.toml:{}: {}", node.source().begin.line, name), std::move(error)));
    };
    auto raw = raw_of(node);
    if (!raw) return placed(raw.error());
    if (auto done = set_backend(backend, std::string(key.str()), *raw, dir); !done)
      return placed(done.error());
    config.origins[name] = raw->origin;
  }
  if (backend.kind != "playbook" && backend.base_url.empty())
    return fail(Errc::kInvalid, fmt::format("backends.{}: kind {} needs base_url", id, backend.kind),
                backend.kind == "ollama" ? "base_url = \"http://127.0.0.1:11434\""
                                         : "base_url = \"http://127.0.0.1:8080/v1\"");
  const bool priced = backend.rate_in_msat_per_1k != 0 || backend.rate_out_msat_per_1k != 0;
  if (is_external_agent(backend) && (priced || !backend.api_key_env.empty() || !backend.api_key_file.empty()))
    return fail(Errc::kInvalid, fmt::format("backends.{}: {} takes neither rates nor a key", id, backend.kind),
                "nothing bounds what one of its runs costs: give it a server of your own");
  config.backends.push_back(std::move(backend));
  return {};
}

Result<void> set_mcp(McpServerConfig& server, const std::string& key, const Raw& raw,
                     const std::filesystem::path& dir) {
  if (key == "command") {
    TRY(server.command, texts_of(raw));
  } else if (key == "url") {
    TRY(server.url, text_of(raw));
  } else if (key == "bearer_file") {
    TRY(const std::string path, text_of(raw));
    server.bearer_file = absolute_path(path, dir);
  } else if (key == "env") {
    TRY(server.env, texts_of(raw));
  } else if (key == "readable") {
    TRY(server.readable, texts_of(raw));
    for (std::string& path : server.readable) path = absolute_path(path, dir);
  } else if (key == "network") {
    TRY(expect_type(raw, Raw::Type::kBoolean));
    server.network = raw.items.front() == "true";
  } else if (key == "timeout") {
    TRY(server.timeout, span_of_time(raw, 1, 3'600));
  } else {
    return fail(Errc::kInvalid, fmt::format("unknown key \"{}\"", key),
                base::did_you_mean(key, {"command", "url", "bearer_file", "env", "readable", "network", "timeout"}));
  }
  return {};
}

Result<void> set_hook(UserHookConfig& hook, const std::string& key, const Raw& raw,
                      const std::filesystem::path&) {
  if (key == "command") {
    TRY(hook.command, texts_of(raw));
  } else if (key == "tools") {
    TRY(hook.tools, texts_of(raw));
  } else if (key == "timeout") {
    TRY(hook.timeout, span_of_time(raw, 1, 60));
  } else {
    return fail(Errc::kInvalid, fmt::format("unknown key \"{}\"", key),
                base::did_you_mean(key, {"command", "tools", "timeout"}));
  }
  return {};
}

/// The members of [SECTION.NAME] through `set`; errors name the line.
template <class Entry, class Set>
Result<void> apply_named_table(Config& config, Entry& entry, const std::string& section,
                               const toml::table& table, const std::filesystem::path& dir, Set set) {
  for (const auto& [key, node] : table) {
    const std::string name = fmt::format("{}.{}.{}", section, entry.name, key.str());
    auto placed = [&](base::Error error) {
      return std::unexpected(base::in_context(
          fmt::format("config.toml:{}: {}", node.source().begin.line, name), std::move(error)));
    };
    auto raw = raw_of(node);
    if (!raw) return placed(raw.error());
    if (auto done = set(entry, std::string(key.str()), *raw, dir); !done) return placed(done.error());
    config.origins[name] = raw->origin;
  }
  return {};
}

bool is_plain_name(std::string_view name) {
  return !name.empty() && name.size() <= 32 && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
}

Result<void> apply_tool_table(Config& config, const std::string& section, const std::string& name,
                              const toml::table& table, const std::filesystem::path& dir) {
  if (!is_plain_name(name))
    return fail(Errc::kInvalid, fmt::format("[{}.{}]: a name is made of a-z, 0-9, _ and -", section, name));
  if (section == "mcp") {
    McpServerConfig server{.name = name};
    TRY(apply_named_table(config, server, section, table, dir, set_mcp));
    if (server.command.empty() == server.url.empty())
      return fail(Errc::kInvalid, fmt::format("mcp.{} needs either command or url", name));
    config.mcp.push_back(std::move(server));
    return {};
  }
  UserHookConfig hook{.name = name};
  TRY(apply_named_table(config, hook, section, table, dir, set_hook));
  if (hook.command.empty() || !hook.command.front().starts_with('/'))
    return fail(Errc::kInvalid, fmt::format("hooks.{} needs command, beginning with an absolute path", name));
  config.hooks.push_back(std::move(hook));
  return {};
}

Result<void> apply_file(Config& config, std::string_view text, const std::filesystem::path& dir) {
  const toml::parse_result parsed = toml::parse(text, std::string_view("config.toml"));
  if (!parsed)
    return fail(Errc::kInvalid,
                fmt::format("config.toml:{}: {}", parsed.error().source().begin.line,
                            parsed.error().description()));
  for (const auto& [section, node] : parsed.table()) {
    const toml::table* table = node.as_table();
    if (!table)
      return fail(Errc::kInvalid, fmt::format("config.toml:{}: \"{}\" stands outside a section",
                                              node.source().begin.line, section.str()));
    for (const auto& [key, value] : *table) {
      if (section.str() == "backends") {
        if (!value.is_table())
          return fail(Errc::kInvalid,
                      fmt::format("config.toml:{}: write [backends.{}] as a section",
                                  value.source().begin.line, key.str()));
        TRY(apply_backend_table(config, std::string(key.str()), *value.as_table(), dir));
        continue;
      }
      if (section.str() == "agents") {
        if (!value.is_table())
          return fail(Errc::kInvalid, fmt::format("{}: write [agents.{}] as a section", place_of(value), key.str()));
        TRY(orchestration::AgentPatch patch, read_agent_table(std::string(key.str()), *value.as_table(), dir));
        config.agents.push_back(std::move(patch));
        continue;
      }
      if (section.str() == "routes") {
        auto raw = raw_of(value);
        if (!raw || raw->items.empty() || !expect_type(*raw, Raw::Type::kText))
          return fail(Errc::kInvalid, fmt::format("config.toml:{}: routes.{} is a list of backends, or patterns of them",
                                                  value.source().begin.line, key.str()));
        config.origins[fmt::format("routes.{}", key.str())] = raw->origin;
        config.routes.push_back({std::string(key.str()), raw->items});
        continue;
      }
      if (section.str() == "mcp" || section.str() == "hooks") {
        if (!value.is_table())
          return fail(Errc::kInvalid, fmt::format("config.toml:{}: write [{}.{}] as a section",
                                                  value.source().begin.line, section.str(), key.str()));
        TRY(apply_tool_table(config, std::string(section.str()), std::string(key.str()), *value.as_table(), dir));
        continue;
      }
      const std::string name = fmt::format("{}.{}", section.str(), key.str());
      auto raw = raw_of(value);
      if (!raw)
        return std::unexpected(base::in_context(
            fmt::format("config.toml:{}: {}", value.source().begin.line, name), raw.error()));
      TRY(apply(config, name, *raw, dir));
    }
  }
  return {};
}

std::string environment_name(const std::string& key) {
  std::string out = "SOVEREIGN_";
  for (char c : key)
    out += c == '.' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return out;
}

Result<void> apply_environment(Config& config,
                               const std::map<std::string, std::string>& environment,
                               const std::filesystem::path& dir) {
  for (const Key& key : keys()) {
    const auto it = environment.find(environment_name(key.name));
    if (it == environment.end()) continue;
    Raw raw{{}, false, "environment " + it->first};
    // Rules hold spaces; they belong into the file.
    if (key.name.starts_with("tools.bash_")) continue;
    const bool list = key.name == "node.relays" || key.name == "node.inbox_relays" ||
                      key.name == "node.operators" || key.name == "agent.triggers" || key.name == "agent.disabled_hooks" ||
                      key.name == "peers.judges" || key.name == "skills.issuers" ||
                      key.name == "skills.auditors" || key.name == "skills.pins" ||
                      key.name == "skills.capabilities" || key.name == "approvals.signers";
    if (!list) {
      raw.items = {it->second};
    } else {
      raw.is_list = true;
      for (std::size_t at = 0; at <= it->second.size();) {
        const std::size_t end = std::min(it->second.find_first_of(" ,", at), it->second.size());
        if (end > at) raw.items.push_back(it->second.substr(at, end - at));
        at = end + 1;
      }
    }
    TRY(apply(config, key.name, raw, dir));
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

std::string render_backend(const BackendConfig& b) {
  std::string out = fmt::format("\n[backends.{}]\n", base::json::dump(b.id));
  for (const BackendKey& key : backend_keys()) {
    if (key.name == "timeout" && b.timeout == BackendConfig{}.timeout) continue;
    if (const std::string value = key.show(b); !value.empty()) out += fmt::format("{} = {}\n", key.name, value);
  }
  return out;
}

std::string toml_list(const std::vector<std::string>& items) {
  std::vector<std::string> quoted;
  for (const std::string& item : items) quoted.push_back(base::json::dump(item));
  return fmt::format("[{}]", fmt::join(quoted, ", "));
}

}  // namespace

Result<Config> parse_config(std::string_view toml, const std::filesystem::path& base_dir,
                            const std::map<std::string, std::string>& environment) {
  Config config;
  for (const Key& key : keys()) config.origins[key.name] = "default";
  TRY(config.agents, read_agent_folder(base_dir / "agents"));
  TRY(apply_file(config, toml, base_dir));
  TRY(apply_environment(config, environment, base_dir));
  if (!config.tools.read_root.empty() && !config.tools.workspace.empty())
    return fail(Errc::kInvalid, "tools.read_root and tools.workspace are both set",
                "a workspace can be read already: keep one");
  if (!config.node.operators.empty() && config.approvals.quorum > config.node.operators.size())
    return fail(Errc::kInvalid,
                fmt::format("approvals.quorum is {}, but there are {} operators",
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
  return config;
}

Result<Config> load_config(const Home& home) {
  auto text = read_file(home.config_file());
  if (!text && text.error().code != Errc::kNotFound) return std::unexpected(text.error());
  return parse_config(text ? *text : "", home.config_dir, own_environment());
}

std::vector<std::pair<std::string, std::string>> describe(const Config& config) {
  std::vector<std::pair<std::string, std::string>> out;
  for (const Key& key : keys()) out.emplace_back(key.name, key.show(config));
  for (const BackendConfig& b : config.backends) {
    for (const BackendKey& key : backend_keys()) {
      std::string value = key.show(b);
      if (value.empty()) continue;
      if (const auto text = base::json::parse(value); text && text->is_string()) value = text->get<std::string>();
      out.emplace_back(fmt::format("backends.{}.{}", b.id, key.name), std::move(value));
    }
  }
  for (const RouteConfig& route : config.routes)
    out.emplace_back("routes." + route.agent, fmt::format("{}", fmt::join(route.targets, " ")));
  for (const orchestration::AgentPatch& agent : config.agents) out.emplace_back("agents." + agent.id, agent.origin);
  for (const McpServerConfig& server : config.mcp)
    out.emplace_back("mcp." + server.name,
                     server.url.empty() ? fmt::format("{}", fmt::join(server.command, " ")) : server.url);
  for (const UserHookConfig& hook : config.hooks)
    out.emplace_back("hooks." + hook.name, fmt::format("{}", fmt::join(hook.command, " ")));
  return out;
}

std::string render_config(const Config& c) {
  using base::json::dump;
  std::string out = fmt::format(
      "# sovereign: configuration of one agent node. `sovereign config check` verifies it.\n\n"
      "[identity]\n# The agent's threshold identity: the public group and this node's one share.\n"
      "group = {}\nshare = {}\n{}\n"
      "[node]\n# An ordinary key of the node itself: DMs, AUTH, ticks. Never the agent's.\n"
      "key_file = {}\nrelays = {}\n{}# Who may approve, deny and pause.\noperators = {}\n"
      "# Seconds after its deadline that a publication is remembered.\noutbox_keep = {}\n\n",
      dump(c.identity.group), dump(c.identity.share),
      c.identity.passphrase_file.empty()
          ? ""
          : fmt::format("passphrase_file = {}\n", dump(c.identity.passphrase_file)),
      dump(c.node.key_file), toml_list(c.node.relays),
      c.node.inbox_relays.empty()
          ? ""
          : fmt::format("inbox_relays = {}\n", toml_list(c.node.inbox_relays)),
      toml_list(c.node.operators), c.node.outbox_keep.count());
  out += fmt::format(
      "[agent]\nname = {}\nabout = {}\n# supervised | bounded | autonomous. The co-signers' "
      "policies can only be stricter.\n"
      "level = {}\n# Which backend below thinks.\nmodel = {}\n{}triggers = {}\n"
      "# Seconds between heartbeats; 0 is none.\nheartbeat = {}\n# Seconds a question stays "
      "open.\napproval_ttl = {}\nmax_steps = {}\n"
      "# Mentions and messages of others than operators that wake the agent within an hour.\n"
      "max_stranger_ticks_per_hour = {}\n"
      "# Tell operators when a session fails or stops short.\nnotices = {}\n{}\n"
      "[approvals]\n# How many operators must say yes to what happens on this machine; a co-signer's "
      "policy has its own.\nquorum = {}\n# Sats that a reaction or a public reply may allow; more takes "
      "a private word.\nreaction_max = {}\n# Seconds between a yes that moves money and the payment, for "
      "second thoughts.\nhold = {}\n# Also mention you in public when something waits; what it is stays "
      "private.\npublic_mentions = {}\n# Files with bunker:// texts of your signer apps (NIP-46), which "
      "then show every question.\nsigners = {}\n\n"
      "[budget]\nper_tick_msat = {}\nper_day_msat = {}\n\n",
      dump(c.agent.name), dump(c.agent.about), dump(c.agent.level), dump(c.agent.model),
      c.agent.quiet_hours.empty() ? "" : fmt::format("quiet_hours = {}\n", dump(c.agent.quiet_hours)),
      toml_list(c.agent.triggers), c.agent.heartbeat.count(), c.agent.approval_ttl.count(),
      c.agent.max_steps,
      c.agent.max_stranger_ticks_per_hour, c.agent.notices,
      c.agent.disabled_hooks.empty() ? "" : fmt::format("disabled_hooks = {}\n", toml_list(c.agent.disabled_hooks)), c.approvals.quorum, c.approvals.reaction_max,
      c.approvals.hold.count(), c.approvals.public_mentions, toml_list(c.approvals.signers),
      c.budget.per_tick.value, c.budget.per_day.value);
  out += fmt::format(
      "[tools]\n# The only folder the agent may read files from; empty switches reading off.\n"
      "read_root = {}\n# Or a folder it may work in: files are written and commands run there, in a "
      "sandbox.\nworkspace = {}\n# bubblewrap | landlock | none. What is named here must stand, else no "
      "command runs.\nsandbox = {}\n# allow | ask | deny\nfetch = {}\nedit = {}\nbash = {}\n",
      dump(c.tools.read_root), dump(c.tools.workspace), dump(c.tools.sandbox), dump(c.tools.fetch),
      dump(c.tools.edit), dump(c.tools.bash));
  if (!c.tools.search_url.empty()) out += fmt::format("search_url = {}\n", dump(c.tools.search_url));
  out += fmt::format(
      "# Rules for single commands: * is one word, ** at the end any rest. Deny wins, then the longest.\n"
      "bash_allow = {}\nbash_ask = {}\nbash_deny = {}\n",
      toml_list(c.tools.bash_allow), toml_list(c.tools.bash_ask), toml_list(c.tools.bash_deny));
  if (const Config::Integrations& on = c.integrations; !on.directives || !on.autopilot || !on.marketplace)
    out += fmt::format("\n[integrations]\ndirectives = {}\nautopilot = {}\nmarketplace = {}\n", on.directives,
                       on.autopilot, on.marketplace);
  out += fmt::format(
      "\n[skills]\n# Whose licences open a skill, and whose labels count.\nissuers = {}\nauditors = {}\n"
      "# Publishers trusted as they are, or \"KEY:HASH\" for one version.\npins = {}\n"
      "# What a skill may be granted at most, e.g. nostr:read, nostr:publish, http:outbound.\n"
      "capabilities = {}\nkill_quorum = {}\nmin_positive = {}\n",
      toml_list(c.skills.issuers), toml_list(c.skills.auditors), toml_list(c.skills.pins),
      toml_list(c.skills.capabilities), c.skills.kill_quorum, c.skills.min_positive);
  out += fmt::format(
      "\n[dashboard]\n# A page about this agent and /metrics, on loopback, for who has the token in "
      "dashboard.token; empty: none.\nlisten = {}\n",
      dump(c.dashboard.listen));
  if (!c.peers.judges.empty())
    out += fmt::format("\n[peers]\n# Share indices that judge by a policy.\njudges = [{}]\n",
                       fmt::join(c.peers.judges, ", "));
  for (const BackendConfig& b : c.backends) out += render_backend(b);
  if (!c.routes.empty()) out += "\n[routes]\n";
  for (const RouteConfig& route : c.routes)
    out += fmt::format("{} = {}\n", dump(route.agent), toml_list(route.targets));
  return out;
}

}  // namespace node
