// Log lines on stderr, one write each, and the escaping that keeps strangers' text harmless.
#include "nostr/base/log.h"

#include <array>
#include <atomic>
#include <cstdio>
#include <iterator>
#include <mutex>

#include <fmt/format.h>

#include "nostr/base/clock.h"

namespace base {
namespace {

std::atomic<LogLevel>& current_level() {
  static std::atomic<LogLevel> level = LogLevel::kInfo;
  return level;
}

std::string_view level_name(LogLevel level) {
  switch (level) {
    case LogLevel::kError: return "error";
    case LogLevel::kWarn: return "warn";
    case LogLevel::kInfo: return "info";
    case LogLevel::kDebug: return "debug";
  }
  return "info";
}

struct Decoded {
  char32_t code = 0;
  std::size_t length = 0;  ///< 0 when the bytes are not UTF-8
};

/// One code point at the front of `text`; overlong forms and surrogates are not UTF-8.
Decoded decode_utf8(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
  const std::uint8_t lead = byte(0);
  if (lead < 0x80) return {lead, 1};
  const std::size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || text.size() < length) return {};
  char32_t code = lead & (0x7fU >> length);
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return {};
    code = (code << 6) | (byte(i) & 0x3f);
  }
  constexpr std::array<char32_t, 5> kLeast = {0, 0, 0x80, 0x800, 0x10000};
  if (code < kLeast[length] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) return {};
  return {code, length};
}

/// Whether a terminal would act on `code` or show nothing for it: controls, line separators,
/// direction overrides and isolates, zero-width characters and invisible tags.
bool is_deceptive(char32_t code) {
  struct Range { char32_t first, last; };
  static constexpr std::array kRanges = {
      Range{0x00, 0x1f},     Range{0x7f, 0x9f},     Range{0xad, 0xad},     Range{0x34f, 0x34f},
      Range{0x61c, 0x61c},   Range{0x180e, 0x180e}, Range{0x200b, 0x200f}, Range{0x2028, 0x202e},
      Range{0x2060, 0x206f}, Range{0xfeff, 0xfeff}, Range{0xfff9, 0xfffb}, Range{0xe0000, 0xe007f},
  };
  for (const Range& range : kRanges)
    if (code >= range.first && code <= range.last) return true;
  return false;
}

void append_escaped(char32_t code, std::string& out) {
  const auto value = static_cast<std::uint32_t>(code);
  if (code == '\n') out += "\\n";
  else if (code == '\r') out += "\\r";
  else if (code == '\t') out += "\\t";
  else if (code < 0x100) fmt::format_to(std::back_inserter(out), "\\x{:02x}", value);
  else if (code < 0x10000) fmt::format_to(std::back_inserter(out), "\\u{:04x}", value);
  else fmt::format_to(std::back_inserter(out), "\\U{:08x}", value);
}

/// A value is quoted when it could be mistaken for more than one field.
std::string field_value(std::string_view value) {
  std::string escaped = escape_for_terminal(value);
  if (!escaped.empty() && escaped.find_first_of(" =\"") == std::string::npos) return escaped;
  std::string quoted = "\"";
  for (const char c : escaped) {
    if (c == '"') quoted += '\\';
    quoted += c;
  }
  quoted += '"';
  return quoted;
}

}  // namespace

void set_log_level(LogLevel level) { current_level().store(level, std::memory_order_relaxed); }

bool log_enabled(LogLevel level) {
  return level <= current_level().load(std::memory_order_relaxed);
}

void log_line(LogLevel level, std::string_view category, std::string_view message,
              std::initializer_list<std::pair<std::string_view, std::string>> fields) {
  if (!log_enabled(level)) return;
  std::string line = fmt::format("{} {} {} {}", format_rfc3339(SystemClock().now()),
                                 level_name(level), category, escape_for_terminal(message));
  for (const auto& [key, value] : fields) {
    line += ' ';
    line += key;
    line += '=';
    line += field_value(value);
  }
  line += '\n';
  static std::mutex mutex;
  const std::lock_guard lock(mutex);
  std::fwrite(line.data(), 1, line.size(), stderr);
  std::fflush(stderr);
}

std::string escape_for_terminal(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const Decoded next = decode_utf8(text);
    if (next.length == 0) {
      fmt::format_to(std::back_inserter(out), "\\x{:02x}", static_cast<std::uint8_t>(text[0]));
      text.remove_prefix(1);
      continue;
    }
    if (is_deceptive(next.code)) append_escaped(next.code, out);
    else out.append(text.substr(0, next.length));
    text.remove_prefix(next.length);
  }
  return out;
}

}  // namespace base
