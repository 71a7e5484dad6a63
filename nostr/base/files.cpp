// Files: reading with bounds, writing atomically.
#include "nostr/base/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include <fmt/format.h>

namespace base {
namespace {

namespace fs = std::filesystem;

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

Result<void> write_all(int fd, std::string_view text, const fs::path& path) {
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

Result<std::string> read_file(const fs::path& path, std::size_t max_bytes) {
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

Result<void> write_file(const fs::path& path, std::string_view text, unsigned mode) {
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

}  // namespace base
