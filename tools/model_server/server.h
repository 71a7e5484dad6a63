// A model server on loopback that plays a script, as politely or as rudely as real ones are: chat
// completions, the responses API and Ollama's own, chosen by the path that is asked. For tests, and as
// sovereign-model-server.
//
// The script is a JSON array of answers, or an object:
//   { "turns": [ … ],          // each question gets the next entry
//     "plan": [ … ],           // before those: entries chosen by what the question holds, however often and
//                              // by whom it is asked: "if", texts that all occur in it, and "unless", texts
//                              // of which none does; the first that fits answers
//     "otherwise": { … },      // after the last one; default: status 500, so that a caller that asks too
//                              // often is noticed
//     "models": ["scripted"],  // what /v1/models and /api/tags list
//     "context": 8192,         // what /api/show and /props tell; Ollama prompts are cut to it in silence
//     "probes": { "/props": { "status": 404 } } }   // an entry instead of the built-in answer of that path
// An entry:
//   { "text": "…", "calls": [{ "name": "reply", "arguments": {…} or "text", "id": "…" }],
//     "thinking": "…", "finish": "length",
//     "usage": { "prompt_tokens": 10, "completion_tokens": 5 },   left out: none is reported
//     "fragment": 7,         // bytes of text or arguments per chunk; default whole
//     "write": 1,            // bytes per TCP write; default whole
//     "crlf": true, "comments": true,        // other spellings of an event stream
//     "quirks": ["no-index", "no-id", "same-index", "object-arguments", "text-arguments", "whole-calls",
//                "interleaved", "no-finish", "finish-twice", "no-done", "usage-in-last", "null-usage",
//                "no-deltas"],
//     "plain": true,         // one JSON answer although a stream was asked for
//     "events": [ … ], "raw": "…",           // the stream's events, or all its bytes, spelled out
//     "truncate": "reset" | "clean",         // the stream ends without a finish
//     "cut": 120,            // the connection breaks after so many bytes of the body
//     "hang": 120,           // after so many bytes nothing more comes until the client leaves
//     "delay_ms": 100,       // before the first byte
//     "status": 429, "headers": { "Retry-After": "1" }, "body": "…" or {…} }   // an error instead
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "nostr/base/json.h"
#include "nostr/base/result.h"

namespace model_server {

/// A question as it came in.
struct Seen {
  std::string path;
  std::string authorization;
  std::string body;
};

/// Serves from the moment it is made until it is destroyed, on threads of its own.
class ModelServer {
 public:
  /// Port 0 picks a free one. kIo when the port is taken.
  static base::Result<std::unique_ptr<ModelServer>> listen(std::uint16_t port, base::json::Value script);
  ~ModelServer();
  ModelServer(const ModelServer&) = delete;
  ModelServer& operator=(const ModelServer&) = delete;

  std::uint16_t port() const;
  /// "http://127.0.0.1:PORT", where Ollama's API is.
  std::string root_url() const;
  /// "http://127.0.0.1:PORT/v1", where OpenAI's are.
  std::string base_url() const;
  /// The questions asked so far, without probes. Any thread.
  std::vector<Seen> seen() const;
  /// Connections that are open now. Any thread.
  std::size_t open_connections() const;

 private:
  struct Impl;
  explicit ModelServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace model_server
