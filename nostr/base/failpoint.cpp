// The counter behind FAILPOINT; compiled to nothing where SOVEREIGN_FAILPOINTS is not defined.
#include "nostr/base/failpoint.h"

#ifdef SOVEREIGN_FAILPOINTS

#include <atomic>
#include <charconv>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <string_view>

namespace base {

void pass_failpoint(const char* name) {
  // The environment is read at every pass: a forked test child sets it after main() began.
  const char* setting = std::getenv("SOVEREIGN_FAILPOINT");  // NOLINT(concurrency-mt-unsafe)
  if (setting == nullptr || *setting == '\0') return;
  const std::string_view text = setting;
  const std::size_t colon = text.rfind(':');
  if (text.substr(0, colon) != name) return;
  int wanted = 1;
  if (colon != std::string_view::npos) {
    const std::string_view digits = text.substr(colon + 1);
    std::from_chars(digits.data(), digits.data() + digits.size(), wanted);
  }
  // One failpoint is armed per process, so one counter serves.
  static std::atomic<int> passes{0};
  if (passes.fetch_add(1) + 1 == wanted) std::raise(SIGKILL);
}

namespace {

std::atomic<std::int64_t>& ahead() {
  static std::atomic<std::int64_t> seconds = [] {
    const char* setting = std::getenv("SOVEREIGN_CLOCK_AHEAD");  // NOLINT(concurrency-mt-unsafe)
    return setting ? std::strtoll(setting, nullptr, 10) : 0;
  }();
  return seconds;
}

}  // namespace

std::chrono::seconds clock_ahead() { return std::chrono::seconds{ahead().load()}; }

void set_clock_ahead(std::chrono::seconds seconds) { ahead() = seconds.count(); }

}  // namespace base

#endif
