// Looks now and then: people type slowly, and the terminal is shared with a shell, so it must not be
// made non-blocking.
#include "node/cli/line_reader.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>

namespace node::cli {
namespace {

constexpr std::size_t kMaxLine = 4'096;
constexpr std::chrono::milliseconds kLookAgain{50};

bool something_is_there() {
  pollfd input{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0};
  return ::poll(&input, 1, 0) == 1;
}

}  // namespace

std::optional<std::string> LineReader::take() {
  const std::size_t end = pending_.find('\n');
  if (end == std::string::npos && pending_.size() < kMaxLine) return std::nullopt;
  std::string line = pending_.substr(0, std::min(end, kMaxLine));
  pending_.erase(0, line.size() + (end == line.size() ? 1 : 0));
  return line;
}

bool LineReader::read() {
  std::array<char, 512> buffer{};
  const ssize_t size = ::read(STDIN_FILENO, buffer.data(), buffer.size());
  if (size > 0) pending_.append(buffer.data(), static_cast<std::size_t>(size));
  return size > 0;
}

base::Task<std::optional<std::string>> LineReader::next() {
  for (;;) {
    if (auto line = take()) co_return line;
    if (!something_is_there()) co_await base::sleep_for(kLookAgain);
    else if (!read()) co_return std::nullopt;
  }
}

}  // namespace node::cli
