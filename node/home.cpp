// Files of one actor: locating, reading with bounds, writing atomically.
#include "node/home.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include <fmt/format.h>

#include "nostr/base/bytes.h"
#include "nostr/base/user.h"

namespace node {
namespace {

using base::Errc;
using base::fail;
namespace fs = std::filesystem;

fs::path from_environment(const char* variable, const fs::path& fallback) {
  // Read once at start, before any thread exists.
  const char* value = std::getenv(variable);  // NOLINT(concurrency-mt-unsafe)
  return value && *value ? fs::path(value) : fallback;
}

std::string errno_text() {
  return std::error_code(errno, std::generic_category()).message();
}

/// A file descriptor that closes itself.
class Fd {
 public:
  explicit Fd(int fd) : fd_(fd) {}
  ~Fd() {
    if (fd_ >= 0) ::close(fd_);
  }
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

base::Result<void> write_all(int fd, std::string_view text, const fs::path& path) {
  while (!text.empty()) {
    const ssize_t n = ::write(fd, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0)
      return fail(Errc::kIo, fmt::format("cannot write {}: {}", path.string(), errno_text()));
    text.remove_prefix(static_cast<std::size_t>(n));
  }
  return {};
}

}  // namespace

Home Home::locate(const std::string& override_dir) {
  const std::string dir =
      override_dir.empty() ? from_environment("SOVEREIGN_HOME", "").string() : override_dir;
  if (!dir.empty()) {
    const fs::path all = fs::absolute(dir);
    return {all, all, all};
  }
  const fs::path user = base::user_home();
  const fs::path data = from_environment("XDG_DATA_HOME", user / ".local/share") / "sovereign";
  return {from_environment("XDG_CONFIG_HOME", user / ".config") / "sovereign", data,
          from_environment("XDG_RUNTIME_DIR", data / "run") / "sovereign"};
}

base::Result<void> Home::ensure() const {
  for (const fs::path& dir : {config_dir, data_dir, run_dir}) {
    std::error_code error;
    const bool created = fs::create_directories(dir, error);
    if (error)
      return fail(Errc::kIo, fmt::format("cannot create {}: {}", dir.string(), error.message()));
    if (created) fs::permissions(dir, fs::perms::owner_all, error);
  }
  return {};
}

base::Result<std::string> read_file(const fs::path& path, std::size_t max_bytes) {
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (fd.get() < 0)
    return fail(errno == ENOENT ? Errc::kNotFound : Errc::kIo,
                fmt::format("cannot read {}: {}", path.string(), errno_text()));
  std::string text;
  std::array<char, 16'384> chunk;
  for (;;) {
    const ssize_t n = ::read(fd.get(), chunk.data(), chunk.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0)
      return fail(Errc::kIo, fmt::format("cannot read {}: {}", path.string(), errno_text()));
    if (n == 0) return text;
    text.append(chunk.data(), static_cast<std::size_t>(n));
    if (text.size() > max_bytes)
      return fail(Errc::kLimit, fmt::format("{} is over {} bytes", path.string(), max_bytes));
  }
}

base::Result<void> write_file(const fs::path& path, std::string_view text, unsigned mode) {
  fs::path temporary = path;
  temporary += ".new";
  {
    const Fd fd(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode));
    if (fd.get() < 0)
      return fail(Errc::kIo, fmt::format("cannot write {}: {}", path.string(), errno_text()));
    ::fchmod(fd.get(), mode);
    TRY(write_all(fd.get(), text, path));
    if (::fsync(fd.get()) != 0)
      return fail(Errc::kIo, fmt::format("cannot sync {}: {}", path.string(), errno_text()));
  }
  std::error_code error;
  fs::rename(temporary, path, error);
  if (error)
    return fail(Errc::kIo, fmt::format("cannot replace {}: {}", path.string(), error.message()));
  return {};
}

base::Result<std::string> read_secret_file(const fs::path& path) {
  struct stat info{};
  if (::stat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode) && (info.st_mode & 077) != 0)
    return fail(Errc::kDenied,
                fmt::format("{} holds a secret but others can read it", path.string()),
                fmt::format("chmod 600 {}", path.string()));
  return read_file(path, 65'536);
}

}  // namespace node
