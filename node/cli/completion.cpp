// Completion scripts. Each finds the command by the words typed so far, then offers what it takes.
#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "node/cli/command_tree.h"

namespace node::cli {
namespace {

std::string path_text(const CommandInfo& command) {
  return fmt::format("{}", fmt::join(command.path, " "));
}

/// `text` inside single quotes of a POSIX shell, or of fish, which also reads backslashes there.
std::string quoted(const std::string& text, bool fish) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'') out += fish ? "\\'" : "'\\''";
    else if (c == '\\' && fish) out += "\\\\";
    else out += c;
  }
  return out + "'";
}

/// The words a command and the root take: subcommands, then flags.
std::string words_of(const CommandInfo& command, const CommandInfo& root) {
  std::vector<std::string> words = command.subcommands;
  for (const CommandInfo* owner : {&command, &root}) {
    for (const FlagInfo& flag : owner->flags)
      for (const std::string& name : flag.names)
        if (std::find(words.begin(), words.end(), name) == words.end()) words.push_back(name);
  }
  return fmt::format("{}", fmt::join(words, " "));
}

/// The lines of a `case` that every command below the root matches.
std::string known_paths(const std::vector<CommandInfo>& tree) {
  std::vector<std::string> paths;
  for (const CommandInfo& command : tree)
    if (command.path.size() > 1) paths.push_back("'" + path_text(command) + "'");
  return fmt::format("{}", fmt::join(paths, "|"));
}

std::string word_table(const std::vector<CommandInfo>& tree) {
  std::string out;
  for (const CommandInfo& command : tree)
    out += fmt::format("    '{}') words='{}' ;;\n", path_text(command), words_of(command, tree.front()));
  return out;
}

std::string bash(const std::vector<CommandInfo>& tree) {
  return "# bash completion for sovereign, written by `sovereign completion bash`\n"
         "_sovereign() {\n"
         "  local cur=${COMP_WORDS[COMP_CWORD]} path=sovereign words= i\n"
         "  for ((i = 1; i < COMP_CWORD; i++)); do\n"
         "    case \"$path ${COMP_WORDS[i]}\" in\n"
         "      " + known_paths(tree) + ") path=\"$path ${COMP_WORDS[i]}\" ;;\n"
         "    esac\n"
         "  done\n"
         "  case $path in\n" + word_table(tree) +
         "  esac\n"
         "  COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
         "}\n"
         "complete -o bashdefault -o default -F _sovereign sovereign\n";
}

std::string zsh(const std::vector<CommandInfo>& tree) {
  return "#compdef sovereign\n"
         "# zsh completion for sovereign, written by `sovereign completion zsh`\n"
         "_sovereign() {\n"
         "  local place=sovereign words_now= i\n"
         "  for ((i = 2; i < CURRENT; i++)); do\n"
         "    case \"$place ${words[i]}\" in\n"
         "      " + known_paths(tree) + ") place=\"$place ${words[i]}\" ;;\n"
         "    esac\n"
         "  done\n"
         "  case $place in\n" + [&] {
           std::string out = word_table(tree);
           for (std::size_t at = 0; (at = out.find(" words='", at)) != std::string::npos; at += 8)
             out.replace(at, 8, " words_now='");
           return out;
         }() +
         "  esac\n"
         "  compadd -- ${=words_now} || _files\n"
         "}\n"
         "compdef _sovereign sovereign\n";
}

std::string fish_flags(const CommandInfo& command, const std::string& condition) {
  std::string out;
  for (const FlagInfo& flag : command.flags) {
    out += "complete -c sovereign" + condition;
    for (const std::string& name : flag.names)
      out += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
    if (flag.takes_value) out += " -r";
    out += " -d " + quoted(flag.description, true) + "\n";
  }
  return out;
}

std::string fish(const std::vector<CommandInfo>& tree) {
  std::string out =
      "# fish completion for sovereign, written by `sovereign completion fish`\n"
      "function __sovereign_place\n"
      "  set -l place sovereign\n"
      "  for word in (commandline -opc)[2..-1]\n"
      "    switch \"$place $word\"\n"
      "      case ";
  for (const CommandInfo& command : tree)
    if (command.path.size() > 1) out += "'" + path_text(command) + "' ";
  out += "\n        set place \"$place $word\"\n    end\n  end\n  test \"$place\" = \"$argv[1]\"\nend\n";
  out += fish_flags(tree.front(), "");
  for (const CommandInfo& command : tree) {
    const std::string condition = " -n \"__sovereign_place '" + path_text(command) + "'\"";
    for (const CommandInfo& sub : tree) {
      if (sub.path.size() != command.path.size() + 1 ||
          !std::equal(command.path.begin(), command.path.end(), sub.path.begin()))
        continue;
      out += "complete -c sovereign" + condition + " -f -a " + sub.path.back() + " -d " +
             quoted(sub.description, true) + "\n";
    }
    if (command.path.size() > 1) out += fish_flags(command, condition);
  }
  return out;
}

}  // namespace

std::string completion_script(const std::vector<CommandInfo>& tree, const std::string& shell) {
  if (shell == "bash") return bash(tree);
  if (shell == "zsh") return zsh(tree);
  if (shell == "fish") return fish(tree);
  return "";
}

}  // namespace node::cli
