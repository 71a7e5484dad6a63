// $HOME first, as everywhere: a person may have set it on purpose.
#include "nostr/base/user.h"

#include <pwd.h>
#include <unistd.h>

#include <array>
#include <cstdlib>

namespace base {

std::string user_home() {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): nothing writes it
  if (const char* home = std::getenv("HOME"); home != nullptr && *home == '/' && home[1] != '\0')
    return home;
  std::array<char, 4'096> text{};
  passwd entry{};
  passwd* found = nullptr;
  if (::getpwuid_r(::getuid(), &entry, text.data(), text.size(), &found) == 0 && found != nullptr &&
      found->pw_dir != nullptr && *found->pw_dir == '/')
    return found->pw_dir;
  return "/nonexistent";
}

}  // namespace base
