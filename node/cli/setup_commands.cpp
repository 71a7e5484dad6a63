// config show | check | path: what the program believes, and where it got it from.
#include <fmt/format.h>

#include "node/cli/command.h"
#include "node/config.h"
#include "orchestration/llm/playbook.h"

namespace node::cli {
namespace {

struct ShowArguments {
  bool origin = false;
  bool playbook = false;
};

std::string origin_of(const Config& config, const std::string& key) {
  const auto it = config.origins.find(key);
  return it == config.origins.end() ? "default" : it->second;
}

int show(const Context& context, const ShowArguments& arguments) {
  if (arguments.playbook) {
    print_line(orchestration::Playbook::builtin_text());
    return kOk;
  }
  auto config = load_config(context.home());
  if (!config) return report(context, config.error());
  base::json::Value object = base::json::Value::object();
  for (const auto& [key, value] : describe(*config)) {
    if (context.json)
      object[key] = {{"value", value}, {"origin", origin_of(*config, key)}};
    else if (arguments.origin)
      print_line(fmt::format("{} = {}  # {}", key, value, origin_of(*config, key)));
    else
      print_line(fmt::format("{} = {}", key, value));
  }
  if (context.json) print_json(object);
  return kOk;
}

int check(const Context& context, const std::string& file) {
  Home home = context.home();
  Config config;
  if (file.empty()) {
    auto loaded = load_config(home);
    if (!loaded) return report(context, loaded.error());
  } else {
    auto text = read_input(file);
    if (!text) return report(context, text.error());
    auto parsed = parse_config(*text, home.config_dir, {});
    if (!parsed) return report(context, parsed.error());
  }
  if (context.json)
    print_json({{"ok", true}});
  else
    print_line("ok");
  return kOk;
}

int paths(const Context& context) {
  const Home home = context.home();
  if (context.json) {
    print_json({{"config", home.config_file().string()},
                {"database", home.database().string()},
                {"socket", home.control_socket().string()}});
    return kOk;
  }
  print_line("config    " + home.config_file().string());
  print_line("database  " + home.database().string());
  print_line("socket    " + home.control_socket().string());
  return kOk;
}

}  // namespace

void add_setup_commands(CLI::App& app, Context& context, Action* chosen) {
  auto* config = app.add_subcommand("config", "Show and check the configuration");
  config->require_subcommand(1);
  auto showing = std::make_shared<ShowArguments>();
  auto* show_command = config->add_subcommand("show", "Every value in force");
  show_command->add_flag("--origin", showing->origin, "Say where each value comes from");
  show_command->add_flag("--playbook", showing->playbook, "Print the built-in playbook instead");
  show_command->footer(
      "Examples:\n  sovereign config show --home agent --origin\n"
      "  sovereign config show --playbook");
  show_command->callback(
      [=, &context] { *chosen = [=, &context] { return show(context, *showing); }; });

  auto file = std::make_shared<std::string>();
  auto* check_command =
      config->add_subcommand("check", "Say what is wrong with the configuration, if anything");
  check_command->add_option("file", *file, "Check this file (- is stdin) instead of the home's");
  check_command->footer("Examples:\n  sovereign config check --home agent");
  check_command->callback(
      [=, &context] { *chosen = [=, &context] { return check(context, *file); }; });

  auto* path_command = config->add_subcommand("path", "Where the files of this home are");
  path_command->footer("Examples:\n  sovereign config path --home agent");
  path_command->callback([=, &context] { *chosen = [=, &context] { return paths(context); }; });

  auto* version = app.add_subcommand("version", "Print the version");
  version->footer("Examples:\n  sovereign version --json");
  version->callback([=, &context] {
    *chosen = [&context] {
      if (context.json)
        print_json({{"version", SOVEREIGN_VERSION}});
      else
        print_line("sovereign " SOVEREIGN_VERSION);
      return static_cast<int>(kOk);
    };
  });
}

}  // namespace node::cli
