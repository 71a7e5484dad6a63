// Laying out help, and finding the misspelt word.
#include "node/cli/help.h"

#include <string_view>
#include <vector>

#include "nostr/base/suggest.h"

namespace node::cli {
namespace {

constexpr std::size_t kBorrowed = 3;
constexpr std::string_view kExamples = "Examples:\n";

/// Its own: a command starts with its parent's.
std::string own_footer(const CLI::App& app) {
  const CLI::App* parent = app.get_parent();
  return parent && parent->get_footer() == app.get_footer() ? "" : app.get_footer();
}

class ExamplesFirst final : public CLI::Formatter {
 public:
  std::string make_help(const CLI::App* app, std::string name,
                        CLI::AppFormatMode mode) const override {
    if (mode == CLI::AppFormatMode::Sub) return make_expanded(app);
    std::string out = make_description(app);
    if (const std::string footer = footer_of(*app); !footer.empty()) out += footer + "\n\n";
    out += make_usage(app, std::move(name));
    out += make_positionals(app);
    out += make_groups(app, mode);
    out += make_subcommands(app, mode);
    return out;
  }
};

/// `flag` of `command` or of what it falls through to.
const CLI::Option* find_flag(const CLI::App& command, const std::string& flag) {
  for (const CLI::App* at = &command; at; at = at->get_parent())
    if (const CLI::Option* option = at->get_option_no_throw(flag)) return option;
  return nullptr;
}

std::vector<std::string> flags_of(const CLI::App& command) {
  std::vector<std::string> out;
  for (const CLI::App* at = &command; at; at = at->get_parent()) {
    for (const CLI::Option* option : at->get_options()) {
      for (const std::string& name : option->get_lnames()) out.push_back("--" + name);
      for (const std::string& name : option->get_snames()) out.push_back("-" + name);
    }
  }
  return out;
}

std::vector<std::string> commands_of(const CLI::App& command) {
  std::vector<std::string> out;
  for (const CLI::App* sub : command.get_subcommands({})) out.push_back(sub->get_name());
  return out;
}

const CLI::App* find_command(const CLI::App& command, const std::string& word) {
  for (const CLI::App* sub : command.get_subcommands({}))
    if (sub->check_name(word)) return sub;
  return nullptr;
}

bool takes_value(const CLI::Option& option) {
  return option.get_items_expected_max() > 0;
}

}  // namespace

std::string footer_of(const CLI::App& app) {
  if (std::string own = own_footer(app); !own.empty()) return own;
  std::string out;
  std::size_t count = 0;
  for (const CLI::App* sub : app.get_subcommands({})) {
    const std::string footer = own_footer(*sub);
    const std::size_t from = footer.find(kExamples);
    if (from == std::string::npos) continue;
    if (count++ == kBorrowed) break;
    const std::size_t line = from + kExamples.size();
    out += footer.substr(line, footer.find('\n', line) - line) + "\n";
  }
  return out.empty() ? out : std::string(kExamples) + out.substr(0, out.size() - 1);
}

std::shared_ptr<CLI::FormatterBase> examples_first() {
  return std::make_shared<ExamplesFirst>();
}

std::string spelling_hint(const CLI::App& root, std::span<char* const> words) {
  const CLI::App* at = &root;
  std::string help = "sovereign";
  bool value_next = false;
  for (const std::string word : words) {
    if (std::exchange(value_next, false)) continue;
    if (word.starts_with('-') && word.size() > 1) {
      const std::string flag = word.substr(0, word.find('='));
      const CLI::Option* option = find_flag(*at, flag);
      if (!option) return base::did_you_mean(flag, flags_of(*at));
      value_next = flag == word && takes_value(*option);
    } else if (const CLI::App* next = find_command(*at, word)) {
      at = next;
      help += " " + word;
    } else if (at->get_require_subcommand_min() > 0) {
      return base::did_you_mean(word, commands_of(*at));
    }
  }
  return help + " --help";
}

}  // namespace node::cli
