// One attempt over HTTP: send, assemble the stream, and say exactly how it failed if it did.
#include "orchestration/llm/http_backend.h"

#include <algorithm>

#include <fmt/format.h>

#include "nostr/base/log.h"
#include "orchestration/llm/http_faults.h"
#include "orchestration/llm/ndjson.h"
#include "orchestration/llm/ollama.h"
#include "orchestration/llm/reply_parts.h"
#include "orchestration/llm/sse.h"

namespace orchestration {
namespace {

using base::Errc;
using Outcome = std::expected<Reply, ModelFailure>;

constexpr std::size_t kShortestSecret = 8;
constexpr int kMaxLacks = 5;  // features a server can be found to lack within one call

std::string_view host_of(std::string_view url) {
  const std::size_t start = url.find("://") + 3;
  std::string_view rest = url.substr(start, url.find_first_of("/?#", start) - start);
  if (const auto at = rest.rfind('@'); at != rest.npos) rest.remove_prefix(at + 1);
  if (rest.starts_with('[')) return rest.substr(0, rest.find(']') + 1);
  return rest.substr(0, rest.find(':'));
}

bool is_loopback(std::string_view host) {
  const bool numeric = host.find_first_not_of("0123456789.") == host.npos;
  return host == "localhost" || host == "[::1]" || (numeric && host.starts_with("127."));
}

/// Everything the stream callback touches, so that it dies with the coroutine that reads it.
class Answer {
 public:
  Answer(const Dialect& dialect, std::function<void(std::string_view)> listener, std::size_t prompt_size)
      : dialect_(dialect),
        on_text_(std::move(listener)),
        prompt_size_(prompt_size),
        assembler_(dialect.assembler()),
        events_([this](std::string_view data) { take(data); }),
        lines_([this](std::string_view data) { take(data); }) {}
  Answer(const Answer&) = delete;
  Answer& operator=(const Answer&) = delete;

  bool feed(std::string_view bytes) {
    if (dialect_.framing() == Framing::kEvents && !started_) {
      const auto first = bytes.find_first_not_of(" \t\r\n");
      if (first == bytes.npos) return true;
      document_given_ = bytes[first] == '{';
    }
    started_ = true;
    if (document_given_) {
      document_ += bytes;
      return true;
    }
    auto fed = dialect_.framing() == Framing::kEvents ? events_.feed(bytes) : lines_.feed(bytes);
    if (!fed && error_) error_ = std::move(fed);
    return error_.has_value();
  }

  /// What came of it, given how the transfer ended.
  Outcome end(base::Result<void> transfer) {
    if (transfer && dialect_.framing() == Framing::kLines) lines_.finish();
    if (!error_) return broken(assembler_->reported().value_or(ModelFailure{ModelFault::kProtocol, error_.error()}));
    // A finished answer stays one, even if the connection was torn down untidily behind it.
    if (!document_given_ && assembler_->finished()) return assembler_->take(prompt_size_);
    if (!transfer) return broken({transport_fault(transfer.error()), std::move(transfer).error()});
    if (!started_) return broken({ModelFault::kTruncated, {Errc::kPeer, "the answer is empty", ""}});
    if (!document_given_)
      return broken({ModelFault::kTruncated, {Errc::kPeer, "the stream ended without a finish", ""}});
    auto reply = dialect_.whole(document_, prompt_size_);
    if (reply) return *std::move(reply);
    return broken({ModelFault::kProtocol, std::move(reply).error()});
  }

 private:
  void take(std::string_view data) {
    if (!error_) return;
    auto text = assembler_->add(data);
    if (!text)
      error_ = std::unexpected(std::move(text).error());
    else if (on_text_ && !text->empty())
      on_text_(*text);
  }

  ModelFault transport_fault(const base::Error& error) const {
    if (error.code == Errc::kTimeout) return ModelFault::kTimeout;
    if (error.code == Errc::kLimit) return ModelFault::kProtocol;
    // A connection that broke in mid-answer is a truncated stream, however TCP names it.
    return started_ ? ModelFault::kTruncated : ModelFault::kTransport;
  }

  /// The server had the question: unless it said what it counted, nobody knows what that cost.
  Outcome broken(ModelFailure failure) {
    failure.usage = assembler_->take(prompt_size_).usage;
    failure.cost_unknown = failure.usage.estimated;
    return std::unexpected(std::move(failure));
  }

  const Dialect& dialect_;
  std::function<void(std::string_view)> on_text_;
  const std::size_t prompt_size_;
  std::unique_ptr<ReplyAssembler> assembler_;
  SseParser events_;
  LineParser lines_;
  std::string document_;  ///< the whole body of a server that does not stream
  bool document_given_ = false;
  bool started_ = false;
  base::Result<void> error_;
};

std::unexpected<ModelFailure> never_sent(base::Error error) {
  return std::unexpected(ModelFailure{.fault = ModelFault::kTransport, .error = std::move(error)});
}

ModelFailure too_long(std::string detail) {
  return {.fault = ModelFault::kContextTooLong, .error = {Errc::kInvalid, std::move(detail), ""}};
}

}  // namespace

std::unexpected<base::Error> ReplyAssembler::report(ModelFailure failure) {
  reported_ = std::move(failure);
  return base::fail(Errc::kUnavailable, reported_->error.detail);
}

bool is_loopback_url(std::string_view url) {
  return url.find("://") != url.npos && is_loopback(host_of(url));
}

HttpBackend::HttpBackend(nostr::HttpClient& http, const base::Clock& clock, std::unique_ptr<Dialect> dialect,
                         HttpBackendOptions options)
    : http_(http), clock_(clock), dialect_(std::move(dialect)), options_(std::move(options)) {}

base::Result<std::unique_ptr<HttpBackend>> HttpBackend::create(nostr::HttpClient& http, const base::Clock& clock,
                                                               std::unique_ptr<Dialect> dialect,
                                                               HttpBackendOptions options) {
  const bool tls = options.base_url.starts_with("https://");
  if (!tls && !options.base_url.starts_with("http://"))
    return base::fail(Errc::kInvalid, "backend " + options.id + ": base_url is no http(s) URL");
  if (!tls && !is_loopback_url(options.base_url))
    return base::fail(Errc::kInvalid, "backend " + options.id + ": plain http leaves this machine",
                      "use https://, or a server on 127.0.0.1");
  if (options.wire.model.empty())
    return base::fail(Errc::kInvalid, "backend " + options.id + " names no model");
  while (options.base_url.ends_with('/')) options.base_url.pop_back();
  return std::unique_ptr<HttpBackend>(new HttpBackend(http, clock, std::move(dialect), std::move(options)));
}

base::Task<Outcome> HttpBackend::complete(Request request) {
  const auto deadline = std::chrono::steady_clock::now() + request.timeout;
  if (auto learned = co_await learn(); !learned) co_return std::unexpected(std::move(learned).error());
  const std::uint64_t needed = estimate_tokens(prompt_bytes(request)) + request.max_output_tokens;
  if (options_.wire.context_tokens > 0 && needed > options_.wire.context_tokens)
    co_return std::unexpected(too_long(fmt::format("about {} tokens do not fit into a window of {}", needed,
                                                   options_.wire.context_tokens)));
  for (int lacks = 0;; ++lacks) {
    request.timeout = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    if (request.timeout.count() <= 0)
      co_return std::unexpected(
          ModelFailure{.fault = ModelFault::kTimeout, .error = {Errc::kTimeout, "no time is left to ask", ""}});
    Attempt made = co_await attempt(request);
    if (!made.ask_again || lacks == kMaxLacks) co_return std::move(made.outcome);
    LOG(kInfo, "llm", "the server lacks a feature; going on without it", {{"backend", options_.id}});
  }
}

/// Ollama has to be told which model and how large a window: both are found out once.
base::Task<std::expected<void, ModelFailure>> HttpBackend::learn() {
  if (learned_ || options_.family != ServerFamily::kOllama) co_return std::expected<void, ModelFailure>{};
  auto report = co_await probe_server(http_, probe_target());
  if (!report) {
    ModelFailure failure{.fault = ModelFault::kTransport, .error = std::move(report).error()};
    if (failure.error.code == Errc::kNotFound || failure.error.code == Errc::kDenied)
      failure.fault = ModelFault::kUnauthorised;
    co_return std::unexpected(std::move(failure));
  }
  options_.wire.model = report->model;
  const std::uint64_t most = report->context_tokens > 0 ? report->context_tokens : kOllamaContext;
  options_.wire.context_tokens =
      std::min(most, options_.wire.context_tokens > 0 ? options_.wire.context_tokens : kOllamaContext);
  learned_ = true;
  co_return std::expected<void, ModelFailure>{};
}

nostr::HttpCall HttpBackend::call_for(const Request& request) const {
  nostr::HttpCall call;
  call.method = "POST";
  call.url = options_.base_url + std::string(dialect_->path());
  const bool streams = options_.wire.streams(request);
  const bool events = streams && dialect_->framing() == Framing::kEvents;
  call.headers = {{"content-type", "application/json"},
                  {"accept", events ? "text/event-stream" : "application/json"}};
  if (!options_.api_key.empty())
    call.headers.emplace_back("authorization", "Bearer " + options_.api_key.expose());
  call.body = dialect_->body(request, options_.wire);
  call.connect_timeout = std::min(options_.connect_timeout, request.timeout);
  call.total_timeout = request.timeout;
  if (streams) {
    call.first_byte_timeout = options_.first_token_timeout;
    call.idle_timeout = options_.idle_timeout;
  }
  call.max_body_bytes = options_.max_body_bytes;
  return call;
}

base::Task<HttpBackend::Attempt> HttpBackend::attempt(Request request) {
  const std::size_t prompt_size = prompt_bytes(request);
  auto answer = std::make_shared<Answer>(*dialect_, request.on_text, prompt_size);
  std::function<bool(std::string_view)> on_data = [answer](std::string_view bytes) {
    return answer->feed(bytes);
  };
  auto reply = co_await http_.stream(call_for(request), std::move(on_data));
  if (!reply && reply.error().code == Errc::kUnavailable)
    co_return Attempt{never_sent(std::move(reply).error())};
  if (reply && (reply->status < 200 || reply->status >= 300))
    co_return Attempt{std::unexpected(classify_http_failure(reply->status, reply->headers, reply->body, clock_.now())),
                      give_up_feature(options_.wire, reply->status, reply->body)};
  base::Result<void> transfer;
  if (!reply) transfer = std::unexpected(std::move(reply).error());
  Outcome outcome = answer->end(std::move(transfer));
  if (outcome && options_.detect_cut_prompt &&
      prompt_was_cut(outcome->usage, prompt_size, options_.wire.context_tokens)) {
    ModelFailure cut = too_long(fmt::format("the server read {} tokens of {} bytes: it cut the conversation",
                                            outcome->usage.prompt_tokens, prompt_size));
    cut.usage = outcome->usage;
    outcome = std::unexpected(std::move(cut));
  }
  co_return Attempt{std::move(outcome)};
}

void HttpBackend::hide_secrets(std::string& text) const {
  constexpr std::string_view kHidden = "[REDACTED]";
  const std::string& key = options_.api_key.expose();
  // A key so short would be a word, and the record full of holes.
  if (key.size() < kShortestSecret) return;
  for (std::size_t at = text.find(key); at != text.npos; at = text.find(key, at + kHidden.size()))
    text.replace(at, key.size(), kHidden);
}

ProbeTarget HttpBackend::probe_target() const {
  return {.family = options_.family,
          .base_url = options_.base_url,
          .model = options_.wire.model,
          .authorization = options_.api_key.empty() ? "" : "Bearer " + options_.api_key.expose(),
          .timeout = options_.connect_timeout};
}

base::Task<base::Result<ProbeReport>> HttpBackend::probe() {
  return probe_server(http_, probe_target());
}

}  // namespace orchestration
