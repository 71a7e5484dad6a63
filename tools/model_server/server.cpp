// Plain sockets and a thread per connection: a server that may be as rude as real ones are.
#include "tools/model_server/server.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>
#include <map>
#include <mutex>
#include <optional>
#include <thread>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <fmt/format.h>

#include "tools/model_server/dialects.h"

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

void send_whole(int fd, int status, const Value& headers, std::string_view type,
                const std::string& body, std::size_t piece) {
  std::string head = fmt::format(
      "HTTP/1.1 {} Scripted\r\nContent-Type: {}\r\nContent-Length: {}\r\nConnection: close\r\n",
      status, type, body.size());
  for (const auto& [name, value] : headers.items())
    head += name + ": " + value.get<std::string>() + "\r\n";
  if (send_all(fd, head + "\r\n", 0)) send_all(fd, body, piece);
}

/// Waits until the peer hangs up.
void await_hangup(int fd) {
  char buffer[4096];
  while (::recv(fd, buffer, sizeof buffer, 0) > 0) {
  }
}

void send_stream(int fd, Dialect dialect, const Value& entry, const std::string& body) {
  const std::size_t piece = size_or(entry, "write", 0);
  const std::string type = base::json::string_or(
      entry, "content_type", dialect == Dialect::kOllama ? "application/x-ndjson" : "text/event-stream");
  if (!send_all(fd,
                "HTTP/1.1 200 OK\r\nContent-Type: " + type +
                    "\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n",
                0))
    return;
  const std::size_t end = std::min({body.size(), size_or(entry, "cut", body.size()), size_or(entry, "hang", body.size())});
  const std::size_t step = piece == 0 ? std::max<std::size_t>(end, 1) : piece;
  for (std::size_t at = 0; at < end; at += step) {
    const std::string part = body.substr(at, std::min(step, end - at));
    if (!send_all(fd, fmt::format("{:x}\r\n{}\r\n", part.size(), part), 0)) return;
  }
  if (entry.contains("hang")) return await_hangup(fd);
  if (base::json::string_or(entry, "truncate") == "reset" || entry.contains("cut")) return;
  send_all(fd, "0\r\n\r\n", 0);
}

/// An error, or anything else that is one document.
void send_status(int fd, const Value& entry) {
  const Value body = entry.value("body", Value(""));
  send_whole(fd, entry.value("status", 200), entry.value("headers", Value::object()), "application/json",
             body.is_string() ? body.get<std::string>() : base::json::dump(body), size_or(entry, "write", 0));
}

void serve_entry(int fd, Dialect dialect, const Value& entry, const Value& request) {
  std::this_thread::sleep_for(std::chrono::milliseconds(base::json::int_or(entry, "delay_ms")));
  if (entry.contains("status")) return send_status(fd, entry);
  const bool streamed = request.value("stream", dialect == Dialect::kOllama) && !entry.value("plain", false);
  if (streamed) return send_stream(fd, dialect, entry, stream_body(dialect, entry, request));
  send_whole(fd, 200, Value::object(), "application/json", whole_body(dialect, entry, request),
             size_or(entry, "write", 0));
}

/// The API whose questions `path` takes; nullopt: it is a probe.
std::optional<Dialect> dialect_of(std::string_view path) {
  if (path.ends_with("/chat/completions")) return Dialect::kChat;
  if (path.ends_with("/responses")) return Dialect::kResponses;
  if (path.ends_with("/api/chat")) return Dialect::kOllama;
  return std::nullopt;
}

/// What a server tells about itself.
Value probe_answer(const Value& script, const std::string& path) {
  if (const Value probes = script.value("probes", Value::object()); probes.contains(path)) return probes[path];
  const Value models = script.value("models", Value::array({"scripted"}));
  const std::int64_t context = base::json::int_or(script, "context", 8'192);
  Value list = Value::array();
  if (path.ends_with("/models")) {
    for (const Value& model : models) list.push_back({{"id", model}, {"object", "model"}, {"owned_by", "script"}});
    return {{"body", {{"object", "list"}, {"data", std::move(list)}}}};
  }
  if (path == "/api/tags") {
    for (const Value& model : models) list.push_back({{"name", model}, {"model", model}});
    return {{"body", {{"models", std::move(list)}}}};
  }
  if (path == "/api/show")
    return {{"body",
             {{"model_info", {{"general.architecture", "llama"}, {"llama.context_length", context}}},
              {"capabilities", {"completion", "tools"}}}}};
  if (path == "/api/version") return {{"body", {{"version", "0.0.0-script"}}}};
  if (path == "/props")
    return {{"body", {{"default_generation_settings", {{"n_ctx", context}}}, {"chat_template_caps", {{"supports_tools", true}}}}}};
  if (path == "/health") return {{"body", {{"status", "ok"}}}};
  return {{"status", 404}, {"body", {{"error", {{"message", "nothing is here"}}}}}};
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
  std::map<int, std::thread> workers;  ///< by connection
  std::vector<std::thread> done;       ///< have nothing left to do

  void accept_all() {
    while (!stopping) {
      const int fd = ::accept(listener, nullptr, nullptr);
      if (fd < 0) return;
      const int one = 1;
      ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
      std::vector<std::thread> gone;
      {
        const std::lock_guard lock(mutex);
        open.push_back(fd);
        gone.swap(done);
        workers.emplace(fd, [this, fd] { serve(fd); });
      }
      for (std::thread& thread : gone) thread.join();
    }
  }

  void serve(int fd) {
    Seen request;
    if (read_request(fd, request)) answer(fd, request);
    const std::lock_guard lock(mutex);
    std::erase(open, fd);
    // The number is free for another connection once it is closed, and not before.
    if (auto self = workers.extract(fd)) done.push_back(std::move(self.mapped()));
    ::shutdown(fd, SHUT_RDWR);
    ::close(fd);
  }

  void answer(int fd, const Seen& request) {
    const auto dialect = dialect_of(request.path);
    if (!dialect) return send_status(fd, probe_answer(script, request.path));
    const auto asked = base::json::parse(request.body, {.max_bytes = kMaxRequest, .max_depth = 64});
    if (!asked || !asked->is_object())
      return send_status(fd, {{"status", 400}, {"body", {{"error", {{"message", "the request is no JSON object"}}}}}});
    serve_entry(fd, *dialect, take_entry(request), *asked);
  }

  /// The first entry of the plan that fits, or null.
  Value planned(const std::string& body) const {
    const auto holds = [&](const Value& text) { return body.contains(text.get_ref<const std::string&>()); };
    const auto list = [](const Value& of, const char* key) -> const Value& {
      static const Value kNone = Value::array();
      const auto found = of.find(key);
      return found == of.end() ? kNone : *found;
    };
    for (const Value& entry : list(script, "plan"))
      if (std::ranges::all_of(list(entry, "if"), holds) && std::ranges::none_of(list(entry, "unless"), holds)) return entry;
    return nullptr;
  }

  Value take_entry(Seen request) {
    const std::lock_guard lock(mutex);
    seen.push_back(std::move(request));
    Value entry = planned(seen.back().body);
    if (entry.is_null())
      entry = next < script["turns"].size() ? script["turns"][next++] : script["otherwise"];
    if (!entry.contains("context") && script.contains("context")) entry["context"] = script["context"];
    return entry;
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
  std::map<int, std::thread> workers;
  std::vector<std::thread> done;
  {
    const std::lock_guard lock(impl_->mutex);
    for (const int fd : impl_->open) ::shutdown(fd, SHUT_RDWR);
    workers.swap(impl_->workers);
    done.swap(impl_->done);
  }
  for (auto& [fd, worker] : workers) worker.join();
  for (std::thread& worker : done) worker.join();
}

base::Result<std::unique_ptr<ModelServer>> ModelServer::listen(std::uint16_t port, Value script) {
  if (script.is_array()) script = {{"turns", std::move(script)}};
  if (!script.is_object() || !script.value("turns", Value::array()).is_array())
    return base::fail(base::Errc::kInvalid, "the script is neither a JSON array nor an object with turns");
  script.emplace("turns", Value::array());
  script.emplace("otherwise",
                 Value{{"status", 500}, {"body", {{"error", {{"message", "the script is over"}}}}}});
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
  if (::bind(impl->listener, generic, size) != 0 || ::listen(impl->listener, SOMAXCONN) != 0 ||
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
std::string ModelServer::root_url() const {
  return fmt::format("http://127.0.0.1:{}", impl_->port);
}
std::string ModelServer::base_url() const {
  return root_url() + "/v1";
}
std::size_t ModelServer::open_connections() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->open.size();
}
std::vector<Seen> ModelServer::seen() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->seen;
}

}  // namespace model_server
