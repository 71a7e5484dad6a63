// A walk over all commands of a line and over those inside them.
#include "orchestration/shell/judge.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "orchestration/shell/unwrap.h"

namespace orchestration {
namespace {

constexpr int kMaxDepth = 8;
constexpr std::size_t kMaxDirs = 8;
constexpr std::size_t kMaxReasons = 8;

/// What only a shell can do: there is no program of that name.
constexpr std::array<std::string_view, 40> kBuiltins = {
    ".",      "alias",   "bg",     "break",    "builtin", "cd",     "command", "continue",
    "declare", "dirs",   "eval",   "exec",     "exit",    "export", "fg",      "getopts",
    "hash",   "help",    "jobs",   "let",      "local",   "mapfile", "popd",   "pushd",
    "read",   "readonly", "return", "set",     "shift",   "shopt",  "source",  "times",
    "trap",   "type",    "typeset", "ulimit",  "umask",   "unalias", "unset",  "wait"};

class Judge {
 public:
  Judge(const CommandRules& rules, const ShellScene& scene) : rules_(rules), scene_(scene) {
    dirs_.push_back(scene.workspace.empty() ? "/" : scene.workspace);
  }

  void line(const ShellLine& parsed, int depth) {
    if (!parsed.opaque.empty()) unclear(parsed.opaque);
    for (const SimpleCommand& command : parsed.commands) {
      for (const auto& [name, value] : command.assignments) add(danger_of_assignment(name));
      for (const Redirect& redirect : command.redirects) add(danger_of(redirect, scene_, dirs_));
      if (!command.words.empty()) words(command.words, depth);
    }
  }

  ShellJudgement take() {
    ShellJudgement out;
    for (Danger& one : found_) {
      out.permit = stricter(out.permit, one.permit);
      if (out.reasons.size() < kMaxReasons) out.reasons.push_back(std::move(one.reason));
    }
    return out;
  }

 private:
  void add(Danger danger) {
    if (danger.permit == Permit::kAllow) return;
    const bool known = std::any_of(found_.begin(), found_.end(), [&](const Danger& other) {
      return other.permit == danger.permit && other.reason == danger.reason;
    });
    if (known) return;
    const auto place = std::upper_bound(
        found_.begin(), found_.end(), danger,
        [](const Danger& a, const Danger& b) { return a.permit > b.permit; });
    found_.insert(place, std::move(danger));
  }

  void unclear(const std::string& what) {
    add({rules_.mode == Permit::kDeny ? Permit::kDeny : Permit::kAsk, "not understood: " + what});
  }

  void words(const std::vector<Word>& command, int depth) {
    if (depth > kMaxDepth) return unclear("commands inside commands inside commands");
    add(danger_of(command, scene_, dirs_));
    if (std::any_of(command[0].text.begin(), command[0].text.end(), [](char c) { return static_cast<unsigned char>(c) >= 0x80; }))
      unclear("a program's name that is not plain letters");
    RuleAnswer answer = rule_for(rules_, command);
    // A computed word may be an option or a second command's worth of words.
    const bool computed =
        command[0].glob || std::any_of(command.begin(), command.end(),
                                       [](const Word& word) { return word.dynamic; });
    if (answer.permit == Permit::kAllow && computed)
      answer = {Permit::kAsk, "a computed word in \"" + command[0].text + "\""};
    add({answer.permit, std::move(answer.reason)});
    inner(command, depth);
    if (command[0].text == "cd" || command[0].text == "pushd" || command[0].text == "popd")
      change_dir(command);
  }

  void inner(const std::vector<Word>& command, int depth) {
    const Inner inside = unwrap(command);
    if (!inside.refused.empty()) add({Permit::kDeny, inside.refused});
    if (!inside.opaque.empty()) unclear(inside.opaque);
    for (const auto& [name, value] : inside.assignments) add(danger_of_assignment(name));
    for (const std::vector<Word>& other : inside.commands) words(other, depth + 1);
    for (const std::string& text : inside.lines) line(parse_shell(text), depth + 1);
  }

  /// The change may not happen (`cd x || …`, a subshell), so what follows can run in either place.
  void change_dir(const std::vector<Word>& command) {
    if (dirs_.empty()) return;
    const bool known = command[0].text == "cd" && command.size() <= 2 &&
                       (command.size() == 1 || (!command[1].dynamic && !command[1].glob &&
                                                !command[1].text.starts_with('-')));
    if (!known || dirs_.size() * 2 > kMaxDirs) return dirs_.clear();
    WorkingDirs more = dirs_;
    for (const std::string& dir : more) {
      std::string next = command.size() == 1 ? scene_.home : resolve_path(command[1].text, dir, scene_.home);
      if (std::find(dirs_.begin(), dirs_.end(), next) == dirs_.end()) dirs_.push_back(std::move(next));
    }
  }

  const CommandRules& rules_;
  const ShellScene& scene_;
  WorkingDirs dirs_;
  std::vector<Danger> found_;  ///< the worst first
};

}  // namespace

std::string ShellJudgement::text() const {
  return fmt::format("{}", fmt::join(reasons, "; "));
}

ShellJudgement judge(const CommandRules& rules, const ShellScene& scene, std::string_view line) {
  const ShellLine parsed = parse_shell(line);
  if (parsed.opaque.empty() && parsed.commands.empty())
    return {.permit = Permit::kDeny, .reasons = {"there is no command"}};
  Judge walk(rules, scene);
  walk.line(parsed, 0);
  return walk.take();
}

std::vector<std::string> plain_argv(std::string_view line) {
  const ShellLine parsed = parse_shell(line);
  std::vector<std::string> out;
  if (!parsed.plain || std::find(kBuiltins.begin(), kBuiltins.end(),
                                 parsed.commands[0].words[0].text) != kBuiltins.end())
    return out;
  for (const Word& word : parsed.commands[0].words) out.push_back(word.text);
  return out;
}

}  // namespace orchestration
