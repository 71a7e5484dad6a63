// Probe: what a model server tells about itself for free: whether it is there, its models, its window.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "nostr/net/http_client.h"

namespace orchestration {

/// Whose ways a server has beside answering questions.
enum class ServerFamily {
  kOpenAi,    ///< GET /models
  kOllama,    ///< GET /api/tags, POST /api/show
  kLlamaCpp,  ///< GET /health, GET /props, GET /v1/models
};

struct ProbeTarget {
  ServerFamily family = ServerFamily::kOpenAi;
  std::string base_url;       ///< without a slash at its end
  std::string model;
  std::string authorization;  ///< header value; empty: none
  std::chrono::milliseconds timeout{10'000};
};

struct ProbeReport {
  std::string detail;                ///< one line for people
  std::vector<std::string> models;   ///< at most 100
  std::string model;                 ///< the one that will answer; "" when it is not there
  std::uint64_t context_tokens = 0;  ///< 0: the server does not say
  std::optional<bool> tools;         ///< whether it says that it takes them
};

/// kUnavailable when the server does not answer, kDenied when it refuses the key, kPeer when it says something
/// else than it should, kNotFound when it is there and the model is not.
base::Task<base::Result<ProbeReport>> probe_server(nostr::HttpClient& http, ProbeTarget target);

}  // namespace orchestration
