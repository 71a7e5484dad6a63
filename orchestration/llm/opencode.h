// The `opencode` backend: an agent of somebody else's, driven through the HTTP server of `opencode serve`.
//
// Like codex it answers in text: every tool of its own is switched off and every permission denied, it works
// in an empty folder, and its server listens on loopback under a password that lasts one call. One call is one
// server, whose group dies with the call: nothing of one conversation is left for the next.
// Source: the OpenAPI document `opencode serve` publishes at /doc (1.18).
#pragma once

#include <memory>
#include <string>
#include <variant>

#include "nostr/base/rng.h"
#include "nostr/net/http_client.h"
#include "orchestration/llm/external_agent.h"

namespace orchestration {

/// It is still at work; this is what it has said so far.
struct OpenCodeRunning {
  std::string text;
};
using OpenCodeState = std::variant<OpenCodeRunning, Reply, ModelFailure>;

/// Where a session stands, of the answers to GET /session/ID/message and GET /session/status. An attempt
/// that it wants to repeat is a failure: repeating is the caller's. Pure.
OpenCodeState read_opencode_state(const base::json::Value& messages, const base::json::Value& status,
                                  std::string_view session, std::size_t prompt_size);

/// App thread. References outlive the backend.
class OpenCodeBackend final : public Backend {
 public:
  /// `base_url` is that of a server with chat completions. Errors are those of check_external_agent().
  static base::Result<std::unique_ptr<OpenCodeBackend>> create(base::Loop& loop, nostr::HttpClient& http, base::Rng& rng,
                                                               ExternalAgentOptions options);

  const std::string& id() const override { return options_.id; }
  const std::string& model() const override { return options_.model; }
  const Rates& rates() const override { return rates_; }
  base::Task<std::expected<Reply, ModelFailure>> complete(Request request) override;
  /// Asks the program for its version.
  base::Task<base::Result<ProbeReport>> probe() override;

 private:
  class Server;
  OpenCodeBackend(base::Loop& loop, nostr::HttpClient& http, base::Rng& rng, ExternalAgentOptions options)
      : loop_(loop), http_(http), rng_(rng), options_(std::move(options)) {}
  base::json::Value settings() const;

  base::Loop& loop_;
  nostr::HttpClient& http_;
  base::Rng& rng_;
  const ExternalAgentOptions options_;
  const Rates rates_{};
};

}  // namespace orchestration
