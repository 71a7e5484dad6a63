// What an error means that a model server reports: as a status, or in the middle of a stream. Pure.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "nostr/base/clock.h"
#include "orchestration/llm/backend.h"
#include "orchestration/llm/dialect.h"

namespace orchestration {

/// Names lower-cased.
using HttpHeaders = std::vector<std::pair<std::string, std::string>>;

/// What a non-2xx answer means. Bodies are quoted up to 500 bytes.
ModelFailure classify_http_failure(int status, const HttpHeaders& headers, std::string_view body,
                                   base::UnixTime now);

/// What an error object, or a text in its place, means that came inside an answer of status 200.
ModelFailure classify_reported(const base::json::Value& error);

/// Retry-After as seconds or an HTTP date, or retry-after-ms; nullopt when absent or unreadable.
std::optional<std::chrono::milliseconds> parse_retry_after(const HttpHeaders& headers, base::UnixTime now);

/// Gives up the optional feature that the server names in a refusal; false when it names none that is still
/// in use. The same question may then be asked again.
bool give_up_feature(WireSettings& settings, int status, std::string_view body);

}  // namespace orchestration
