// Walking a path one component at a time, each opened beneath the last and never through a link.
#include "orchestration/tools/file_tools.h"

#include <cerrno>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

#include "orchestration/envelope.h"

namespace orchestration {
namespace {

using base::Errc;
using base::Result;
using base::Task;
using base::json::Value;

constexpr std::size_t kMaxComponents = 64;

/// A file descriptor that closes itself.
class Fd {
 public:
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Fd() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }

 private:
  int fd_;
};

std::unexpected<base::Error> open_error(const std::string& path, int error) {
  if (error == ENOENT || error == ENOTDIR)
    return base::fail(Errc::kNotFound, path + " does not exist");
  if (error == ELOOP || error == EMLINK)
    return base::fail(Errc::kDenied, path + " goes through a symbolic link",
                      "links are not followed");
  return base::fail(Errc::kIo, path + ": " + std::strerror(error));
}

Result<std::vector<std::string>> components_of(const std::string& path) {
  std::vector<std::string> out;
  std::size_t start = 0;
  if (path.find('\0') != path.npos) return base::fail(Errc::kInvalid, "the path holds a zero byte");
  if (path.starts_with('/'))
    return base::fail(Errc::kDenied, "the path is absolute", "give it relative to the root");
  while (start <= path.size()) {
    const std::size_t end = std::min(path.find('/', start), path.size());
    std::string part = path.substr(start, end - start);
    start = end + 1;
    if (part.empty() || part == ".") continue;
    if (part == "..") return base::fail(Errc::kDenied, "the path leaves the root with \"..\"");
    out.push_back(std::move(part));
    if (out.size() > kMaxComponents)
      return base::fail(Errc::kLimit, "the path is deeper than 64 folders");
  }
  if (out.empty()) return base::fail(Errc::kInvalid, "the path names no file");
  return out;
}

Result<Fd> open_below(const std::string& root, const std::string& path) {
  TRY(const auto parts, components_of(path));
  Fd at(::open(root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!at.valid()) return open_error(root, errno);
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const bool last = i + 1 == parts.size();
    // O_NONBLOCK: opening a pipe must not wait for its other end.
    const int flags = last ? O_RDONLY | O_NONBLOCK | O_NOCTTY : O_PATH | O_DIRECTORY;
    Fd next(::openat(at.get(), parts[i].c_str(), flags | O_NOFOLLOW | O_CLOEXEC));
    if (!next.valid()) {
      const int error = errno;
      struct stat info{};
      const bool link = ::fstatat(at.get(), parts[i].c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0 &&
                        S_ISLNK(info.st_mode);
      return open_error(path, link ? ELOOP : error);
    }
    at = std::move(next);
  }
  struct stat info{};
  if (::fstat(at.get(), &info) != 0) return open_error(path, errno);
  if (!S_ISREG(info.st_mode)) return base::fail(Errc::kDenied, path + " is no regular file");
  return at;
}

std::string_view first_lines(std::string_view text, std::size_t count) {
  std::size_t at = 0;
  for (; count > 0; --count) {
    at = text.find('\n', at);
    if (at == text.npos) return text;
    ++at;
  }
  return text.substr(0, at);
}

class ReadFile final : public Tool {
 public:
  ReadFile(base::Loop& loop, base::Workers& workers, ReadFileOptions options)
      : loop_(loop), workers_(workers), options_(std::move(options)) {
    spec_ = {"read_file",
             "Read a text file below your folder.",
             {{"type", "object"},
              {"properties",
               {{"path",
                 {{"type", "string"},
                  {"minLength", 1},
                  {"maxLength", 4096},
                  {"description", "relative path"}}},
                {"offset",
                 {{"type", "integer"}, {"minimum", 0}, {"description", "first byte to read"}}}}},
              {"required", {"path"}},
              {"additionalProperties", false}}};
  }
  const ToolSpec& spec() const override { return spec_; }
  Capability capability() const override { return Capability::kFile; }
  ActionClass action() const override { return ActionClass::kReadFile; }
  bool is_outward() const override { return false; }
  std::optional<nostr::Kind> sign_kind() const override { return std::nullopt; }
  Task<Result<ActionRequest>> prepare(ToolContext, Value) override {
    co_return base::fail(Errc::kInternal, "read_file does not act");
  }
  Task<Result<std::string>> run(ToolContext, Value params) override {
    const std::string path = base::json::string_or(params, "path");
    const auto offset = static_cast<std::size_t>(base::json::int_or(params, "offset", 0));
    std::function<Result<std::string>()> work = [root = options_.root, path, offset,
                                                 most = options_.max_bytes] {
      return read_below(root, path, offset, most);
    };
    CO_TRY(const std::string text,
           co_await base::offload<Result<std::string>>(loop_, workers_, std::move(work)));
    const std::string_view shown = first_lines(text, options_.max_lines);
    std::string out = enclose({.source = "file", .author = path, .trust = Trust::kKnown}, shown,
                              options_.max_bytes);
    if (shown.size() < text.size() || text.size() == options_.max_bytes)
      out += fmt::format("\nThere may be more: go on at offset {}.", offset + shown.size());
    co_return out;
  }

 private:
  base::Loop& loop_;
  base::Workers& workers_;
  ReadFileOptions options_;
  ToolSpec spec_;
};

}  // namespace

Result<std::string> read_below(const std::string& root, const std::string& path, std::size_t offset,
                               std::size_t max_bytes) {
  TRY(const Fd file, open_below(root, path));
  std::string out(max_bytes, '\0');
  std::size_t filled = 0;
  while (filled < max_bytes) {
    const ssize_t got = ::pread(file.get(), out.data() + filled, max_bytes - filled,
                                static_cast<off_t>(offset + filled));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return open_error(path, errno);
    if (got == 0) break;
    filled += static_cast<std::size_t>(got);
  }
  out.resize(filled);
  if (out.find('\0') != out.npos) return base::fail(Errc::kUnsupported, path + " is no text file");
  return out;
}

std::unique_ptr<Tool> make_read_file(base::Loop& loop, base::Workers& workers,
                                     ReadFileOptions options) {
  return std::make_unique<ReadFile>(loop, workers, std::move(options));
}

}  // namespace orchestration
