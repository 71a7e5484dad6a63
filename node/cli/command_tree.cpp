// Walking CLI11's tree.
#include "node/cli/command_tree.h"

#include "node/cli/help.h"

#include <CLI/CLI.hpp>

namespace node::cli {
namespace {

FlagInfo flag_of(const CLI::Option& option) {
  FlagInfo out{.description = option.get_description(),
               .takes_value = option.get_items_expected_max() > 0};
  for (const std::string& name : option.get_lnames()) out.names.push_back("--" + name);
  for (const std::string& name : option.get_snames()) out.names.push_back("-" + name);
  if (out.names.empty()) out.names.push_back(option.get_name());
  return out;
}

void walk(const CLI::App& command, std::vector<std::string> path, std::vector<CommandInfo>& out) {
  CommandInfo info{.path = path,
                   .description = command.get_description(),
                   .notes = footer_of(command)};
  for (const CLI::Option* option : command.get_options()) {
    const bool operand = option->get_lnames().empty() && option->get_snames().empty();
    (operand ? info.operands : info.flags).push_back(flag_of(*option));
  }
  const auto subcommands = command.get_subcommands({});
  for (const CLI::App* sub : subcommands) info.subcommands.push_back(sub->get_name());
  out.push_back(std::move(info));
  for (const CLI::App* sub : subcommands) {
    path.push_back(sub->get_name());
    walk(*sub, path, out);
    path.pop_back();
  }
}

}  // namespace

std::vector<CommandInfo> command_tree(const CLI::App& root) {
  std::vector<CommandInfo> out;
  walk(root, {"sovereign"}, out);
  return out;
}

}  // namespace node::cli
