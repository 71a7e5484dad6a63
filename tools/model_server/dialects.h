// What a scripted answer looks like in each API that models are reached by. Pure.
#pragma once

#include <string>
#include <vector>

#include "nostr/base/json.h"

namespace model_server {

enum class Dialect { kChat, kResponses, kOllama };

/// The bytes of one streamed answer: server-sent events, or lines of JSON for Ollama. `entry` is one entry of
/// the script (server.h), `request` the body that asked for it.
std::string stream_body(Dialect dialect, const base::json::Value& entry, const base::json::Value& request);

/// The same answer as one JSON document.
std::string whole_body(Dialect dialect, const base::json::Value& entry, const base::json::Value& request);

/// Prompt tokens as an Ollama server reports them: those that fitted into `num_ctx` and no word of the rest.
std::int64_t tokens_that_fit(const base::json::Value& request, std::int64_t served_context);

}  // namespace model_server
