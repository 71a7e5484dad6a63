// state show | accept: the agent's memory, as far as this home knows it without opening it.
#include <fmt/format.h>

#include "node/cli/command.h"
#include "node/control.h"
#include "node/state_keeper.h"
#include "storage/schema.h"

namespace node::cli {
namespace {

using base::Errc;
using base::Result;
using base::json::Value;

/// From the running process, or, when none runs, from its database.
Result<Value> ask(const Home& home, const std::string& method) {
  auto answer = control_call(home.control_socket(), method, Value::object(), kControlPatience);
  if (answer || answer.error().code != Errc::kUnavailable) return answer;
  std::error_code error;
  if (!std::filesystem::exists(home.database(), error))
    return base::fail(Errc::kNotFound, "this home has never run", "sovereign run");
  TRY(const auto db, storage::open_database(home.database().string()));
  StateBook book(*db);
  return answer_state(book, method);
}

int show(const Context& context, const std::string& method) {
  const auto answer = ask(context.home(), method);
  if (!answer) return report(context, answer.error());
  if (context.json) {
    print_json(*answer);
    return kOk;
  }
  using base::json::int_or;
  using base::json::string_or;
  const std::string head = string_or(*answer, "head");
  if (head.empty()) {
    progress(context, "no state yet: the first tick makes one");
    return kOk;
  }
  print_line("head      " + head);
  print_line(fmt::format("at        {}", base::format_utc(base::unix_time(int_or(*answer, "at")))));
  print_line(fmt::format("holds     {} memories and {} goals of {} ticks, {} parts beside the head",
                         int_or(*answer, "memories"), int_or(*answer, "goals"),
                         int_or(*answer, "tick_count"), int_or(*answer, "parts")));
  if (const std::string problem = string_or(*answer, "problem"); !problem.empty())
    print_foreign("problem   " + problem);
  return kOk;
}

}  // namespace

void add_state_commands(CLI::App& app, Context& context, Action* chosen) {
  auto* state = app.add_subcommand("state", "The agent's memory, which lies sealed on the relays");
  state->require_subcommand(1);
  auto* showing =
      state->add_subcommand("show", "What this home knows of it, and whether it could be opened");
  showing->footer(
      "Examples:\n"
      "  sovereign state show --home agent\n"
      "  sovereign state show --home agent --json");
  showing->callback(
      [=, &context] { *chosen = [=, &context] { return show(context, "state-show"); }; });
  auto* accepting = state->add_subcommand(
      "accept", "Go on with what is left of a state that cannot be opened whole");
  accepting->footer(
      "A lost part or an older state stops every tick, because an agent that forgets in silence is "
      "worse.\n"
      "This lets it go on from the head that `state show` names, and from no other.\n"
      "Examples:\n"
      "  sovereign state accept --home agent\n"
      "  sovereign state accept --home agent --json");
  accepting->callback(
      [=, &context] { *chosen = [=, &context] { return show(context, "state-accept"); }; });
}

}  // namespace node::cli
