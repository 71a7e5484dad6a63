// Plain sockets and a thread per connection: a server that may be as rude as real ones are.
#include "tests/orchestration/support/model_server.h"

#include <atomic>
#include <chrono>
#include <cstring>
#include <mutex>
#include <thread>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <fmt/format.h>

namespace model_server {
namespace {

using base::json::Value;

constexpr std::size_t kMaxRequest = 32u << 20;

std::string lower(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return text;
}

std::string header_of(const std::string& head, const std::string& name) {
  const std::string folded = lower(head);
  const auto at = folded.find("\r\n" + name + ":");
  if (at == folded.npos) return "";
  const auto start = head.find_first_not_of(' ', at + name.size() + 3);
  return head.substr(start, head.find("\r\n", start) - start);
}

/// Writes `text` in pieces of `piece` bytes (0: at once); false when the peer is gone.
bool send_all(int fd, std::string_view text, std::size_t piece) {
  while (!text.empty()) {
    const std::size_t size = piece == 0 ? text.size() : std::min(piece, text.size());
    const ssize_t sent = ::send(fd, text.data(), size, MSG_NOSIGNAL);
    if (sent <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

bool read_request(int fd, Seen& out) {
  std::string data;
  std::size_t head_end = data.npos;
  std::size_t body_size = 0;
  for (;;) {
    char buffer[16384];
    const ssize_t got = ::recv(fd, buffer, sizeof buffer, 0);
    if (got <= 0) return false;
    data.append(buffer, static_cast<std::size_t>(got));
    if (data.size() > kMaxRequest) return false;
    if (head_end == data.npos && (head_end = data.find("\r\n\r\n")) != data.npos) {
      const std::string head = data.substr(0, head_end + 2);
      out.path =
          head.substr(head.find(' ') + 1, head.find(' ', head.find(' ') + 1) - head.find(' ') - 1);
      out.authorization = header_of(head, "authorization");
      body_size = static_cast<std::size_t>(std::atoll(header_of(head, "content-length").c_str()));
      if (lower(header_of(head, "expect")) == "100-continue" &&
          !send_all(fd, "HTTP/1.1 100 Continue\r\n\r\n", 0))
        return false;
    }
    if (head_end != data.npos && data.size() >= head_end + 4 + body_size) {
      out.body = data.substr(head_end + 4, body_size);
      return true;
    }
  }
}

std::size_t size_or(const Value& entry, const char* key, std::size_t fallback) {
  return static_cast<std::size_t>(
      base::json::int_or(entry, key, static_cast<std::int64_t>(fallback)));
}

std::string arguments_of(const Value& call) {
  const Value arguments = call.value("arguments", Value::object());
  return arguments.is_string() ? arguments.get<std::string>() : base::json::dump(arguments);
}

std::vector<std::string> fragments(const std::string& text, std::size_t size) {
  if (size == 0) return {text};
  std::vector<std::string> out;
  for (std::size_t at = 0; at < text.size(); at += size) out.push_back(text.substr(at, size));
  return out;
}

Value chunk(Value delta, Value finish = nullptr) {
  return {{"id", "chatcmpl-script"},
          {"object", "chat.completion.chunk"},
          {"choices",
           {{{"index", 0}, {"delta", std::move(delta)}, {"finish_reason", std::move(finish)}}}}};
}

/// The stream's events in order, up to but without `[DONE]`. A truncated one stops before the
/// finish.
std::vector<Value> chunks_of(const Value& entry) {
  const std::size_t fragment = size_or(entry, "fragment", 0);
  std::vector<Value> out{chunk({{"role", "assistant"}, {"content", nullptr}})};
  if (const std::string text = base::json::string_or(entry, "text"); !text.empty())
    for (const std::string& piece : fragments(text, fragment))
      out.push_back(chunk({{"content", piece}}));
  const Value calls = entry.value("calls", Value::array());
  for (std::size_t i = 0; i < calls.size(); ++i) {
    const std::string id = base::json::string_or(calls[i], "id", "call_" + std::to_string(i));
    out.push_back(
        chunk({{"tool_calls",
                {{{"index", i},
                  {"id", id},
                  {"type", "function"},
                  {"function", {{"name", calls[i].value("name", "")}, {"arguments", ""}}}}}}}));
    for (const std::string& piece : fragments(arguments_of(calls[i]), fragment))
      out.push_back(
          chunk({{"tool_calls", {{{"index", i}, {"function", {{"arguments", piece}}}}}}}));
  }
  if (entry.contains("truncate")) {
    if (out.size() > 2) out.pop_back();
    return out;
  }
  out.push_back(chunk(Value::object(), calls.empty() ? "stop" : "tool_calls"));
  if (entry.contains("usage"))
    out.push_back(
        {{"id", "chatcmpl-script"}, {"choices", Value::array()}, {"usage", entry["usage"]}});
  return out;
}

std::string stream_body(const Value& entry) {
  const std::string end = entry.value("crlf", false) ? "\r\n" : "\n";
  std::string out;
  for (const Value& one : chunks_of(entry)) {
    if (entry.value("comments", false)) out += ": keep-alive" + end + end;
    out += "data: " + base::json::dump(one) + end + end;
  }
  if (!entry.contains("truncate")) out += "data: [DONE]" + end + end;
  return out;
}

std::string plain_body(const Value& entry) {
  Value message = {{"role", "assistant"}, {"content", base::json::string_or(entry, "text")}};
  Value calls = Value::array();
  for (const Value& call : entry.value("calls", Value::array()))
    calls.push_back(
        {{"id", base::json::string_or(call, "id", "call_0")},
         {"type", "function"},
         {"function", {{"name", call.value("name", "")}, {"arguments", arguments_of(call)}}}});
  const bool has_calls = !calls.empty();
  if (has_calls) message["tool_calls"] = std::move(calls);
  Value out = {{"id", "chatcmpl-script"},
               {"choices",
                {{{"index", 0},
                  {"message", std::move(message)},
                  {"finish_reason", has_calls ? "tool_calls" : "stop"}}}}};
  if (entry.contains("usage")) out["usage"] = entry["usage"];
  return base::json::dump(out);
}

void send_whole(int fd, int status, const Value& headers, std::string_view type,
                const std::string& body, std::size_t piece) {
  std::string head = fmt::format(
      "HTTP/1.1 {} Scripted\r\nContent-Type: {}\r\nContent-Length: {}\r\nConnection: close\r\n",
      status, type, body.size());
  for (const auto& [name, value] : headers.items())
    head += name + ": " + value.get<std::string>() + "\r\n";
  if (send_all(fd, head + "\r\n", 0)) send_all(fd, body, piece);
}

void send_stream(int fd, const Value& entry) {
  const std::size_t piece = size_or(entry, "write", 0);
  if (!send_all(
          fd,
          "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n"
          "Connection: close\r\n\r\n",
          0))
    return;
  const std::string body = stream_body(entry);
  const std::size_t step = piece == 0 ? body.size() : piece;
  for (std::size_t at = 0; at < body.size(); at += step) {
    const std::string part = body.substr(at, step);
    if (!send_all(fd, fmt::format("{:x}\r\n{}\r\n", part.size(), part), 0)) return;
  }
  if (base::json::string_or(entry, "truncate") == "reset") return;
  send_all(fd, "0\r\n\r\n", 0);
}

void serve_entry(int fd, const Value& entry) {
  std::this_thread::sleep_for(std::chrono::milliseconds(base::json::int_or(entry, "delay_ms")));
  const std::size_t piece = size_or(entry, "write", 0);
  if (entry.contains("status")) {
    const Value body = entry.value("body", Value(""));
    send_whole(fd, entry["status"].get<int>(), entry.value("headers", Value::object()),
               "application/json",
               body.is_string() ? body.get<std::string>() : base::json::dump(body), piece);
  } else if (entry.value("plain", false)) {
    send_whole(fd, 200, Value::object(), "application/json", plain_body(entry), piece);
  } else {
    send_stream(fd, entry);
  }
}

}  // namespace

struct ModelServer::Impl {
  int listener = -1;
  std::uint16_t port = 0;
  Value script;
  std::atomic<bool> stopping{false};
  std::thread acceptor;
  mutable std::mutex mutex;
  std::size_t next = 0;
  std::vector<Seen> seen;
  std::vector<int> open;
  std::vector<std::thread> workers;

  void accept_all() {
    while (!stopping) {
      const int fd = ::accept(listener, nullptr, nullptr);
      if (fd < 0) return;
      const int one = 1;
      ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
      const std::lock_guard lock(mutex);
      open.push_back(fd);
      workers.emplace_back([this, fd] { serve(fd); });
    }
  }

  void serve(int fd) {
    Seen request;
    if (read_request(fd, request)) serve_entry(fd, take_entry(std::move(request)));
    const std::lock_guard lock(mutex);
    std::erase(open, fd);
    ::shutdown(fd, SHUT_RDWR);
    ::close(fd);
  }

  Value take_entry(Seen request) {
    const std::lock_guard lock(mutex);
    seen.push_back(std::move(request));
    if (next < script.size()) return script[next++];
    return {{"status", 500}, {"body", {{"error", {{"message", "the script is over"}}}}}};
  }
};

ModelServer::ModelServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {
  impl_->acceptor = std::thread([raw = impl_.get()] { raw->accept_all(); });
}

ModelServer::~ModelServer() {
  impl_->stopping = true;
  ::shutdown(impl_->listener, SHUT_RDWR);
  impl_->acceptor.join();
  ::close(impl_->listener);
  std::vector<std::thread> workers;
  {
    const std::lock_guard lock(impl_->mutex);
    for (const int fd : impl_->open) ::shutdown(fd, SHUT_RDWR);
    workers.swap(impl_->workers);
  }
  for (std::thread& worker : workers) worker.join();
}

base::Result<std::unique_ptr<ModelServer>> ModelServer::listen(std::uint16_t port, Value script) {
  if (!script.is_array()) return base::fail(base::Errc::kInvalid, "the script is no JSON array");
  auto impl = std::make_unique<Impl>();
  impl->script = std::move(script);
  impl->listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int one = 1;
  ::setsockopt(impl->listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (::bind(impl->listener, generic, size) != 0 || ::listen(impl->listener, 64) != 0 ||
      ::getsockname(impl->listener, generic, &size) != 0) {
    const int error = errno;
    ::close(impl->listener);
    return base::fail(base::Errc::kIo, fmt::format("127.0.0.1:{}: {}", port, std::strerror(error)));
  }
  impl->port = ntohs(address.sin_port);
  return std::unique_ptr<ModelServer>(new ModelServer(std::move(impl)));
}

std::uint16_t ModelServer::port() const {
  return impl_->port;
}
std::string ModelServer::base_url() const {
  return fmt::format("http://127.0.0.1:{}/v1", impl_->port);
}
std::vector<Seen> ModelServer::seen() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->seen;
}

}  // namespace model_server
