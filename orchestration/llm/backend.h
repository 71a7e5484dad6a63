// Backend: whoever turns a conversation into the next message — a model behind HTTP, or a playbook.
#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "nostr/base/json.h"
#include "nostr/base/task.h"
#include "orchestration/cost.h"
#include "orchestration/llm/probe.h"
#include "orchestration/trigger.h"

namespace orchestration {

enum class Role { kSystem, kUser, kAssistant, kTool };
std::string_view role_name(Role role);
base::Result<Role> parse_role(std::string_view name);

/// What the model asks to be done. `arguments` is the text it wrote: it may be no JSON at all.
struct ToolCall {
  std::string id;
  std::string name;
  std::string arguments;

  friend bool operator==(const ToolCall&, const ToolCall&) = default;
};

/// How a tool call ended, for those who must not read prose: limits, reports, the playbook.
enum class ToolOutcome { kOk, kError, kInvalid, kDenied, kExpired };
std::string_view tool_outcome_name(ToolOutcome outcome);
base::Result<ToolOutcome> parse_tool_outcome(std::string_view name);

/// One message of a conversation.
struct Message {
  Role role = Role::kUser;
  std::string content;
  std::vector<ToolCall> calls;                ///< kAssistant only
  std::string call_id;                        ///< kTool only: the call it answers
  ToolOutcome outcome = ToolOutcome::kOk;     ///< kTool only

  friend bool operator==(const Message&, const Message&) = default;
};

/// A tool as the model sees it; `parameters` is a JSON Schema of type object.
struct ToolSpec {
  std::string name;
  std::string description;
  base::json::Value parameters;
};

enum class Finish { kStop, kLength, kToolCalls, kContentFilter };
std::string_view finish_name(Finish finish);

/// A picture shown with the last user message.
struct Image {
  std::string mime;    ///< "image/png"
  std::string base64;
};

struct Request {
  std::vector<Message> messages;
  std::vector<ToolSpec> tools;
  std::vector<Image> images;
  std::optional<base::json::Value> answer_schema;  ///< the text has to be JSON that fits this schema
  std::uint32_t max_output_tokens = 2048;
  std::optional<double> temperature;  ///< unset: the server's own; servers may lack it
  std::optional<std::uint64_t> seed;  ///< for answers that can be repeated, where the server does that
  std::chrono::milliseconds timeout{600'000};  ///< for this one attempt
  Trigger trigger;                             ///< what the session is about; models never see it raw
  /// Text as it arrives; may be empty. A failed attempt's text is not taken back.
  std::function<void(std::string_view)> on_text;
};

struct Reply {
  Message message;  ///< role kAssistant
  Finish finish = Finish::kStop;
  Usage usage;
  std::string request_id;  ///< the provider's, for its support; may be empty
  std::string backend;     ///< id of the backend that answered; the caller fills it
  std::string model;
};

/// What went wrong with one attempt; decides whether another one makes sense.
enum class ModelFault {
  kTransport,       ///< refused, reset, DNS, TLS: retried
  kRateLimited,     ///< 429, or 503 with Retry-After: retried after `retry_after`
  kServer,          ///< 408, 409, 5xx: retried
  kTruncated,       ///< the stream ended without a finish: retried, its text is never acted on
  kProtocol,        ///< the answer breaks the format: retried
  kTimeout,         ///< the attempt took longer than Request::timeout: retried while time is left
  kContextTooLong,  ///< the conversation does not fit the model: not retried
  kRefused,         ///< 400, 413, 422: not retried, here or elsewhere
  kUnauthorised,    ///< 401, 402, 403, 404: this account or model will not do; another one may
  kUnsupported,     ///< the server lacks what the request needs (tools, images): another one may not
};
std::string_view model_fault_name(ModelFault fault);

struct ModelFailure {
  ModelFault fault = ModelFault::kTransport;
  base::Error error;
  std::optional<std::chrono::milliseconds> retry_after;
  Usage usage;  ///< what the attempt cost all the same; zero when nothing was answered
  /// The server had the request and nobody says what it cost: money is then kept back as if it had cost
  /// all it could.
  bool cost_unknown = false;
};

/// One source of replies. App thread. One call is one attempt: retries, cost and limits are the
/// caller's (llm/caller.h), the choice among several is the router's (llm/router.h).
class Backend {
 public:
  virtual ~Backend() = default;
  virtual const std::string& id() const = 0;
  /// The model's name for records, e.g. "playbook" or "gpt-4o-mini".
  virtual const std::string& model() const = 0;
  virtual const Rates& rates() const = 0;
  virtual base::Task<std::expected<Reply, ModelFailure>> complete(Request request) = 0;
  /// Takes what nobody else may know, its key, out of a text that is going to be recorded.
  virtual void hide_secrets(std::string& text) const { static_cast<void>(text); }
  /// What can be learnt without asking a question that costs; by default that there is nothing to learn.
  virtual base::Task<base::Result<ProbeReport>> probe();
};

}  // namespace orchestration
