// One attempt over HTTP: send, assemble the stream, and say exactly how it failed if it did.
#include "orchestration/llm/openai.h"

#include <cstdlib>
#include <fstream>
#include <memory>

#include <sys/stat.h>

#include "orchestration/llm/chat_completions.h"
#include "orchestration/llm/sse.h"

namespace orchestration {
namespace {

using base::Errc;

constexpr std::size_t kMaxKeyBytes = 4096;

base::Result<ApiKey> checked_key(std::string key, const std::string& from) {
  while (!key.empty() && (key.back() == '\n' || key.back() == '\r' || key.back() == ' '))
    key.pop_back();
  const bool usable = !key.empty() && key.size() <= kMaxKeyBytes &&
                      key.find_first_of(std::string("\r\n\0 \t", 5)) == std::string::npos;
  if (!usable) {
    base::wipe(key);
    return base::fail(Errc::kInvalid, from + " holds no API key",
                      "it must be one line without spaces");
  }
  return ApiKey(std::move(key));
}

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
struct Stream {
  explicit Stream(std::function<void(std::string_view)> listener)
      : on_text(std::move(listener)), parser([this](std::string_view data) { take(data); }) {}
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  void take(std::string_view data) {
    if (!error.has_value()) return;
    auto text = assembler.add(data);
    if (!text)
      error = std::unexpected(std::move(text).error());
    else if (on_text && !text->empty())
      on_text(*text);
  }
  bool feed(std::string_view bytes) {
    if (raw.empty() && plain) {
      const auto first = bytes.find_first_not_of(" \t\r\n");
      plain = first != bytes.npos && bytes[first] == '{';
    }
    if (plain) {
      raw += bytes;
      return true;
    }
    if (auto fed = parser.feed(bytes); !fed && error) error = std::move(fed);
    received = true;
    return error.has_value();
  }

  std::function<void(std::string_view)> on_text;
  ChatAssembler assembler;
  SseParser parser;
  std::string raw;  ///< the whole body of a server that does not stream
  bool plain = true;
  bool received = false;
  base::Result<void> error;
};

ModelFailure failure(ModelFault fault, base::Error error) {
  return {.fault = fault, .error = std::move(error)};
}

ModelFailure transport_failure(base::Error error, const Stream& stream) {
  if (error.code == Errc::kTimeout) return failure(ModelFault::kTimeout, std::move(error));
  if (error.code == Errc::kLimit) return failure(ModelFault::kProtocol, std::move(error));
  // A connection that broke in mid-answer is a truncated stream, however TCP names it.
  const ModelFault fault =
      stream.received || !stream.raw.empty() ? ModelFault::kTruncated : ModelFault::kTransport;
  return failure(fault, std::move(error));
}

/// What an unfinished answer cost: nobody says, so it is counted.
Usage partial_usage(Stream& stream, std::size_t prompt_size) {
  Usage usage = stream.assembler.take(prompt_size).usage;
  if (!stream.received && stream.raw.empty()) return {};
  return usage;
}

std::expected<Reply, ModelFailure> finish(Stream& stream, std::size_t prompt_size) {
  if (stream.plain) {
    auto reply = parse_chat_reply(stream.raw, prompt_size);
    if (reply) return *std::move(reply);
    return std::unexpected(failure(ModelFault::kProtocol, std::move(reply).error()));
  }
  if (!stream.assembler.finished()) {
    ModelFailure cut =
        failure(ModelFault::kTruncated, {Errc::kPeer, "the stream ended without a finish", ""});
    cut.usage = partial_usage(stream, prompt_size);
    return std::unexpected(std::move(cut));
  }
  return stream.assembler.take(prompt_size);
}

}  // namespace

ApiKey::ApiKey(ApiKey&& other) noexcept : key_(std::move(other.key_)) {
  base::wipe(other.key_);
}
ApiKey& ApiKey::operator=(ApiKey&& other) noexcept {
  if (this != &other) {
    base::wipe(key_);
    key_ = std::move(other.key_);
    base::wipe(other.key_);
  }
  return *this;
}
ApiKey::~ApiKey() {
  base::wipe(key_);
}

base::Result<ApiKey> ApiKey::from_file(const std::string& path) {
  struct stat info{};
  if (::stat(path.c_str(), &info) != 0)
    return base::fail(Errc::kIo, "API key file " + path + " cannot be read");
  if ((info.st_mode & (S_IRWXG | S_IRWXO)) != 0)
    return base::fail(Errc::kDenied, "API key file " + path + " is open to others",
                      "run: chmod 600 " + path);
  std::ifstream file(path);
  std::string line;
  if (!std::getline(file, line)) return base::fail(Errc::kIo, "API key file " + path + " is empty");
  return checked_key(std::move(line), path);
}

base::Result<ApiKey> ApiKey::from_env(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  if (value == nullptr || *value == '\0')
    return base::fail(Errc::kNotFound, "environment variable " + name + " is not set");
  return checked_key(value, name);
}

OpenAiBackend::OpenAiBackend(nostr::HttpClient& http, const base::Clock& clock,
                             OpenAiOptions options)
    : http_(http), clock_(clock), options_(std::move(options)) {}

base::Result<std::unique_ptr<OpenAiBackend>> OpenAiBackend::create(nostr::HttpClient& http,
                                                                   const base::Clock& clock,
                                                                   OpenAiOptions options) {
  const bool tls = options.base_url.starts_with("https://");
  if (!tls && !options.base_url.starts_with("http://"))
    return base::fail(Errc::kInvalid, "backend " + options.id + ": base_url is no http(s) URL");
  if (!tls && !is_loopback(host_of(options.base_url)))
    return base::fail(Errc::kInvalid, "backend " + options.id + ": plain http leaves this machine",
                      "use https://, or a server on 127.0.0.1");
  if (options.model.empty())
    return base::fail(Errc::kInvalid, "backend " + options.id + " names no model");
  while (options.base_url.ends_with('/')) options.base_url.pop_back();
  return std::unique_ptr<OpenAiBackend>(new OpenAiBackend(http, clock, std::move(options)));
}

base::Task<std::expected<Reply, ModelFailure>> OpenAiBackend::complete(Request request) {
  const std::size_t prompt_size = prompt_bytes(request);
  nostr::HttpCall call;
  call.method = "POST";
  call.url = options_.base_url + "/chat/completions";
  call.headers = {{"content-type", "application/json"}, {"accept", "text/event-stream"}};
  if (!options_.api_key.empty())
    call.headers.emplace_back("authorization", "Bearer " + options_.api_key.expose());
  call.body = chat_request_body(request, options_.model, options_.use_max_completion_tokens);
  call.connect_timeout = std::min(options_.connect_timeout, request.timeout);
  call.total_timeout = request.timeout;
  call.max_body_bytes = options_.max_body_bytes;

  auto stream = std::make_shared<Stream>(request.on_text);
  std::function<bool(std::string_view)> on_data = [stream](std::string_view bytes) {
    return stream->feed(bytes);
  };
  auto answer = co_await http_.stream(std::move(call), std::move(on_data));

  if (!stream->error) {
    ModelFailure broken = failure(ModelFault::kProtocol, stream->error.error());
    broken.usage = partial_usage(*stream, prompt_size);
    co_return std::unexpected(std::move(broken));
  }
  if (!answer) {
    // A finished answer stays one, even if the connection was torn down untidily behind it.
    if (!stream->plain && stream->assembler.finished())
      co_return stream->assembler.take(prompt_size);
    ModelFailure broken = transport_failure(std::move(answer).error(), *stream);
    broken.usage = partial_usage(*stream, prompt_size);
    co_return std::unexpected(std::move(broken));
  }
  if (answer->status < 200 || answer->status >= 300)
    co_return std::unexpected(
        classify_http_failure(answer->status, answer->headers, answer->body, clock_.now()));
  co_return finish(*stream, prompt_size);
}

}  // namespace orchestration
