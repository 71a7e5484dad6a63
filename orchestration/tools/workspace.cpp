// openat2 with RESOLVE_BENEATH and RESOLVE_NO_SYMLINKS: the kernel keeps the promise, not a string check.
#include "orchestration/tools/workspace.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <fmt/format.h>

#include "nostr/base/utf8.h"

namespace orchestration {
namespace {

using base::Errc;
using base::fail;
using base::Result;

constexpr std::size_t kMaxComponents = 64;
constexpr std::size_t kMaxPath = 4096;

std::unexpected<base::Error> open_error(const std::string& path, int error) {
  if (error == ENOENT || error == ENOTDIR) return fail(Errc::kNotFound, path + " does not exist");
  if (error == ELOOP)
    return fail(Errc::kDenied, path + " goes through a symbolic link", "links are not followed");
  if (error == EXDEV) return fail(Errc::kDenied, path + " leaves the folder");
  if (error == ENOSYS) return fail(Errc::kUnsupported, "this kernel has no openat2", "use Linux 5.6 or newer");
  if (error == EISDIR) return fail(Errc::kDenied, path + " is a folder");
  return fail(Errc::kIo, path + ": " + std::strerror(error));
}

Fd open_in(const Fd& folder, const std::string& path, int flags, mode_t mode = 0) {
  open_how how{};
  how.flags = static_cast<std::uint64_t>(flags | O_CLOEXEC);
  how.mode = mode;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  return Fd(static_cast<int>(::syscall(SYS_openat2, folder.get(), path.c_str(), &how, sizeof how)));
}

bool is_below_git(const std::string& path) {
  return path == ".git" || path.starts_with(".git/") || path.contains("/.git/") || path.ends_with("/.git");
}

std::pair<std::string, std::string> split(const std::string& path) {
  const auto slash = path.rfind('/');
  if (slash == path.npos) return {".", path};
  return {path.substr(0, slash), path.substr(slash + 1)};
}

Result<std::string> read_from(const Fd& file, const std::string& path, std::uint64_t offset,
                              std::size_t max_bytes) {
  std::string out;
  std::array<char, 65'536> buffer{};
  while (out.size() < max_bytes) {
    const std::size_t wanted = std::min(buffer.size(), max_bytes - out.size());
    const ssize_t got = ::pread(file.get(), buffer.data(), wanted, static_cast<off_t>(offset + out.size()));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail(Errc::kIo, path + ": " + std::strerror(errno));
    if (got == 0) break;
    out.append(buffer.data(), static_cast<std::size_t>(got));
  }
  return out;
}

Result<void> write_to(const Fd& file, const std::string& path, const std::string& content) {
  for (std::size_t done = 0; done < content.size();) {
    const ssize_t put = ::write(file.get(), content.data() + done, content.size() - done);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return fail(Errc::kIo, path + ": " + std::strerror(errno));
    done += static_cast<std::size_t>(put);
  }
  if (::fsync(file.get()) != 0) return fail(Errc::kIo, path + ": " + std::strerror(errno));
  return {};
}

struct CloseDir {
  void operator()(DIR* dir) const { ::closedir(dir); }
};
using Dir = std::unique_ptr<DIR, CloseDir>;

}  // namespace

Result<std::shared_ptr<Workspace>> Workspace::open(std::string root) {
  while (root.size() > 1 && root.ends_with('/')) root.pop_back();
  Fd folder(::open(root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!folder.valid()) return open_error(root, errno);
  if (!open_in(folder, ".", O_PATH | O_DIRECTORY).valid()) return open_error(root, errno);
  return std::shared_ptr<Workspace>(new Workspace(std::move(root), std::move(folder)));
}

Result<std::string> Workspace::relative(const std::string& path) const {
  if (path.contains('\0')) return fail(Errc::kInvalid, "the path holds a zero byte");
  if (path.size() > kMaxPath) return fail(Errc::kLimit, "the path is longer than 4096 bytes");
  std::string rest = path;
  if (rest == root_) return std::string(".");
  if (rest.starts_with(root_ + "/")) rest.erase(0, root_.size() + 1);
  if (rest.starts_with('/'))
    return fail(Errc::kDenied, "the path is outside the folder", "give it relative to the folder");
  std::string out;
  std::size_t count = 0;
  for (std::size_t start = 0; start <= rest.size();) {
    const std::size_t end = std::min(rest.find('/', start), rest.size());
    const std::string part = rest.substr(start, end - start);
    start = end + 1;
    if (part.empty() || part == ".") continue;
    if (part == "..") return fail(Errc::kDenied, "the path leaves the folder with \"..\"");
    if (++count > kMaxComponents) return fail(Errc::kLimit, "the path is deeper than 64 folders");
    out += out.empty() ? part : "/" + part;
  }
  return out.empty() ? "." : out;
}

Result<Fd> Workspace::open_beneath(const std::string& path, int flags) const {
  TRY(const std::string below, relative(path));
  Fd fd = open_in(folder_, below, flags);
  if (!fd.valid()) return open_error(path, errno);
  return fd;
}

Result<Fd> Workspace::open_file(const std::string& path) const {
  // O_NONBLOCK: opening a pipe must not wait for its other end.
  TRY(Fd fd, open_beneath(path, O_RDONLY | O_NONBLOCK | O_NOCTTY));
  struct stat info{};
  if (::fstat(fd.get(), &info) != 0) return open_error(path, errno);
  if (!S_ISREG(info.st_mode)) return fail(Errc::kDenied, path + " is no regular file");
  return fd;
}

Result<std::string> Workspace::read(const std::string& path, std::uint64_t offset,
                                    std::size_t max_bytes) const {
  if (path.empty()) return fail(Errc::kInvalid, "the path names no file");
  TRY(const Fd file, open_file(path));
  TRY(std::string text, read_from(file, path, offset, max_bytes));
  if (!is_text(text)) return fail(Errc::kUnsupported, path + " is not text");
  return text;
}

Result<std::string> Workspace::read_all(const std::string& path, std::size_t max_bytes) const {
  TRY(const Fd file, open_file(path));
  TRY(std::string content, read_from(file, path, 0, max_bytes + 1));
  if (content.size() > max_bytes)
    return fail(Errc::kLimit, fmt::format("{} is larger than {} bytes", path, max_bytes));
  return content;
}

Result<Fd> Workspace::make_parent(const std::string& path) const {
  const std::string parent = split(path).first;
  for (std::size_t end = parent.find('/'); parent != "."; end = parent.find('/', end + 1)) {
    const std::string folder = parent.substr(0, end);
    Fd above = open_in(folder_, split(folder).first, O_PATH | O_DIRECTORY);
    if (!above.valid()) return open_error(path, errno);
    if (::mkdirat(above.get(), split(folder).second.c_str(), 0755) != 0 && errno != EEXIST)
      return open_error(folder, errno);
    if (end == parent.npos) break;
  }
  return open_beneath(parent, O_PATH | O_DIRECTORY);
}

Result<void> Workspace::write(const std::string& path, const std::string& content) const {
  TRY(const std::string below, relative(path));
  if (below == "." || path.ends_with('/')) return fail(Errc::kInvalid, "the path names no file");
  if (is_below_git(below)) return fail(Errc::kDenied, below + " belongs to git");
  TRY(const Fd parent, make_parent(below));
  const std::string name = split(below).second;
  struct stat info{};
  mode_t mode = 0644;
  if (::fstatat(parent.get(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0) {
    if (S_ISLNK(info.st_mode)) return open_error(path, ELOOP);
    if (!S_ISREG(info.st_mode)) return fail(Errc::kDenied, path + " is no regular file");
    mode = info.st_mode & 0777;
  }
  const std::string draft = fmt::format(".{}.{}.new", name.substr(0, 200), ::getpid());
  ::unlinkat(parent.get(), draft.c_str(), 0);
  const Fd file = open_in(parent, draft, O_WRONLY | O_CREAT | O_EXCL, 0600);
  if (!file.valid()) return open_error(path, errno);
  auto written = write_to(file, path, content);
  if (written && ::fchmod(file.get(), mode) != 0) written = fail(Errc::kIo, path + ": " + std::strerror(errno));
  if (written && ::renameat(parent.get(), draft.c_str(), parent.get(), name.c_str()) != 0)
    written = fail(Errc::kIo, path + ": " + std::strerror(errno));
  if (!written) ::unlinkat(parent.get(), draft.c_str(), 0);
  return written;
}

Result<void> Workspace::remove(const std::string& path) const {
  TRY(const std::string below, relative(path));
  if (is_below_git(below)) return fail(Errc::kDenied, below + " belongs to git");
  TRY(const Fd kept, open_file(below));  // a regular file, and no link on the way
  TRY(const Fd parent, open_beneath(split(below).first, O_PATH | O_DIRECTORY));
  if (::unlinkat(parent.get(), split(below).second.c_str(), 0) != 0) return open_error(path, errno);
  return {};
}

Result<std::pair<std::vector<FolderEntry>, bool>> Workspace::list(const std::string& path,
                                                                  std::size_t most) const {
  TRY(const std::string below, relative(path));
  TRY(Fd fd, open_beneath(below, O_RDONLY | O_DIRECTORY));
  const Dir dir(::fdopendir(fd.get()));
  if (!dir) return open_error(path, errno);
  fd.release();
  std::vector<FolderEntry> out;
  bool more = false;
  while (const dirent* entry = ::readdir(dir.get())) {  // NOLINT(concurrency-mt-unsafe): own stream
    const std::string name = entry->d_name;
    if (name == "." || name == "..") continue;
    if (out.size() >= most) {
      more = true;
      break;
    }
    struct stat info{};
    if (::fstatat(::dirfd(dir.get()), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) continue;
    if (!S_ISREG(info.st_mode) && !S_ISDIR(info.st_mode)) continue;
    out.push_back({.path = below == "." ? name : below + "/" + name,
                   .is_folder = S_ISDIR(info.st_mode),
                   .size = static_cast<std::uint64_t>(info.st_size)});
  }
  std::sort(out.begin(), out.end(),
            [](const FolderEntry& a, const FolderEntry& b) { return a.path < b.path; });
  return std::pair{std::move(out), more};
}

Result<void> Workspace::walk(const std::string& path, WalkLimits limits,
                             const std::function<bool(const FolderEntry&)>& visit) const {
  TRY(const std::string below, relative(path));
  std::size_t entries = 0;
  bool go_on = true;
  if (auto file = open_file(below)) {
    struct stat info{};
    if (::fstat(file->get(), &info) == 0)
      visit({.path = below, .size = static_cast<std::uint64_t>(info.st_size)});
    return {};
  }
  return walk_folder(below, 0, entries, limits, go_on, visit);
}

Result<void> Workspace::walk_folder(const std::string& path, std::size_t depth, std::size_t& entries,
                                    const WalkLimits& limits, bool& go_on,
                                    const std::function<bool(const FolderEntry&)>& visit) const {
  if (depth > limits.max_depth)
    return fail(Errc::kLimit, fmt::format("folders lie deeper than {}", limits.max_depth));
  TRY(const auto listed, list(path, limits.max_entries));
  for (const FolderEntry& entry : listed.first) {
    if (!go_on) return {};
    if (++entries > limits.max_entries)
      return fail(Errc::kLimit, fmt::format("there are more than {} entries", limits.max_entries));
    if (std::chrono::steady_clock::now() > limits.deadline)
      return fail(Errc::kLimit, "the time for looking is over");
    if (!entry.is_folder) {
      go_on = visit(entry);
    } else if (!is_below_git(entry.path)) {
      TRY(walk_folder(entry.path, depth + 1, entries, limits, go_on, visit));
    }
  }
  return {};
}

void Workspace::remember(const std::string& path, const std::string& content) {
  if (auto below = relative(path)) seen_.insert_or_assign(*below, nostr::sha256(content));
}

Result<void> Workspace::check_unchanged(const std::string& path, const std::string& content) const {
  TRY(const std::string below, relative(path));
  const auto found = seen_.find(below);
  if (found == seen_.end())
    return fail(Errc::kConflict, below + " exists and was not read", "read it before you replace it");
  if (found->second != nostr::sha256(content))
    return fail(Errc::kConflict, below + " has changed since it was read", "read it again");
  return {};
}

bool is_text(std::string_view content) {
  if (content.contains('\0')) return false;
  // The first and the last character may be cut.
  for (std::size_t cut = 0; cut < 4 && cut <= content.size(); ++cut)
    for (std::size_t skip = 0; skip < 4 && skip + cut <= content.size(); ++skip)
      if (base::is_utf8(content.substr(skip, content.size() - skip - cut))) return true;
  return false;
}

}  // namespace orchestration
