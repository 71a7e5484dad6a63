// run, status, trajectory: the agent node from outside.
#include <csignal>

#include <fmt/format.h>

#include "node/agent_app.h"
#include "node/cli/command.h"
#include "node/cli/run_progress.h"
#include "node/cli/service.h"
#include "node/cli/status_text.h"
#include "node/cli/trajectory_commands.h"
#include "node/control.h"
#include "node/pause.h"
#include "node/progress.h"
#include "nostr/base/log.h"
#include "nostr/base/loop.h"
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

Value outcome_json(const TickOutcome& outcome) {
  return {{"slot", outcome.slot},
          {"status", orchestration::session_status_name(outcome.status)},
          {"detail", outcome.detail},
          {"result", outcome.result ? outcome.result->hex() : ""}};
}

int exit_code_of(const TickOutcome& outcome) {
  return exit_code_of_status(orchestration::session_status_name(outcome.status));
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
    print_json(outcome_json(*last));
    return exit_code_of(*last);
  }
  return *ended == SIGINT ? kInterrupted : kOk;
}

// ---- run --once TASK
// -------------------------------------------------------------------------------------------

void print_outcome(const Context& context, const TickOutcome& outcome) {
  Value line = outcome_json(outcome);
  line["text"] = outcome.text;
  line["turns"] = outcome.turns;
  line["calls"] = outcome.tool_calls;
  line["cost_msat"] = outcome.cost.value;
  show_outcome(context, std::move(line));
}

/// One errand from its order to its report, told as it goes. `limit` 0: as long as it takes.
int run_errand(const Context& context, const std::string& typed, std::chrono::seconds limit) {
  const auto text = errand_of(typed);
  if (!text) return report_usage(context, text.error());
  if (const auto paused = PauseSwitch(context.home()).reason())
    return report(context, {Errc::kDenied, "the agent is paused: " + *paused, "sovereign resume"});
  auto config = load_config(context.home());
  if (!config) return report(context, config.error());
  Runtime runtime;
  auto app = AgentApp::create(runtime, context.home(), *std::move(config));
  if (!app) return report(context, app.error());
  std::string slot;
  std::optional<TickOutcome> outcome;
  bool late = false;
  Service service(runtime.loop);
  base::Scope scope(runtime.loop);
  const auto tick_ended = [&](const TickOutcome& ended) {
    if (ended.slot != slot) return;  // what an earlier process left is taken up, too
    outcome = ended;
    service.finish();
  };
  const auto start = [&]() -> base::Task<base::Result<void>> {
    const auto tell = [&](const std::string& tick, const Value& step) {
      if (tick == slot) show_step(context, step);
    };
    CO_TRY(slot, co_await (*app)->start_errand(*text, progress_hook(tell), tick_ended));
    co_return base::Result<void>{};
  };
  const auto watch = [&]() -> base::Task<void> {
    co_await base::sleep_for(limit);
    late = true;
    service.finish();
  };
  if (limit.count() > 0) scope.spawn("errand's time", watch());
  auto ended = service.run({.start = start, .ready = [] {}, .stop = [&]() -> base::Task<void> {
                              co_await scope.stop();
                              co_await (*app)->stop();
                            }});
  if (!ended) return report(context, ended.error());
  if (outcome) {
    print_outcome(context, *outcome);
    return exit_code_of(*outcome);
  }
  const std::string hint = slot.empty() ? "it was not begun"
                                        : fmt::format("{0} goes on with the next sovereign run of this home; "
                                                      "sovereign task cancel {0} drops it", slot);
  if (late)
    report(context, {Errc::kTimeout, fmt::format("not done after {} s", limit.count()), hint});
  else
    progress(context, fmt::format("interrupted: {}", hint));
  return late ? kTimeout : kInterrupted;
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
  auto errand = std::make_shared<std::optional<std::string>>();
  auto limit = std::make_shared<std::int64_t>(0);
  auto* once_flag = run_command->add_flag("--once", *once, "Stop after one tick and print how it ended");
  auto* errand_option =
      run_command->add_option("task", *errand, "With --once: what is to be done, or - for stdin; nothing else wakes the agent")
          ->needs(once_flag);
  run_command->add_option("--timeout", *limit, "Seconds for the task; 0: as long as it takes")
      ->needs(errand_option)
      ->check(CLI::Range(std::int64_t{0}, std::int64_t{86'400}));
  run_command->footer(
      "With a task, what the agent does is told on stderr and its last words are printed; with --json each step is\n"
      "one line. Exit code: 0 done, 5 in part, 1 failed, 124 out of time, 130 interrupted.\n\n"
      "Examples:\n  sovereign run --home agent\n  sovereign run --once \"Summarise what was said of us today\"\n"
      "  echo \"What is open?\" | sovereign run --once - --json --timeout 600");
  run_command->callback([=, &context] {
    *chosen = [=, &context] {
      return *errand ? run_errand(context, **errand, std::chrono::seconds{*limit}) : run(context, *once);
    };
  });

  auto* status_command = app.add_subcommand("status", "What the process of this home is doing");
  status_command->footer("Examples:\n  sovereign status --home agent --json");
  status_command->callback([=, &context] { *chosen = [&context] { return status(context); }; });
  add_trajectory_commands(app, context, chosen);
}

}  // namespace node::cli
