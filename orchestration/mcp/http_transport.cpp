// A POST for every message; the answer stands in its body, as JSON or among server-sent events.
#include <fmt/format.h>

#include "orchestration/envelope.h"
#include "orchestration/llm/sse.h"
#include "orchestration/mcp/transport.h"

namespace orchestration {
namespace {

using base::Errc;
using base::fail;
using base::Result;
using base::Task;
using base::json::Value;
using std::chrono::milliseconds;

constexpr milliseconds kNotifyLimit{10'000};

class HttpTransport final : public McpTransport {
 public:
  HttpTransport(nostr::HttpClient& http, McpHttpOptions options) : http_(http), options_(std::move(options)) {}

  Task<Result<void>> open() override {
    session_.clear();
    co_return Result<void>{};
  }

  Task<Result<Value>> call(std::string method, Value params, milliseconds limit) override {
    const std::int64_t id = ++last_id_;
    CO_TRY(const nostr::HttpReply reply, co_await post(mcp_request(id, method, params), limit));
    if (reply.status == 404 && !session_.empty()) co_return fail(Errc::kClosed, "the server forgot the session");
    if (reply.status != 200)
      co_return fail(Errc::kPeer, fmt::format("{}: the server answered {}", method, reply.status));
    if (const std::string given = reply.header("mcp-session-id"); !given.empty() && given.size() <= 256)
      session_ = given;
    co_return answer_in(reply, id, method);
  }

  Task<Result<void>> notify(std::string method, Value params) override {
    CO_TRY(const nostr::HttpReply reply, co_await post(mcp_notification(method, params), kNotifyLimit));
    if (reply.status / 100 != 2)
      co_return fail(Errc::kPeer, fmt::format("{}: the server answered {}", method, reply.status));
    co_return Result<void>{};
  }

 private:
  Task<Result<nostr::HttpReply>> post(std::string body, milliseconds limit) {
    nostr::HttpCall call{.method = "POST",
                         .url = options_.url,
                         .headers = {{"Content-Type", "application/json"},
                                     {"Accept", "application/json, text/event-stream"},
                                     {"MCP-Protocol-Version", std::string(kMcpVersion)}},
                         .body = std::move(body),
                         .total_timeout = limit,
                         .max_body_bytes = kMaxMcpMessage,
                         .allow_private_addresses = options_.allow_private_addresses};
    call.headers.insert(call.headers.end(), options_.headers.begin(), options_.headers.end());
    if (!session_.empty()) call.headers.emplace_back("Mcp-Session-Id", session_);
    co_return co_await http_.perform(std::move(call));
  }

  Result<Value> answer_in(const nostr::HttpReply& reply, std::int64_t id, const std::string& method) {
    std::vector<std::string> texts;
    if (reply.header("content-type").starts_with("text/event-stream"))
      texts = events_in(reply.body);
    else
      texts.push_back(reply.body);
    for (const std::string& text : texts) {
      auto message = parse_mcp_message(text);
      if (!message) continue;
      if (message->kind == McpMessage::Kind::kNotification && on_notification) on_notification(message->method);
      if (message->id != id) continue;
      if (message->kind == McpMessage::Kind::kError) return fail(Errc::kPeer, method + ": " + message->error);
      if (message->kind == McpMessage::Kind::kResult) return std::move(message->body);
    }
    return fail(Errc::kPeer, method + ": the reply holds no answer");
  }

  static std::vector<std::string> events_in(const std::string& body) {
    std::vector<std::string> out;
    SseParser parser([&out](std::string_view data) { out.emplace_back(data); }, kMaxMcpMessage);
    // An event too large to keep holds no answer for us.
    static_cast<void>(parser.feed(body + "\n\n"));
    return out;
  }

  nostr::HttpClient& http_;
  McpHttpOptions options_;
  std::string session_;
  std::int64_t last_id_ = 0;
};

}  // namespace

std::unique_ptr<McpTransport> make_http_transport(nostr::HttpClient& http, McpHttpOptions options) {
  return std::make_unique<HttpTransport>(http, std::move(options));
}

}  // namespace orchestration
