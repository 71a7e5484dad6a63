// HOT PATH: what event_json.cpp and message.cpp share to read JSON with simdjson's On-Demand parser.
// Private to nostr/event: the only header that shows simdjson.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <simdjson.h>

#include "nostr/event/event_json.h"

namespace nostr::reader {

namespace ondemand = simdjson::ondemand;

/// What is to be read, and how many readable bytes there are from its start.
struct Padded {
  std::string_view text;
  std::size_t readable = 0;
};

/// A parser with the text it reads from. One per thread: parsing again invalidates what the last
/// document handed out.
class Document {
 public:
  /// This thread's instance.
  static Document& of_this_thread();

  /// Starts on `text`, in place when it has kJsonPadding bytes to spare, from a copy otherwise.
  /// kInvalid when it is over `max_bytes`, not UTF-8, or has no JSON structure.
  base::Result<void> start(Padded text, std::size_t max_bytes);
  /// The root as an object or array; kInvalid otherwise.
  base::Result<ondemand::object> object();
  base::Result<ondemand::array> array();
  /// kInvalid when anything follows the root.
  base::Result<void> finish();

 private:
  ondemand::parser parser_;
  ondemand::document document_;
  std::string copy_;
};

/// Text without spare bytes: it will be copied.
inline Padded unpadded(std::string_view text) { return {text, text.size()}; }
/// A string's own buffer, of which all capacity may be read.
inline Padded with_capacity(const std::string& text) { return {text, text.capacity()}; }

std::unexpected<base::Error> wrong(std::string_view what, std::string_view why);

/// Reads a string. kInvalid naming `what` when it is none or holds an unpaired surrogate.
base::Result<void> read_string(ondemand::value value, std::string_view what, std::string& out);
/// Reads 2·out.size() characters of lower-case hex.
base::Result<void> read_hex(ondemand::value value, std::string_view what, std::span<std::uint8_t> out);
/// Reads an integer from 0 to `max`.
base::Result<std::uint64_t> read_integer(ondemand::value value, std::string_view what, std::uint64_t max);

/// Reads an event that is a member of a larger document.
base::Result<Event> read_event(ondemand::object object, const EventLimits& limits);

}  // namespace nostr::reader
