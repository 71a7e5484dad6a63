// One line of key=value per fact, on stderr, by level. Never content, never keys.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/core.h>

namespace base {

enum class LogLevel { kError, kWarn, kInfo, kDebug };

/// Lines below `level` are dropped. Default kInfo. Any thread.
void set_log_level(LogLevel level);
bool log_enabled(LogLevel level);

/// Writes `time level category message key=value…`; values are escaped so that no stranger's text
/// can forge a line or reach the terminal as a control sequence. Use through LOG.
void log_line(LogLevel level, std::string_view category, std::string_view message,
              std::initializer_list<std::pair<std::string_view, std::string>> fields = {});

/// Text with control, bidi and invalid UTF-8 characters replaced by visible escapes.
std::string escape_for_terminal(std::string_view text);

}  // namespace base

// LOG(kWarn, "relay", "closed", {{"url", url}, {"code", fmt::to_string(code)}});
#define LOG(level, category, ...)                                            \
  do {                                                                       \
    if (::base::log_enabled(::base::LogLevel::level))                        \
      ::base::log_line(::base::LogLevel::level, category, __VA_ARGS__);      \
  } while (false)
