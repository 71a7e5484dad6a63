// task new | watch | list | show | cancel: what a running node is to do, and what its agents handed to each other.
#include <filesystem>

#include <fmt/format.h>

#include "node/cli/command.h"
#include "node/cli/run_progress.h"
#include "node/cli/terminal.h"
#include "node/control.h"
#include "nostr/base/clock.h"
#include "node/tasks_view.h"
#include "storage/schema.h"

namespace node::cli {
namespace {

using base::Errc;
using base::Result;
using base::json::string_or;
using base::json::Value;

struct TaskArguments {
  std::string id;
  std::int64_t limit = 20;
  std::string text;
  std::string agent;
  bool detach = false;
  std::int64_t timeout = 0;
};

constexpr std::chrono::seconds kRequestPatience{30};

/// From the running node, or, when none runs, from its database.
Result<Value> look(const Home& home, const std::string& method, const Value& params) {
  auto answer = control_call(home.control_socket(), method, params, kControlPatience);
  if (answer || answer.error().code != Errc::kUnavailable) return answer;
  std::error_code error;
  if (!std::filesystem::exists(home.database(), error)) return Value::array();
  TRY(const auto db, storage::open_database(home.database().string()));
  return stored_tasks(*db, params);
}

void print_task(const Context& context, const Value& task) {
  if (context.json) {
    print_json(task);
    return;
  }
  const std::string note = string_or(task, "note");
  print_foreign(fmt::format("{}  {:<9}  {:<12}  {}{}", string_or(task, "id"), string_or(task, "state"),
                            string_or(task, "agent"), string_or(task, "description"),
                            note.empty() ? "" : "  (" + note + ")"));
}

int list(const Context& context, const TaskArguments& arguments) {
  const auto tasks = look(context.home(), "task-list", {{"limit", arguments.limit}});
  if (!tasks) return report(context, tasks.error());
  for (const Value& task : *tasks) print_task(context, task);
  if (tasks->empty() && !context.json) progress(context, "there is no task yet");
  return kOk;
}

int show(const Context& context, const TaskArguments& arguments) {
  const auto task = look(context.home(), "task-show", {{"id", arguments.id}});
  if (!task) return report(context, task.error());
  if (!task->is_object())
    return report(context, {Errc::kNotFound, fmt::format("no task is called \"{}\"", arguments.id), "sovereign task list"});
  print_task(context, *task);
  if (context.json) return kOk;
  if (task->contains("text")) print_foreign("task: " + string_or(*task, "text"));
  if (const auto brief = base::json::get_object(*task, "brief")) {
    print_foreign("task: " + string_or(*brief, "task"));
    print_foreign("outcome: " + string_or(*brief, "outcome"));
  }
  print_foreign("said: " + string_or(*task, "result"));
  return kOk;
}

/// The running node's word, or, when none runs, the database's: the next node finds the task called off.
Result<Value> cancel_anywhere(const Home& home, const std::string& id) {
  auto answer = control_call(home.control_socket(), "task-cancel", {{"id", id}}, kRequestPatience);
  if (answer || answer.error().code != Errc::kUnavailable) return answer;
  std::error_code error;
  if (!std::filesystem::exists(home.database(), error)) return answer;
  TRY(const auto db, storage::open_database(home.database().string()));
  return cancel_stored_task(*db, {{"id", id}}, base::SystemClock().now());
}

int cancel(const Context& context, const TaskArguments& arguments) {
  const auto task = cancel_anywhere(context.home(), arguments.id);
  if (!task) return report_control(context, task.error());
  print_task(context, *task);
  return kOk;
}

Value outcome_of(const Value& task) {
  return {{"slot", task.at("id")},      {"status", task.at("outcome")}, {"detail", task.at("note")},
          {"result", task.at("report")}, {"text", task.at("result")},    {"turns", task.at("turns")},
          {"calls", task.at("calls")},   {"cost_msat", task.at("cost_msat")}};
}

/// What is done for task `id`, as it is done, to its end. Whatever ends the watching, the task goes on.
int watch(const Context& context, const std::string& id, std::int64_t timeout) {
  using Steady = std::chrono::steady_clock;
  const auto deadline = Steady::now() + std::chrono::seconds{timeout};
  const std::string goes_on = fmt::format("{0} goes on: sovereign task watch {0}, sovereign task cancel {0}", id);
  const Interrupt interrupt;
  for (std::int64_t from = 0;;) {
    const auto seen = control_call(context.home().control_socket(), "task-steps", {{"id", id}, {"from", from}}, kRequestPatience);
    if (interrupt.signal() != 0) {
      progress(context, "interrupted: " + goes_on);
      return kInterrupted;
    }
    if (!seen) return report_control(context, seen.error());
    for (const Value& step : seen->at("steps")) show_step(context, step);
    from = base::json::int_or(*seen, "next");
    const Value& task = seen->at("task");
    if (!task.contains("outcome"))
      return report_usage(context, {Errc::kInvalid, "agents watch over tasks they hand out themselves", "sovereign task show " + id});
    // Steps may have come between the last look at them and the end.
    if (!task.at("ended_at").is_null() && seen->at("steps").empty()) {
      show_outcome(context, outcome_of(task));
      return exit_code_of_status(string_or(task, "outcome"));
    }
    if (timeout > 0 && Steady::now() >= deadline)
      return report(context, {Errc::kTimeout, fmt::format("not done after {} s", timeout), goes_on});
  }
}

int create(const Context& context, const TaskArguments& arguments) {
  const auto text = errand_of(arguments.text);
  if (!text) return report_usage(context, text.error());
  auto task = control_call(context.home().control_socket(), "task-new", {{"text", *text}, {"agent", arguments.agent}}, kRequestPatience);
  if (!task) {
    if (task.error().code == Errc::kUnavailable)
      task.error().hint = "start it with `sovereign run`, or do it without: sovereign run --once TASK";
    return report_control(context, task.error());
  }
  const std::string id = string_or(*task, "id");
  if (arguments.detach) {
    if (context.json) print_json(*task);
    else print_line(id);
    return kOk;
  }
  progress(context, "task " + id);
  return watch(context, id, arguments.timeout);
}

}  // namespace

void add_task_commands(CLI::App& app, Context& context, Action* chosen) {
  auto arguments = std::make_shared<TaskArguments>();
  auto* task = app.add_subcommand("task", "What a running node is to do, and what its agents handed to each other");
  task->require_subcommand(1);
  const auto add_timeout = [=](CLI::App* command) {
    command->add_option("--timeout", arguments->timeout, "Seconds to watch; 0: to its end")
        ->check(CLI::Range(std::int64_t{0}, std::int64_t{86'400}));
  };
  auto* creating = task->add_subcommand("new", "Hand a task to the running node and watch what it does");
  creating->add_option("text", arguments->text, "What is to be done, or - for stdin")->required();
  creating->add_option("--agent", arguments->agent, "Who is to do it (agent list); else who answers for the node");
  creating->add_flag("-d,--detach", arguments->detach, "Do not watch: print its id");
  add_timeout(creating);
  creating->footer(
      "What the agent does is told on stderr and its last words are printed; with --json each step is one line.\n"
      "Ctrl-C and --timeout end the watching, not the task. Exit code: 0 done, 5 in part or called off, 1 failed,\n"
      "3 no node runs, 124 out of time, 130 interrupted.\n\n"
      "Examples:\n  sovereign task new 'Summarise what was said of us today' --home agent\n"
      "  sovereign task new --agent librarian --detach 'How does NIP-34 name a repository?' --home agent\n"
      "  echo 'What is open?' | sovereign task new - --json --timeout 600 --home agent");
  creating->callback([=, &context] { *chosen = [=, &context] { return create(context, *arguments); }; });

  auto* watching = task->add_subcommand("watch", "What is being done for a task, to its end");
  watching->add_option("id", arguments->id, "m:…")->required();
  add_timeout(watching);
  watching->footer("Examples:\n  sovereign task watch m:0123456789abcdef --home agent");
  watching->callback([=, &context] { *chosen = [=, &context] { return watch(context, arguments->id, arguments->timeout); }; });

  auto* listing = task->add_subcommand("list", "Tasks, newest first");
  listing->add_option("-n,--limit", arguments->limit, "How many")->check(CLI::Range(1, 10'000));
  listing->footer("Examples:\n  sovereign task list --home agent\n  sovereign task list -n 5 --home agent --json");
  listing->callback([=, &context] { *chosen = [=, &context] { return list(context, *arguments); }; });

  auto* showing = task->add_subcommand("show", "One task: what was wanted, how it stands, what its agent said");
  showing->add_option("id", arguments->id, "m:… or bg_…")->required();
  showing->footer("Examples:\n  sovereign task show bg_0123456789abcdef --home agent\n  sovereign task show bg_0123456789abcdef --home agent --json");
  showing->callback([=, &context] { *chosen = [=, &context] { return show(context, *arguments); }; });

  auto* cancelling = task->add_subcommand("cancel", "Stop a task and what it handed out");
  cancelling->add_option("id", arguments->id, "m:… or bg_…")->required();
  cancelling->footer(
      "Its session is cut off and its questions are taken back; what it has done stays done. Also one that\n"
      "`run --once` left when its time was over: then the next run only reports it.\n\n"
      "Examples:\n  sovereign task cancel m:0123456789abcdef --home agent\n  sovereign task cancel bg_0123456789abcdef --home agent");
  cancelling->callback([=, &context] { *chosen = [=, &context] { return cancel(context, *arguments); }; });
}

}  // namespace node::cli
