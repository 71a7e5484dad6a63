// A shell command line taken apart: every simple command in it, whatever hides it. Pure.
//
// Rules about commands are applied to what is found here, never to text. The parser knows the part of
// bash it can vouch for; a line that holds anything else is `opaque`: somebody has to look at it.
// Commands found before and inside the part that is not understood are listed all the same, so that
// what is forbidden there is still seen.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace orchestration {

/// One word after quote removal.
struct Word {
  std::string text;      ///< without what an expansion would put in
  bool dynamic = false;  ///< holds an expansion whose value is not known here: $x, $(…), {a,b}, ~user
  bool glob = false;     ///< holds an unquoted * ? or [
  bool tilde = false;    ///< begins with an unquoted ~/ or is ~

  /// What the shell will certainly pass on as it stands.
  bool literal() const { return !dynamic && !glob && !tilde; }
};

struct Redirect {
  enum class Kind { kRead, kWrite, kReadWrite, kDuplicate, kHere };
  Kind kind = Kind::kRead;
  Word target;
};

struct SimpleCommand {
  std::vector<std::pair<std::string, Word>> assignments;  ///< before the words
  std::vector<Word> words;                                ///< argv; empty when there is none
  std::vector<Redirect> redirects;
};

struct ShellLine {
  std::vector<SimpleCommand> commands;  ///< in order, those inside substitutions too
  std::string opaque;                   ///< the first thing that is not understood; empty when none
  /// One command of literal words and nothing else: it can be run without a shell.
  bool plain = false;
};

inline constexpr std::size_t kMaxShellLine = 65'536;

/// Never fails. Lines over kMaxShellLine, with control bytes or invalid UTF-8 are opaque and empty.
/// Source: POSIX.1-2017 Shell Command Language 2.2–2.10, and bash 5.2 where it takes more.
ShellLine parse_shell(std::string_view line);

}  // namespace orchestration
