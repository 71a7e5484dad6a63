// Folders in, bytes out, and back.
#include "orchestration/marketplace/package.h"

#include <algorithm>
#include <filesystem>

#include <fmt/format.h>

#include "nipsa/delivery.h"
#include "nostr/base/number.h"
#include "orchestration/tools/workspace.h"

namespace orchestration {
namespace {

namespace fs = std::filesystem;
using base::Errc;
using base::fail;
using base::Result;
using nipsa::SkillFile;

constexpr std::string_view kSingle = "skill-md";
constexpr std::string_view kBundle = "skill-bundle";
constexpr int kMaxDepth = 4;

std::size_t bytes_of(const std::vector<SkillFile>& files) {
  std::size_t out = 0;
  for (const SkillFile& file : files) out += file.bytes.size() + file.path.size() + 16;
  return out;
}

/// The relative paths of the regular files below `root`.
Result<std::vector<std::string>> list_files(const fs::path& root) {
  std::vector<std::string> out;
  std::error_code error;
  fs::recursive_directory_iterator it(root, error);
  for (; !error && it != fs::recursive_directory_iterator(); it.increment(error)) {
    const std::string path = it->path().lexically_relative(root).string();
    const fs::file_status status = it->symlink_status(error);
    if (error) break;
    if (fs::is_symlink(status)) return fail(Errc::kDenied, path + " is a link");
    if (it->path().filename().string().starts_with('.'))
      return fail(Errc::kDenied, path + " begins with a dot", "keep it outside the skill's folder");
    if (it.depth() > kMaxDepth) return fail(Errc::kLimit, path + " lies too deep");
    if (fs::is_directory(status)) continue;
    if (!fs::is_regular_file(status)) return fail(Errc::kDenied, path + " is no regular file");
    if (out.size() == kMaxSkillFiles) return fail(Errc::kLimit, "over 64 files");
    out.push_back(path);
  }
  if (error) return fail(Errc::kIo, fmt::format("{}: {}", root.string(), error.message()));
  return out;
}

}  // namespace

std::string_view SkillPackage::instructions() const {
  const auto main = std::ranges::find(files, nipsa::kSkillFile, &SkillFile::path);
  const std::string_view text = main->bytes;
  return text.substr(text.find("\n---\n", 3) + 5);
}

std::string_view SkillPackage::content_type() const {
  return nipsa::is_bundle(files) ? kBundle : kSingle;
}

Result<SkillPackage> check_package(std::vector<SkillFile> files) {
  if (files.size() > kMaxSkillFiles) return fail(Errc::kLimit, "over 64 files");
  if (bytes_of(files) > nipsa::kBodyMax) return fail(Errc::kLimit, "the skill is over 1 MiB");
  std::ranges::sort(files, {}, &SkillFile::path);
  SkillPackage out;
  TRY(out.hash, nipsa::skill_hash(files));  // and with it every path
  const auto main = std::ranges::find(files, nipsa::kSkillFile, &SkillFile::path);
  TRY(main->bytes, nipsa::normal_skill_text(main->bytes));
  TRY(out.front, parse_skill_front(main->bytes));
  out.files = std::move(files);
  return out;
}

Result<SkillPackage> read_package(const std::string& dir) {
  std::error_code error;
  const fs::path root = fs::canonical(dir, error);
  if (error) return fail(Errc::kNotFound, fmt::format("{}: {}", dir, error.message()));
  TRY(const std::vector<std::string> paths, list_files(root));
  // What was listed may have become a link since: files are opened beneath the folder only.
  TRY(const auto folder, Workspace::open(root.string()));
  std::vector<SkillFile> files;
  std::size_t left = nipsa::kBodyMax;
  for (const std::string& path : paths) {
    TRY(std::string bytes, folder->read_all(path, left));
    left -= bytes.size();
    files.push_back({path, std::move(bytes)});
  }
  TRY(SkillPackage out, check_package(std::move(files)));
  if (out.front.name != root.filename().string())
    return fail(Errc::kInvalid, fmt::format("the folder {} holds a skill called {}",
                                            root.filename().string(), out.front.name),
                "folder and name are the same");
  return out;
}

std::string pack(const SkillPackage& package) {
  if (!nipsa::is_bundle(package.files)) return package.files.front().bytes;
  std::string out;
  for (const SkillFile& file : package.files)
    out += fmt::format("{} {}\n", file.bytes.size(), file.path) + file.bytes;
  return out;
}

Result<SkillPackage> unpack(std::string_view bytes, std::string_view content_type) {
  if (bytes.size() > nipsa::kBodyMax) return fail(Errc::kLimit, "the skill is over 1 MiB");
  if (content_type == kSingle)
    return check_package({{std::string(nipsa::kSkillFile), std::string(bytes)}});
  if (content_type != kBundle)
    return fail(Errc::kUnsupported, "the skill is of a type this program does not know");
  std::vector<SkillFile> files;
  while (!bytes.empty()) {
    const auto space = bytes.find(' ');
    const auto line = bytes.find('\n');
    if (space == bytes.npos || line == bytes.npos || space > line || files.size() == kMaxSkillFiles)
      return fail(Errc::kInvalid, "the skill's files cannot be read");
    const auto size = base::parse_number<std::size_t>(bytes.substr(0, space));
    if (!size || *size > bytes.size() - line - 1)
      return fail(Errc::kInvalid, "the skill's files cannot be read");
    files.push_back({std::string(bytes.substr(space + 1, line - space - 1)),
                     std::string(bytes.substr(line + 1, *size))});
    bytes.remove_prefix(line + 1 + *size);
  }
  return check_package(std::move(files));
}

}  // namespace orchestration
