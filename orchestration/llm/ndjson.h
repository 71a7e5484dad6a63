// Lines of JSON, as Ollama and external agents stream them: bytes in, whole lines out. Sans-IO.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "nostr/base/result.h"

namespace orchestration {

/// Splits a byte stream into lines that end with LF or CRLF; empty ones are skipped.
class LineParser {
 public:
  /// `on_line` gets each line; a view valid during the call.
  explicit LineParser(std::function<void(std::string_view)> on_line, std::size_t max_line_bytes = 4u << 20)
      : on_line_(std::move(on_line)), max_line_bytes_(max_line_bytes) {}

  /// kLimit when a line outgrows the bound; the parser is then dead.
  base::Result<void> feed(std::string_view bytes);
  /// Hands over a last line that nothing ended.
  void finish();

 private:
  void end_line();

  std::function<void(std::string_view)> on_line_;
  std::size_t max_line_bytes_;
  std::string line_;
  bool dead_ = false;
};

}  // namespace orchestration
