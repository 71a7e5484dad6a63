// Commands inside commands: `env`, `xargs`, `sh -c`, `find -exec`, `eval` and their like. Pure.
#pragma once

#include <string>
#include <vector>

#include "orchestration/shell/parse.h"

namespace orchestration {

/// What a command runs besides itself.
struct Inner {
  std::vector<std::vector<Word>> commands;  ///< argv of what it starts; a computed word where it adds some
  std::vector<std::string> lines;           ///< shell text it hands to a shell
  std::vector<std::pair<std::string, Word>> assignments;  ///< of `env` and `export`
  std::string opaque;                       ///< what cannot be seen from the line; empty when all can
  std::string refused;                      ///< why it can never run here: it would wait for a person
};

/// Looks at one command's words; `words` is not empty. Wrappers it does not know are plain programs:
/// only their own rule covers them.
Inner unwrap(const std::vector<Word>& words);

}  // namespace orchestration
