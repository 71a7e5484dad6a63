// task list | show | cancel: what agents handed to each other.
#include <filesystem>

#include <fmt/format.h>

#include "node/cli/command.h"
#include "node/control.h"
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
};

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
  if (tasks->empty() && !context.json) progress(context, "no agent has handed out a task yet");
  return kOk;
}

int show(const Context& context, const TaskArguments& arguments) {
  const auto task = look(context.home(), "task-show", {{"id", arguments.id}});
  if (!task) return report(context, task.error());
  if (!task->is_object())
    return report(context, {Errc::kNotFound, fmt::format("no task is called \"{}\"", arguments.id), "sovereign task list"});
  print_task(context, *task);
  if (context.json) return kOk;
  if (const auto brief = base::json::get_object(*task, "brief")) {
    print_foreign("task: " + string_or(*brief, "task"));
    print_foreign("outcome: " + string_or(*brief, "outcome"));
  }
  print_foreign("said: " + string_or(*task, "result"));
  return kOk;
}

int cancel(const Context& context, const TaskArguments& arguments) {
  const auto task = control_call(context.home().control_socket(), "task-cancel", {{"id", arguments.id}}, kControlPatience);
  if (!task) return report(context, task.error());
  print_task(context, *task);
  return kOk;
}

}  // namespace

void add_task_commands(CLI::App& app, Context& context, Action* chosen) {
  auto arguments = std::make_shared<TaskArguments>();
  auto* task = app.add_subcommand("task", "What agents handed to each other, and what came of it");
  task->require_subcommand(1);
  auto* listing = task->add_subcommand("list", "Tasks, newest first");
  listing->add_option("-n,--limit", arguments->limit, "How many")->check(CLI::Range(1, 1000));
  listing->footer("Examples:\n  sovereign task list --home agent\n  sovereign task list -n 5 --home agent --json");
  listing->callback([=, &context] { *chosen = [=, &context] { return list(context, *arguments); }; });

  auto* showing = task->add_subcommand("show", "One task: what was wanted, how it stands, what its agent said");
  showing->add_option("id", arguments->id, "bg_…")->required();
  showing->footer("Examples:\n  sovereign task show bg_0123456789abcdef --home agent\n  sovereign task show bg_0123456789abcdef --home agent --json");
  showing->callback([=, &context] { *chosen = [=, &context] { return show(context, *arguments); }; });

  auto* cancelling = task->add_subcommand("cancel", "Stop a task and what it handed out");
  cancelling->add_option("id", arguments->id, "bg_…")->required();
  cancelling->footer("Its session is cut off; what it has done stays done.\nExamples:\n  sovereign task cancel bg_0123456789abcdef --home agent");
  cancelling->callback([=, &context] { *chosen = [=, &context] { return cancel(context, *arguments); }; });
}

}  // namespace node::cli
