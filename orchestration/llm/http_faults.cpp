// Statuses, codes and, where there is nothing better, words.
#include "orchestration/llm/http_faults.h"

#include <algorithm>
#include <charconv>
#include <ctime>

#include <fmt/format.h>

#include "nostr/base/log.h"
#include "orchestration/envelope.h"
#include "orchestration/llm/reply_parts.h"

namespace orchestration {
namespace {

using base::Errc;
using base::json::Value;
using std::chrono::milliseconds;

constexpr std::size_t kMaxQuoted = 500;
constexpr std::int64_t kLongestWait = 31'536'000;

/// What a server says of a failure, quoted so that it can neither forge a log line nor flood it.
struct Said {
  std::string code;
  std::string type;
  std::string message;
};

Said said_in(const Value& error, std::string_view fallback) {
  Said out{.message = std::string(cut_utf8(fallback, kMaxQuoted))};
  if (error.is_string()) out.message = error.get<std::string>();
  if (error.is_object()) {
    out.code = text_of(member(error, "code"));
    out.type = text_of(member(error, "type"));
    if (const std::string text = text_of(member(error, "message")); !text.empty()) out.message = text;
  }
  out.message = base::escape_for_terminal(cut_utf8(out.message, kMaxQuoted));
  return out;
}

Said said_in_body(std::string_view body) {
  const auto parsed = base::json::parse(body, {.max_bytes = 1u << 20, .max_depth = 32});
  if (!parsed) return said_in(Value(), body);
  if (const Value* error = member(*parsed, "error")) return said_in(*error, body);
  return said_in(*parsed, body);
}

bool speaks_of(std::string_view text, std::initializer_list<std::string_view> signs) {
  return std::any_of(signs.begin(), signs.end(),
                     [&](std::string_view sign) { return text.find(sign) != text.npos; });
}

bool speaks_of_context(const Said& said) {
  return said.code == "context_length_exceeded" || said.type == "exceed_context_size_error" ||
         speaks_of(said.message, {"context length", "context_length", "context window", "context size",
                                  "maximum context", "exceeds the available context", "prompt is too long"});
}

/// Ollama, llama.cpp without its template engine, vLLM without a tool parser, models without eyes.
bool speaks_of_lack(const Said& said) {
  return speaks_of(said.message, {"does not support tools", "does not support tool", "--jinja",
                                  "tool choice requires", "tool-call-parser", "does not support image",
                                  "image input is not supported", "not a multimodal model"});
}

/// Models that reason take no temperature, or none but their own. One that is merely out of range is a mistake.
bool speaks_of_temperature(const Said& said) {
  if (!speaks_of(said.message, {"temperature"})) return false;
  return said.code == "unsupported_value" || said.code == "unsupported_parameter" ||
         speaks_of(said.message, {"nsupported", "not supported", "not support", "nly the default", "deprecated"});
}

bool speaks_of_credit(const Said& said) {
  return said.code == "insufficient_quota" || said.type == "insufficient_quota" ||
         said.code == "billing_hard_limit_reached";
}

ModelFault fault_of_status(int status, bool has_retry_after) {
  if (status == 429 || (status == 503 && has_retry_after)) return ModelFault::kRateLimited;
  if (status == 401 || status == 402 || status == 403 || status == 404) return ModelFault::kUnauthorised;
  if (status == 501) return ModelFault::kUnsupported;
  if (status == 408 || status == 409 || status >= 500) return ModelFault::kServer;
  return ModelFault::kRefused;
}

std::string hint_of_status(int status) {
  if (status == 401 || status == 403) return "check the backend's api_key_file or api_key_env";
  if (status == 402) return "the account behind the API key has no credit";
  if (status == 404) return "check the backend's base_url and model";
  return "";
}

std::string header(const HttpHeaders& headers, std::string_view name) {
  for (const auto& [key, value] : headers)
    if (key == name) return value;
  return "";
}

std::optional<std::int64_t> whole_number(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || value < 0) return std::nullopt;
  // "1.5" is allowed by some; the fraction is rounded up by adding a unit.
  if (end != text.data() + text.size())
    return *end == '.' ? std::optional(std::min(value, kLongestWait * 1000) + 1) : std::nullopt;
  return value;
}

}  // namespace

ModelFailure classify_http_failure(int status, const HttpHeaders& headers, std::string_view body,
                                   base::UnixTime now) {
  const Said said = said_in_body(body);
  ModelFailure out;
  out.retry_after = parse_retry_after(headers, now);
  out.fault = fault_of_status(status, out.retry_after.has_value());
  if (status < 500 && status != 429 && speaks_of_context(said)) out.fault = ModelFault::kContextTooLong;
  if (speaks_of_lack(said)) out.fault = ModelFault::kUnsupported;
  // A used-up quota comes as 429 but waiting does not refill it.
  if (speaks_of_credit(said)) out.fault = ModelFault::kUnauthorised;
  out.error = {Errc::kPeer, fmt::format("status {}: {}", status, said.message), hint_of_status(status)};
  return out;
}

ModelFailure classify_reported(const Value& error) {
  const Said said = said_in(error, base::json::dump(error));
  ModelFailure out{.fault = ModelFault::kServer,
                   .error = {Errc::kPeer, "the server reports: " + said.message, ""}};
  if (speaks_of_context(said))
    out.fault = ModelFault::kContextTooLong;
  else if (speaks_of_lack(said))
    out.fault = ModelFault::kUnsupported;
  else if (speaks_of_credit(said))
    out.fault = ModelFault::kUnauthorised;
  else if (speaks_of(said.code + " " + said.type, {"rate_limit"}))
    out.fault = ModelFault::kRateLimited;
  else if (said.code == "invalid_prompt")
    out.fault = ModelFault::kRefused;
  return out;
}

bool give_up_feature(WireSettings& settings, int status, std::string_view body) {
  if (status != 400 && status != 404 && status != 422 && status != 500 && status != 501) return false;
  const Said said = said_in_body(body);
  const std::string& text = said.message;
  const auto lacks = [&](bool& feature, std::initializer_list<std::string_view> signs) {
    if (!feature || !speaks_of(text, signs)) return false;
    feature = false;
    return true;
  };
  if (!settings.max_completion_tokens && speaks_of(text, {"max_completion_tokens"})) {
    settings.max_completion_tokens = true;
    return true;
  }
  if (settings.temperature && speaks_of_temperature(said)) {
    settings.temperature = false;
    return true;
  }
  return lacks(settings.usage_in_stream, {"stream_options", "include_usage"}) ||
         lacks(settings.json_schema, {"response_format", "json_schema", "grammar", "'format'", "text.format"}) ||
         lacks(settings.stream_with_tools, {"tools with stream", "streaming with tools", "stream with tools"});
}

std::optional<milliseconds> parse_retry_after(const HttpHeaders& headers, base::UnixTime now) {
  if (const auto exact = whole_number(header(headers, "retry-after-ms")))
    return milliseconds{std::min<std::int64_t>(*exact, kLongestWait * 1000)};
  const std::string text = header(headers, "retry-after");
  if (text.empty()) return std::nullopt;
  if (const auto whole = whole_number(text))
    return milliseconds{std::min<std::int64_t>(*whole, kLongestWait) * 1000};
  std::tm when{};
  const char* end = strptime(text.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &when);
  if (end == nullptr || *end != '\0') return std::nullopt;
  const std::int64_t at = timegm(&when);
  return std::chrono::seconds{std::max<std::int64_t>(at - base::to_unix(now), 0)};
}

}  // namespace orchestration
