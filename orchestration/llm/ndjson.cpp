// Splitting at line feeds.
#include "orchestration/llm/ndjson.h"

namespace orchestration {

base::Result<void> LineParser::feed(std::string_view bytes) {
  while (!bytes.empty()) {
    if (dead_) return base::fail(base::Errc::kLimit, "the lines were given up");
    const std::size_t end = bytes.find('\n');
    const std::string_view piece = bytes.substr(0, end);
    if (line_.size() + piece.size() > max_line_bytes_) {
      dead_ = true;
      return base::fail(base::Errc::kLimit, "one line is over " + std::to_string(max_line_bytes_) + " bytes");
    }
    line_ += piece;
    if (end == bytes.npos) return {};
    bytes.remove_prefix(end + 1);
    end_line();
  }
  return {};
}

void LineParser::finish() {
  if (!dead_) end_line();
}

void LineParser::end_line() {
  std::string line;
  line.swap(line_);
  if (line.ends_with('\r')) line.pop_back();
  if (!line.empty()) on_line_(line);
}

}  // namespace orchestration
