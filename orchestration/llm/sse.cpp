// The SSE line machine: one byte decides at most one thing, so chunk borders do not matter.
#include "orchestration/llm/sse.h"

namespace orchestration {

SseParser::SseParser(std::function<void(std::string_view)> on_data, std::size_t max_event_bytes)
    : on_data_(std::move(on_data)), max_event_bytes_(max_event_bytes) {}

base::Result<void> SseParser::feed(std::string_view bytes) {
  while (!bytes.empty()) {
    if (dead_) return base::fail(base::Errc::kLimit, "event stream was given up");
    if (after_cr_) {
      after_cr_ = false;
      if (bytes.front() == '\n') {
        bytes.remove_prefix(1);
        continue;
      }
    }
    const std::size_t end = bytes.find_first_of("\r\n");
    const std::string_view piece = bytes.substr(0, end);
    if (line_.size() + piece.size() + data_.size() > max_event_bytes_) {
      dead_ = true;
      return base::fail(base::Errc::kLimit,
                        "one event is over " + std::to_string(max_event_bytes_) + " bytes");
    }
    line_ += piece;
    if (end == bytes.npos) return {};
    after_cr_ = bytes[end] == '\r';
    bytes.remove_prefix(end + 1);
    TRY(end_line());
  }
  return {};
}

base::Result<void> SseParser::end_line() {
  std::string line;
  line.swap(line_);
  std::string_view view = line;
  if (first_line_) {
    first_line_ = false;
    if (view.starts_with("\xef\xbb\xbf")) view.remove_prefix(3);
  }
  if (view.empty()) {
    if (!has_data_) return {};
    std::string data;
    data.swap(data_);
    has_data_ = false;
    on_data_(data);
    return {};
  }
  const std::size_t colon = view.find(':');
  if (view.substr(0, colon) != "data") return {};  // a comment, or a field nobody here uses
  std::string_view value = colon == view.npos ? std::string_view{} : view.substr(colon + 1);
  if (value.starts_with(' ')) value.remove_prefix(1);
  if (has_data_) data_ += '\n';
  has_data_ = true;
  data_ += value;
  return {};
}

bool SseParser::mid_event() const {
  return has_data_ || !line_.empty();
}

}  // namespace orchestration
