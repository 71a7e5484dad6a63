// pause, resume and grant: what the operator says once for everything that comes.
#include <fmt/format.h>

#include "node/cli/command.h"
#include "node/control.h"
#include "node/grants_view.h"
#include "node/pause.h"
#include "storage/schema.h"

namespace node::cli {
namespace {

using base::Errc;
using base::Result;
using base::json::Value;

struct StandingArguments {
  std::string reason = "by the operator of this machine";
  bool all = false;
  std::int64_t id = 0;
  std::string agent = "*";
  std::string tool;
  std::string pattern;
  std::int64_t hours = 24;
  std::int64_t uses = 0;
};

/// From the running process, or, when none runs, in its database.
Result<Value> ask(const Home& home, const std::string& method, const Value& params) {
  auto answer = control_call(home.control_socket(), method, params, kControlPatience);
  if (answer || answer.error().code != Errc::kUnavailable) return answer;
  TRY(const auto db, storage::open_database(home.database().string()));
  storage::Grants grants(*db);
  return answer_grants(grants, method, params, base::SystemClock().now());
}

void print_grant(const Context& context, const Value& grant) {
  if (context.json) return print_json(grant);
  const std::int64_t most = base::json::int_or(grant, "max_uses");
  print_foreign(fmt::format("{:>4}  {:<8}  {}  {}  \"{}\"  until {}  used {}{}", base::json::int_or(grant, "id"),
                            base::json::string_or(grant, "state"), base::json::string_or(grant, "agent"),
                            base::json::string_or(grant, "tool"), base::json::string_or(grant, "pattern"),
                            base::format_utc(base::unix_time(base::json::int_or(grant, "expires"))),
                            base::json::int_or(grant, "uses"), most > 0 ? fmt::format(" of {}", most) : ""));
}

int show(const Context& context, const Result<Value>& answer) {
  if (!answer) return report(context, answer.error());
  if (!answer->is_array()) {
    print_grant(context, *answer);
    return kOk;
  }
  for (const Value& grant : *answer) print_grant(context, grant);
  if (answer->empty()) progress(context, "no grant stands: everything that asks, asks");
  return kOk;
}

int set_pause(const Context& context, const StandingArguments& arguments, bool paused) {
  const PauseSwitch pause(context.home());
  if (auto done = paused ? pause.pause(arguments.reason) : pause.resume(); !done)
    return report(context, done.error());
  if (context.json)
    print_json({{"paused", paused}});
  else
    progress(context, paused ? "paused: no model is called and no tool runs until `resume`" : "going on");
  return kOk;
}

void add_pause(CLI::App& app, Context& context, Action* chosen, std::shared_ptr<StandingArguments> arguments) {
  auto* pause = app.add_subcommand("pause", "Let everything stand still, now and after a restart");
  pause->add_flag("--all", arguments->all, "All agents of this home (there is no other way yet to say less)");
  pause->add_option("--reason", arguments->reason, "Why, for those who wonder");
  pause->footer(
      "The file `paused` in the home does the same.\n"
      "Examples:\n"
      "  sovereign pause --all --home agent\n"
      "  sovereign pause --all --home agent --reason 'looking into something'");
  pause->callback([=, &context] { *chosen = [=, &context] { return set_pause(context, *arguments, true); }; });
  auto* resume = app.add_subcommand("resume", "Let everything go on after a pause");
  resume->footer(
      "Examples:\n"
      "  sovereign resume --home agent\n"
      "  sovereign resume --home agent --json");
  resume->callback([=, &context] { *chosen = [=, &context] { return set_pause(context, *arguments, false); }; });
}

}  // namespace

void add_standing_commands(CLI::App& app, Context& context, Action* chosen) {
  auto arguments = std::make_shared<StandingArguments>();
  add_pause(app, context, chosen, arguments);
  auto* grant = app.add_subcommand("grant", "Answers given in advance: calls the agent need not ask about");
  grant->require_subcommand(1);
  auto* list = grant->add_subcommand("list", "What stands");
  list->add_flag("--all", arguments->all, "Also what is over");
  list->footer(
      "Examples:\n"
      "  sovereign grant list --home agent\n"
      "  sovereign grant list --home agent --all --json");
  list->callback([=, &context] {
    *chosen = [=, &context] {
      return show(context, ask(context.home(), "grant-list", {{"all", arguments->all}}));
    };
  });
  auto* add = grant->add_subcommand("add", "Do not ask about calls of TOOL that fit PATTERN");
  add->add_option("tool", arguments->tool, "bash, edit_file, webfetch, …")->required();
  add->add_option("pattern", arguments->pattern, "A command rule for bash, else a path or host; ** for any")->required();
  add->add_option("--agent", arguments->agent, "Only this agent");
  add->add_option("--hours", arguments->hours, "How long")->check(CLI::Range(1, 90 * 24));
  add->add_option("--uses", arguments->uses, "How often; 0 is any number")->check(CLI::Range(0, 1'000'000));
  add->footer(
      "Examples:\n"
      "  sovereign grant add bash 'cargo test **' --hours 8 --home agent\n"
      "  sovereign grant add edit_file 'docs/**' --uses 20 --home agent");
  add->callback([=, &context] {
    *chosen = [=, &context] {
      return show(context, ask(context.home(), "grant-add",
                               {{"agent", arguments->agent},
                                {"tool", arguments->tool},
                                {"pattern", arguments->pattern},
                                {"seconds", arguments->hours * 3600},
                                {"uses", arguments->uses}}));
    };
  });
  auto* revoke = grant->add_subcommand("revoke", "Ask again from now on");
  revoke->add_option("id", arguments->id, "As `grant list` shows it")->required();
  revoke->footer(
      "Examples:\n"
      "  sovereign grant revoke 3 --home agent\n"
      "  sovereign grant revoke 3 --home agent --json");
  revoke->callback([=, &context] {
    *chosen = [=, &context] {
      return show(context, ask(context.home(), "grant-revoke", {{"id", arguments->id}}));
    };
  });
}

}  // namespace node::cli
