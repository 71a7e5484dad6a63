// Tools for files below one folder: read_file, list_files, glob, grep, and those that write.
#pragma once

#include <memory>
#include <vector>

#include "nostr/base/loop.h"
#include "nostr/base/workers.h"
#include "orchestration/tools/tool.h"
#include "orchestration/tools/workspace.h"

namespace orchestration {

/// What file tools work with. Loop and workers outlive the tools; blocking work happens on a worker.
struct FileToolDeps {
  base::Loop& loop;
  base::Workers& workers;
  std::shared_ptr<Workspace> workspace;
};

/// read_file, list_files, glob, grep.
std::vector<std::unique_ptr<Tool>> make_reading_tools(FileToolDeps deps);
/// write_file, edit_file, apply_patch.
std::vector<std::unique_ptr<Tool>> make_writing_tools(FileToolDeps deps);

/// The lines [first, first + count) of `text`, counted from 1, at most `max_bytes` of them.
struct LineWindow {
  std::string_view text;
  std::size_t first = 0;   ///< 0 when there is no such line
  std::size_t last = 0;
  std::size_t total = 0;   ///< lines in all
};
LineWindow lines_of(std::string_view text, std::size_t first, std::size_t count, std::size_t max_bytes);

/// A glob over paths as an RE2 pattern: `*` and `?` within a name, `**` across folders, `{a,b}`, `[a-z]`.
/// kInvalid when it is malformed or longer than 512 bytes.
base::Result<std::string> glob_to_regex(std::string_view glob);

/// Replaces the one place where `old_text` stands in `content`. kNotFound when it is nowhere, kConflict
/// when it is in several places and `all` is not set.
base::Result<std::string> replace_text(const std::string& content, const std::string& old_text,
                                       const std::string& new_text, bool all);

}  // namespace orchestration
