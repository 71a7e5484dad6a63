// Matching words against rules.
#include "orchestration/shell/command_rules.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <set>
#include <span>

#include <fmt/format.h>

namespace orchestration {
namespace {

using base::Errc;

std::string basename_of(std::string_view path) {
  return std::string(path.substr(path.rfind('/') + 1));
}

bool is_option(std::string_view word) { return word.size() > 1 && word[0] == '-'; }

/// Options that turn a harmless program into one that executes, writes or reads something of the
/// caller's choice. A one-letter option counts inside a cluster too, a long one also abbreviated.
struct GuardedOptions {
  std::string_view program;
  std::string_view letters;
  std::vector<std::string_view> words;  ///< long options, or whole words where the program has such
};

const std::vector<GuardedOptions>& guarded_options() {
  static const std::vector<GuardedOptions> kTable = {
      {"find", "", {"-exec", "-execdir", "-ok", "-okdir", "-delete", "-fprint", "-fprint0",
                    "-fprintf", "-fls", "-files0-from"}},
      {"fd", "xX", {"--exec", "--exec-batch"}},
      {"rg", "z", {"--pre", "--hostname-bin", "--search-zip"}},
      {"git", "cCO", {"--config-env", "--exec-path", "--git-dir", "--work-tree", "--namespace",
                      "--output", "--open-files-in-pager", "--upload-pack", "--receive-pack",
                      "--ext-diff", "--textconv", "--no-index", "--exec", "--template"}},
      {"tar", "IF", {"--to-command", "--use-compress-program", "--checkpoint-action", "--rsh-command",
                     "--info-script", "--new-volume-script", "--absolute-names", "--rmt-command"}},
      {"sort", "oST", {"--output", "--compress-program", "--temporary-directory"}},
      {"sed", "isf", {"--in-place", "--file"}},
      {"curl", "oOKTDcj", {"--output", "--remote-name", "--config", "--upload-file", "--dump-header",
                          "--cookie-jar", "--output-dir", "--unix-socket", "--proxy"}},
      {"wget", "OioaPe", {"--output-document", "--input-file", "--output-file", "--append-output",
                        "--directory-prefix", "--execute", "--use-askpass", "--post-file"}},
      {"rsync", "e", {"--rsh", "--rsync-path"}},
      {"ssh", "oF", {}},
      {"scp", "oFS", {}},
      {"zip", "T", {"--unzip-command"}},
      {"man", "PH", {"--pager", "--html", "--browser"}},
      {"date", "s", {"--set"}},
      {"tree", "o", {}},
      {"xxd", "r", {}},
      {"gcc", "B", {"-wrapper", "-fplugin", "-specs"}},
      {"cargo", "Z", {"--config"}},
      {"make", "fC", {"--eval", "--file", "--makefile", "--directory"}},
      {"node", "epr", {"--eval", "--print", "--require", "--import", "--loader"}},
      {"python3", "cm", {}},
      {"python", "cm", {}},
      {"perl", "eEMI", {}},
      {"ruby", "er", {}},
      {"awk", "f", {"--file"}},
      {"gawk", "fil", {"--file", "--include", "--load", "--exec"}}};
  return kTable;
}

/// `--output=x`, or `--outp` where getopt takes abbreviations, is `--output`.
bool spells_long(std::string_view word, std::string_view option) {
  const std::string_view name = word.substr(0, word.find('='));
  if (name == option) return true;
  return option.starts_with("--") && name.size() > 3 && name.starts_with("--") &&
         option.starts_with(name);
}

bool is_guarded(std::string_view program, std::string_view word) {
  if (!is_option(word)) return false;
  for (const GuardedOptions& row : guarded_options()) {
    if (row.program != program) continue;
    for (const std::string_view option : row.words)
      if (spells_long(word, option)) return true;
    if (word[1] != '-' && program != "find")
      return word.find_first_of(row.letters, 1) != word.npos;
  }
  return false;
}

/// Options whose value is code, or a program to run: nobody has read it but whoever wrote the command.
const std::vector<GuardedOptions>& payload_options() {
  static const std::vector<GuardedOptions> kTable = {
      {"git", "c", {"--config-env", "--exec-path", "--upload-pack", "--receive-pack", "--exec"}},
      {"tar", "IF", {"--to-command", "--use-compress-program", "--checkpoint-action", "--rsh-command",
                     "--info-script", "--new-volume-script", "--rmt-command"}},
      {"rg", "", {"--pre", "--hostname-bin"}},
      {"fd", "xX", {"--exec", "--exec-batch"}},
      {"sort", "", {"--compress-program"}},
      {"rsync", "e", {"--rsh", "--rsync-path"}},
      {"ssh", "oF", {}},
      {"scp", "oFS", {}},
      {"zip", "T", {"--unzip-command"}},
      {"man", "PH", {"--pager", "--html", "--browser"}},
      {"gcc", "B", {"-wrapper", "-fplugin", "-specs"}},
      {"make", "", {"--eval"}},
      {"cargo", "", {"--config"}},
      {"node", "ep", {"--eval", "--print"}},
      {"deno", "", {"eval"}},
      {"python", "c", {}},
      {"python2", "c", {}},
      {"python3", "c", {}},
      {"perl", "eE", {}},
      {"ruby", "e", {}},
      {"php", "rBRE", {"--run"}},
      {"lua", "e", {}},
      {"gdb", "", {"-ex", "--eval-command", "--ex", "-x", "--command"}},
      {"expect", "c", {}},
      {"script", "c", {"--command"}},
      {"gawk", "e", {"--source"}}};
  return kTable;
}

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

/// Skips an address of a sed script (`12`, `$`, `/x/`); nothing when it has no end.
std::optional<std::size_t> after_address(std::string_view script, std::size_t at) {
  if (at < script.size() && script[at] == '/') {
    for (++at; at < script.size() && script[at] != '/'; ++at)
      if (script[at] == '\\') ++at;
    return at < script.size() ? std::optional(at + 1) : std::nullopt;
  }
  while (at < script.size() && (script[at] == '$' || (script[at] >= '0' && script[at] <= '9'))) ++at;
  return at;
}

/// Whether a sed script only prints, deletes and substitutes. It could also write files and run commands: what is
/// not plainly harmless is taken for that.
bool is_harmless_sed(std::string_view script) {
  std::size_t at = 0;
  while (at < script.size()) {
    if (script[at] == ' ' || script[at] == ';' || script[at] == '\n') {
      ++at;
      continue;
    }
    for (int addresses = 0; addresses < 2; ++addresses) {
      const auto next = after_address(script, at);
      if (!next) return false;
      at = *next;
      if (addresses == 0 && at < script.size() && script[at] == ',') ++at;
      else break;
    }
    while (at < script.size() && (script[at] == '!' || script[at] == ' ')) ++at;
    if (at >= script.size()) return false;
    const char verb = script[at++];
    if (verb == 's') {
      if (at >= script.size() || is_letter(script[at]) || script[at] == '\\') return false;
      const char mark = script[at++];
      for (int parts = 0; parts < 2; ++at) {
        if (at >= script.size()) return false;
        if (script[at] == '\\') ++at;
        else if (script[at] == mark) ++parts;
      }
      while (at < script.size() && std::string_view("gpIi0123456789").contains(script[at])) ++at;
    } else if (!std::string_view("pdq=lnNDPGgHhx").contains(verb)) {
      return false;
    }
    if (at < script.size() && script[at] != ';' && script[at] != '\n' && script[at] != ' ') return false;
  }
  return true;
}

/// A program text that can start other programs or write where it likes.
bool is_harmful_script(std::string_view program, std::string_view text) {
  if (program == "sed") return !is_harmless_sed(text);
  if (program == "awk" || program == "gawk" || program == "mawk" || program == "nawk")
    return text.contains("system") || text.contains('|') || text.contains('>') || text.contains("getline") || text.contains('@');
  return false;
}

/// Index of the script among `words`, for programs whose first operand is one; words.size() when there is none.
std::size_t script_at(std::string_view program, const std::vector<Word>& words) {
  if (program != "sed" && !program.ends_with("awk")) return words.size();
  for (std::size_t i = 1; i < words.size(); ++i) {
    const std::string& text = words[i].text;
    if (program != "sed" && (text == "-F" || text == "-v")) ++i;
    else if (program == "sed" && (text == "-e" || text == "--expression")) return std::min(i + 1, words.size());
    else if (!is_option(text)) return i;
  }
  return words.size();
}

bool is_in(const std::vector<GuardedOptions>& table, std::string_view program, std::string_view word) {
  for (const GuardedOptions& row : table) {
    if (row.program != program) continue;
    for (const std::string_view option : row.words)
      if (spells_long(word, option)) return true;
    if (is_option(word) && word[1] != '-' && !row.letters.empty()) return word.find_first_of(row.letters, 1) != word.npos;
  }
  return false;
}

/// The word of `words` that carries code or names a program to run; nullptr when none does.
const Word* payload_in(const std::vector<Word>& words) {
  const std::string program = words.empty() ? "" : basename_of(words[0].text);
  for (std::size_t i = 1; i < words.size(); ++i)
    if (is_in(payload_options(), program, words[i].text)) return &words[i];
  if (program == "make")
    for (std::size_t i = 2; i < words.size(); ++i)
      if (words[i].text == "-" && words[i - 1].text == "-f") return &words[i];
  const std::size_t at = script_at(program, words);
  return at < words.size() && is_harmful_script(program, words[at].text) ? &words[at] : nullptr;
}

/// Whether expanding the pattern can yield a word that begins with "-".
bool may_become_option(const Word& word) {
  return word.glob && !word.text.empty() && std::string_view("*?[-").contains(word.text[0]);
}

/// A command's options as a set, clusters taken apart, and its other words in order.
struct Anatomy {
  std::set<std::string> options;
  std::vector<std::string> operands;
};

Anatomy anatomy_of(std::span<const std::string> words) {
  Anatomy out;
  bool only_operands = false;
  for (const std::string& word : words) {
    if (only_operands || !is_option(word)) {
      out.operands.push_back(word);
    } else if (word == "--") {
      only_operands = true;
    } else if (word.starts_with("--")) {
      out.options.insert(word.substr(0, word.find('=')));
    } else {
      out.options.insert(word);
      for (const char letter : word.substr(1)) out.options.insert({'-', letter});
    }
  }
  return out;
}

/// Long names of the letters that rules are usually written with.
std::string long_name(std::string_view letter) {
  static const std::map<std::string_view, std::string> kNames = {
      {"-r", "--recursive"}, {"-R", "--recursive"}, {"-f", "--force"}};
  const auto found = kNames.find(letter);
  return found == kNames.end() ? std::string() : found->second;
}

bool has_option(const std::set<std::string>& options, const std::string& wanted) {
  if (options.contains(wanted)) return true;
  if (wanted.starts_with("--"))
    return std::any_of(options.begin(), options.end(),
                       [&](const std::string& given) { return spells_long(given, wanted); });
  return std::all_of(wanted.begin() + 1, wanted.end(), [&](char letter) {
    const std::string one{'-', letter};
    const std::string name = long_name(one);
    return options.contains(one) || (!name.empty() && has_option(options, name)) ||
           (letter == 'r' && options.contains("-R"));
  });
}

bool operands_begin_with(const std::vector<std::string>& operands,
                         const std::vector<std::string>& wanted) {
  return operands.size() >= wanted.size() &&
         std::equal(wanted.begin(), wanted.end(), operands.begin(),
                    [](const std::string& w, const std::string& o) { return w == "*" || w == o; });
}

/// The words without options that take the next word as their value, as a program might read them.
std::vector<std::string> without_option_values(std::span<const std::string> words) {
  std::vector<std::string> out;
  for (std::size_t i = 0; i < words.size(); ++i) {
    out.push_back(words[i]);
    if (is_option(words[i]) && !words[i].contains('=') && i + 1 < words.size()) ++i;
  }
  return out;
}

}  // namespace

std::size_t CommandRule::literal_prefix() const {
  return static_cast<std::size_t>(std::find(tokens.begin(), tokens.end(), "*") - tokens.begin());
}

std::string CommandRule::text() const {
  return fmt::format("{}{}", fmt::join(tokens, " "), rest ? " **" : "");
}

base::Result<CommandRule> parse_command_rule(std::string_view text) {
  const ShellLine line = parse_shell(text);
  const bool simple = line.opaque.empty() && line.commands.size() == 1 &&
                      line.commands[0].assignments.empty() && line.commands[0].redirects.empty();
  if (!simple || line.commands[0].words.empty())
    return base::fail(Errc::kInvalid, "rule \"" + std::string(text) + "\" is no plain command",
                      "write words, * for one word, ** at the end for the rest");
  CommandRule rule;
  for (const Word& word : line.commands[0].words) {
    if (word.dynamic || rule.rest || (word.glob && word.text != "*" && word.text != "**"))
      return base::fail(Errc::kInvalid,
                        "rule \"" + std::string(text) + "\" has a wildcard inside a word or after **",
                        "* is a whole word, ** stands at the end");
    if (word.glob && word.text == "**")
      rule.rest = true;
    else
      rule.tokens.push_back(word.text);
  }
  if (rule.tokens.empty() || rule.tokens[0] == "*")
    return base::fail(Errc::kInvalid, "rule \"" + std::string(text) + "\" names no program");
  return rule;
}

bool covers(const CommandRule& rule, const std::vector<Word>& words) {
  if (words.size() < rule.tokens.size() || (words.size() > rule.tokens.size() && !rule.rest))
    return false;
  const std::string program = words.empty() ? "" : basename_of(words[0].text);
  const std::size_t script = script_at(program, words);
  for (std::size_t i = 0; i < words.size(); ++i) {
    const Word& word = words[i];
    if (word.dynamic || may_become_option(word)) return false;
    const bool spelled = i < rule.tokens.size() && rule.tokens[i] != "*";
    if (spelled && (rule.tokens[i] != word.text || word.glob || (word.tilde && i == 0)))
      return false;
    if (!spelled && is_guarded(program, word.text)) return false;
    if (!spelled && i == script && is_harmful_script(program, word.text)) return false;
  }
  return true;
}

bool reaches(const CommandRule& rule, const std::vector<Word>& words) {
  if (words.empty() || rule.tokens.empty()) return false;
  if (basename_of(words[0].text) != basename_of(rule.tokens[0])) return false;
  std::vector<std::string> texts;
  for (std::size_t i = 1; i < words.size(); ++i) texts.push_back(words[i].text);
  const Anatomy wanted = anatomy_of(std::span(rule.tokens).subspan(1));
  const Anatomy given = anatomy_of(texts);
  for (const std::string& option : wanted.options)
    if (!has_option(given.options, option)) return false;
  return operands_begin_with(given.operands, wanted.operands) ||
         operands_begin_with(anatomy_of(without_option_values(texts)).operands, wanted.operands);
}

RuleAnswer rule_for(const CommandRules& rules, const std::vector<Word>& words) {
  for (const CommandRule& rule : rules.deny)
    if (reaches(rule, words)) return {Permit::kDeny, "deny rule \"" + rule.text() + "\""};
  const CommandRule* best = nullptr;
  Permit permit = rules.mode;
  const auto weigh = [&](const std::vector<CommandRule>& list, Permit level) {
    for (const CommandRule& rule : list) {
      if (!covers(rule, words)) continue;
      const bool longer = !best || rule.literal_prefix() > best->literal_prefix();
      const bool tie = best && rule.literal_prefix() == best->literal_prefix();
      if (!longer && !(tie && stricter(permit, level) != permit)) continue;
      best = &rule;
      permit = level;
    }
  };
  weigh(rules.allow, Permit::kAllow);
  weigh(rules.ask, Permit::kAsk);
  // A mode that allows everything allows what can be seen, not code that hides in an argument.
  if (permit == Permit::kAllow && !best)
    if (const Word* payload = payload_in(words))
      return {Permit::kAsk, fmt::format("\"{}\" of {} carries a program of its own", payload->text.substr(0, 64), words[0].text)};
  if (permit == Permit::kAllow) return {permit, ""};
  return {permit, best ? "ask rule \"" + best->text() + "\""
                       : "no rule covers \"" + (words.empty() ? "" : words[0].text) + "\""};
}

}  // namespace orchestration
