// The `openai` backend: any endpoint that speaks chat completions, over HTTP with streaming.
#pragma once

#include <chrono>
#include <string>

#include "nostr/base/clock.h"
#include "nostr/net/http_client.h"
#include "orchestration/llm/backend.h"

namespace orchestration {

/// The API key, wiped when it dies and impossible to print by accident.
class ApiKey {
 public:
  ApiKey() = default;
  explicit ApiKey(std::string key) : key_(std::move(key)) {}
  ApiKey(ApiKey&& other) noexcept;
  ApiKey& operator=(ApiKey&& other) noexcept;
  ApiKey(const ApiKey&) = delete;
  ApiKey& operator=(const ApiKey&) = delete;
  ~ApiKey();

  bool empty() const { return key_.empty(); }
  const std::string& expose() const { return key_; }

  /// One line from `path`, which must not be readable by others. kIo, kDenied or kInvalid.
  static base::Result<ApiKey> from_file(const std::string& path);
  /// The value of environment variable `name`; kNotFound when unset or empty.
  static base::Result<ApiKey> from_env(const std::string& name);

 private:
  std::string key_;
};

struct OpenAiOptions {
  std::string id;        ///< name in the configuration
  std::string base_url;  ///< up to and including /v1
  std::string model;
  ApiKey api_key;        ///< empty: no Authorization header
  Rates rates;
  bool use_max_completion_tokens = false;
  std::chrono::milliseconds connect_timeout{10'000};
  std::size_t max_body_bytes = 16u << 20;
};

class OpenAiBackend final : public Backend {
 public:
  /// `http` and `clock` outlive the backend. kInvalid when the URL is not http(s), or is plain http
  /// to anything but loopback: the key and the conversation would travel in the clear.
  static base::Result<std::unique_ptr<OpenAiBackend>> create(nostr::HttpClient& http,
                                                             const base::Clock& clock,
                                                             OpenAiOptions options);

  const std::string& id() const override { return options_.id; }
  const std::string& model() const override { return options_.model; }
  const Rates& rates() const override { return options_.rates; }
  base::Task<std::expected<Reply, ModelFailure>> complete(Request request) override;

 private:
  OpenAiBackend(nostr::HttpClient& http, const base::Clock& clock, OpenAiOptions options);

  nostr::HttpClient& http_;
  const base::Clock& clock_;
  OpenAiOptions options_;
};

}  // namespace orchestration
