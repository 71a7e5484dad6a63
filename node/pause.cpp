// A file that is there or not.
#include "node/pause.h"

#include <system_error>

namespace node {
namespace {

constexpr std::size_t kMaxReason = 500;

}  // namespace

std::optional<std::string> PauseSwitch::reason() const {
  std::error_code error;
  const bool there = std::filesystem::exists(file_, error);
  // What cannot be looked at is taken for a pause: stopping is the safe side.
  if (!there && !error) return std::nullopt;
  auto text = read_file(file_);
  if (!text || text->empty()) return "no reason given";
  text->resize(std::min(text->size(), kMaxReason));
  while (!text->empty() && text->back() == '\n') text->pop_back();
  return *std::move(text);
}

base::Result<void> PauseSwitch::pause(const std::string& reason) const {
  return write_file(file_, reason + "\n", 0600);
}

base::Result<void> PauseSwitch::resume() const {
  std::error_code error;
  std::filesystem::remove(file_, error);
  if (error) return base::fail(base::Errc::kIo, file_.string() + ": " + error.message());
  return {};
}

}  // namespace node
