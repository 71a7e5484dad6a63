// issue add | list | show | done | block | unblock | release | priority | export | import: the queue of work.
#include <fmt/format.h>

#include "node/cli/command.h"
#include "node/cli/flags.h"
#include "node/control.h"
#include "node/issues_view.h"
#include "storage/schema.h"

namespace node::cli {
namespace {

using base::Errc;
using base::Result;
using base::json::Value;

constexpr std::size_t kMaxFile = 32u << 20;

struct IssueArguments {
  std::int64_t number = 0;
  std::string title, description, priority, type, agent, status, reason, file = "-";
  std::vector<std::int64_t> needs;
};

/// From the running process, or, when none runs, in its database.
Result<Value> ask(const Home& home, const std::string& method, const Value& params) {
  auto answer = control_call(home.control_socket(), method, params, kControlPatience);
  if (answer || answer.error().code != Errc::kUnavailable) return answer;
  TRY(home.ensure());
  TRY(const auto db, storage::open_database(home.database().string()));
  storage::Issues issues(*db);
  base::SystemRng rng;
  return answer_issues(issues, method, params, base::SystemClock().now(), rng);
}

void print_issue(const Value& issue) {
  using base::json::string_or;
  print_foreign(fmt::format("#{:<5} {:<11} {:<6} {:<7} {}{}{}", base::json::int_or(issue, "number"),
                            issue.value("is_blocked", false) ? "blocked" : string_or(issue, "status"), string_or(issue, "priority"),
                            string_or(issue, "issue_type"), string_or(issue, "title"),
                            string_or(issue, "agent").empty() ? "" : "  for " + string_or(issue, "agent"),
                            string_or(issue, "claimed_by").empty() ? "" : "  held by " + string_or(issue, "claimed_by")));
}

int list(const Context& context, const IssueArguments& arguments) {
  const auto answer = ask(context.home(), "issue-list", {{"status", arguments.status}, {"limit", 1000}});
  if (!answer) return report_usage(context, answer.error());
  for (const Value& issue : *answer) context.json ? print_json(issue) : print_issue(issue);
  if (answer->empty()) progress(context, "no issues");
  return kOk;
}

int show(const Context& context, const Result<Value>& answer) {
  if (!answer) return report(context, answer.error());
  if (context.json) {
    print_json(*answer);
    return kOk;
  }
  print_issue(*answer);
  if (const std::string text = base::json::string_or(*answer, "description"); !text.empty()) print_foreign("  " + text);
  for (const Value& event : answer->value("events", Value::array()))
    print_foreign(fmt::format("  {}  {} by {}{}", base::format_utc(base::unix_time(base::json::int_or(event, "at"))),
                              base::json::string_or(event, "what"), base::json::string_or(event, "by"),
                              base::json::string_or(event, "detail").empty() ? "" : ": " + base::json::string_or(event, "detail")));
  return kOk;
}

int add(const Context& context, const IssueArguments& arguments) {
  std::string description;
  if (!arguments.description.empty()) {
    const auto text = read_text(arguments.description);
    if (!text) return report(context, text.error());
    description = *text;
  }
  const auto answer = ask(context.home(), "issue-add", {{"title", arguments.title}, {"description", description}, {"priority", arguments.priority},
                                                        {"type", arguments.type}, {"agent", arguments.agent}, {"needs", arguments.needs}});
  if (!answer) return report_usage(context, answer.error());
  return show(context, answer);
}

int export_all(const Context& context) {
  const auto answer = ask(context.home(), "issue-export", Value::object());
  if (!answer) return report(context, answer.error());
  print_json(*answer);
  return kOk;
}

int import_all(const Context& context, const IssueArguments& arguments) {
  const auto text = read_input(arguments.file, kMaxFile);
  if (!text) return report(context, text.error());
  const auto answer = ask(context.home(), "issue-import", {{"text", *text}});
  if (!answer) return report(context, answer.error());
  if (context.json)
    print_json(*answer);
  else
    print_line(fmt::format("{} taken over, {} known already", base::json::int_or(*answer, "imported"), base::json::int_or(*answer, "known")));
  return kOk;
}

}  // namespace

void add_issue_commands(CLI::App& app, Context& context, Action* chosen) {
  auto* issue = app.add_subcommand("issue", "The queue of work that agents claim and finish");
  issue->require_subcommand(1);
  auto arguments = std::make_shared<IssueArguments>();
  const auto does = [chosen](CLI::App* command, std::function<int()> what) {
    command->callback([chosen, what = std::move(what)] { *chosen = what; });
  };

  auto* adding = issue->add_subcommand("add", "Put something into the queue");
  adding->add_option("title", arguments->title, "In a line")->required();
  adding->add_option("--description", arguments->description, "What is wanted; @FILE or - for longer ones");
  adding->add_option("--priority", arguments->priority, "urgent, high, medium or low");
  adding->add_option("--type", arguments->type, "task, bug or feature");
  adding->add_option("--agent", arguments->agent, "Only this agent works on it");
  adding->add_option("--needs", arguments->needs, "Numbers of issues that come first");
  adding->footer("Examples:\n  sovereign issue add 'answer the open questions' --priority high\n"
                 "  sovereign issue add 'write it up' --description 'in two pages' --type task --json");
  does(adding, [=, &context] { return add(context, *arguments); });

  auto* listing = issue->add_subcommand("list", "All of them, the newest first");
  listing->add_option("--status", arguments->status, "open, in_progress or done");
  listing->footer("Examples:\n  sovereign issue list\n  sovereign issue list --status open --json");
  does(listing, [=, &context] { return list(context, *arguments); });

  struct Verb {
    const char* name;
    const char* about;
    bool reason;
  };
  for (const Verb verb : {Verb{"show", "One of them, and everything that happened to it", false}, Verb{"done", "It is done, whoever holds it", false},
                          Verb{"block", "It cannot go on, for a reason", true}, Verb{"unblock", "It can go on", false},
                          Verb{"release", "Take it from the run that holds it", true}}) {
    auto* command = issue->add_subcommand(verb.name, verb.about);
    command->add_option("number", arguments->number, "As `issue list` shows it")->required();
    if (verb.reason) command->add_option("--reason", arguments->reason, "Why, for the record")->required();
    command->footer(fmt::format("Examples:\n  sovereign issue {} 1 {}--home agent\n  sovereign issue {} 1 {}--home agent --json", verb.name,
                                verb.reason ? "--reason 'waiting for a key' " : "", verb.name, verb.reason ? "--reason 'waiting for a key' " : ""));
    does(command, [=, &context] {
      return show(context, ask(context.home(), fmt::format("issue-{}", verb.name), {{"number", arguments->number}, {"reason", arguments->reason}}));
    });
  }

  auto* priority = issue->add_subcommand("priority", "How urgent it is");
  priority->add_option("number", arguments->number, "As `issue list` shows it")->required();
  priority->add_option("priority", arguments->priority, "urgent, high, medium or low")->required();
  priority->footer("Examples:\n  sovereign issue priority 1 urgent --home agent");
  does(priority, [=, &context] {
    return show(context, ask(context.home(), "issue-priority", {{"number", arguments->number}, {"priority", arguments->priority}}));
  });

  auto* exporting = issue->add_subcommand("export", "All of them as one JSON list");
  exporting->footer("Examples:\n  sovereign issue export > issues.json");
  does(exporting, [=, &context] { return export_all(context); });
  auto* importing = issue->add_subcommand("import", "Take over those that are not there yet; claims stay behind");
  importing->add_option("file", arguments->file, "A JSON list as export writes it; - is stdin")->capture_default_str();
  importing->footer("Examples:\n  sovereign issue export | sovereign issue import -");
  does(importing, [=, &context] { return import_all(context, *arguments); });
}

}  // namespace node::cli
