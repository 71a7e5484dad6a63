// A chat completions server on loopback that plays a script: for tests, and as sovereign-model-server.
//
// The script is a JSON array; each request gets the next entry:
//   { "text": "…", "calls": [{ "name": "reply", "arguments": {…} or "text", "id": "…" }],
//     "usage": { "prompt_tokens": 10, "completion_tokens": 5 },   left out: none is reported
//     "fragment": 7,         // bytes of text or arguments per chunk; default whole
//     "write": 1,            // bytes per TCP write; default whole
//     "crlf": true, "comments": true,        // other spellings of an event stream
//     "truncate": "reset" | "clean",         // the stream ends without a finish
//     "plain": true,         // one JSON answer although a stream was asked for
//     "delay_ms": 100,       // before the first byte
//     "status": 429, "headers": { "Retry-After": "1" }, "body": "…" or {…} }   // an error instead
// After the last entry every request gets status 500, so a caller that asks too often is noticed.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "nostr/base/json.h"
#include "nostr/base/result.h"

namespace model_server {

/// A request as it came in.
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
  /// "http://127.0.0.1:PORT/v1".
  std::string base_url() const;
  /// What has been asked so far. Any thread.
  std::vector<Seen> seen() const;

 private:
  struct Impl;
  explicit ModelServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace model_server
