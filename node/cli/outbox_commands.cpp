// outbox: what this home publishes, and what each relay said about it.
#include <fmt/format.h>

#include "node/cli/command.h"
#include "node/control.h"
#include "node/outbox_view.h"
#include "storage/schema.h"

namespace node::cli {
namespace {

using base::Errc;
using base::Result;
using base::json::Value;

struct OutboxArguments {
  std::string state;
  std::string event;
  std::int64_t limit = 20;
};

/// From the running process, or, when none runs, from its database.
Result<Value> read_outbox(const Home& home, const Value& params) {
  auto answer = control_call(home.control_socket(), "outbox", params, kControlPatience);
  if (answer || answer.error().code != Errc::kUnavailable) return answer;
  std::error_code error;
  if (!std::filesystem::exists(home.database(), error)) return Value::array();
  TRY(const auto db, storage::open_database(home.database().string()));
  storage::Outbox outbox(*db);
  return answer_outbox(outbox, params);
}

std::string when(const Value& relay) {
  const Value& next = relay.at("next_try");
  if (!next.is_number_integer()) return "";
  return "next try " + base::format_utc(base::unix_time(next.get<std::int64_t>()));
}

void print_publication(const Value& publication) {
  const Value& event = publication.at("event");
  print_foreign(fmt::format("{}  {}  {}  {}", base::json::string_or(publication, "state"),
                            base::json::string_or(publication, "purpose"),
                            event.is_string() ? event.get<std::string>() : "(not signed yet)",
                            base::json::string_or(publication, "signing")));
  for (const Value& relay : publication.at("relays"))
    print_foreign(fmt::format("  {:<8}  {}  {}  {}", base::json::string_or(relay, "status"),
                              base::json::string_or(relay, "relay"),
                              base::json::string_or(relay, "text"), when(relay)));
}

int show_outbox(const Context& context, const OutboxArguments& arguments) {
  auto answer = read_outbox(context.home(), {{"state", arguments.state},
                                             {"event", arguments.event},
                                             {"limit", arguments.limit}});
  if (!answer) return report(context, answer.error());
  for (const Value& publication : *answer) {
    if (context.json)
      print_json(publication);
    else
      print_publication(publication);
  }
  if (answer->empty()) progress(context, "nothing is under way, and nothing failed");
  return kOk;
}

}  // namespace

void add_outbox_commands(CLI::App& app, Context& context, Action* chosen) {
  auto arguments = std::make_shared<OutboxArguments>();
  auto* command = app.add_subcommand(
      "outbox", "What this home publishes, and what each relay said about it");
  command->add_option("event", arguments->event, "Only this event id");
  command->add_option("--state", arguments->state,
                      "open, done, failed or superseded; default: open and failed");
  command->add_option("--limit", arguments->limit, "At most so many of each state, newest first")
      ->check(CLI::Range(1, 500));
  command->footer(
      "Examples:\n"
      "  sovereign outbox --home agent\n"
      "  sovereign outbox --home agent --state done --limit 5 --json");
  command->callback(
      [=, &context] { *chosen = [=, &context] { return show_outbox(context, *arguments); }; });
}

}  // namespace node::cli
