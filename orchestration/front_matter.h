// Front matter: the few lines of YAML a Markdown file may begin with. Strict: a reader that guesses would
// read another file than its author wrote. Pure.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "nostr/base/result.h"

namespace orchestration {

/// A value is a text, a list of texts, or texts by name (one level).
struct FrontValue {
  enum class Kind { kText, kList, kMap };
  Kind kind = Kind::kText;
  std::string text;
  std::vector<std::string> list;
  std::map<std::string, std::string> map;
};

struct FrontMatter {
  std::map<std::string, FrontValue> values;
  std::string body;  ///< what stands below the closing line

  /// The text of `key`; "" when it is absent or something else.
  std::string text(std::string_view key) const;
};

/// The first line is `---`, and a later one closes. kInvalid names the line: a key that stands twice, a tab
/// before it, a value that is neither of the three; kLimit over 64 KiB.
base::Result<FrontMatter> parse_front_matter(std::string_view file);

/// `file` with the text of `key` replaced, or added at the end of the front matter; everything else as it
/// was. `value` is one line.
base::Result<std::string> with_front_text(std::string_view file, std::string_view key, std::string_view value);

}  // namespace orchestration
