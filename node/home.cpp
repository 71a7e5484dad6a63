// Files of one actor: where they are, and which of them may be read.
#include "node/home.h"

#include <sys/stat.h>

#include <cstdlib>

#include <fmt/format.h>

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

Home Home::beside(std::string_view name) const {
  return {groups_dir() / name, data_dir / "groups" / name, run_dir / "groups" / name};
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

base::Result<std::string> read_secret_file(const fs::path& path) {
  struct stat info{};
  if (::stat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode) && (info.st_mode & 077) != 0)
    return fail(Errc::kDenied,
                fmt::format("{} holds a secret but others can read it", path.string()),
                fmt::format("chmod 600 {}", path.string()));
  return read_file(path, 65'536);
}

}  // namespace node
