// Reading spans, moments and texts from the command line.
#include "node/cli/flags.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "node/cli/command.h"
#include "nostr/base/duration.h"
#include "nostr/base/number.h"

namespace node::cli {
namespace {

using base::Errc;
using base::fail;
using base::Result;
using base::UnixTime;

constexpr std::size_t kMaxText = 1u << 20;

/// Takes `width` digits and the separator behind them off the front of `text`.
std::optional<int> take(std::string_view& text, std::size_t width, char separator) {
  const auto value = base::parse_number<std::int64_t>(text.substr(0, width));
  if (text.size() < width || !value) return std::nullopt;
  text.remove_prefix(width);
  if (separator != 0) {
    if (text.empty() || text[0] != separator) return std::nullopt;
    text.remove_prefix(1);
  }
  return static_cast<int>(*value);
}

/// "2026-11-25" and "2026-11-25T14:00[:30][Z]"; a space may stand for the T.
std::optional<UnixTime> parse_calendar(std::string_view text) {
  const auto year = take(text, 4, '-');
  const auto month = year ? take(text, 2, '-') : std::nullopt;
  const auto day = month ? take(text, 2, 0) : std::nullopt;
  if (!day) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year{*year},
                                         std::chrono::month{static_cast<unsigned>(*month)},
                                         std::chrono::day{static_cast<unsigned>(*day)}};
  if (!date.ok()) return std::nullopt;
  const UnixTime midnight = std::chrono::sys_days{date};
  if (text.empty()) return midnight;
  if (text[0] != 'T' && text[0] != ' ') return std::nullopt;
  text.remove_prefix(1);
  const auto hour = take(text, 2, ':');
  const auto minute = hour ? take(text, 2, 0) : std::nullopt;
  if (!minute || *hour > 23 || *minute > 59) return std::nullopt;
  int second = 0;
  if (text.starts_with(':')) {
    text.remove_prefix(1);
    const auto given = take(text, 2, 0);
    if (!given || *given > 59) return std::nullopt;
    second = *given;
  }
  if (!text.empty() && text != "Z") return std::nullopt;
  return midnight + std::chrono::hours{*hour} + std::chrono::minutes{*minute} +
         std::chrono::seconds{second};
}

/// What is neither a span nor "now".
std::optional<UnixTime> parse_absolute(std::string_view text) {
  if (const auto seconds = base::parse_number<std::int64_t>(text)) return base::unix_time(*seconds);
  return parse_calendar(text);
}

std::unexpected<base::Error> no_moment(std::string_view text) {
  return fail(Errc::kInvalid, fmt::format("\"{}\" is no time", text),
              "2h, 3d, now, 2026-11-25, 2026-11-25T14:00Z or a Unix time");
}

}  // namespace

Result<UnixTime> parse_past(std::string_view text, UnixTime now) {
  if (text == "now") return now;
  if (const auto at = parse_absolute(text)) return *at;
  const auto span = base::parse_duration(text);
  if (!span) return no_moment(text);
  return now - *span;
}

Result<UnixTime> parse_future(std::string_view text, UnixTime now) {
  if (text == "now") return now;
  if (const auto at = parse_absolute(text)) return *at;
  const auto span = base::parse_duration(text);
  if (!span) return no_moment(text);
  return now + *span;
}

CLI::Option* add_duration(CLI::App& command, const std::string& name, std::chrono::seconds& value,
                          const std::string& description) {
  return command
      .add_option_function<std::string>(
          name,
          [&value](const std::string& text) {
            const auto parsed = base::parse_duration(text);
            if (!parsed)
              throw CLI::ValidationError(parsed.error().detail + "; " + parsed.error().hint);
            value = *parsed;
          },
          description + fmt::format(" (default {}s)", value.count()))
      ->type_name("TIME");
}

Result<std::string> read_text(const std::string& argument) {
  if (argument == "-") return read_input("-", kMaxText);
  if (argument.starts_with("@@")) return argument.substr(1);
  if (!argument.starts_with("@")) return argument;
  auto text = read_file(argument.substr(1), kMaxText);
  if (!text) text.error().hint = "@FILE reads a file; a text that begins with @ is written @@…";
  return text;
}

}  // namespace node::cli
