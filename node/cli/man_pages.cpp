// Man pages in roff, from the same tree that --help is printed from.
#include <algorithm>
#include <sstream>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "node/cli/command_tree.h"

namespace node::cli {
namespace {

/// Text that roff prints as it is: backslashes and dashes escaped, no line read as a request.
std::string plain(const std::string& text) {
  std::string out;
  bool at_start = true;
  for (const char c : text) {
    if (at_start && (c == '.' || c == '\'')) out += "\\&";
    if (c == '\\') out += "\\e";
    else if (c == '-') out += "\\-";
    else out += c;
    at_start = c == '\n';
  }
  return out;
}

void add_flags(const std::string& title, const std::vector<FlagInfo>& flags, std::string& out) {
  if (flags.empty()) return;
  out += ".SH " + title + "\n";
  for (const FlagInfo& flag : flags)
    out += fmt::format(".TP\n.B {}{}\n{}\n", plain(fmt::format("{}", fmt::join(flag.names, ", "))),
                       flag.takes_value && flag.names.front().starts_with('-') ? " \\fIVALUE\\fR" : "",
                       plain(flag.description));
}

/// Remarks as text, the lines under "Examples:" as they are typed.
void add_notes(const std::string& notes, std::string& out) {
  std::istringstream lines(notes);
  std::string line;
  std::string remarks, examples;
  bool in_examples = false;
  while (std::getline(lines, line)) {
    if (line.starts_with("Example")) in_examples = true;
    else (in_examples && line.starts_with("  ") ? examples : remarks) += line + "\n";
  }
  if (!remarks.empty()) out += ".SH NOTES\n" + plain(remarks);
  if (!examples.empty()) out += ".SH EXAMPLES\n.nf\n" + plain(examples) + ".fi\n";
}

}  // namespace

std::string page_name(const CommandInfo& command) {
  return fmt::format("{}", fmt::join(command.path, "-"));
}

std::string man_page(const CommandInfo& command, const std::vector<CommandInfo>& tree) {
  const std::string name = page_name(command);
  std::string out = fmt::format(".TH {} 1 \"\" \"sovereign {}\"\n.SH NAME\n{} \\- {}\n.SH SYNOPSIS\n.B {}\n",
                                plain(name), SOVEREIGN_VERSION, plain(name), plain(command.description),
                                plain(fmt::format("{}", fmt::join(command.path, " "))));
  if (!command.subcommands.empty()) out += "\\fICOMMAND\\fR\n";
  for (const FlagInfo& operand : command.operands) out += "\\fI" + plain(operand.names.front()) + "\\fR\n";
  out += "[options]\n";
  if (!command.subcommands.empty()) {
    out += ".SH COMMANDS\n";
    for (const CommandInfo& sub : tree)
      if (sub.path.size() == command.path.size() + 1 &&
          std::equal(command.path.begin(), command.path.end(), sub.path.begin()))
        out += fmt::format(".TP\n.BR {} (1)\n{}\n", plain(page_name(sub)), plain(sub.description));
  }
  add_flags("OPERANDS", command.operands, out);
  add_flags("OPTIONS", command.flags, out);
  add_notes(command.notes, out);
  if (command.path.size() == 1)
    out += ".SH EXIT STATUS\n0 ok, 1 failed, 2 usage, 3 not running, 4 refused or denied, 5 partial, "
           "124 timeout, 130 interrupted\n";
  else
    out += ".SH SEE ALSO\n.BR sovereign (1)\n";
  return out;
}

}  // namespace node::cli
