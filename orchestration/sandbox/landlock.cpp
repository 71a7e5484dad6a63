// The system calls by number: the C library has no wrappers. Constants that this machine's headers may
// be too old for are written out.
#include "orchestration/sandbox/landlock.h"

#include <cerrno>
#include <cstdint>
#include <cstring>

#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace orchestration {
namespace {

using base::Errc;

/// struct landlock_ruleset_attr of version 6.
struct RulesetAttributes {
  std::uint64_t files = 0;
  std::uint64_t net = 0;
  std::uint64_t scoped = 0;
};

constexpr std::uint64_t kExecute = 1u << 0, kWriteFile = 1u << 1, kReadFile = 1u << 2, kReadDir = 1u << 3;
constexpr std::uint64_t kAllOfVersion1 = (1u << 13) - 1;
constexpr std::uint64_t kRefer = 1u << 13, kTruncate = 1u << 14, kDeviceControl = 1u << 15;
constexpr std::uint64_t kBindAndConnect = 3;
constexpr std::uint64_t kScopeSocketsAndSignals = 3;

std::uint64_t file_rights(int version) {
  std::uint64_t out = kAllOfVersion1;
  if (version >= 2) out |= kRefer;
  if (version >= 3) out |= kTruncate;
  if (version >= 5) out |= kDeviceControl;
  return out;
}

base::Result<void> allow(const Fd& ruleset, const std::string& path, std::uint64_t rights) {
  const Fd place(::open(path.c_str(), O_PATH | O_CLOEXEC));
  if (!place.valid()) {
    if (errno == ENOENT) return {};
    return base::fail(Errc::kIo, path + ": " + std::strerror(errno));
  }
  struct stat info{};
  if (::fstat(place.get(), &info) != 0) return base::fail(Errc::kIo, path + ": " + std::strerror(errno));
  const std::uint64_t of_files = kExecute | kWriteFile | kReadFile | kTruncate | kDeviceControl;
  const landlock_path_beneath_attr rule{S_ISDIR(info.st_mode) ? rights : rights & of_files, place.get()};
  if (::syscall(SYS_landlock_add_rule, ruleset.get(), LANDLOCK_RULE_PATH_BENEATH, &rule, 0) != 0)
    return base::fail(Errc::kIo, "landlock rule for " + path + ": " + std::strerror(errno));
  return {};
}

}  // namespace

int landlock_version() {
  const long version =
      ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
  return version > 0 ? static_cast<int>(version) : 0;
}

base::Result<Fd> landlock_ruleset(const LandlockRules& rules) {
  const int version = landlock_version();
  if (version == 0) return base::fail(Errc::kUnsupported, "this kernel has no Landlock");
  const std::uint64_t rights = file_rights(version);
  RulesetAttributes attributes{.files = rights};
  std::size_t size = sizeof attributes.files;
  if (version >= 4) {
    attributes.net = kBindAndConnect;
    size += sizeof attributes.net;
  }
  if (version >= 6) {
    attributes.scoped = kScopeSocketsAndSignals;
    size += sizeof attributes.scoped;
  }
  Fd ruleset(static_cast<int>(::syscall(SYS_landlock_create_ruleset, &attributes, size, 0)));
  if (!ruleset.valid())
    return base::fail(Errc::kIo, std::string("landlock ruleset: ") + std::strerror(errno));
  for (const std::string& path : rules.read) TRY(allow(ruleset, path, kExecute | kReadFile | kReadDir));
  for (const std::string& path : rules.write) TRY(allow(ruleset, path, rights));
  return ruleset;
}

}  // namespace orchestration
