// The chat completions format: requests out, streamed chunks and whole answers in. Pure.
// Source: the OpenAI chat completions API; lenient where real servers differ.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "nostr/base/clock.h"
#include "orchestration/llm/backend.h"

namespace orchestration {

/// The JSON body of a streamed request. Usage is asked for in the stream.
std::string chat_request_body(const Request& request, std::string_view model,
                              bool use_max_completion_tokens);

/// Bytes of prompt the estimate is taken over: messages, arguments and tool descriptions.
std::size_t prompt_bytes(const Request& request);

/// Puts a stream's chunks together. Tool-call fragments are joined by `index`, or by id, or by order
/// where a server leaves the index out; missing and repeated call ids are replaced by fresh ones.
class ChatAssembler {
 public:
  /// One event's data; returns the text that arrived with it. `[DONE]` ends the stream. kPeer when
  /// it is no chunk, or when the server reports an error in mid-stream.
  base::Result<std::string> add(std::string_view data);
  /// Whether a finish reason or `[DONE]` has come: anything less is a truncated stream.
  bool finished() const { return finish_.has_value() || done_; }
  /// The reply; usage is estimated over `prompt_size` bytes when the server reported none.
  Reply take(std::size_t prompt_size);

 private:
  base::Result<void> add_calls(const base::json::Value& deltas);
  ToolCall& call_for(const base::json::Value& delta);

  std::string text_;
  std::vector<std::pair<std::optional<std::int64_t>, ToolCall>> calls_;
  std::optional<Finish> finish_;
  std::optional<Usage> usage_;
  std::string id_;
  bool done_ = false;
  std::size_t bytes_ = 0;
};

/// A whole, unstreamed answer: some servers ignore `stream`. kPeer when it is none.
base::Result<Reply> parse_chat_reply(std::string_view body, std::size_t prompt_size);

/// What a non-2xx answer means. `headers` have lower-case names. Bodies are quoted up to 500 bytes.
ModelFailure classify_http_failure(int status,
                                   const std::vector<std::pair<std::string, std::string>>& headers,
                                   std::string_view body, base::UnixTime now);

/// Retry-After as seconds or an HTTP date, or retry-after-ms; nullopt when absent or unreadable.
std::optional<std::chrono::milliseconds> parse_retry_after(
    const std::vector<std::pair<std::string, std::string>>& headers, base::UnixTime now);

}  // namespace orchestration
