// directive add | list | show | pause | resume | block | done | priority | rank | find: goals the operator keeps in files.
#include <fmt/format.h>

#include "node/cli/command.h"
#include "node/cli/flags.h"
#include "node/directive_place.h"
#include "node/program_bench.h"
#include "orchestration/directives/ranking.h"

namespace node::cli {
namespace {

using base::Errc;
using base::Result;
using base::json::Value;
using namespace orchestration;

constexpr std::size_t kShown = 20;

struct DirectiveArguments {
  std::string id, title, text, priority = "medium", status, query, at_least;
  bool write = false;
  bool is_public = false;
};

void print_directive(const Context& context, const Directive& directive) {
  if (context.json) return print_json(directive_json(directive));
  print_foreign(fmt::format("{:<24} {:<10} {:<9} {}", directive.id, directive_status_name(directive.status),
                            directive_priority_name(directive.priority), directive.title));
  for (const std::string& warning : directive.warnings) progress(context, directive.file + ": " + warning);
}

int show_result(const Context& context, const Result<Directive>& directive) {
  if (!directive) return report(context, directive.error());
  print_directive(context, *directive);
  return kOk;
}

Result<DirectiveFolder> folder_of(const Context& context) {
  TRY(const Config config, load_config(context.home()));
  return directive_folder(context.home(), config.tools);
}

int add(const Context& context, const DirectiveArguments& arguments) {
  const auto folder = folder_of(context);
  if (!folder) return report(context, folder.error());
  const auto priority = parse_directive_priority(arguments.priority);
  if (!priority) return report_usage(context, priority.error());
  const auto body = read_text(arguments.text);
  if (!body) return report(context, body.error());
  const std::string today = base::format_utc(base::SystemClock().now()).substr(0, 10);
  return show_result(context,
                     folder->add({.id = arguments.id,
                                  .title = arguments.title.empty() ? arguments.id : arguments.title,
                                  .status = DirectiveStatus::kActive,
                                  .priority = *priority,
                                  .is_public = arguments.is_public,
                                  .created = today,
                                  .updated = today,
                                  .body = *body,
                                  .file = "",
                                  .warnings = {}}));
}

int list(const Context& context, const DirectiveArguments& arguments) {
  const auto folder = folder_of(context);
  if (!folder) return report(context, folder.error());
  const auto contents = folder->read();
  if (!contents) return report(context, contents.error());
  std::optional<DirectiveStatus> only;
  if (!arguments.status.empty()) {
    const auto status = parse_directive_status(arguments.status);
    if (!status) return report_usage(context, status.error());
    only = *status;
  }
  auto urgency = DirectivePriority::kLow;
  if (!arguments.at_least.empty()) {
    const auto priority = parse_directive_priority(arguments.at_least);
    if (!priority) return report_usage(context, priority.error());
    urgency = *priority;
  }
  for (const Directive& one : orchestration::at_least(contents->all, urgency))
    if (!only || one.status == *only) print_directive(context, one);
  for (const std::string& why : contents->rejected) progress(context, "left out: " + why);
  if (contents->all.empty()) progress(context, "no directives in " + folder->path().string());
  return kOk;
}

int show(const Context& context, const DirectiveArguments& arguments) {
  const auto folder = folder_of(context);
  if (!folder) return report(context, folder.error());
  const auto found = folder->find(arguments.id);
  if (!found) return report(context, found.error());
  if (context.json) {
    Value out = directive_json(*found);
    out["body"] = found->body;
    print_json(out);
    return kOk;
  }
  print_directive(context, *found);
  print_foreign(found->body);
  return kOk;
}

int find(const Context& context, const DirectiveArguments& arguments) {
  const auto folder = folder_of(context);
  if (!folder) return report(context, folder.error());
  const auto contents = folder->read();
  if (!contents) return report(context, contents.error());
  const auto found = related(contents->all, arguments.query, kShown);
  for (const Directive& one : found) print_directive(context, one);
  if (found.empty()) progress(context, "no active directive is about that");
  return kOk;
}

int set_status(const Context& context, const DirectiveArguments& arguments, DirectiveStatus status) {
  const auto folder = folder_of(context);
  if (!folder) return report(context, folder.error());
  return show_result(context, folder->set_status(arguments.id, status, base::SystemClock().now()));
}

int set_public(const Context& context, const DirectiveArguments& arguments, bool is_public) {
  const auto folder = folder_of(context);
  if (!folder) return report(context, folder.error());
  return show_result(context,
                     folder->set_public(arguments.id, is_public, base::SystemClock().now()));
}

int set_priority(const Context& context, const DirectiveArguments& arguments) {
  const auto priority = parse_directive_priority(arguments.priority);
  if (!priority) return report_usage(context, priority.error());
  const auto folder = folder_of(context);
  if (!folder) return report(context, folder.error());
  return show_result(context, folder->set_priority(arguments.id, *priority, base::SystemClock().now()));
}

/// Asks a model about those whose files do not say how urgent they are.
int rank_all(const Context& context, const DirectiveArguments& arguments) {
  const auto folder = folder_of(context);
  if (!folder) return report(context, folder.error());
  const auto contents = folder->read();
  if (!contents) return report(context, contents.error());
  std::vector<Directive> unranked = contents->all;
  std::erase_if(unranked, [](const Directive& one) { return one.ranked || one.status == DirectiveStatus::kCompleted; });
  if (unranked.empty()) {
    progress(context, "every directive says how urgent it is");
    return kOk;
  }
  auto bench = ProgramBench::open(context.home(), {.rules_only = false, .most = std::nullopt});
  if (!bench) return report(context, bench.error());
  (*bench)->runner().allow({.turns = static_cast<std::uint32_t>(3 * unranked.size())});
  for (const Directive& one : unranked) {
    const auto ranking = (*bench)->loop().run_until_complete(rank((*bench)->runner(), one));
    if (!ranking) return report(context, base::in_context(one.id, ranking.error()));
    if (arguments.write)
      if (const auto written = folder->set_priority(one.id, ranking->priority, base::SystemClock().now()); !written)
        return report(context, written.error());
    const std::string_view priority = directive_priority_name(ranking->priority);
    if (context.json)
      print_json({{"id", one.id}, {"priority", priority}, {"reasoning", ranking->reasoning}, {"written", arguments.write}});
    else
      print_foreign(fmt::format("{:<24} {:<9} {}", one.id, priority, ranking->reasoning));
  }
  if (!arguments.write) progress(context, "nothing is changed; --write puts these into the files");
  return kOk;
}

}  // namespace

void add_directive_commands(CLI::App& app, Context& context, Action* chosen) {
  auto* directive = app.add_subcommand("directive", "Goals that agents work towards, a file each");
  directive->require_subcommand(1);
  auto arguments = std::make_shared<DirectiveArguments>();
  const auto does = [chosen](CLI::App* command, std::function<int()> what) {
    command->callback([chosen, what = std::move(what)] { *chosen = what; });
  };

  auto* adding = directive->add_subcommand("add", "Write a new one; it is active at once");
  adding->add_option("id", arguments->id, "Lower-case letters, digits, . _ -")->required();
  adding->add_option("text", arguments->text, "What is to be reached, in Markdown; @FILE or - for longer ones")->required();
  adding->add_option("--title", arguments->title, "In a line");
  adding->add_option("--priority", arguments->priority, "critical, high, medium or low")->capture_default_str();
  adding->add_flag("--public", arguments->is_public,
                   "Everybody may know of it (kind 39203); what is published you are asked about");
  adding->footer("It sets goals, never permissions.\n"
                 "Examples:\n  sovereign directive add d-001 'Every question is answered within a day.' --title 'Answer questions' --priority high\n"
                 "  echo 'Keep the docs true.' | sovereign directive add docs - --json");
  does(adding, [=, &context] { return add(context, *arguments); });

  auto* listing = directive->add_subcommand("list", "All of them, the most urgent first");
  listing->add_option("--status", arguments->status, "active, paused, blocked or completed");
  listing->add_option("--at-least", arguments->at_least, "Only those so urgent: critical, high, medium or low");
  listing->footer("Examples:\n  sovereign directive list\n  sovereign directive list --status active --json");
  does(listing, [=, &context] { return list(context, *arguments); });

  auto* showing = directive->add_subcommand("show", "One of them, whole");
  showing->add_option("id", arguments->id, "As `directive list` shows it")->required();
  showing->footer("Examples:\n  sovereign directive show d-001 --home agent");
  does(showing, [=, &context] { return show(context, *arguments); });

  auto* finding = directive->add_subcommand("find", "Active ones that are about something, by whole words");
  finding->add_option("query", arguments->query, "Words")->required();
  finding->footer("Examples:\n  sovereign directive find 'answer questions'");
  does(finding, [=, &context] { return find(context, *arguments); });

  struct Verb {
    const char* name;
    const char* about;
    DirectiveStatus status;
  };
  for (const Verb verb : {Verb{"pause", "Not now", DirectiveStatus::kPaused}, Verb{"resume", "Go on with it", DirectiveStatus::kActive},
                          Verb{"block", "It cannot go on", DirectiveStatus::kBlocked}, Verb{"done", "It is reached", DirectiveStatus::kCompleted}}) {
    auto* command = directive->add_subcommand(verb.name, verb.about);
    command->add_option("id", arguments->id, "As `directive list` shows it")->required();
    command->footer(fmt::format("Examples:\n  sovereign directive {} d-001 --home agent\n  sovereign directive {} d-001 --home agent --json", verb.name, verb.name));
    does(command, [=, &context] { return set_status(context, *arguments, verb.status); });
  }

  for (const bool is_public : {true, false}) {
    const char* name = is_public ? "publish" : "hide";
    auto* command =
        directive->add_subcommand(name, is_public ? "Let everybody know of it (kind 39203)"
                                                  : "Let nobody know of it any more");
    command->add_option("id", arguments->id, "As `directive list` shows it")->required();
    command->footer(fmt::format(
        "The node asks you about what it then publishes.\nExamples:\n  sovereign directive {} "
        "d-001 --home agent\n  sovereign directive {} d-001 --home agent --json",
        name, name));
    does(command, [=, &context] { return set_public(context, *arguments, is_public); });
  }

  auto* priority = directive->add_subcommand("priority", "How urgent it is");
  priority->add_option("id", arguments->id, "As `directive list` shows it")->required();
  priority->add_option("priority", arguments->priority, "critical, high, medium or low")->required();
  priority->footer("Examples:\n  sovereign directive priority d-001 critical --home agent");
  does(priority, [=, &context] { return set_priority(context, *arguments); });

  auto* ranking = directive->add_subcommand("rank", "Ask a model how urgent those are whose files do not say");
  ranking->add_flag("--write", arguments->write, "Put its answers into the files; what stands there is never changed");
  ranking->footer("In what state a directive is no model decides.\n"
                  "Examples:\n  sovereign directive rank --home agent\n  sovereign directive rank --write --home agent --json");
  does(ranking, [=, &context] { return rank_all(context, *arguments); });
}

}  // namespace node::cli
