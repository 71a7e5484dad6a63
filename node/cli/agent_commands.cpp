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
#include "nostr/base/log.h"
#include "nostr/base/loop.h"
#include "nostr/base/utf8.h"
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
  switch (outcome.status) {
    case orchestration::SessionStatus::kSuccess: return kOk;
    case orchestration::SessionStatus::kPartial: return kPartial;
    case orchestration::SessionStatus::kError: return kFailed;
  }
  return kFailed;
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

constexpr std::size_t kMaxErrand = 65'536;

base::Result<std::string> errand_of(const std::string& typed) {
  std::string text = typed;
  if (typed == "-") {
    TRY(text, read_input("-", kMaxErrand));
  }
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  if (text.empty()) return base::fail(Errc::kInvalid, "the task is empty", "sovereign run --once \"what is to be done\"");
  if (text.size() > kMaxErrand || !base::is_utf8(text))
    return base::fail(Errc::kInvalid, fmt::format("a task is text of at most {} bytes", kMaxErrand));
  return text;
}

void print_outcome(const Context& context, const TickOutcome& outcome) {
  if (context.json) {
    Value line = outcome_json(outcome);
    line["event"] = "ended";
    line["text"] = outcome.text;
    line["turns"] = outcome.turns;
    line["calls"] = outcome.tool_calls;
    line["cost_msat"] = outcome.cost.value;
    print_json(line);
    return;
  }
  progress(context, fmt::format("{}{}{}: {} turns, {} calls, {} msat", orchestration::session_status_name(outcome.status),
                                outcome.detail.empty() ? "" : ", ", outcome.detail, outcome.turns, outcome.tool_calls,
                                outcome.cost.value));
  if (!outcome.text.empty()) print_foreign(lines_of(outcome.text));
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
    CO_TRY(slot, co_await (*app)->start_errand(*text, progress_hook(context), tick_ended));
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
  const std::string_view hint = "it goes on with the next sovereign run of this home";
  if (late)
    report(context, {Errc::kTimeout, fmt::format("not done after {} s", limit.count()), std::string(hint)});
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
