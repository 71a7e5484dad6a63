// The command line as data: what completion scripts and man pages are written from.
#pragma once

#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace node::cli {

struct FlagInfo {
  std::vector<std::string> names;  ///< "--home", "-q"
  std::string description;
  bool takes_value = false;
};

struct CommandInfo {
  std::vector<std::string> path;   ///< {"sovereign", "key", "new"}
  std::string description;
  std::string notes;               ///< what stands under help: examples and remarks
  std::vector<std::string> subcommands;
  std::vector<FlagInfo> flags;     ///< its own
  std::vector<FlagInfo> operands;  ///< positional arguments
};

/// `root` and every command below it, parents first. `root` is named "sovereign".
std::vector<CommandInfo> command_tree(const CLI::App& root);

/// A script for "bash", "zsh" or "fish"; "" for another shell.
std::string completion_script(const std::vector<CommandInfo>& tree, const std::string& shell);

/// "sovereign-key-new": the name of a command's page.
std::string page_name(const CommandInfo& command);
/// Its page in section 1, as roff.
std::string man_page(const CommandInfo& command, const std::vector<CommandInfo>& tree);

}  // namespace node::cli
