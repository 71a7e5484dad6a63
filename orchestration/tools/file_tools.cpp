// Looking: read_file, list_files, glob, grep.
#include "orchestration/tools/file_tools.h"

#include <algorithm>

#include <fmt/format.h>
#include <re2/re2.h>

#include "orchestration/envelope.h"
#include "orchestration/tools/local_tool.h"
#include "orchestration/tools/schema.h"

namespace orchestration {
namespace {

using base::Errc;
using base::fail;
using base::Result;
using base::Task;
using base::json::Value;

constexpr std::size_t kMaxReadBytes = 256 * 1024;
constexpr std::size_t kMaxReadLines = 2000;
constexpr std::size_t kMaxWholeFile = 8u << 20;
constexpr std::size_t kMaxListed = 1000;
constexpr std::size_t kMaxFound = 1000;
constexpr std::size_t kMaxMatchedFiles = 100;
constexpr std::size_t kMaxMatches = 500;
constexpr std::size_t kMaxMatchLine = 300;
constexpr std::size_t kMaxGrepFile = 4u << 20;
constexpr std::size_t kMaxGrepBytes = 64 * 1024;
constexpr std::chrono::seconds kMaxLooking{60};

WalkLimits walk_limits() { return {.deadline = std::chrono::steady_clock::now() + kMaxLooking}; }

std::string file_envelope(const std::string& path, std::string_view text, std::size_t most) {
  return enclose({.source = "file", .author = path, .trust = Trust::kKnown}, text, most);
}

class FileTool : public LocalTool {
 public:
  FileTool(Facts facts, FileToolDeps deps) : LocalTool(std::move(facts)), deps_(std::move(deps)) {}

 protected:
  FileToolDeps deps_;
};

class ReadFile final : public FileTool {
 public:
  explicit ReadFile(FileToolDeps deps)
      : FileTool({.spec = {"read_file",
                           "Read a text file below your folder: up to 2000 lines at a time.",
                           object_schema({{"path", text_param("relative path", 4096)},
                                          {"line", int_param("first line to read, from 1", 1, 100'000'000)},
                                          {"lines", int_param("how many lines", 1, kMaxReadLines)}},
                                         {"path"})}},
                 std::move(deps)) {}

  Task<Result<std::string>> run(ToolContext, Value params) override {
    const std::string path = base::json::string_or(params, "path");
    const auto workspace = deps_.workspace;
    std::function<Result<std::string>()> work = [workspace, path]() -> Result<std::string> {
      TRY(std::string content, workspace->read_all(path, kMaxWholeFile));
      if (!is_text(content))
        return fail(Errc::kUnsupported,
                    fmt::format("{} is not text ({} bytes)", path, content.size()));
      return content;
    };
    CO_TRY(const std::string content, co_await on_worker(deps_.loop, deps_.workers, std::move(work)));
    workspace->remember(path, content);
    const LineWindow window =
        lines_of(content, static_cast<std::size_t>(base::json::int_or(params, "line", 1)),
                 static_cast<std::size_t>(base::json::int_or(params, "lines", kMaxReadLines)), kMaxReadBytes);
    if (window.first == 0)
      co_return fail(Errc::kNotFound, fmt::format("{} has {} lines", path, window.total));
    std::string out = file_envelope(path, window.text, kMaxReadBytes);
    out += fmt::format("\nLines {} to {} of {}.", window.first, window.last, window.total);
    if (window.last < window.total) out += fmt::format(" Go on at line {}.", window.last + 1);
    co_return out;
  }
};

class ListFiles final : public FileTool {
 public:
  explicit ListFiles(FileToolDeps deps)
      : FileTool({.spec = {"list_files", "List one folder below yours.",
                           object_schema({{"path", text_param("relative path; your folder when left out", 4096)}},
                                         Value::array())}},
                 std::move(deps)) {}

  Task<Result<std::string>> run(ToolContext, Value params) override {
    const std::string path = base::json::string_or(params, "path", ".");
    std::function<Result<std::string>()> work = [workspace = deps_.workspace, path]() -> Result<std::string> {
      TRY(const auto listed, workspace->list(path, kMaxListed));
      std::string rows;
      for (const FolderEntry& entry : listed.first)
        rows += entry.is_folder ? entry.path + "/\n" : fmt::format("{}  {}\n", entry.path, entry.size);
      if (rows.empty()) return path + " is empty.";
      std::string out = file_envelope(path, rows, rows.size());
      if (listed.second) out += fmt::format("\nOnly {} entries are shown.", kMaxListed);
      return out;
    };
    co_return co_await on_worker(deps_.loop, deps_.workers, std::move(work));
  }
};

class Glob final : public FileTool {
 public:
  explicit Glob(FileToolDeps deps)
      : FileTool({.spec = {"glob", "Find files by the pattern of their path, like src/**/*.cpp.",
                           object_schema({{"pattern", text_param("*, ?, **, {a,b}, [a-z]", 512)},
                                          {"path", text_param("folder to look in", 4096)}},
                                         {"pattern"})}},
                 std::move(deps)) {}

  Task<Result<std::string>> run(ToolContext, Value params) override {
    CO_TRY(const std::string regex, glob_to_regex(base::json::string_or(params, "pattern")));
    const std::string path = base::json::string_or(params, "path", ".");
    std::function<Result<std::string>()> work = [workspace = deps_.workspace, path,
                                                 regex]() -> Result<std::string> {
      const re2::RE2 pattern(regex, re2::RE2::Quiet);
      TRY(const std::string folder, workspace->relative(path));
      const std::string prefix = folder == "." ? "" : folder + "/";
      std::string rows;
      std::size_t found = 0;
      auto walked = workspace->walk(path, walk_limits(), [&](const FolderEntry& entry) {
        std::string_view name = entry.path;  // `path` may be a file itself
        if (name.starts_with(prefix)) name.remove_prefix(prefix.size());
        if (!re2::RE2::FullMatch(name, pattern)) return true;
        rows += entry.path + "\n";
        return ++found < kMaxFound;
      });
      if (!walked && walked.error().code != Errc::kLimit) return std::unexpected(walked.error());
      if (found == 0) return std::string("No file matches.");
      std::string out = file_envelope(path, rows, rows.size());
      if (!walked) out += "\nNot all was looked at: " + walked.error().detail + ".";
      if (found == kMaxFound) out += fmt::format("\nOnly the first {} are shown.", kMaxFound);
      return out;
    };
    co_return co_await on_worker(deps_.loop, deps_.workers, std::move(work));
  }
};

/// Collects matching lines until a limit is reached.
class MatchList {
 public:
  MatchList(const re2::RE2& pattern, const Workspace& workspace) : pattern_(pattern), workspace_(workspace) {}

  bool visit(const FolderEntry& entry) {
    if (entry.size > kMaxGrepFile) {
      ++skipped_;
      return true;
    }
    const auto content = workspace_.read_all(entry.path, kMaxGrepFile);
    if (!content || !is_text(*content)) return true;
    std::size_t number = 0;
    bool matched = false;
    for (std::size_t start = 0; start < content->size();) {
      const std::size_t end = std::min(content->find('\n', start), content->size());
      const std::string_view line = std::string_view(*content).substr(start, end - start);
      start = end + 1;
      ++number;
      if (!re2::RE2::PartialMatch(line, pattern_)) continue;
      matched = true;
      rows_ += fmt::format("{}:{}: {}\n", entry.path, number, cut_utf8(line, kMaxMatchLine));
      if (++matches_ >= kMaxMatches || rows_.size() > kMaxGrepBytes) return false;
    }
    files_ += matched ? 1 : 0;
    return files_ < kMaxMatchedFiles;
  }

  std::string text(const std::string& path) const {
    std::string out = rows_.empty() ? "No line matches." : file_envelope(path, rows_, rows_.size());
    if (matches_ >= kMaxMatches || files_ >= kMaxMatchedFiles || rows_.size() > kMaxGrepBytes)
      out += fmt::format("\nCut here: {} lines in {} files.", matches_, files_ + 1);
    if (skipped_ > 0) out += fmt::format("\n{} files over 4 MiB were left out.", skipped_);
    return out;
  }

 private:
  const re2::RE2& pattern_;
  const Workspace& workspace_;
  std::string rows_;
  std::size_t matches_ = 0, files_ = 0, skipped_ = 0;
};

class Grep final : public FileTool {
 public:
  explicit Grep(FileToolDeps deps)
      : FileTool({.spec = {"grep", "Find lines by a regular expression (RE2) in text files.",
                           object_schema({{"pattern", text_param("regular expression", 1000)},
                                          {"path", text_param("file or folder to look in", 4096)},
                                          {"include", text_param("only files whose path fits, like **/*.h", 512)},
                                          {"ignore_case", {{"type", "boolean"}}}},
                                         {"pattern"})}},
                 std::move(deps)) {}

  Task<Result<std::string>> run(ToolContext, Value params) override {
    const std::string path = base::json::string_or(params, "path", ".");
    const std::string include = base::json::string_or(params, "include");
    std::string only;
    if (!include.empty()) {
      CO_TRY(only, glob_to_regex(include));
    }
    const std::string text = base::json::string_or(params, "pattern");
    const bool fold = params.value("ignore_case", false);
    std::function<Result<std::string>()> work = [workspace = deps_.workspace, path, only, text,
                                                 fold]() -> Result<std::string> {
      re2::RE2::Options options(re2::RE2::Quiet);
      options.set_case_sensitive(!fold);
      options.set_max_mem(4 << 20);
      const re2::RE2 pattern(text, options);
      if (!pattern.ok()) return fail(Errc::kInvalid, "the pattern is no regular expression: " + pattern.error());
      const re2::RE2 wanted(only, re2::RE2::Quiet);
      MatchList matches(pattern, *workspace);
      auto walked = workspace->walk(path, walk_limits(), [&](const FolderEntry& entry) {
        return (!only.empty() && !re2::RE2::FullMatch(entry.path, wanted)) || matches.visit(entry);
      });
      if (!walked && walked.error().code != Errc::kLimit) return std::unexpected(walked.error());
      std::string out = matches.text(path);
      if (!walked) out += "\nNot all was looked at: " + walked.error().detail + ".";
      return out;
    };
    co_return co_await on_worker(deps_.loop, deps_.workers, std::move(work));
  }
};

}  // namespace

LineWindow lines_of(std::string_view text, std::size_t first, std::size_t count, std::size_t max_bytes) {
  LineWindow out;
  std::size_t begin = 0;
  std::size_t end = 0;
  bool open = false;  // the window has begun and not ended
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t next = std::min(text.find('\n', at), text.size() - 1) + 1;
    ++out.total;
    if (out.total == first) {
      begin = at;
      open = true;
      out.first = first;
    }
    open = open && out.total < first + count && (next - begin <= max_bytes || out.total == first);
    if (open) {
      end = next;
      out.last = out.total;
    }
    at = next;
  }
  if (text.empty() && first == 1) out.first = 1;
  out.text = text.substr(begin, std::min(end - begin, max_bytes));
  return out;
}

Result<std::string> glob_to_regex(std::string_view glob) {
  if (glob.size() > 512) return fail(Errc::kInvalid, "the pattern is longer than 512 bytes");
  std::string out;
  bool braces = false;
  for (std::size_t i = 0; i < glob.size(); ++i) {
    const char c = glob[i];
    if (glob.substr(i).starts_with("**/")) {
      out += "(?:.*/)?";
      i += 2;
    } else if (glob.substr(i).starts_with("**")) {
      out += ".*";
      ++i;
    } else if (c == '*') {
      out += "[^/]*";
    } else if (c == '?') {
      out += "[^/]";
    } else if (c == '{') {
      out += "(?:";
      braces = true;
    } else if (c == '}' && braces) {
      out += ')';
      braces = false;
    } else if (c == ',' && braces) {
      out += '|';
    } else if (c == '[') {
      const std::size_t end = glob.find(']', i + 2);
      if (end == glob.npos) return fail(Errc::kInvalid, "the pattern has an open [");
      std::string set(glob.substr(i + 1, end - i - 1));
      if (set.starts_with('!')) set[0] = '^';
      if (set.find_first_of("\\[") != set.npos) return fail(Errc::kInvalid, "the pattern nests brackets");
      out += "[" + set + "]";
      i = end;
    } else {
      out += re2::RE2::QuoteMeta(std::string(1, c));
    }
  }
  if (braces) return fail(Errc::kInvalid, "the pattern has an open {");
  if (!re2::RE2(out, re2::RE2::Quiet).ok()) return fail(Errc::kInvalid, "the pattern is malformed");
  return out;
}

std::vector<std::unique_ptr<Tool>> make_reading_tools(FileToolDeps deps) {
  std::vector<std::unique_ptr<Tool>> out;
  out.push_back(std::make_unique<ReadFile>(deps));
  out.push_back(std::make_unique<ListFiles>(deps));
  out.push_back(std::make_unique<Glob>(deps));
  out.push_back(std::make_unique<Grep>(std::move(deps)));
  return out;
}

}  // namespace orchestration
