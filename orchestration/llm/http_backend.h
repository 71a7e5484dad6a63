// A model behind HTTP: one attempt, streamed, in whatever dialect its server speaks.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "nostr/base/clock.h"
#include "nostr/net/http_client.h"
#include "orchestration/llm/api_key.h"
#include "orchestration/llm/backend.h"
#include "orchestration/llm/dialect.h"
#include "orchestration/llm/probe.h"

namespace orchestration {

struct HttpBackendOptions {
  std::string id;        ///< name in the configuration
  std::string base_url;  ///< up to and including /v1; for Ollama the server itself
  WireSettings wire;
  ApiKey api_key;        ///< empty: no Authorization header
  Rates rates;
  ServerFamily family = ServerFamily::kOpenAi;
  /// Takes an answer for refused whose token count shows that the prompt was cut: for servers of one's own,
  /// whose count covers the whole prompt.
  bool detect_cut_prompt = false;
  std::chrono::milliseconds connect_timeout{10'000};
  std::chrono::milliseconds first_token_timeout{60'000};
  std::chrono::milliseconds idle_timeout{30'000};
  std::size_t max_body_bytes = 16u << 20;
};

/// Whether `url` leads nowhere but to this machine.
bool is_loopback_url(std::string_view url);

class HttpBackend final : public Backend {
 public:
  /// `http` and `clock` outlive the backend. kInvalid when the URL is not http(s), or is plain http
  /// to anything but loopback: the key and the conversation would travel in the clear.
  static base::Result<std::unique_ptr<HttpBackend>> create(nostr::HttpClient& http, const base::Clock& clock,
                                                           std::unique_ptr<Dialect> dialect,
                                                           HttpBackendOptions options);

  const std::string& id() const override { return options_.id; }
  const std::string& model() const override { return options_.wire.model; }
  const Rates& rates() const override { return options_.rates; }
  base::Task<std::expected<Reply, ModelFailure>> complete(Request request) override;
  void hide_secrets(std::string& text) const override;
  base::Task<base::Result<ProbeReport>> probe() override;

 private:
  /// An attempt's outcome, and whether the server only lacks something that can be done without.
  struct Attempt {
    std::expected<Reply, ModelFailure> outcome;
    bool ask_again = false;
  };
  HttpBackend(nostr::HttpClient& http, const base::Clock& clock, std::unique_ptr<Dialect> dialect,
              HttpBackendOptions options);
  base::Task<std::expected<void, ModelFailure>> learn();
  base::Task<Attempt> attempt(Request request);
  nostr::HttpCall call_for(const Request& request) const;
  ProbeTarget probe_target() const;

  nostr::HttpClient& http_;
  const base::Clock& clock_;
  std::unique_ptr<Dialect> dialect_;
  HttpBackendOptions options_;
  bool learned_ = false;
};

}  // namespace orchestration
