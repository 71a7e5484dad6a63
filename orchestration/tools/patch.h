// Unified diffs: taken apart, and applied to the files they name. Pure.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "nostr/base/result.h"

namespace orchestration {

struct PatchLine {
  enum class Kind { kKeep, kRemove, kAdd };
  Kind kind = Kind::kKeep;
  std::string text;
};

struct PatchHunk {
  std::size_t line = 0;  ///< where it should begin in the old file, from 1; 0 when it does not say
  std::vector<PatchLine> lines;
};

struct FilePatch {
  std::string path;
  bool creates = false;
  bool removes = false;
  std::vector<PatchHunk> hunks;
};

/// `--- a/path`, `+++ b/path`, `@@ -l,s +l,s @@` as diff and git write them; other header lines are
/// skipped. kInvalid naming the line that does not fit; at most 64 files and 1 MiB.
base::Result<std::vector<FilePatch>> parse_patch(std::string_view text);

/// `content` with the hunks applied in order. Each must fit exactly: at its line, or else in the only
/// other place where it does. kConflict naming the hunk that does not. A final newline is kept as it is.
base::Result<std::string> apply_patch(const std::string& content, const FilePatch& patch);

}  // namespace orchestration
