// The configuration: one struct, read from config.toml and the environment, every value with its origin.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "node/home.h"
#include "nostr/base/money.h"
#include "nostr/base/result.h"
#include "orchestration/agents/patch.h"

namespace node {

/// [backends.ID]: one way to reach a model.
struct BackendConfig {
  std::string id;
  /// openai (chat completions) | responses | ollama | llamacpp | vllm | gpt-oss | codex | opencode | nip90 | playbook
  std::string kind = "playbook";
  std::string base_url;           ///< up to and including /v1; ollama: the server itself
  std::string model;              ///< ollama: "auto" takes what is installed
  std::string api_key_env;        ///< name of an environment variable; read at start
  std::string api_key_file;       ///< or a file, mode 0600
  std::string program;            ///< codex, opencode: where the program is
  std::string provider;           ///< nip90: npub or hex of who does the jobs
  std::vector<std::string> relays;  ///< nip90: where they are asked for; empty: node.relays
  std::int64_t max_price_msat = 0;  ///< nip90: of one call; 0 pays nothing
  bool public_prompts = false;    ///< nip90: the relays may read what is asked
  std::string playbook;           ///< playbook: a TOML file; empty is the built-in one
  std::int64_t rate_in_msat_per_1k = 0;
  std::optional<std::int64_t> rate_cached_in_msat_per_1k;  ///< unset: as rate_in
  std::int64_t rate_out_msat_per_1k = 0;
  std::int64_t context_tokens = 0;          ///< its window; 0: not known
  std::vector<std::string> supports = {"tools", "json"};  ///< of tools, json, images
  std::vector<std::string> quirks;          ///< ways of the server that have to be allowed for; config_sections.cpp names them
  std::string account;                      ///< backends of one account share its rate limit
  std::int64_t max_concurrency = 0;         ///< calls at a time; 0: any number
  std::int64_t rpm = 0;                     ///< requests in any minute; 0: any number
  std::int64_t tpm = 0;                     ///< tokens in any minute, read and written; 0: any number
  bool enabled = true;
  std::chrono::seconds timeout{120};        ///< of one attempt
  std::chrono::seconds first_token_timeout{60};
  std::chrono::seconds idle_timeout{30};    ///< between two pieces of an answer
};

/// Whether somebody else's agent answers, which has tools of its own and takes none of ours.
inline bool is_external_agent(const BackendConfig& backend) { return backend.kind == "codex" || backend.kind == "opencode"; }

/// [routes]: agents whose name fits `agent` are answered by these, in order; patterns of ids or models.
struct RouteConfig {
  std::string agent;
  std::vector<std::string> targets;
};

/// One MCP server: a program behind the sandbox, or an address.
struct McpServerConfig {
  std::string name;                   ///< in [mcp.NAME]; the first half of its tools' names
  std::vector<std::string> command;   ///< argv; or
  std::string url;                    ///< of a server that speaks streamable HTTP
  std::string bearer_file;            ///< for `url`: a file that holds its token
  std::vector<std::string> env;       ///< variables of this program that it gets; nothing else is passed on
  std::vector<std::string> readable;  ///< files and folders the program may read besides the system's
  bool network = false;               ///< for `command`: whether it may open connections
  std::chrono::seconds timeout{60};   ///< of one call
};

/// An executable of the operator that judges tool calls before they happen.
struct UserHookConfig {
  std::string name;                  ///< in [hooks.NAME]
  std::vector<std::string> command;
  std::vector<std::string> tools;    ///< empty: all
  std::chrono::seconds timeout{5};
};

/// [jobs.NAME]: a kind of work (NIP-90) that is sold to whoever asks.
struct JobConfig {
  std::string name;                      ///< as it is announced
  std::uint32_t kind = 5050;             ///< of the request; no two offers have the same
  std::string agent;                     ///< who does it; empty: who answers for the node
  std::string about;
  base::Msat price;                      ///< in advance; 0: for free
  std::uint32_t max_open = 16;           ///< at a time, unpaid ones included
  std::uint32_t max_per_customer = 20;   ///< in an hour
  std::uint32_t max_per_hour = 60;       ///< of all customers together
  bool enabled = true;
};

/// Hooks that agent.disabled_hooks may name; the others guard the node and stay on.
inline constexpr std::array<std::string_view, 8> kSwitchableHooks{"context-files", "directives", "folder-files", "issues", "notices",
                                                                  "pace", "todos", "tool-log"};

/// Everything `sovereign run` needs to know. Paths are absolute after loading.
struct Config {
  struct Identity {
    std::string group;  ///< file with bfgroup1…
    std::string share;  ///< file with bfshare1… or sovshare1…
    std::string passphrase_file;
  } identity;
  struct Node {
    std::string key_file;
    std::vector<std::string> relays;        ///< where the agent reads and writes
    std::vector<std::string> inbox_relays;  ///< where the node receives DMs; empty = relays
    std::vector<std::string> operators;     ///< npub or hex
    std::chrono::seconds outbox_keep{604'800};  ///< how long what was published is remembered
  } node;
  struct Agent {
    std::string name = "agent";
    std::string about = "a sovereign agent";
    std::string quiet_hours;        ///< "22:30-07:00 Europe/Berlin"; empty: none
    std::string level = "bounded";  ///< supervised | bounded | autonomous
    std::string model = "default";  ///< a backend id
    std::string default_agent;      ///< id of the agent that answers for the node; empty: the only primary
    std::vector<std::string> triggers = {"mention", "dm"};
    std::chrono::seconds heartbeat{0};  ///< 0: no heartbeat
    std::chrono::seconds approval_ttl{900};
    std::vector<std::string> disabled_hooks;  ///< of kSwitchableHooks
    std::vector<std::string> proves_to;   ///< npub or hex: may have it prove its key unasked (33410)
    std::vector<std::string> delegators;  ///< npub or hex: whose delegations (39260) are work
    bool choose_issues = false;  ///< a model chooses among the first of the queue
    bool notices = true;  ///< operators are told when a session fails or stops short
    std::uint32_t max_stranger_ticks_per_hour = 240;  ///< mentions and messages of others than operators
    std::uint32_t max_steps = 50;
  } agent;
  struct Approvals {
    std::uint32_t quorum = 1;           ///< operators that must say yes to a local action
    std::int64_t reaction_max = 5'000;  ///< sats that a reaction or a public word may allow at most
    std::chrono::seconds hold{5};       ///< between a yes that moves money and what follows
    bool public_mentions = false;       ///< also mention the operators for all to see
    std::vector<std::string> signers;   ///< files with the bunker:// texts of their signer apps
  } approvals;
  struct Budget {
    base::Msat per_tick{1'000'000};
    base::Msat per_day{10'000'000};
  } budget;
  struct Tools {
    std::string read_root;  ///< the folder that may be read; empty: none
    std::string workspace;  ///< the folder that may also be written and worked in; empty: none
    std::string sandbox = "bubblewrap";  ///< bubblewrap, landlock or none
    std::string fetch = "ask";           ///< allow, ask or deny: pages of the web
    std::string search_url;              ///< a search engine that answers JSON; empty: no web_search
    std::string edit = "ask";            ///< allow, ask or deny: writing below the workspace
    std::string bash = "ask";            ///< the same for commands no rule below covers
    std::vector<std::string> bash_allow, bash_ask, bash_deny;  ///< rules: "git log **"
  } tools;
  /// What agents are given besides their tools for files, commands and Nostr.
  struct Integrations {
    bool directives = true;   ///< the operator's goals: told to sessions, and read by tools
    bool autopilot = true;    ///< the queue of issues
    bool marketplace = true;  ///< skills under a licence, once [skills] names issuers
  } integrations;
  struct Skills {
    std::vector<std::string> issuers;   ///< npub or hex: whose licences count
    std::vector<std::string> auditors;  ///< whose labels count
    std::vector<std::string> pins;      ///< publishers trusted as they are, or "KEY:HASH" for one version
    std::vector<std::string> capabilities;  ///< what skills may be granted at most; empty: nothing
    std::uint32_t kill_quorum = 1;
    std::uint32_t min_positive = 1;
  } skills;
  struct Dashboard {
    std::string listen;  ///< "127.0.0.1:7788": loopback only; empty: no dashboard and no metrics page
  } dashboard;
  struct Peers {
    std::vector<std::uint32_t> judges;  ///< share indices that judge by policy; empty = all
  } peers;
  /// [agents.ID] and the files of the folder agents/, in the order they count.
  std::vector<orchestration::AgentPatch> agents;
  std::vector<BackendConfig> backends;
  std::vector<RouteConfig> routes;  ///< of an agent none fits: agent.model alone
  std::vector<McpServerConfig> mcp;
  std::vector<UserHookConfig> hooks;
  std::vector<JobConfig> jobs;

  /// Where each value came from: "default", "config.toml:LINE" or "environment SOVEREIGN_…".
  std::map<std::string, std::string> origins;
};

/// Defaults, then `home.config_file()` when it exists, then SOVEREIGN_SECTION_KEY variables.
/// An unknown key, a wrong type or a value out of range is kInvalid with place and suggestion.
base::Result<Config> load_config(const Home& home);
/// The keys (npub or hex) of a list; the error names `where` it stands.
base::Result<std::vector<nostr::PublicKey>> keys_of(const std::vector<std::string>& texts,
                                                    std::string_view where);
/// The same from text, for `config check -` and tests. `base_dir` resolves relative paths.
base::Result<Config> parse_config(std::string_view toml, const std::filesystem::path& base_dir,
                                  const std::map<std::string, std::string>& environment);

/// "section.key" and its value as text, in reading order: what `config show` prints. Holds no secret.
std::vector<std::pair<std::string, std::string>> describe(const Config& config);

/// A commented config.toml for `init`.
std::string render_config(const Config& config);

}  // namespace node
