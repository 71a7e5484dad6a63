// HTTP(S) requests with streamed bodies over libcurl's multi interface on one thread of its own.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "nostr/base/loop.h"

namespace nostr {

struct HttpCall {
  std::string method = "GET";
  std::string url;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  std::chrono::milliseconds connect_timeout{10'000};
  std::chrono::milliseconds total_timeout{120'000};
  std::chrono::milliseconds first_byte_timeout{0};  ///< stream(): until its body begins; 0: no such limit
  std::chrono::milliseconds idle_timeout{0};        ///< stream(): between two pieces of it; 0: no such limit
  std::size_t max_body_bytes = 16u << 20;
  bool follow_redirects = false;
  bool allow_private_addresses = true;
};

struct HttpReply {
  int status = 0;
  std::vector<std::pair<std::string, std::string>> headers;  ///< names lower-cased
  std::string body;  ///< empty when the body was streamed
  /// First value of header `name` (lower case), or "".
  std::string header(std::string_view name) const;
};

/// Starts its thread and libcurl at the first call. App thread.
class HttpClient {
 public:
  explicit HttpClient(base::Loop& loop);
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  /// Performs `call`. A reply of any status is a value. kUnavailable (refused, DNS, TLS, no connection in
  /// time) means that nothing of the request was sent; kIo (reset, truncated) and kTimeout that some of it
  /// was, so the server may have acted on it; kLimit is the body. Cancelling the task aborts the transfer.
  base::Task<base::Result<HttpReply>> perform(HttpCall call);
  /// As perform(), but hands body bytes to `on_data` on the app thread as they arrive; `on_data`
  /// returning false aborts with kCancelled. Headers and status are known to `on_data`'s caller
  /// only through the final reply; a non-2xx body is buffered into the reply, not streamed.
  base::Task<base::Result<HttpReply>> stream(HttpCall call, std::function<bool(std::string_view)> on_data);

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace nostr
