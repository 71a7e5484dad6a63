// One server a call: begin a session, put the question, look until there is an answer.
#include "orchestration/llm/opencode.h"

#include <array>

#include <fmt/format.h>

#include "nostr/base/bytes.h"
#include "nostr/base/log.h"
#include "orchestration/envelope.h"
#include "orchestration/llm/dialect.h"
#include "orchestration/llm/dvm.h"
#include "orchestration/llm/http_faults.h"
#include "orchestration/llm/reply_parts.h"

namespace orchestration {

using base::Errc;
using base::Result;
using base::json::Value;
using Outcome = std::expected<Reply, ModelFailure>;

namespace {

constexpr std::chrono::seconds kStartPatience{30};
constexpr std::chrono::milliseconds kLookAgain{150};
constexpr std::chrono::milliseconds kCallPatience{10'000};  ///< its server answers at once or is in trouble
constexpr std::string_view kListening = "listening on http://127.0.0.1:";
constexpr std::string_view kProvider = "own";

/// The text of an answer: its parts of that type, in order.
std::string text_in(const Value& message) {
  std::string out;
  const Value* parts = member(message, "parts");
  if (!parts || !parts->is_array()) return out;
  for (const Value& part : *parts)
    if (text_of(member(part, "type")) == "text") out += text_of(member(part, "text"));
  return out;
}

Usage usage_in(const Value& info) {
  const Value* tokens = member(info, "tokens");
  if (!tokens) return {};
  const Value* cache = member(*tokens, "cache");
  const std::uint64_t cached = cache ? count_of(member(*cache, "read")) : 0;
  return {.prompt_tokens = count_of(member(*tokens, "input")) + cached,
          .cached_tokens = cached,
          .completion_tokens = count_of(member(*tokens, "output")) + count_of(member(*tokens, "reasoning"))};
}

/// {"name", "data": {"message", "statusCode"}}: what the model's server answered, or what it did itself.
ModelFailure failure_of(const Value& error) {
  const Value* data = member(error, "data");
  const Value& told = data ? *data : error;
  if (const std::uint64_t status = count_of(member(told, "statusCode")); status >= 300 && status < 600)
    return classify_http_failure(static_cast<int>(status), {}, text_of(member(told, "responseBody")), {});
  return classify_reported(told);
}

const Value* last_answer(const Value& messages) {
  if (!messages.is_array()) return nullptr;
  for (auto it = messages.rbegin(); it != messages.rend(); ++it) {
    const Value* info = member(*it, "info");
    if (info && text_of(member(*info, "role")) == "assistant") return &*it;
  }
  return nullptr;
}

}  // namespace

OpenCodeState read_opencode_state(const Value& messages, const Value& status, std::string_view session, std::size_t prompt_size) {
  if (const Value* one = member(status, std::string(session).c_str()); one && text_of(member(*one, "type")) == "retry")
    return ModelFailure{.fault = ModelFault::kTransport,
                        .error = {Errc::kUnavailable, "opencode cannot reach the model: " +
                                                          base::escape_for_terminal(cut_utf8(text_of(member(*one, "message")), 300)), ""}};
  const Value* answer = last_answer(messages);
  if (!answer) return OpenCodeRunning{};
  const Value& info = *member(*answer, "info");
  if (const Value* error = member(info, "error")) return failure_of(*error);
  const Value* time = member(info, "time");
  // Between two steps of one answer each is complete by itself; only "tool-calls" goes on.
  const bool ended = time && member(*time, "completed") && text_of(member(info, "finish")) != "tool-calls";
  if (!ended) return OpenCodeRunning{text_in(*answer)};
  return finished_reply({.text = text_in(*answer),
                         .calls = {},
                         .finish = text_of(member(info, "finish")) == "length" ? Finish::kLength : Finish::kStop,
                         .usage = usage_in(info),
                         .id = text_of(member(info, "id"))},
                        prompt_size);
}

/// `opencode serve`, from its start to the end of the call.
class OpenCodeBackend::Server {
 public:
  explicit Server(OpenCodeBackend& backend) : backend_(backend), said_(backend.loop_) {}

  base::Task<Result<void>> start() {
    std::array<std::uint8_t, 16> secret{};
    backend_.rng_.fill(secret);
    const std::string password = base::hex_encode(secret);
    const std::string login = "opencode:" + password;
    authorization_ = "Basic " + base::base64_encode({reinterpret_cast<const std::uint8_t*>(login.data()), login.size()});
    CO_TRY(Process process,
           Process::start(backend_.loop_,
                          external_agent_process(backend_.options_, {"serve", "--pure", "--hostname", "127.0.0.1", "--port", "0"},
                                                 {"OPENCODE_CONFIG_CONTENT=" + base::json::dump(backend_.settings()), "OPENCODE_SERVER_PASSWORD=" + password,
                                                  "OPENCODE_DISABLE_AUTOUPDATE=1", "OPENCODE_DISABLE_MODELS_FETCH=1", "OPENCODE_DISABLE_LSP_DOWNLOAD=1"}),
                          [this](std::string_view bytes) { hear(bytes); }, [this](std::string_view bytes) { hear(bytes); }));
    process_.emplace(std::move(process));
    const auto deadline = std::chrono::steady_clock::now() + kStartPatience;
    while (url_.empty()) {
      if (co_await process_->wait(std::chrono::milliseconds{0}))
        co_return base::fail(Errc::kUnavailable, "opencode ended before it listened: " + base::escape_for_terminal(cut_utf8(output_, 300)));
      if (std::chrono::steady_clock::now() > deadline)
        co_return base::fail(Errc::kTimeout, fmt::format("opencode did not listen within {} s", kStartPatience.count()));
      co_await said_.wait_for(kLookAgain);
    }
    co_return Result<void>{};
  }

  /// The answer's JSON; null for an empty one. kPeer for another status than 2xx.
  base::Task<Result<Value>> call(std::string method, std::string path, Value body = {}) {
    nostr::HttpCall call{.method = method,
                         .url = url_ + path,
                         .headers = {{"Authorization", authorization_}},
                         .body = body.is_null() ? "" : base::json::dump(body),
                         .total_timeout = kCallPatience};
    if (!body.is_null()) call.headers.emplace_back("Content-Type", "application/json");
    CO_TRY(const nostr::HttpReply reply, co_await backend_.http_.perform(std::move(call)));
    if (reply.status / 100 != 2)
      co_return base::fail(Errc::kPeer, fmt::format("opencode answers {} to {}: {}", reply.status, path,
                                                    base::escape_for_terminal(cut_utf8(reply.body, 300))));
    if (reply.body.empty()) co_return Value{};
    co_return parse_wire(reply.body);
  }

 private:
  void hear(std::string_view bytes) {
    if (!url_.empty() || output_.size() > 65'536) return;
    output_ += bytes;
    const std::size_t at = output_.find(kListening);
    const std::size_t end = at == std::string::npos ? at : output_.find('\n', at);
    if (end == std::string::npos) return;
    const std::string port = output_.substr(at + kListening.size(), end - at - kListening.size());
    if (port.empty() || port.find_first_not_of("0123456789") != std::string::npos) return;
    url_ = "http://127.0.0.1:" + port;
    said_.notify();
  }

  OpenCodeBackend& backend_;
  base::Signal said_;
  std::string authorization_, output_, url_;
  std::optional<Process> process_;
};

Result<std::unique_ptr<OpenCodeBackend>> OpenCodeBackend::create(base::Loop& loop, nostr::HttpClient& http, base::Rng& rng,
                                                                 ExternalAgentOptions options) {
  TRY(check_external_agent(options, "opencode"));
  return std::unique_ptr<OpenCodeBackend>(new OpenCodeBackend(loop, http, rng, std::move(options)));
}

/// One provider, which is ours; nothing it may do by itself, nothing it tells others.
Value OpenCodeBackend::settings() const {
  const std::string model = fmt::format("{}/{}", kProvider, options_.model);
  return {{"autoupdate", false},
          {"share", "disabled"},
          {"model", model},
          {"small_model", model},
          {"enabled_providers", Value::array({kProvider})},
          {"provider",
           {{kProvider,
             {{"npm", "@ai-sdk/openai-compatible"},
              {"name", kProvider},
              {"options", {{"baseURL", options_.base_url}, {"apiKey", "none"}}},
              {"models", {{options_.model, {{"name", options_.model}}}}}}}}},
          {"agent", {{"title", {{"disable", true}}}}},
          {"tools", {{"*", false}}},
          {"permission", {{"*", "deny"}}}};
}

base::Task<Outcome> OpenCodeBackend::complete(Request request) {
  if (!request.tools.empty() || !request.images.empty())
    co_return failed_attempt(ModelFault::kUnsupported, {Errc::kUnsupported, "opencode takes text alone", ""});
  const auto deadline = std::chrono::steady_clock::now() + request.timeout;
  if (auto made = make_private(options_.folder); !made) co_return failed_attempt(ModelFault::kTransport, std::move(made).error());
  Server server(*this);
  if (auto started = co_await server.start(); !started) co_return failed_attempt(ModelFault::kTransport, std::move(started).error());

  const std::string prompt = prompt_text(request.messages) +
                             (request.answer_schema ? "\n\n" + schema_in_words(*request.answer_schema) : "");
  const auto session = co_await server.call("POST", "/session", Value::object());
  if (!session) co_return failed_attempt(ModelFault::kProtocol, session.error());
  const std::string id = text_of(member(*session, "id"));
  if (id.empty() || id.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") != std::string::npos)
    co_return failed_attempt(ModelFault::kProtocol, {Errc::kPeer, "opencode names no session", ""});
  const auto asked = co_await server.call("POST", "/session/" + id + "/prompt_async",
                                          {{"model", {{"providerID", kProvider}, {"modelID", options_.model}}},
                                           {"parts", Value::array({Value{{"type", "text"}, {"text", prompt}}})},
                                           {"tools", {{"*", false}}}});
  if (!asked) co_return failed_attempt(ModelFault::kProtocol, asked.error());

  std::size_t told = 0;
  while (std::chrono::steady_clock::now() < deadline) {
    const auto status = co_await server.call("GET", "/session/status");
    const auto messages = status ? co_await server.call("GET", "/session/" + id + "/message") : status;
    if (!messages) co_return failed_attempt(ModelFault::kTruncated, messages.error());
    OpenCodeState state = read_opencode_state(*messages, *status, id, prompt.size());
    if (auto* failure = std::get_if<ModelFailure>(&state)) co_return std::unexpected(*std::move(failure));
    auto* reply = std::get_if<Reply>(&state);
    const std::string& text = reply ? reply->message.content : std::get<OpenCodeRunning>(state).text;
    if (request.on_text && text.size() > told) request.on_text(std::string_view(text).substr(told));
    told = std::max(told, text.size());
    if (reply) co_return *std::move(reply);
    co_await base::sleep_for(kLookAgain);
  }
  co_return failed_attempt(ModelFault::kTimeout, {Errc::kTimeout, "opencode gave no answer in time", ""});
}

base::Task<Result<ProbeReport>> OpenCodeBackend::probe() {
  return probe_external_agent(loop_, options_);
}

}  // namespace orchestration
