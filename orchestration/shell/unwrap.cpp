// One function per way of starting another program.
#include "orchestration/shell/unwrap.h"

#include <algorithm>
#include <array>
#include <optional>
#include <span>
#include <string_view>

namespace orchestration {
namespace {

using Words = std::span<const Word>;

std::string program_of(const Word& word) { return word.text.substr(word.text.rfind('/') + 1); }

template <std::size_t N>
bool is_one_of(const std::array<std::string_view, N>& list, std::string_view word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

constexpr std::array<std::string_view, 9> kShells = {"sh",  "bash", "dash",  "zsh", "ksh",
                                                     "ash", "mksh", "rbash", "fish"};
constexpr std::array<std::string_view, 13> kChangesShell = {
    "alias",  "unalias", "enable", "hash", "shopt", "bind",   "complete",
    "source", ".",       "unset",  "read", "mapfile", "readarray"};
constexpr std::array<std::string_view, 5> kDeclares = {"export", "declare", "typeset", "local",
                                                       "readonly"};
constexpr std::array<std::string_view, 22> kInteractive = {
    "vi",   "vim", "nvim",   "nano", "emacs",  "pico", "ed",     "ex",   "less", "more",  "most",
    "view", "top", "htop",   "btop", "screen", "tmux", "dialog", "lynx", "mutt", "passwd", "visudo"};
constexpr std::array<std::string_view, 20> kPrompts = {
    "python", "python2", "python3", "ipython", "node", "deno", "ruby", "irb", "perl", "php",
    "lua",    "ghci",    "psql",    "mysql",   "bc",   "gdb",  "ftp",  "telnet", "sh",  "bash"};

/// How a wrapper's own options end: letters that take a value of their own, and operands before the
/// command it starts.
struct Wrapper {
  std::string_view name;
  std::string_view valued;    ///< letters whose value may be the next word
  int operands = 0;
  bool adds_words = false;    ///< appends words of its own: xargs
};
constexpr std::array<Wrapper, 29> kWrappers = {{{"nohup", "", 0},
                                                {"setsid", "", 0},
                                                {"nice", "n", 0},
                                                {"ionice", "cn", 0},
                                                {"timeout", "ks", 1},
                                                {"stdbuf", "ioe", 0},
                                                {"time", "fo", 0},
                                                {"command", "", 0},
                                                {"builtin", "", 0},
                                                {"exec", "a", 0},
                                                {"xargs", "IELnPsad", 0, true},
                                                {"flock", "wE", 1},
                                                {"busybox", "", 0},
                                                {"toybox", "", 0},
                                                {"chronic", "", 0},
                                                {"unbuffer", "", 0},
                                                {"taskset", "", 1},
                                                {"chroot", "", 1},
                                                {"fakeroot", "", 0},
                                                {"strace", "eopsaEuPIbOSUX", 0},
                                                {"ltrace", "eopsalnuF", 0},
                                                {"unshare", "SG", 0},
                                                {"nsenter", "tSG", 0},
                                                {"prlimit", "", 0},
                                                {"valgrind", "", 0},
                                                {"systemd-run", "pu", 0},
                                                {"watch", "n", 0},
                                                {"sshpass", "pfde", 0},
                                                {"dbus-run-session", "", 0}}};
/// They run what they are given at another time, or many times over.
constexpr std::array<std::string_view, 4> kLater = {"at", "batch", "crontab", "parallel"};

bool is_option(const Word& word) { return word.text.size() > 1 && word.text[0] == '-'; }

std::vector<Word> copy(Words words) { return {words.begin(), words.end()}; }

/// The words after a wrapper's own options; nullopt when those cannot be told apart with certainty.
std::optional<Words> after_options(Words words, std::string_view valued) {
  while (!words.empty() && is_option(words[0])) {
    const Word& word = words[0];
    if (!word.literal()) return std::nullopt;
    words = words.subspan(1);
    if (word.text == "--") return words;
    if (word.text.starts_with("--")) {
      // A long option may or may not take the next word; only `--name=value` is certain.
      if (!word.text.contains('=')) return std::nullopt;
      continue;
    }
    const bool takes_next = valued.contains(word.text.back()) && word.text.size() == 2;
    if (takes_next && !words.empty()) words = words.subspan(1);
  }
  return words;
}

void unwrap_simple(const Wrapper& wrapper, Words words, Inner& out) {
  const auto rest = after_options(words, wrapper.valued);
  if (!rest) {
    out.opaque = "options of " + std::string(wrapper.name);
    return;
  }
  if (rest->size() <= static_cast<std::size_t>(wrapper.operands)) return;
  std::vector<Word> inner = copy(rest->subspan(static_cast<std::size_t>(wrapper.operands)));
  if (wrapper.adds_words) inner.push_back({.text = "", .dynamic = true});
  out.commands.push_back(std::move(inner));
}

/// `watch 'a; b'` and `script -c 'a; b'`: one word that a shell reads.
void unwrap_joined(Words words, Inner& out) {
  const auto rest = after_options(words, "n");
  if (!rest || rest->size() != 1) return;
  if ((*rest)[0].literal()) out.lines.push_back((*rest)[0].text);
  else out.opaque = "a computed command for a shell";
}

void unwrap_script(Words words, Inner& out) {
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string& text = words[i].text;
    if (text.starts_with("--command=")) out.lines.push_back(text.substr(10));
    else if (is_option(words[i]) && text.ends_with('c') && i + 1 < words.size()) out.lines.push_back(words[i + 1].text);
  }
  if (out.lines.empty()) out.opaque = "a session recorded by script";
}

void unwrap_env(Words words, Inner& out) {
  while (!words.empty()) {
    const Word& word = words[0];
    if (word.text == "-" || word.text == "-i" || word.text == "-0" || word.text == "--") {
      words = words.subspan(1);
    } else if (is_option(word)) {
      out.opaque = "options of env";
      return;
    } else if (const auto at = word.text.find('='); at != word.text.npos) {
      Word value = word;
      value.text.erase(0, at + 1);
      out.assignments.emplace_back(word.text.substr(0, at), std::move(value));
      words = words.subspan(1);
    } else {
      out.commands.push_back(copy(words));
      return;
    }
  }
}

void unwrap_shell(Words words, Inner& out) {
  bool payload = false;
  std::size_t at = 0;
  for (; at < words.size() && (is_option(words[at]) || words[at].text.starts_with('+')); ++at) {
    if (!words[at].literal()) break;
    const std::string& text = words[at].text;
    if (text.starts_with("--") || text.starts_with('+')) continue;
    payload = payload || text.contains('c');
    if (text.contains('o') || text.contains('O')) ++at;
  }
  if (at >= words.size()) {
    if (payload) out.opaque = "a shell without a command";
    return;
  }
  if (!payload)
    out.opaque = "a script run by a shell";
  else if (words[at].literal())
    out.lines.push_back(words[at].text);
  else
    out.opaque = "a computed command for a shell";
}

void unwrap_eval(Words words, Inner& out) {
  std::string line;
  for (const Word& word : words) {
    if (!word.literal()) out.opaque = "a computed command for eval";
    line += word.text + ' ';
  }
  out.lines.push_back(std::move(line));
}

void unwrap_find(Words words, Inner& out) {
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string& text = words[i].text;
    if (text != "-exec" && text != "-execdir" && text != "-ok" && text != "-okdir") continue;
    std::vector<Word> inner;
    for (++i; i < words.size() && words[i].text != ";" && words[i].text != "+"; ++i) {
      inner.push_back(words[i]);
      if (words[i].text.contains("{}")) inner.back().dynamic = true;
    }
    if (inner.empty())
      out.opaque = "find without a command to execute";
    else
      out.commands.push_back(std::move(inner));
  }
}

void unwrap_trap(Words words, Inner& out) {
  if (words.empty() || is_option(words[0])) return;
  if (words[0].literal())
    out.lines.push_back(words[0].text);
  else
    out.opaque = "a computed command for trap";
}

void unwrap_declaration(Words words, Inner& out) {
  for (const Word& word : words) {
    if (is_option(word)) continue;
    const auto at = word.text.find('=');
    Word value = word;
    value.text = at == word.text.npos ? "" : word.text.substr(at + 1);
    out.assignments.emplace_back(word.text.substr(0, at), std::move(value));
  }
}

/// `set -euo pipefail` is good manners, anything else changes what the line means.
bool is_harmless_set(Words words) {
  static constexpr std::array<std::string_view, 9> kFine = {
      "-e", "-u", "-x", "-eu", "-ex", "-eux", "-o", "-euo", "pipefail"};
  return std::all_of(words.begin(), words.end(),
                     [](const Word& word) { return word.literal() && is_one_of(kFine, word.text); });
}

bool has_any(Words words, std::initializer_list<std::string_view> wanted) {
  return std::any_of(words.begin(), words.end(), [&](const Word& word) {
    return std::find(wanted.begin(), wanted.end(), word.text) != wanted.end();
  });
}

std::string why_interactive(std::string_view program, Words words) {
  const std::string name(program);
  if (is_one_of(kInteractive, program)) return name + " needs a person at a terminal";
  if (is_one_of(kPrompts, program) && words.empty())
    return name + " without arguments reads its program from a terminal or a pipe";
  if (is_one_of(kPrompts, program) && words.size() == 1 && (words[0].text == "-" || words[0].text == "-i"))
    return name + " would read its program from a terminal or a pipe";
  if (program == "git" && !words.empty()) {
    const std::string& verb = words[0].text;
    if (verb == "rebase" && has_any(words, {"-i", "--interactive"})) return "git rebase -i opens an editor";
    if (verb == "add" && has_any(words, {"-i", "-p", "--interactive", "--patch", "-e", "--edit"}))
      return "git add -i asks a person";
  }
  return "";
}

}  // namespace

Inner unwrap(const std::vector<Word>& all) {
  Inner out;
  const std::string program = program_of(all[0]);
  const Words words = Words(all).subspan(1);
  out.refused = why_interactive(program, words);
  if (!out.refused.empty()) return out;
  for (const Wrapper& wrapper : kWrappers)
    if (wrapper.name == program) unwrap_simple(wrapper, words, out);
  if (is_one_of(kShells, program)) {
    unwrap_shell(words, out);
  } else if (program == "watch") {
    unwrap_joined(words, out);
  } else if (program == "script") {
    unwrap_script(words, out);
  } else if (is_one_of(kLater, program)) {
    out.opaque = program + ", which runs other commands";
  } else if (program == "env") {
    unwrap_env(words, out);
  } else if (program == "eval") {
    unwrap_eval(words, out);
  } else if (program == "find") {
    unwrap_find(words, out);
  } else if (program == "trap") {
    unwrap_trap(words, out);
  } else if (is_one_of(kDeclares, program)) {
    unwrap_declaration(words, out);
  } else if (is_one_of(kChangesShell, program) || (program == "set" && !is_harmless_set(words))) {
    out.opaque = program + ", which changes the shell itself";
  } else if (program == "printf" && has_any(words, {"-v"})) {
    out.opaque = "printf -v, which sets a variable";
  }
  return out;
}

}  // namespace orchestration
