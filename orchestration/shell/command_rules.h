// Command rules: which commands an agent may run, as patterns over words. Pure.
//
// A rule is words: `git status`, `git log **`, `cat *`. `*` stands for exactly one word, a trailing
// `**` for any rest. Allow and ask rules cover a command only as far as they spell it out; deny rules
// reach further: any path to the program, options in any order and spelling, and whatever follows.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "orchestration/permit.h"
#include "orchestration/shell/parse.h"

namespace orchestration {

struct CommandRule {
  std::vector<std::string> tokens;
  bool rest = false;  ///< ends in `**`

  /// How many literal tokens stand before the first wildcard: the more, the more specific.
  std::size_t literal_prefix() const;
  std::string text() const;
  friend bool operator==(const CommandRule&, const CommandRule&) = default;
};

/// kInvalid when `text` is no plain command, begins with a wildcard or has `**` before its end.
base::Result<CommandRule> parse_command_rule(std::string_view text);

/// Whether the rule covers `words` exactly. A computed word is covered by nothing; a word the shell
/// would expand to file names only by a wildcard, and only if none of them can look like an option.
/// Options that make a program run or write something else (`find -exec`, `git -c`, `rg --pre`, …)
/// are covered only by a rule that spells them, and so are sed and awk programs that may run or write.
bool covers(const CommandRule& rule, const std::vector<Word>& words);

/// Whether a deny rule reaches `words`.
bool reaches(const CommandRule& rule, const std::vector<Word>& words);

/// Two lists and what holds where neither says anything (see permissions.h for how they combine).
struct CommandRules {
  Permit mode = Permit::kAsk;
  std::vector<CommandRule> allow;
  std::vector<CommandRule> ask;
  std::vector<CommandRule> deny;
  friend bool operator==(const CommandRules&, const CommandRules&) = default;
};

struct RuleAnswer {
  Permit permit = Permit::kAsk;
  std::string reason;     ///< names the rule or the mode; empty when allowed
};

/// Deny rules first; then the ask or allow rule with the longest literal prefix, a tie asks; then the
/// mode; where it allows, code in an argument (`python3 -c`, `tar --to-command`, `sed 1e…`) is asked about. Looks at one command only: judge.h looks at a whole line.
RuleAnswer rule_for(const CommandRules& rules, const std::vector<Word>& words);

}  // namespace orchestration
