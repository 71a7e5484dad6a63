// init: a node's home, from an identity that is there or one that is made, and the demo.
#include <array>
#include <filesystem>
#include <utility>

#include <fmt/format.h>

#include "node/cli/command.h"
#include "node/cli/demo.h"
#include "node/cli/qr.h"
#include "node/cli/terminal.h"
#include "node/config.h"
#include "node/dealing.h"
#include "node/identity.h"
#include "node/key_file.h"
#include "nostr/nips/nip19.h"
#include "nostr/nips/nip65.h"

namespace node::cli {
namespace {

using base::Errc;
using base::fail;
using base::Result;
using base::json::Value;

struct InitArguments {
  std::string group, share, passphrase_file;
  std::string import;  ///< a key to split, or a share
  std::string out;     ///< where the other members' shares go
  bool make = false;
  bool demo = false;
  bool yes = false;
  std::vector<std::string> relays, operators;
  std::string name = "agent";
  std::string level = "bounded";
  std::string base_url, model, api_key_env;
};

// ---- the identity ------------------------------------------------------------------------------

constexpr std::string_view kIdentityHint =
    "--group and --share name one that is there (of `frost dkg`, `frost deal`, or other software), --new or "
    "--import KEYFILE with --out DIR make one, --demo shows everything on this machine";

/// Whether `file` holds a share: it needs a group, and nothing is split.
bool holds_share(const std::string& file) {
  const auto text = read_secret_file(file);
  return text && (text->starts_with("bfshare1") || text->starts_with("sovshare1"));
}

Result<void> settle_choice(InitArguments& arguments) {
  if (!arguments.import.empty() && holds_share(arguments.import)) arguments.share = std::exchange(arguments.import, "");
  const int ways = (arguments.share.empty() ? 0 : 1) + (arguments.import.empty() ? 0 : 1) + (arguments.make ? 1 : 0);
  if (ways == 0) return fail(Errc::kInvalid, "there is no identity", std::string(kIdentityHint));
  if (ways > 1) return fail(Errc::kInvalid, "more than one identity is named", std::string(kIdentityHint));
  if (!arguments.share.empty() && arguments.group.empty())
    return fail(Errc::kInvalid, "a share belongs to a group", "--group FILE with bfgroup1…");
  if (arguments.share.empty() && arguments.out.empty())
    return fail(Errc::kInvalid, "the shares of the co-signers need a place", "--out DIR; carry each to its own machine");
  return {};
}

/// The files of the identity: those named, or those that are made now.
Result<void> make_identity(const Context& context, InitArguments& arguments) {
  if (!arguments.share.empty()) return {};
  TRY(deal_into({.secret_file = arguments.import, .passphrase_file = arguments.passphrase_file, .out = arguments.out}));
  const std::filesystem::path dir(arguments.out);
  arguments.group = dir / "group.txt";
  arguments.share = dir / "share-1.txt";
  progress(context, fmt::format("dealt by this machine: it held the whole key for a moment. Carry {0}/share-2.txt and "
                                "{0}/share-3.txt to the co-signers' machines, each with group.txt, and delete them here.",
                                arguments.out));
  if (!arguments.import.empty()) progress(context, split_key_warning(arguments.import));
  return {};
}

// ---- who and where -----------------------------------------------------------------------------

/// Large public relays that take the kinds an agent writes. A proposal, never a default.
constexpr std::array<std::string_view, 3> kProposals{"wss://relay.damus.io", "wss://nos.lol", "wss://relay.primal.net"};

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> out;
  std::string word;
  for (const char c : text) {
    if (c != ' ' && c != ',') word += c;
    else if (!word.empty()) out.push_back(std::exchange(word, ""));
  }
  if (!word.empty()) out.push_back(word);
  return out;
}

Result<void> choose_relays(InitArguments& arguments) {
  if (arguments.relays.empty()) {
    const std::string proposal = fmt::format("{}", fmt::join(kProposals, " "));
    const auto answer = ask_line(fmt::format("Relays the agent reads and writes [{}]:", proposal));
    if (!answer) return fail(Errc::kInvalid, "no relay is named", "--relay URL, for example " + proposal);
    arguments.relays = words_of(answer->empty() ? proposal : *answer);
  }
  for (const std::string& relay : arguments.relays)
    if (!nostr::is_relay_url(relay)) return fail(Errc::kInvalid, fmt::format("--relay {} is no relay URL", relay), "wss://relay.example");
  return {};
}

Result<void> choose_operators(InitArguments& arguments) {
  if (!arguments.operators.empty()) return {};
  const auto answer = ask_line("Whom does it obey? The npub of the client you approve from:");
  if (!answer || answer->empty()) return fail(Errc::kInvalid, "no operator is named", "--operator NPUB");
  arguments.operators = words_of(*answer);
  return {};
}

// ---- the home ----------------------------------------------------------------------------------

Result<Config> config_for(const Home& home, const InitArguments& arguments) {
  Config config;
  // Named from config.toml, so that a home can be moved.
  config.identity = {.group = "group.txt",
                     .share = "share.txt",
                     .passphrase_file = arguments.passphrase_file};
  config.node = {.key_file = home.node_key_file().filename().string(),
                 .relays = arguments.relays,
                 .inbox_relays = {},
                 .operators = {}};
  for (const std::string& text : arguments.operators) {
    auto key = nostr::parse_public_key(text);
    if (!key) return std::unexpected(base::in_context("--operator", key.error()));
    config.node.operators.push_back(nostr::encode_npub(*key));
  }
  config.agent.name = arguments.name;
  config.agent.level = arguments.level;
  if (arguments.base_url.empty())
    config.backends.push_back({.id = "default"});
  else
    config.backends.push_back({.id = "default",
                               .kind = "openai",
                               .base_url = arguments.base_url,
                               .model = arguments.model,
                               .api_key_env = arguments.api_key_env});
  return config;
}

/// Everything that can be wrong is found before an identity is made or a file written.
Result<std::string> prepare(const Home& home, InitArguments& arguments) {
  std::error_code error;
  if (std::filesystem::exists(home.config_file(), error))
    return fail(Errc::kConflict, home.config_file().string() + " exists already", "edit it, or choose another --home");
  TRY(settle_choice(arguments));
  TRY(choose_relays(arguments));
  TRY(choose_operators(arguments));
  TRY(const Config config, config_for(home, arguments));
  std::string text = render_config(config);
  TRY(parse_config(text, home.config_dir, {}));
  return text;
}

Result<Value> init_home(const Context& context, InitArguments& arguments) {
  const Home home = context.home();
  TRY(const std::string text, prepare(home, arguments));
  const bool made_here = arguments.share.empty();  // a share that was imported is one by now
  TRY(make_identity(context, arguments));
  TRY(const ThresholdIdentity identity, load_identity(arguments.group, arguments.share, arguments.passphrase_file));
  TRY(home.ensure());
  base::SystemRng rng;
  TRY(const nostr::SecretKey key, load_or_create_key_file(home.node_key_file(), rng));
  TRY(install_identity(home, arguments.group, arguments.share));
  TRY(write_file(home.config_file(), text));
  std::error_code error;
  if (made_here) std::filesystem::remove(arguments.share, error);  // it is in the home now
  return Value{{"identity", identity.group.identity().hex()},
               {"npub", nostr::encode_npub(identity.group.identity())},
               {"node", key.public_key().hex()},
               {"relays", arguments.relays},
               {"dealt", made_here},
               {"config", home.config_file().string()}};
}

/// `shares_made`: there are shares for co-signers to carry away.
Result<void> print_made(const Context& context, const Value& made, const InitArguments& arguments, bool shares_made) {
  if (context.json) {
    print_json(made);
    return {};
  }
  const std::string npub = base::json::string_or(made, "npub");
  print_line("agent   " + npub);
  print_line("node    " + base::json::string_or(made, "node"));
  print_line("config  " + base::json::string_or(made, "config"));
  if (!context.quiet && shows_to_people()) TRY(print_qr("nostr:" + npub));
  if (shares_made)
    print_line(fmt::format("co-sign sovereign cosigner init --group group.txt --share share-2.txt --relay {} --operator {} --runner {}",
                           arguments.relays.front(), arguments.operators.front(), base::json::string_or(made, "node")));
  progress(context, fmt::format("Nothing is published yet. `sovereign run` introduces the agent on {}: its profile (kinds 0 and 39200), "
                                "its relays (10002, 10050) and its schedule (39202), each signed with a co-signer.",
                                fmt::join(arguments.relays, ", ")));
  print_line("next    sovereign doctor, then sovereign run");
  return {};
}

int init(const Context& context, InitArguments arguments) {
  if (arguments.demo)
    return run_demo(context, {.folder = context.home_dir,
                              .yes = arguments.yes,
                              .mind = {arguments.base_url, arguments.model, arguments.api_key_env}});
  auto made = init_home(context, arguments);
  if (!made) return report_usage(context, made.error());
  if (auto printed = print_made(context, *made, arguments, made->value("dealt", false)); !printed) return report(context, printed.error());
  return kOk;
}

}  // namespace

void add_init_commands(CLI::App& app, Context& context, Action* chosen) {
  auto arguments = std::make_shared<InitArguments>();
  auto* command = app.add_subcommand("init", "Make a node's home: its key, its share, a commented config.toml");
  command->add_option("--group", arguments->group, "File with bfgroup1…");
  command->add_option("--share", arguments->share, "File with this node's share: bfshare1…, sovshare1…, or of other software");
  command->add_flag("--new", arguments->make, "Make a new identity, 2 of 3, and deal its shares");
  command->add_option("--import", arguments->import,
                      "Split the key in this file (hex, nsec1…, ncryptsec1…) 2 of 3; a share is taken as --share");
  command->add_option("--out", arguments->out, "Folder for the co-signers' shares of --new and --import");
  command->add_option("--passphrase-file", arguments->passphrase_file, "Opens a sovshare1…; seals shares that are made");
  command->add_option("--relay", arguments->relays, "Relay (repeat); asked for on a terminal")->allow_extra_args(false);
  command->add_option("--operator", arguments->operators, "Who is obeyed (repeat); asked for on a terminal")->allow_extra_args(false);
  command->add_option("--name", arguments->name, "What the agent is called");
  command->add_option("--level", arguments->level, "supervised, bounded or autonomous");
  command->add_option("--base-url", arguments->base_url, "OpenAI-compatible endpoint; none: the built-in playbook");
  command->add_option("--model", arguments->model, "The endpoint's model");
  command->add_option("--api-key-env", arguments->api_key_env, "Environment variable that holds the API key");
  auto* demo = command->add_flag("--demo", arguments->demo,
                                 "Show one approval from end to end, everybody on this machine; --home keeps their homes");
  command->add_flag("--yes", arguments->yes, "The demo answers for the operator, prints a JSON summary and ends")->needs(demo);
  command->footer(
      "Examples:\n"
      "  sovereign init --demo --yes\n"
      "  sovereign init --home agent --group group.txt --share share-1.txt --relay ws://127.0.0.1:7777 --operator $NPUB\n"
      "  sovereign init --home agent --new --out shares --relay ws://127.0.0.1:7777 --operator $NPUB\n"
      "  sovereign init --home agent --import me.key --out shares --relay ws://127.0.0.1:7777 --operator $NPUB");
  command->callback([=, &context] { *chosen = [=, &context] { return init(context, *arguments); }; });
}

}  // namespace node::cli
