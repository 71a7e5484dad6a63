// The list of what is never right, on words rather than text.
#include "orchestration/shell/dangers.h"

#include <fnmatch.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <span>
#include <string_view>

namespace orchestration {
namespace {

using Words = std::span<const Word>;

constexpr std::array<std::string_view, 7> kPrivilege = {"sudo",   "doas",    "su",   "pkexec",
                                                        "runuser", "sudoedit", "setpriv"};
constexpr std::array<std::string_view, 7> kPower = {"shutdown", "reboot", "halt",    "poweroff",
                                                    "init",     "telinit", "kexec"};
constexpr std::array<std::string_view, 8> kDisks = {"mkswap",  "fdisk", "sfdisk", "parted",
                                                    "wipefs",  "blkdiscard", "cfdisk", "sgdisk"};
constexpr std::array<std::string_view, 3> kKernel = {"insmod", "modprobe", "rmmod"};
/// What a process shows of itself that is nobody else's: its environment may hold keys.
constexpr std::array<std::string_view, 9> kProcessSecrets = {"environ", "mem",       "maps", "fd",   "fdinfo",
                                                             "root",    "map_files", "cwd",  "task"};
constexpr std::array<std::string_view, 8> kFreeDevices = {
    "/dev/null", "/dev/stdin", "/dev/stdout", "/dev/stderr", "/dev/zero", "/dev/random", "/dev/urandom",
    "/dev/full"};
constexpr std::array<std::string_view, 3> kFreeTargets = {"/dev/null", "/dev/stdout", "/dev/stderr"};

template <std::size_t N>
bool is_one_of(const std::array<std::string_view, N>& list, std::string_view word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

std::string program_of(const Word& word) { return word.text.substr(word.text.rfind('/') + 1); }

bool has_letter(Words words, std::string_view letters, std::initializer_list<std::string_view> names) {
  for (const Word& word : words) {
    const std::string& text = word.text;
    if (text == "--") return false;
    if (text.size() < 2 || text[0] != '-') continue;
    if (text[1] != '-' && text.find_first_of(letters, 1) != text.npos) return true;
    const std::string long_name = text.substr(0, text.find('='));
    for (const std::string_view name : names)
      if (text.size() > 3 && text.starts_with("--") && name.starts_with(long_name)) return true;
  }
  return false;
}

bool has_word(Words words, std::initializer_list<std::string_view> wanted) {
  return std::any_of(words.begin(), words.end(), [&](const Word& word) {
    return std::find(wanted.begin(), wanted.end(), word.text) != wanted.end();
  });
}

/// The part of a pattern that is certain: `/usr/*` is /usr, and so is `/usr/.*`; `src/*.o` is nothing.
std::string certain_part(const Word& word) {
  if (!word.glob) return word.text;
  const std::size_t slash = word.text.rfind('/', word.text.find_first_of("*?["));
  const std::string tail = word.text.substr(slash == word.text.npos ? 0 : slash + 1);
  if (tail.find_first_not_of("*?./") != tail.npos) return "";
  return slash == word.text.npos ? "." : slash == 0 ? "/" : word.text.substr(0, slash);
}

/// The folder in which a pattern is expanded: `/u*` is /, `src/*.o` is src.
std::string folder_of_pattern(const Word& word) {
  const std::size_t slash = word.text.rfind('/', word.text.find_first_of("*?["));
  return slash == word.text.npos ? "." : slash == 0 ? "/" : word.text.substr(0, slash);
}

std::vector<std::string> components_of(const std::string& path) {
  std::vector<std::string> out;
  for (std::size_t from = 1; from < path.size();) {
    const std::size_t end = std::min(path.find('/', from), path.size());
    out.push_back(path.substr(from, end - from));
    from = end + 1;
  }
  return out;
}

/// Whether the pattern can name `folder` or something in it; both absolute and normal.
bool may_be_within(const std::string& pattern, const std::string& folder) {
  const auto given = components_of(pattern);
  const auto kept = components_of(folder);
  if (given.size() < kept.size()) return false;
  for (std::size_t i = 0; i < kept.size(); ++i)
    if (::fnmatch(given[i].c_str(), kept[i].c_str(), FNM_PERIOD) != 0) return false;
  return true;
}

/// Whether `path` is what a process keeps to itself; a pattern in its place counts as any process.
bool is_process_secret(const std::string& path) {
  const auto parts = components_of(path);
  if (parts.size() < 3 || parts[0] != "proc") return false;
  if (parts[1] == "sys" || parts[1] == "net" || parts[1] == "driver") return false;
  return std::any_of(parts.begin() + 2, parts.end(), [](const std::string& part) {
    return std::any_of(kProcessSecrets.begin(), kProcessSecrets.end(),
                       [&](std::string_view secret) { return ::fnmatch(part.c_str(), std::string(secret).c_str(), 0) == 0; });
  });
}

std::size_t depth_of(const std::string& path) {
  return static_cast<std::size_t>(std::count(path.begin(), path.end(), '/')) - (path == "/" ? 1 : 0);
}

/// Why the tree at `path` must not be removed or changed whole; empty when it may.
std::string why_precious(const std::string& path, const ShellScene& scene) {
  if (depth_of(path) <= 1) return path + " is part of the system";
  if (path.ends_with("/.git") || path.contains("/.git/")) return path + " holds the history";
  for (const std::string& kept : scene.protected_paths)
    if (is_within(kept, path) || is_within(path, kept)) return path + " holds the node's own files";
  if (!scene.workspace.empty() && is_within(scene.workspace, path)) return path + " is the workspace";
  if (!scene.home.empty() && is_within(scene.home, path)) return path + " is the home directory";
  return "";
}

Danger danger_of_tree(const std::string& program, Words words, const ShellScene& scene,
                      const WorkingDirs& dirs) {
  bool only_operands = false;
  for (const Word& word : words) {
    if (!only_operands && word.text.size() > 1 && word.text[0] == '-') {
      only_operands = word.text == "--";
      continue;
    }
    const std::string target = certain_part(word);
    if (word.glob && resolve_path(folder_of_pattern(word), "/-", scene.home) == "/")
      return {Permit::kDeny, program + ": " + word.text + " is part of the system"};
    if (target.empty()) continue;
    for (const std::string& dir : dirs) {
      const std::string why = why_precious(resolve_path(target, dir, scene.home), scene);
      if (!why.empty()) return {Permit::kDeny, program + ": " + why};
    }
    if (dirs.empty() && !target.starts_with('/') && !word.tilde)
      return {Permit::kAsk, program + " somewhere that is not known"};
  }
  return {};
}

/// Without a test in between, `find PLACE -delete` removes the place.
Danger danger_of_find(Words words, const ShellScene& scene, const WorkingDirs& dirs) {
  const Word here{.text = "."};
  const bool named = !words[0].text.starts_with('-');
  const bool everything = words.size() <= (named ? 2u : 1u);
  Danger found = danger_of_tree("find -delete", named ? words.first(1) : Words(&here, 1), scene, dirs);
  if (!everything && found.permit == Permit::kDeny && named && !words[0].text.starts_with('/'))
    found.permit = Permit::kAsk;
  return found;
}

Danger danger_of_git(Words words) {
  std::size_t at = 0;
  while (at < words.size() && words[at].text.starts_with('-'))
    at += words[at].text == "-C" || words[at].text == "-c" ? 2 : 1;
  if (at >= words.size()) return {};
  const std::string& verb = words[at].text;
  const Words rest = words.subspan(at + 1);
  const auto asks = [&](bool condition, std::string what) {
    return condition ? Danger{Permit::kAsk, std::move(what)} : Danger{};
  };
  if (verb == "push") {
    const bool plus = std::any_of(rest.begin(), rest.end(),
                                  [](const Word& word) { return word.text.starts_with('+'); });
    return asks(plus || has_letter(rest, "fd", {"--force", "--force-with-lease", "--mirror", "--delete",
                                                "--prune", "--force-if-includes"}),
                "git push that rewrites or deletes");
  }
  if (verb == "reset") return asks(has_letter(rest, "", {"--hard", "--merge"}), "git reset --hard");
  if (verb == "clean") return asks(has_letter(rest, "f", {"--force"}), "git clean -f");
  if (verb == "commit") return asks(has_letter(rest, "", {"--amend"}), "git commit --amend");
  if (verb == "branch") return asks(has_letter(rest, "DdM", {"--delete", "--force"}), "git branch -D");
  if (verb == "tag") return asks(has_letter(rest, "df", {"--delete", "--force"}), "git tag -d");
  if (verb == "reflog") return asks(has_word(rest, {"expire", "delete"}), "git reflog expire");
  if (verb == "stash") return asks(has_word(rest, {"drop", "clear"}), "git stash drop");
  if (verb == "gc") return asks(has_letter(rest, "", {"--prune"}), "git gc --prune");
  const bool rewrites = verb == "rebase" || verb == "filter-branch" || verb == "filter-repo" ||
                        verb == "update-ref" || verb == "replace" || verb == "prune";
  if (rewrites) return asks(true, "git " + verb);
  return asks(verb == "config" || verb == "submodule" || verb == "bisect" || verb == "difftool" ||
                  verb == "mergetool" || verb == "daemon",
              "git " + verb + " can run other programs");
}

/// `kill` of everybody, of the first process, or of the caller's whole group.
Danger danger_of_kill(Words words) {
  std::size_t at = 0;
  if (at < words.size() && (words[at].text == "-s" || words[at].text == "-n")) at += 2;
  else if (at < words.size() && words[at].text.size() > 1 && words[at].text[0] == '-') ++at;
  for (; at < words.size(); ++at)
    if (words[at].text == "-1" || words[at].text == "1" || words[at].text == "0")
      return {Permit::kDeny, "kill " + words[at].text + " ends what is not the agent's"};
  return {};
}

/// Moving something away is removing it from where it was.
Danger danger_of_move(Words words, const ShellScene& scene, const WorkingDirs& dirs) {
  if (words.size() < 2) return {};
  const bool names_target = has_word(words, {"-t"}) || std::any_of(words.begin(), words.end(), [](const Word& word) {
                              return word.text.starts_with("--target-directory");
                            });
  return danger_of_tree("mv", names_target ? words : words.first(words.size() - 1), scene, dirs);
}

/// Devices and key material are out of reach for whatever names them.
Danger danger_of_path(const Word& word, const ShellScene& scene, const WorkingDirs& dirs) {
  std::string text = word.text;
  if (const auto at = text.find('='); at != text.npos && (text[0] == '-' || text.starts_with("of=") ||
                                                          text.starts_with("if=")))
    text.erase(0, at + 1);
  if (text.starts_with('@')) text.erase(0, 1);
  const std::string whole = text;
  if (word.glob) text = text.substr(0, text.find_first_of("*?["));
  if (whole.empty() || whole[0] == '-') return {};
  for (const std::string& dir : dirs.empty() ? WorkingDirs{"/"} : dirs) {
    const std::string pattern = resolve_path(whole, dir, scene.home);
    if (is_process_secret(pattern)) return {Permit::kDeny, pattern + " is a process's own"};
    for (const std::string& kept : scene.protected_paths)
      if (word.glob && may_be_within(pattern, kept)) return {Permit::kDeny, whole + " can name what is out of reach for tools"};
    if (text.empty()) continue;
    const std::string path = resolve_path(text, dir, scene.home);
    if (path.starts_with("/dev/") && !is_one_of(kFreeDevices, path) && !path.starts_with("/dev/fd/") &&
        !path.starts_with("/dev/shm/"))
      return {Permit::kDeny, path + " is a device"};
    for (const std::string& kept : scene.protected_paths)
      if (is_within(path, kept)) return {Permit::kDeny, path + " is out of reach for tools"};
  }
  return {};
}

}  // namespace

std::string resolve_path(const std::string& path, const std::string& dir, const std::string& home) {
  std::string full = path;
  if (path == "~" || path.starts_with("~/"))
    full = home + path.substr(1);
  else if (!path.starts_with('/'))
    full = dir + "/" + path;
  std::string normal = std::filesystem::path(full).lexically_normal().string();
  while (normal.starts_with("//")) normal.erase(0, 1);
  while (normal.size() > 1 && normal.ends_with('/')) normal.pop_back();
  return normal;
}

bool is_within(const std::string& path, const std::string& folder) {
  return path == folder || folder == "/" ||
         (path.size() > folder.size() && path.starts_with(folder) && path[folder.size()] == '/');
}

Danger danger_of(const std::vector<Word>& all, const ShellScene& scene, const WorkingDirs& dirs) {
  const std::string program = program_of(all[0]);
  const Words words = Words(all).subspan(1);
  if (is_one_of(kPrivilege, program)) return {Permit::kDeny, program + " takes other rights"};
  if (is_one_of(kPower, program) ||
      (program == "systemctl" && has_word(words, {"poweroff", "reboot", "halt", "kexec", "suspend"})))
    return {Permit::kDeny, program + " stops the machine"};
  if (is_one_of(kKernel, program)) return {Permit::kDeny, program + " changes the kernel"};
  if (program == "killall5") return {Permit::kDeny, "killall5 ends everything"};
  if (program == "kill") return danger_of_kill(words);
  if (is_one_of(kDisks, program) || program.starts_with("mkfs"))
    return {Permit::kDeny, program + " writes to disks"};
  for (const Word& word : words)
    if (const Danger found = danger_of_path(word, scene, dirs); found.permit != Permit::kAllow)
      return found;
  const bool recursive = has_letter(words, "rR", {"--recursive"});
  if (recursive && (program == "rm" || program == "chmod" || program == "chown" || program == "chgrp" ||
                    program == "shred"))
    return danger_of_tree(program, words, scene, dirs);
  if (program == "mv") return danger_of_move(words, scene, dirs);
  if (program == "find" && has_word(words, {"-delete"})) return danger_of_find(words, scene, dirs);
  if (program == "git") return danger_of_git(words);
  return {};
}

Danger danger_of(const Redirect& redirect, const ShellScene& scene, const WorkingDirs& dirs) {
  if (redirect.kind == Redirect::Kind::kDuplicate || redirect.kind == Redirect::Kind::kHere) return {};
  const Word& target = redirect.target;
  if (target.dynamic || target.glob) return {Permit::kAsk, "a redirection to a computed place"};
  if (dirs.empty() && !target.text.starts_with('/'))
    return {Permit::kAsk, "a redirection somewhere that is not known"};
  Danger worst;
  for (const std::string& dir : dirs.empty() ? WorkingDirs{"/"} : dirs) {
    const std::string path = resolve_path(target.text, dir, scene.home);
    if (is_one_of(kFreeTargets, path)) continue;
    if (is_within(path, "/dev") || is_within(path, "/proc") || is_within(path, "/sys"))
      return {Permit::kDeny, "a redirection to " + path};
    for (const std::string& kept : scene.protected_paths)
      if (is_within(path, kept)) return {Permit::kDeny, path + " is out of reach for tools"};
    const bool inside = !scene.workspace.empty() && is_within(path, scene.workspace);
    if (redirect.kind == Redirect::Kind::kRead && inside) continue;
    if (!inside) worst = {Permit::kAsk, "a redirection outside the workspace"};
    else if (path.contains("/.git/") || path.ends_with("/.git")) return {Permit::kDeny, "a redirection into .git"};
    else if (!scene.may_edit) return {Permit::kDeny, "a redirection to a file, and edits are not permitted"};
  }
  return worst;
}

Danger danger_of_assignment(const std::string& name) {
  static constexpr std::array<std::string_view, 11> kNames = {
      "PATH", "IFS", "BASH_ENV", "ENV", "NODE_OPTIONS", "RUBYOPT", "SHELLOPTS", "BASHOPTS",
      "PAGER", "EDITOR", "PROMPT_COMMAND"};
  static constexpr std::array<std::string_view, 7> kPrefixes = {"LD_",   "DYLD_",   "GIT_", "PYTHON",
                                                                "PERL5", "BASH_FUNC", "RUBY"};
  const bool changes = is_one_of(kNames, name) ||
                       std::any_of(kPrefixes.begin(), kPrefixes.end(), [&](std::string_view prefix) {
                         return name.starts_with(prefix);
                       });
  if (changes) return {Permit::kDeny, name + " changes which program runs"};
  return {Permit::kAsk, "it sets " + name};
}

}  // namespace orchestration
