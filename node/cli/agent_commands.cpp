// init, run, status, trajectory: the agent node from outside.
#include <csignal>

#include <fmt/format.h>

#include "node/agent_app.h"
#include "node/cli/command.h"
#include "node/cli/service.h"
#include "node/cli/status_text.h"
#include "node/cli/trajectory_commands.h"
#include "node/control.h"
#include "node/key_file.h"
#include "nostr/base/log.h"
#include "nostr/nips/nip19.h"

namespace node::cli {
namespace {

using base::Errc;
using base::fail;
using base::Result;
using base::json::Value;

// ---- init
// ------------------------------------------------------------------------------------------

struct InitArguments {
  std::string group, share, passphrase_file;
  std::vector<std::string> relays, operators;
  std::string name = "agent";
  std::string level = "bounded";
  std::string base_url, model, api_key_env;
};

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

Result<Value> init_home(const Home& home, const InitArguments& arguments) {
  TRY(const ThresholdIdentity identity,
      load_identity(arguments.group, arguments.share, arguments.passphrase_file));
  TRY(const Config config, config_for(home, arguments));
  const std::string text = render_config(config);
  TRY(parse_config(text, home.config_dir, {}));
  TRY(home.ensure());
  std::error_code error;
  if (std::filesystem::exists(home.config_file(), error))
    return fail(Errc::kConflict, home.config_file().string() + " exists already",
                "edit it, or choose another --home");
  base::SystemRng rng;
  TRY(const nostr::SecretKey key, load_or_create_key_file(home.node_key_file(), rng));
  TRY(install_identity(home, arguments.group, arguments.share));
  TRY(write_file(home.config_file(), text));
  return Value{{"identity", identity.group.identity().hex()},
               {"npub", nostr::encode_npub(identity.group.identity())},
               {"node", key.public_key().hex()},
               {"config", home.config_file().string()}};
}

int init(const Context& context, const InitArguments& arguments) {
  auto made = init_home(context.home(), arguments);
  if (!made) return report(context, made.error());
  if (context.json) {
    print_json(*made);
    return kOk;
  }
  print_line("agent   " + (*made)["npub"].get<std::string>());
  print_line("node    " + (*made)["node"].get<std::string>());
  print_line("config  " + (*made)["config"].get<std::string>());
  print_line("next    sovereign run");
  return kOk;
}

// ---- run
// -------------------------------------------------------------------------------------------

void print_running(const Context& context, const AgentApp& app) {
  if (context.json)
    print_json({{"running", app.identity().hex()}, {"node", app.node_key().hex()}});
  else
    print_line("running " + nostr::encode_npub(app.identity()));
}

int run(const Context& context, bool once) {
  auto config = load_config(context.home());
  if (!config) return report(context, config.error());
  Runtime runtime;
  auto app = AgentApp::create(runtime, context.home(), *std::move(config));
  if (!app) return report(context, app.error());
  std::optional<TickOutcome> last;
  Service service(runtime.loop);
  const auto tick_ended = [&](const TickOutcome& outcome) {
    last = outcome;
    if (once) service.finish();
  };
  auto ended = service.run({.start = [&] { return (*app)->start(tick_ended); },
                            .ready = [&] { print_running(context, **app); },
                            .stop = [&] { return (*app)->stop(); }});
  if (!ended) return report(context, ended.error());
  if (once && last) {
    print_json({{"slot", last->slot},
                {"status", orchestration::session_status_name(last->status)},
                {"detail", last->detail},
                {"result", last->result ? last->result->hex() : ""}});
    return last->status == orchestration::SessionStatus::kSuccess   ? kOk
           : last->status == orchestration::SessionStatus::kPartial ? kPartial
                                                                    : kFailed;
  }
  return *ended == SIGINT ? kInterrupted : kOk;
}

// ---- talking to a running process
// ------------------------------------------------------------------

int status(const Context& context) {
  auto answer =
      control_call(context.home().control_socket(), "status", Value::object());
  if (!answer) return report_control(context, answer.error());
  if (context.json) {
    print_json(*answer);
    return kOk;
  }
  print_foreign(status_lines(*answer));
  return kOk;
}

}  // namespace

void add_agent_commands(CLI::App& app, Context& context, Action* chosen) {
  auto starting = std::make_shared<InitArguments>();
  auto* init_command =
      app.add_subcommand("init", "Make a node's home: its key, its share, a commented config.toml");
  init_command->add_option("--group", starting->group, "File with bfgroup1…")->required();
  init_command->add_option("--share", starting->share, "File with this node's share")->required();
  init_command->add_option("--passphrase-file", starting->passphrase_file, "Opens a sovshare1…");
  init_command->add_option("--relay", starting->relays, "Relay (repeat)")
      ->required()
      ->allow_extra_args(false);
  init_command->add_option("--operator", starting->operators, "Who is obeyed (repeat)")
      ->required()
      ->allow_extra_args(false);
  init_command->add_option("--name", starting->name, "What the agent is called");
  init_command->add_option("--level", starting->level, "supervised, bounded or autonomous");
  init_command->add_option("--base-url", starting->base_url,
                           "OpenAI-compatible endpoint; none: the built-in playbook");
  init_command->add_option("--model", starting->model, "The endpoint's model");
  init_command->add_option("--api-key-env", starting->api_key_env,
                           "Environment variable that holds the API key");
  init_command->footer(
      "Examples:\n  sovereign init --home agent --group group.txt --share share-1.txt --relay "
      "ws://127.0.0.1:7777 --operator $NPUB");
  init_command->callback(
      [=, &context] { *chosen = [=, &context] { return init(context, *starting); }; });

  auto once = std::make_shared<bool>(false);
  auto* run_command = app.add_subcommand("run", "Run the agent node");
  run_command->add_flag("--once", *once, "Stop after the first tick and print how it ended");
  run_command->footer("Examples:\n  sovereign run --home agent");
  run_command->callback([=, &context] { *chosen = [=, &context] { return run(context, *once); }; });

  auto* status_command = app.add_subcommand("status", "What the process of this home is doing");
  status_command->footer("Examples:\n  sovereign status --home agent --json");
  status_command->callback([=, &context] { *chosen = [&context] { return status(context); }; });
  add_trajectory_commands(app, context, chosen);
}

}  // namespace node::cli
