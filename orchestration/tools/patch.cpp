// A diff is lines; so is a file.
#include "orchestration/tools/patch.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

namespace orchestration {
namespace {

using base::Errc;
using base::fail;
using base::Result;

constexpr std::size_t kMaxPatch = 1u << 20;
constexpr std::size_t kMaxFiles = 64;

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> out;
  for (std::size_t start = 0; start < text.size();) {
    const std::size_t end = std::min(text.find('\n', start), text.size());
    out.emplace_back(text.substr(start, end - start));
    start = end + 1;
  }
  return out;
}

/// "a/src/x.h\t2024…" is src/x.h; /dev/null stays.
std::string path_of(std::string_view header) {
  header.remove_prefix(4);
  header = header.substr(0, header.find('\t'));
  while (header.ends_with(' ') || header.ends_with('\r')) header.remove_suffix(1);
  if (header.starts_with("a/") || header.starts_with("b/")) header.remove_prefix(2);
  return std::string(header);
}

/// The old line number of "@@ -12,3 +12,4 @@"; 0 for a bare "@@".
std::size_t hunk_line(std::string_view header) {
  const auto at = header.find('-');
  std::size_t line = 0;
  if (at != header.npos) std::from_chars(header.data() + at + 1, header.data() + header.size(), line);
  return line;
}

/// The old side of a hunk: what must stand in the file.
std::vector<std::string> old_side(const PatchHunk& hunk) {
  std::vector<std::string> out;
  for (const PatchLine& line : hunk.lines)
    if (line.kind != PatchLine::Kind::kAdd) out.push_back(line.text);
  return out;
}

bool stands_at(const std::vector<std::string>& file, const std::vector<std::string>& wanted, std::size_t at) {
  return at + wanted.size() <= file.size() &&
         std::equal(wanted.begin(), wanted.end(), file.begin() + static_cast<std::ptrdiff_t>(at));
}

/// Where the hunk fits, from line `from` on.
Result<std::size_t> place_of(const std::vector<std::string>& file, const std::vector<std::string>& wanted,
                             std::size_t line, std::size_t from) {
  if (wanted.empty()) return std::clamp(line, from, file.size());
  if (line > 0 && line - 1 >= from && stands_at(file, wanted, line - 1)) return line - 1;
  std::optional<std::size_t> found;
  for (std::size_t at = from; at + wanted.size() <= file.size(); ++at) {
    if (!stands_at(file, wanted, at)) continue;
    if (found) return fail(Errc::kConflict, "fits in several places", "give more lines of context");
    found = at;
  }
  if (!found) return fail(Errc::kConflict, "fits nowhere", "read the file again");
  return *found;
}

class Reader {
 public:
  Result<std::vector<FilePatch>> read(std::string_view text) {
    for (const std::string& line : lines_of(text)) {
      ++number_;
      TRY(take(line));
    }
    if (out_.empty()) return fail(Errc::kInvalid, "the patch names no file", "begin with --- and +++ lines");
    for (const FilePatch& patch : out_)
      if (patch.hunks.empty() && !patch.removes)
        return fail(Errc::kInvalid, "the patch of " + patch.path + " has no @@ hunk");
    return std::move(out_);
  }

 private:
  Result<void> take(const std::string& line) {
    if (line.starts_with("--- ") && !inside_hunk()) {
      old_path_ = path_of(line);
      return {};
    }
    if (line.starts_with("+++ ") && !inside_hunk()) return begin_file(path_of(line));
    if (line.starts_with("@@")) {
      if (out_.empty() || old_path_.empty()) return misfit("stands before --- and +++");
      out_.back().hunks.push_back({.line = hunk_line(line)});
      count_sizes(line);
      return {};
    }
    if (out_.empty() || out_.back().hunks.empty() || line.starts_with("\\")) return {};
    if (line.starts_with("diff ") || line.starts_with("index ")) return {};
    const char mark = line.empty() ? ' ' : line[0];
    if (mark != ' ' && mark != '+' && mark != '-') return misfit("begins with neither space, + nor -");
    const auto kind = mark == '+'   ? PatchLine::Kind::kAdd
                      : mark == '-' ? PatchLine::Kind::kRemove
                                    : PatchLine::Kind::kKeep;
    if (kind != PatchLine::Kind::kAdd && old_left_ > 0) --old_left_;
    if (kind != PatchLine::Kind::kRemove && new_left_ > 0) --new_left_;
    out_.back().hunks.back().lines.push_back({kind, line.empty() ? "" : line.substr(1)});
    return {};
  }

  Result<void> begin_file(std::string path) {
    if (old_path_.empty()) return misfit("has no --- before it");
    if (out_.size() >= kMaxFiles) return fail(Errc::kLimit, "the patch names more than 64 files");
    FilePatch patch{.path = path};
    patch.creates = old_path_ == "/dev/null";
    patch.removes = path == "/dev/null";
    if (patch.removes) patch.path = old_path_;
    if (patch.creates && patch.removes) return misfit("names no file");
    out_.push_back(std::move(patch));
    return {};
  }

  /// A removed line "-- x" looks like a header; the sizes tell where the hunk really ends.
  bool inside_hunk() const { return old_left_ > 0 || new_left_ > 0; }
  void count_sizes(std::string_view header) {
    const auto size_after = [&](char mark) -> std::size_t {
      const auto at = header.find(mark, 2);
      if (at == header.npos) return 0;
      const auto end = header.find(' ', at);
      const auto comma = header.find(',', at);
      std::size_t size = 1;
      if (comma != header.npos && comma < end)
        std::from_chars(header.data() + comma + 1, header.data() + header.size(), size);
      return size;
    };
    old_left_ = size_after('-');
    new_left_ = size_after('+');
  }

  base::Result<void> misfit(const std::string& why) const {
    return fail(Errc::kInvalid, fmt::format("line {} of the patch {}", number_, why));
  }

  std::vector<FilePatch> out_;
  std::string old_path_;
  std::size_t number_ = 0, old_left_ = 0, new_left_ = 0;
};

}  // namespace

Result<std::vector<FilePatch>> parse_patch(std::string_view text) {
  if (text.size() > kMaxPatch) return fail(Errc::kLimit, "the patch is larger than 1 MiB");
  return Reader().read(text);
}

Result<std::string> apply_patch(const std::string& content, const FilePatch& patch) {
  std::vector<std::string> file = lines_of(content);
  std::size_t from = 0;
  std::ptrdiff_t shift = 0;
  for (std::size_t i = 0; i < patch.hunks.size(); ++i) {
    const PatchHunk& hunk = patch.hunks[i];
    const std::vector<std::string> wanted = old_side(hunk);
    const auto line = hunk.line == 0 ? 0 : static_cast<std::size_t>(std::max<std::ptrdiff_t>(
                                               0, static_cast<std::ptrdiff_t>(hunk.line) + shift));
    auto at = place_of(file, wanted, line, from);
    if (!at)
      return std::unexpected(
          base::in_context(fmt::format("hunk {} of {}", i + 1, patch.path), std::move(at).error()));
    std::vector<std::string> replacement;
    for (const PatchLine& one : hunk.lines)
      if (one.kind != PatchLine::Kind::kRemove) replacement.push_back(one.text);
    const auto place = file.begin() + static_cast<std::ptrdiff_t>(*at);
    file.erase(place, place + static_cast<std::ptrdiff_t>(wanted.size()));
    file.insert(file.begin() + static_cast<std::ptrdiff_t>(*at), replacement.begin(), replacement.end());
    from = *at + replacement.size();
    shift += static_cast<std::ptrdiff_t>(replacement.size()) - static_cast<std::ptrdiff_t>(wanted.size());
  }
  std::string out = fmt::format("{}", fmt::join(file, "\n"));
  const bool ends = content.empty() || content.ends_with('\n');
  if (ends && !file.empty()) out += '\n';
  return out;
}

}  // namespace orchestration
