// Server-sent events, as chat completion streams use them: bytes in, whole events out. Sans-IO.
// Source: WHATWG HTML "Server-sent events", parsing and interpretation.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "nostr/base/result.h"

namespace orchestration {

/// Splits a byte stream into event data. Lines end with LF, CR or CRLF at any chunk border; comments,
/// blank keep-alives and a leading byte order mark are skipped; several `data:` lines join with LF.
class SseParser {
 public:
  /// `on_data` gets each event's data; a view valid during the call.
  explicit SseParser(std::function<void(std::string_view)> on_data, std::size_t max_event_bytes = 1u << 20);

  /// kLimit when one line or event outgrows the bound; the parser is then dead.
  base::Result<void> feed(std::string_view bytes);
  /// Whether bytes of an unfinished event are pending.
  bool mid_event() const;

 private:
  base::Result<void> end_line();

  std::function<void(std::string_view)> on_data_;
  std::size_t max_event_bytes_;
  std::string line_;
  std::string data_;
  bool has_data_ = false;
  bool after_cr_ = false;
  bool first_line_ = true;
  bool dead_ = false;
};

}  // namespace orchestration
