// Flags that several commands read alike: spans of time, moments, texts.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "nostr/base/clock.h"
#include "nostr/base/result.h"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace node::cli {

/// A moment: "now", a Unix time, "2026-11-25", "2026-11-25T14:00[:30][Z]" (UTC), or a span of time
/// before `now` ("2h"). Pure.
base::Result<base::UnixTime> parse_past(std::string_view text, base::UnixTime now);
/// The same, but a span counts from `now` on.
base::Result<base::UnixTime> parse_future(std::string_view text, base::UnixTime now);

/// A flag that takes a duration; what is no duration is a usage error.
CLI::Option* add_duration(CLI::App& command, const std::string& name, std::chrono::seconds& value,
                          const std::string& description);

/// The text of a content flag: itself, the file of "@FILE", stdin for "-"; "@@" stands for one "@".
base::Result<std::string> read_text(const std::string& argument);

}  // namespace node::cli
