// run, status, trajectory: the agent node from outside.
#include <csignal>

#include <fmt/format.h>

#include "node/agent_app.h"
#include "node/cli/command.h"
#include "node/cli/service.h"
#include "node/cli/status_text.h"
#include "node/cli/trajectory_commands.h"
#include "node/control.h"
#include "nostr/base/log.h"
#include "nostr/nips/nip19.h"

namespace node::cli {
namespace {

using base::Errc;
using base::json::Value;

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
