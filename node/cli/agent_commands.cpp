// init, run, status, pending, approve, deny, trajectory: the agent node from outside.
#include <csignal>

#include <fmt/format.h>

#include "nipsa/approval.h"
#include "nipsa/chain.h"
#include "nipsa/digest.h"
#include "nipsa/kinds.h"
#include "node/agent_app.h"
#include "node/cli/command.h"
#include "node/cli/service.h"
#include "node/cli/status_text.h"
#include "node/cli/trajectory_commands.h"
#include "node/key_file.h"
#include "nostr/base/log.h"
#include "nostr/nips/nip19.h"

namespace node::cli {
namespace {

using base::Errc;
using base::fail;
using base::Result;
using base::json::Value;

constexpr std::chrono::seconds kControlPatience{10};

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

int report_control(const Context& context, const base::Error& error) {
  const int code = report(context, error);
  return error.code == Errc::kUnavailable ? kNotRunning : code;
}

void print_lines(const std::vector<std::string>& lines) {
  for (const std::string& line : lines) print_foreign(line);
}

int pending(const Context& context) {
  auto answer =
      control_call(context.home().control_socket(), "pending", Value::object(), kControlPatience);
  if (!answer) return report_control(context, answer.error());
  if (context.json) {
    print_json(*answer);
    return kOk;
  }
  if (answer->empty()) print_line("nothing waits for you");
  for (const Value& question : *answer) print_lines(question_lines(question));
  return kOk;
}

int status(const Context& context) {
  auto answer =
      control_call(context.home().control_socket(), "status", Value::object(), kControlPatience);
  if (!answer) return report_control(context, answer.error());
  if (context.json) {
    print_json(*answer);
    return kOk;
  }
  print_lines(status_lines(*answer));
  return kOk;
}

struct DecideArguments {
  std::string code;
  std::string key_file;
  std::vector<std::string> relays;
};

/// Signs a 39213 as an operator, for whoever asked the question of this code.
base::Task<Result<Value>> publish_decision(Runtime& runtime, DecideArguments arguments,
                                           const nostr::SecretKey& key, bool approve) {
  const auto folded = nipsa::fold_code(arguments.code);
  if (!folded)
    co_return fail(Errc::kInvalid, fmt::format("\"{}\" is no code", arguments.code),
                   "codes look like K7QF-2M9X");
  const base::UnixTime now = runtime.clock.now();
  nostr::Filters filters{{.kinds = {nipsa::kinds::kApprovalRequest},
                          .tags = {{'p', {key.public_key().hex()}}},
                          .since = now - std::chrono::hours{24}}};
  const nostr::FetchResult found =
      co_await runtime.pool.fetch(arguments.relays, std::move(filters), std::chrono::seconds{10});
  const nostr::Event* request = nullptr;
  for (const nostr::EventPtr& event : found.events)
    if (nipsa::approval_code(event->id) == *folded) request = event.get();
  if (!request)
    co_return fail(Errc::kNotFound,
                   fmt::format("no request for code {} names you on these relays", arguments.code));
  CO_TRY(const nipsa::ApprovalRequest parsed, nipsa::parse_approval_request(*request));
  const nipsa::ApprovalDecision decision{
      .request = request->id,
      .tick = parsed.tick,
      .requester = request->pubkey,
      .decision = approve ? nipsa::Decision::kApproved : nipsa::Decision::kDenied,
      .agent = parsed.agent,
      .action = parsed.action,
      .action_hash = parsed.action_hash,
      .expires = parsed.expires};
  CO_TRY(nostr::Draft draft, nipsa::build_approval_decision(decision, now));
  const nostr::Event event = nostr::sign_event(std::move(draft), key, runtime.rng);
  const auto outcomes = co_await runtime.pool.publish(arguments.relays, event);
  for (const nostr::PublishOutcome& outcome : outcomes)
    if (outcome.state == nostr::PublishOutcome::State::kAccepted)
      co_return Value{
          {"decision", event.id.hex()}, {"request", request->id.hex()}, {"approved", approve}};
  co_return fail(Errc::kUnavailable, "no relay took the decision");
}

base::Task<Result<Value>> publish_and_stop(Runtime& runtime, DecideArguments arguments,
                                           const nostr::SecretKey& key, bool approve) {
  auto done = co_await publish_decision(runtime, std::move(arguments), key, approve);
  co_await runtime.pool.stop();
  co_return done;
}

int decide(const Context& context, const DecideArguments& arguments, bool approve) {
  if (!arguments.key_file.empty()) {
    auto key = load_key_file(arguments.key_file);
    if (!key) return report(context, key.error());
    if (arguments.relays.empty()) {
      report(context,
             {Errc::kInvalid, "--key-file needs --relay", "name the relay the agent uses"});
      return kUsage;
    }
    Runtime runtime;
    auto done =
        runtime.loop.run_until_complete(publish_and_stop(runtime, arguments, *key, approve));
    if (!done) return report(context, done.error());
    print_json(*done);
    return kOk;
  }
  auto answer = control_call(context.home().control_socket(), approve ? "approve" : "deny",
                             {{"code", arguments.code}}, kControlPatience);
  if (!answer) return report_control(context, answer.error());
  if (context.json)
    print_json(*answer);
  else
    print_line(fmt::format("{} {}", base::json::string_or(*answer, "code"),
                           base::json::string_or(*answer, "state")));
  return kOk;
}

void add_decision(CLI::App& app, Context& context, Action* chosen, bool approve) {
  auto arguments = std::make_shared<DecideArguments>();
  auto* command =
      app.add_subcommand(approve ? "approve" : "deny", approve ? "Say yes to a pending question"
                                                               : "Say no to a pending question");
  command->add_option("code", arguments->code, "The code of the question, e.g. K7QF-2M9X")
      ->required();
  command->add_option("--key-file", arguments->key_file,
                      "Decide as this operator by a signed event instead of at the home");
  command->add_option("--relay", arguments->relays, "Where the request is and the decision goes")
      ->allow_extra_args(false);
  const std::string name = command->get_name();
  command->footer("Examples:\n  sovereign " + name + " K7QF-2M9X --home guard\n  sovereign " + name +
                  " K7QF-2M9X --key-file me.key --relay ws://127.0.0.1:7777");
  command->callback(
      [=, &context] { *chosen = [=, &context] { return decide(context, *arguments, approve); }; });
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
  auto* pending_command = app.add_subcommand("pending", "Questions that wait for the operator");
  pending_command->footer("Examples:\n  sovereign pending --home guard");
  pending_command->callback([=, &context] { *chosen = [&context] { return pending(context); }; });
  add_decision(app, context, chosen, true);
  add_decision(app, context, chosen, false);
  add_trajectory_commands(app, context, chosen);
}

}  // namespace node::cli
