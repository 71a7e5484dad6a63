// agent list | show | check: who thinks in this home, and whether their files are in order.
#include <algorithm>
#include <sstream>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "node/agents_view.h"
#include "node/cli/command.h"
#include "node/control.h"

namespace node::cli {
namespace {

using base::Errc;
using base::json::string_or;
using base::json::Value;

struct RosterArguments {
  std::string id;
  std::string file;
};

int list(const Context& context) {
  const auto config = load_config(context.home());
  if (!config) return report(context, config.error());
  const auto registry = agents_of(*config);
  if (!registry) return report(context, registry.error());
  for (const auto& entry : registry->all()) {
    const Value view = agent_view(*config, entry);
    if (context.json)
      print_json(view);
    else
      print_foreign(fmt::format("{:<14} {:<9} {}{}", entry.spec.id,
                                entry.enabled ? agent_mode_name(entry.spec.mode) : "off", entry.spec.purpose,
                                entry.origins.empty() ? "" : fmt::format("  ({})", fmt::join(entry.origins, ", "))));
  }
  return kOk;
}

std::string plain(const Value& value) {
  if (value.is_string()) return value.get<std::string>();
  if (!value.is_array()) return base::json::dump(value);
  std::vector<std::string> items;
  for (const Value& item : value) items.push_back(plain(item));
  return items.empty() ? "-" : fmt::format("{}", fmt::join(items, ", "));
}

int show(const Context& context, const RosterArguments& arguments) {
  const auto config = load_config(context.home());
  if (!config) return report(context, config.error());
  const auto registry = agents_of(*config);
  if (!registry) return report(context, registry.error());
  const auto found = std::ranges::find(registry->all(), arguments.id, [](const auto& e) { return e.spec.id; });
  const auto* entry = found == registry->all().end() ? nullptr : &*found;
  if (entry == nullptr) {
    const auto known = registry->find(arguments.id);
    if (!known) return report(context, known.error());
    entry = *known;
  }
  Value view = agent_view(*config, *entry);
  view["prompt"] = entry->spec.prompt;
  if (context.json) {
    print_json(view);
    return kOk;
  }
  for (const auto& [key, value] : view.items()) {
    if (key == "prompt" || key == "permissions") continue;
    print_foreign(fmt::format("{:<18} {}", key, plain(value)));
  }
  for (const auto& [key, value] : view.at("permissions").items())
    print_foreign(fmt::format("may {:<14} {}", key, plain(value)));
  print_line("");
  std::istringstream prompt(string_or(view, "prompt"));
  for (std::string line; std::getline(prompt, line);) print_foreign(line);
  return kOk;
}

/// A file that does not stand in a home yet is looked at with that home's configuration.
int check(const Context& context, const RosterArguments& arguments) {
  auto config = load_config(context.home());
  if (!config) return report(context, config.error());
  if (!arguments.file.empty()) {
    const std::filesystem::path file(arguments.file);
    const auto text = read_file(file);
    if (!text) return report(context, text.error());
    auto patch = parse_agent_file(file.stem().string(), *text, file);
    if (!patch) return report(context, patch.error());
    config->agents.push_back(*std::move(patch));
  }
  const auto registry = agents_of(*config);
  if (!registry) return report(context, registry.error());
  if (context.json)
    print_json({{"ok", true}, {"agents", registry->all().size()}, {"primary", registry->primary().id}});
  else
    print_line(fmt::format("{} agents; {} answers for the node", registry->all().size(), registry->primary().id));
  return kOk;
}

int reload(const Context& context) {
  const auto answer = control_call(context.home().control_socket(), "agents-reload", Value::object(), kControlPatience);
  if (!answer) return report_control(context, answer.error());
  if (context.json)
    print_json(*answer);
  else
    print_line(fmt::format("taken: {} agents", answer->size()));
  return kOk;
}

}  // namespace

void add_roster_commands(CLI::App& app, Context& context, Action* chosen) {
  auto arguments = std::make_shared<RosterArguments>();
  auto* agent = app.add_subcommand("agent", "Who thinks in this home: the seven built-in agents and your own");
  agent->require_subcommand(1);
  auto* listing = agent->add_subcommand("list", "Every agent, the one that answers for the node first");
  listing->footer("Examples:\n  sovereign agent list --home agent\n  sovereign agent list --home agent --json");
  listing->callback([=, &context] { *chosen = [&context] { return list(context); }; });

  auto* showing = agent->add_subcommand("show", "One agent: its prompt, its tools, and what it may do here");
  showing->add_option("id", arguments->id, "Its id")->required();
  showing->footer(
      "What [tools] grants is the most any agent may do.\n"
      "Examples:\n  sovereign agent show sisyphus --home agent\n  sovereign agent show explore --home agent --json");
  showing->callback([=, &context] { *chosen = [=, &context] { return show(context, *arguments); }; });

  auto* reloading = agent->add_subcommand("reload", "Let the running node take the agents as they are written now");
  reloading->footer(
      "It notices by itself within seconds; this says at once whether they are in order. Sessions under way\n"
      "keep the agents they began with, and other keys of config.toml wait for the next start.\n"
      "Examples:\n  sovereign agent reload --home agent");
  reloading->callback([=, &context] { *chosen = [&context] { return reload(context); }; });

  auto* checking = agent->add_subcommand("check", "Whether the agents' sections and files are in order");
  checking->add_option("file", arguments->file, "A file that is to become agents/ID.toml of the home");
  checking->footer(
      "Examples:\n  sovereign agent check --home agent\n"
      "  sovereign agent check reviewer.toml --home agent");
  checking->callback([=, &context] { *chosen = [=, &context] { return check(context, *arguments); }; });
}

}  // namespace node::cli
